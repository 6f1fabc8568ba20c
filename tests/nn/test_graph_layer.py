import pytest
import torch
from torch_geometric.nn import GATv2Conv, GCNConv

from eega_pyg.config import ModelConfig
from eega_pyg.nn import graph_layer
from eega_pyg.nn.conv import TypedConv

OPTIONS = ModelConfig(heads=2, edge_dim=3, dropout=0.0)
X = torch.randn(4, 8, generator=torch.Generator().manual_seed(0))
EDGE_INDEX = torch.tensor([[0, 1, 1, 2], [1, 0, 2, 2]])  # Node 3 has no neighbour.
EDGE_TYPE = torch.tensor([0, 1, 2, 0])


@pytest.mark.parametrize('name, reads', [
    ('transformer', 'edge_attr'),
    ('gatv2', 'edge_attr'),
    ('gine', 'edge_attr'),
    ('rgcn', 'edge_type'),
    ('film', 'edge_type'),
    ('gcn', None),
])
def test_who_reads_the_types_depends_on_them(name, reads):
    torch.manual_seed(1)
    layer = graph_layer(name, 8, 3, OPTIONS)
    assert layer.reads == reads and layer.gain == torch.tensor([0.1])
    out = layer(X, EDGE_INDEX, EDGE_TYPE)
    assert out.shape == X.shape
    # One relation alone gives FiLM nothing to tell types apart by.
    blind = name in ('film', 'gcn')
    assert torch.equal(layer(X, EDGE_INDEX, 0 * EDGE_TYPE), out) == blind


@pytest.mark.parametrize('name', ['transformer', 'gatv2', 'gcn', 'rgcn'])
def test_a_node_without_edges_hears_nothing_not_even_itself(name):
    torch.manual_seed(1)
    layer = graph_layer(name, 8, 3, OPTIONS)
    other = X.clone()
    other[3] += 1
    a, b = (layer(x, EDGE_INDEX, EDGE_TYPE)[3] for x in (X, other))
    root = name in ('transformer', 'rgcn')  # These add the node itself beside.
    assert torch.equal(a, b) != root


def test_a_blind_layer_has_no_edge_embeddings():
    layer = graph_layer('gatv2', 8, 3, OPTIONS.model_copy(update={'edge_dim': 0}))
    assert layer.reads is None and layer.conv.lin_edge is None


def test_a_layer_or_a_factory_of_ones_own():
    given = GATv2Conv(8, 4, 2, edge_dim=5)
    layer = graph_layer(given, 8, 3, OPTIONS)
    assert layer.conv is not given and layer.edge_emb.weight.shape == (3, 5)
    made = TypedConv(GCNConv(8, 8), 3, gain=0.5)
    assert graph_layer(lambda *sizes: made, 8, 3, OPTIONS) is made
    sizes = []
    graph_layer(lambda *args: sizes.append(args) or GCNConv(8, 8), 8, 3, OPTIONS)
    assert sizes == [(8, 3)]


def test_what_is_no_layer_is_named():
    with pytest.raises(ValueError, match="of attribute_transformer, .* .got 'gat'"):
        graph_layer('gat', 8, 3, OPTIONS)
    with pytest.raises(TypeError, match="torch.nn.Module .got 'int'"):
        graph_layer(lambda channels, num_edge_types: 3, 8, 3, OPTIONS)
    with pytest.raises(TypeError, match="torch.nn.Module .got 'int'"):
        graph_layer(3, 8, 3, OPTIONS)


def test_a_layer_without_sizes_is_named():
    with pytest.raises(ValueError, match='its input has 8 channels .*GCNConv'):
        graph_layer(lambda channels, types: GCNConv(-1, channels), 8, 3, OPTIONS)
