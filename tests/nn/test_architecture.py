r"""Configurations of encoders that a file may hold: they work, or name the field."""
import pytest
import torch

from eega_pyg.nn import TextEncoder
from eega_pyg.nn.models.sizes import check_sizes

BERT = {
    'model_type': 'bert',
    'vocab_size': 60,
    'hidden_size': 16,
    'num_hidden_layers': 1,
    'num_attention_heads': 2,
    'intermediate_size': 24,
    'max_position_embeddings': 40,
    'pad_token_id': 0,
    'type_vocab_size': 2,
}
ODD = [None, -1, 0, 1.5, 'x', True, [], {}, float('nan'), float('inf'), 10**12]
COUNTS = ('vocab_size', 'hidden_size', 'num_attention_heads', 'intermediate_size',
          'type_vocab_size', 'num_hidden_layers', 'max_position_embeddings')
BAD = {
    **dict.fromkeys(COUNTS, ODD),
    'pad_token_id': [-1, 60, 10**12, 1.5, 'x', [], {}],
    'hidden_dropout_prob': [-0.1, 1.1, 'x', True, [],
                            float('nan')],
    'attention_probs_dropout_prob': [-0.1, 1.1, 'x',
                                     float('nan'), 10**9],
    'layer_norm_eps': ['x', None, float('nan'), []],
    'initializer_range': ['x', None, -1., float('nan')],
    'hidden_act': ['x', None, 3, []],
    'is_decoder': ['x', None, 3],
}


@pytest.mark.parametrize('name, value', [(k, v) for k in BAD for v in BAD[k]])
def test_a_field_that_makes_no_encoder_is_named(name, value):
    with pytest.raises(ValueError, match=r'^encoder') as error:
        TextEncoder({**BERT, name: value})
    text = str(error.value)
    assert len(text) < 300 and '\n' not in text
    if name not in ('hidden_act', 'initializer_range'):
        assert name in text


def test_heads_that_do_not_divide_the_width_are_named():
    with pytest.raises(ValueError, match='encoder.*(hidden size|heads)'):
        TextEncoder({**BERT, 'num_attention_heads': 3})


def test_to_look_at_an_encoder_changes_no_random_number_and_no_mode():
    torch.manual_seed(0)
    first, number = TextEncoder(BERT), torch.rand(1)
    torch.manual_seed(0)
    second = TextEncoder({**BERT, 'hidden_dropout_prob': 0.})
    assert torch.equal(number, torch.rand(1))
    assert first.encoder.training and second.encoder.training
    for p, q in zip(first.parameters(), second.parameters()):
        assert torch.equal(p, q)


SIZES = dict.fromkeys(('dep', 'distance', 'ner', 'pmi', 'predicate', 'shape', 'upos'),
                      4)


@pytest.mark.parametrize('value', ODD)
@pytest.mark.parametrize('name', SIZES)
def test_a_size_that_is_none_is_named(name, value):
    check_sizes(SIZES, 0, 5)
    with pytest.raises(ValueError, match=f'sizes.{name}: expected'):
        check_sizes({**SIZES, name: value}, 0, 5)


@pytest.mark.parametrize('value', [v for v in ODD if v != 0 or v is False])
def test_a_width_that_is_none_is_named(value):
    with pytest.raises(ValueError, match='feature_dim: expected'):
        check_sizes(SIZES, value, 0)
    with pytest.raises(ValueError, match='vector_dim: expected'):
        check_sizes(SIZES, 0, value)
