import pytest
import torch
from torch_geometric.data import Batch

from benchmarks.speed.dense_reference import DenseEEGA
from eega_pyg.datasets import FakeJMERE
from eega_pyg.nn.models import EEGA

pytestmark = pytest.mark.slow

ENCODER = {
    'model_type': 'bert',
    'vocab_size': 200,
    'hidden_size': 24,
    'num_hidden_layers': 1,
    'num_attention_heads': 2,
    'intermediate_size': 32,
}


@pytest.fixture(scope='module')
def data():
    return FakeJMERE(num_pairs=8, avg_words=8, avg_objects=3, num_piece_ids=200)


@pytest.mark.parametrize('max_words', [None, 20])
@pytest.mark.parametrize('options', [
    {
        'pair_features': True,
        'token_features': True,
        'reduction': 'sum',
        'num_layers': 2
    },
    {
        'edge_dim': 0,
        'channels': ['co'],
        'lambda_graph': 0.0
    },
    {
        'channels': [],
        'visual': False
    },
])
def test_it_is_the_same_model(data, options, max_words):
    torch.manual_seed(0)
    options = {'heads': 4, 'edge_dim': 6, 'channel_dim': 5, **options}
    model = EEGA(ENCODER, data.tags.to_dict(), data.vocabularies.sizes, **options)
    model = model.double().eval()
    batch = Batch.from_data_list(list(data))
    reference = DenseEEGA(model, max_words)
    torch.testing.assert_close(reference.logits(batch),
                               model(batch).logits, rtol=0, atol=1e-10)
    loss = [model.loss(batch)['loss'], reference.loss(batch)]
    torch.testing.assert_close(loss[0], loss[1])
    params = [p for p in model.parameters() if p.requires_grad]
    for a, b in zip(*(torch.autograd.grad(x, params, allow_unused=True) for x in loss)):
        assert (a is None) == (b is None)
        if a is not None:
            torch.testing.assert_close(a, b, rtol=1e-6, atol=1e-9)
