r"""Text encoders of all kinds, made small, as their public models come."""
import json

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import AutoConfig, AutoModel, PreTrainedTokenizerFast

from eega_pyg.nn import TextEncoder
from eega_pyg.nn.text_encoder import ARCHITECTURES
from eega_pyg.resolve import load_encoder_config, load_tokenizer
from eega_pyg.transforms import WordPieces

SIZES = {
    'vocab_size': 300,
    'hidden_size': 16,
    'num_hidden_layers': 2,
    'num_attention_heads': 2,
    'intermediate_size': 24,
    'max_position_embeddings': 40,
    'pad_token_id': 0,
}
DISTILBERT = {'dim': 16, 'n_layers': 2, 'n_heads': 2, 'hidden_dim': 24}
KINDS = {
    **{
        kind: SIZES
        for kind in ARCHITECTURES
    },
    'albert': {
        **SIZES, 'embedding_size': 8
    },
    'electra': {
        **SIZES, 'embedding_size': 8
    },
    'distilbert': {
        **SIZES,
        **DISTILBERT
    },
    'modernbert': {
        **SIZES, 'cls_token_id': 1,
        'sep_token_id': 2,
        'bos_token_id': 1,
        'eos_token_id': 2
    },
}


@pytest.mark.parametrize('dtype', ['float32', 'float16', 'bfloat16'])
@pytest.mark.parametrize('kind', ARCHITECTURES)
def test_every_kind_runs_in_single_precision_whatever_its_file_says(
        kind, dtype, tmp_path):
    torch.manual_seed(0)
    public = AutoModel.from_config(AutoConfig.for_model(kind, **KINDS[kind])).eval()
    public.to(getattr(torch, dtype)).save_pretrained(tmp_path)
    config = load_encoder_config(str(tmp_path))
    encoder = TextEncoder(json.loads(json.dumps(config))).eval()
    encoder.load_pretrained(str(tmp_path))
    ids = torch.tensor([3, 5, 6, 2, 3, 7, 2])  # None is a padding of any kind.
    batch = torch.tensor([0] * 4 + [1] * 3)
    with torch.no_grad():
        out = encoder.encode(ids, batch, 2)
        alone = encoder.encode(ids[4:], batch[4:] - 1, 1)
        expected = public.float()(ids[None, :4]).last_hidden_state[0]
    assert out.dtype == torch.float
    torch.testing.assert_close(out[4:], alone, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(out[:4], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize('kind', ['bert', 'roberta', 'mpnet', 'distilbert'])
def test_more_pieces_than_positions_are_named(kind):
    encoder = TextEncoder({'model_type': kind, **KINDS[kind]}).eval()
    most = 38 if kind in ('roberta', 'mpnet') else 40
    for size in (most, most + 1):
        ids, batch = torch.full((size, ), 5), torch.zeros(size, dtype=torch.long)
        if size == most:
            assert encoder.encode(ids, batch, 1).shape == (size, 16)
            continue
        with pytest.raises(ValueError, match=f'{size} word pieces does not fit'):
            encoder.encode(ids, batch, 1)


def byte_level(folder, prefix):
    r"""A byte-level BPE tokenizer that knows "holding" with and without a blank."""
    alphabet = [*pre_tokenizers.ByteLevel.alphabet()]
    vocab = ['<pad>', '<s>', '</s>', '<unk>', *sorted(alphabet)]
    merges = []
    for word in ('Ġholding', 'Ġred'):
        for end in range(2, len(word) + 1):
            merges.append((word[:end - 1], word[end - 1]))
            vocab.append(word[:end])
    ids = {piece: i for i, piece in enumerate(dict.fromkeys(vocab))}
    tokenizer = Tokenizer(models.BPE(ids, merges, unk_token='<unk>'))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=prefix)
    tokenizer.post_processor = processors.RobertaProcessing(('</s>', 2), ('<s>', 1),
                                                            add_prefix_space=prefix)
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token='<unk>',
                            pad_token='<pad>').save_pretrained(folder)
    return ids


@pytest.mark.parametrize('prefix', [True, False])
def test_words_are_cut_as_behind_a_blank(prefix, tmp_path):
    ids = byte_level(tmp_path, prefix)
    AutoConfig.for_model('roberta', **SIZES).save_pretrained(tmp_path)
    pieces = WordPieces(load_tokenizer(str(tmp_path)))
    found = pieces.words(['holding', 'red', 'holding'])
    holding, red = ids['Ġholding'], ids['Ġred']
    assert found.input_ids == [1, holding, red, holding, 2]
    assert pieces.label('red') == [red]
    assert pieces.max_pieces == 38


def test_pieces_are_cut_to_the_positions_of_the_encoder(tmp_path):
    # As many public encoders, the tokenizer states no limit of its own.
    byte_level(tmp_path, False)
    AutoConfig.for_model('roberta', **SIZES).save_pretrained(tmp_path)
    pieces = WordPieces(load_tokenizer(str(tmp_path)))
    found = pieces.words(['abcdefgh'] * 30)
    assert len(found.input_ids) <= 38
    assert set(found.words) == {-1, *range(30)}


@pytest.mark.parametrize('kind', ['custom', 'gpt2', 'blip_text_model', None, ['bert']])
def test_an_encoder_of_another_kind_is_refused_and_no_code_of_its_folder_is_run(
        kind, tmp_path, monkeypatch):
    (tmp_path / 'evil.py').write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")

    def asks(*args):
        raise AssertionError('a question was asked')

    monkeypatch.setattr('builtins.input', asks)
    config = {
        'model_type': kind,
        'auto_map': {
            'AutoModel': 'evil.Model',
            'AutoConfig': 'evil.Config'
        },
        'name_or_path': str(tmp_path),
        'trust_remote_code': True,
        **SIZES
    }
    with pytest.raises(ValueError, match='model_type: expected a text encoder of'):
        TextEncoder(config)
    # The same fields beside a known kind say nothing.
    TextEncoder({**config, 'model_type': 'bert'})
    assert not (tmp_path / 'ran').exists()
