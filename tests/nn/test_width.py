r"""Nothing quadratic in the sentence is wider than the number of tags."""
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch_geometric.data import Batch

from eega_pyg.datasets import FakeJMERE
from eega_pyg.nn import PairTagger
from eega_pyg.nn.models import EEGA

# Widths that are all above the number of tags, and far below the number of words.
WORDS, CHANNELS, EDGE_DIM, CHANNEL_DIM = 397, 48, 40, 36
ENCODER = {
    'model_type': 'bert',
    'vocab_size': 1000,
    'hidden_size': CHANNELS,
    'num_hidden_layers': 1,
    'num_attention_heads': 2,
    'intermediate_size': 32,
}


class Sizes(TorchDispatchMode):
    r"""Records the number of elements of every tensor that is made."""
    def __init__(self):
        super().__init__()
        self.largest = {}

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        out = function(*args, **(kwargs or {}))
        for x in tree_leaves(out):
            # A view holds no memory of its own, so it is the storage that counts.
            if isinstance(x, torch.Tensor):
                size = x.untyped_storage().nbytes() // x.element_size()
                name = str(function)
                self.largest[name] = max(self.largest.get(name, 0), size)
        return out


class GivenWords(torch.nn.Module):
    r"""In the place of the text encoder, whose own attention is quadratic."""
    def __init__(self):
        super().__init__()
        self.words = torch.nn.Parameter(torch.randn(WORDS, CHANNELS))
        self.labels = torch.nn.Embedding(1000, CHANNELS)

    def embed(self, input_ids):
        return self.labels(input_ids)

    def forward(self, *args):
        return self.words


def largest(options, bf16):
    data = FakeJMERE(1, WORDS, 5, vary=False, table='symmetric')
    batch = Batch.from_data_list(list(data))
    options = {'heads': 4, 'edge_dim': EDGE_DIM, 'channel_dim': CHANNEL_DIM, **options}
    model = EEGA(ENCODER, data.tags.to_dict(), data.vocabularies.sizes, **options)
    model.text_encoder = GivenWords()
    with Sizes() as sizes, torch.autocast('cpu', torch.bfloat16, enabled=bf16):
        model.loss(batch)['loss'].backward()
    assert model.text_encoder.words.grad.abs().min() > 0
    return sizes.largest, len(data.tags)


@pytest.mark.parametrize('bf16', [False, True])
@pytest.mark.parametrize('options', [
    {},
    {
        'pair_features': True,
        'token_features': True,
        'num_layers': 2,
        'reduction': 'sum'
    },
])
def test_training_holds_nothing_quadratic_that_is_wider_than_the_tags(options, bf16):
    sizes, num_tags = largest(options, bf16)
    assert num_tags == 26 < CHANNEL_DIM
    # The scores themselves, and nothing above them: a whole matrix of pairs would be
    # the least that is.
    assert max(sizes.values()) == WORDS**2 * num_tags, sizes


def test_a_tensor_of_pairs_of_features_would_be_seen(monkeypatch):
    def forward(self, x, graph, *args):
        pairs = torch.cat([x[graph.row], x[graph.col]], dim=-1)  # [E, 2 F]
        return pairs[:, :self.num_tags]

    monkeypatch.setattr(PairTagger, 'forward', forward)
    sizes, _ = largest({}, bf16=False)
    assert max(sizes.values()) == WORDS**2 * 2 * CHANNELS
