import pytest
import torch
from torch_geometric.nn import (
    DeepGCNLayer,
    FiLMConv,
    GATv2Conv,
    GCNConv,
    GINEConv,
    HGTConv,
    RGCNConv,
    SAGEConv,
    TransformerConv,
)

from eega_pyg.nn.conv import AttributeTransformerConv, TypedConv, WGCNConv

EDGE_INDEX = torch.tensor([[0, 1, 1, 2, 3, 4, 4, 2], [1, 0, 0, 1, 2, 3, 4, 4]])
EDGE_TYPE = torch.tensor([0, 1, 2, 0, 1, 2, 0, 1])


@pytest.fixture
def x():
    torch.manual_seed(0)
    return torch.randn(5, 8)


@pytest.mark.parametrize('make, edge_dim', [
    (lambda: TransformerConv(8, 4, 2, edge_dim=3), None),
    (lambda: GATv2Conv(8, 4, 2, edge_dim=3), None),
    (lambda: AttributeTransformerConv(8, 4, 2, edge_dim=3), None),
    (lambda: WGCNConv(8, 8, edge_dim=3), None),
    (lambda: GINEConv(torch.nn.Linear(8, 8), edge_dim=3), 3),
    (lambda: torch.compile(GATv2Conv(8, 4, 2, edge_dim=3), backend='eager'), None),
    (lambda: DeepGCNLayer(GATv2Conv(8, 4, 2, edge_dim=3), block='plain'), 3),
])
def test_attributes_are_rows_of_a_table_times_the_gain(x, make, edge_dim):
    conv = make()
    layer = TypedConv(conv, 3, edge_dim, gain=0.3)
    attr = layer.edge_emb.weight[EDGE_TYPE]
    expected = 0.3 * conv(x, EDGE_INDEX, edge_attr=attr)
    torch.testing.assert_close(layer(x, EDGE_INDEX, EDGE_TYPE), expected)


@pytest.mark.parametrize('make', [
    lambda: RGCNConv(8, 8, 3),
    lambda: FiLMConv(8, 8, num_relations=3),
    lambda: AttributeTransformerConv(8, 4, 2, edge_dim=3, num_edge_types=3),
    lambda: WGCNConv(8, 8, edge_dim=3, num_edge_types=3),
])
def test_layers_that_read_types_are_given_them(x, make):
    conv = make()
    layer = TypedConv(conv, 3)
    expected = 0.1 * conv(x, EDGE_INDEX, edge_type=EDGE_TYPE)
    torch.testing.assert_close(layer(x, EDGE_INDEX, EDGE_TYPE), expected)
    assert not torch.allclose(layer(x, EDGE_INDEX, 0 * EDGE_TYPE), expected)


@pytest.mark.parametrize('make', [
    lambda: GCNConv(8, 8),
    lambda: SAGEConv(8, 8),
    lambda: GATv2Conv(8, 4, 2),
    lambda: AttributeTransformerConv(8, 4, 2),
])
def test_other_layers_do_not_see_the_types(x, make):
    conv = make()
    layer = TypedConv(conv, 3)
    torch.testing.assert_close(layer(x, EDGE_INDEX, EDGE_TYPE),
                               0.1 * conv(x, EDGE_INDEX))


def test_a_reset_starts_everything_anew(x):
    layer = TypedConv(GATv2Conv(8, 4, 2, edge_dim=3), 3, gain=0.2)
    before = {k: v.clone() for k, v in layer.state_dict().items()}
    with torch.no_grad():
        layer.gain.fill_(5)
    layer.reset_parameters()
    assert layer.gain == torch.tensor([0.2])
    for name in ('edge_emb.weight', 'conv.lin_l.weight'):
        assert not torch.equal(layer.state_dict()[name], before[name])


def test_a_layer_of_another_size_is_named(x):
    layer = TypedConv(GCNConv(8, 6), 3)
    with pytest.raises(ValueError, match=r'GCNConv\(8, 6\) to keep .*got \[5, 6\]'):
        layer(x, EDGE_INDEX, EDGE_TYPE)


@pytest.mark.parametrize('conv', [
    torch.nn.Linear(8, 8),
    HGTConv(8, 8, (['a'], [('a', 'to', 'a')])),
])
def test_layers_that_are_called_otherwise_are_refused(conv):
    with pytest.raises(ValueError, match=r'as layer\(x, edge_index\)'):
        TypedConv(conv, 3)


def test_attributes_that_no_layer_takes_are_refused():
    with pytest.raises(ValueError,
                       match="takes 'edge_attr', since 'edge_dim' is given"):
        TypedConv(SAGEConv(8, 8), 3, edge_dim=4)
