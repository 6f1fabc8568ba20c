import pytest
import torch
from torch_geometric.data import Batch

from eega_pyg.datasets import FakeJMERE
from eega_pyg.schema import TOKEN

# Without dropout, so that a few steps can learn a few sentences by heart.
ENCODER = {
    'hidden_dropout_prob': 0.0,
    'attention_probs_dropout_prob': 0.0,
    'model_type': 'bert',
    'vocab_size': 200,
    'hidden_size': 24,
    'num_hidden_layers': 2,
    'num_attention_heads': 2,
    'intermediate_size': 32,
    'max_position_embeddings': 128,
}


@pytest.fixture(scope='module')
def dataset():
    return FakeJMERE(num_pairs=24, avg_words=8, avg_objects=3, num_piece_ids=200)


def batch_of(dataset, index=range(8)):
    return Batch.from_data_list([dataset[i] for i in index])


def check_alone(model, dataset):
    r"""The fourth pair of a batch is scored as it is alone."""
    batch = batch_of(dataset)
    logits = model(batch).logits
    start = batch[TOKEN].ptr.diff()[:3].square().sum()
    alone = model(batch_of(dataset, [3])).logits
    torch.testing.assert_close(logits[start:start + len(alone)], alone, rtol=0,
                               atol=1e-9)
