r"""Distances to learned templates: against POT, finite differences and themselves."""
import copy
from typing import Any, Iterator, NamedTuple, Tuple

import networkx as nx
import numpy as np
import ot
import pytest
import torch
from torch import Tensor
from torch_geometric.data import Data
from torch_geometric.utils import to_networkx

from eega_pyg.nn import FGWDistance, GWDistance
from eega_pyg.nn.template_distance import shortest_paths
from eega_pyg.ot import MirrorDescent, node_layout

TIGHT = MirrorDescent('proximal', num_iters=1000, tol=1e-9)


class Graphs(NamedTuple):
    x: Tensor
    edge_index: Tensor
    batch: Tensor

    def single(self) -> Iterator[Tuple[Tensor, Tensor]]:
        r"""Features and edges of each graph alone."""
        for i in range(int(self.batch.max()) + 1):
            inside = self.batch == i
            first = int(inside.nonzero()[0])
            yield (self.x[inside],
                   self.edge_index[:, inside[self.edge_index[0]]] - first)


def graphs(count: int, seed: int = 0, high: int = 9, directed: bool = False) -> Graphs:
    r"""Random graphs of 1 to :obj:`high` nodes, some without edges, with features."""
    generator = torch.Generator().manual_seed(seed)
    edges, batch = [], []
    for i in range(count):
        n = int(torch.randint(1, high + 1, (), generator=generator))
        near = torch.rand(n, n, generator=generator) < 0.4
        near = near.fill_diagonal_(
            False) if directed else near.triu(1) | near.triu(1).t()
        edges.append(near.nonzero().t() + len(batch))
        batch += [i] * n
    x = torch.randn(len(batch), 3, generator=generator, dtype=torch.float64)
    return Graphs(x, torch.cat(edges, 1), torch.tensor(batch))


def make(kind: str, seed: int = 0, alpha: float = 0.5, **options: Any) -> Any:
    torch.manual_seed(seed)
    layer = (FGWDistance(3, 3, 4, alpha=alpha, **options)
             if kind == 'fgw' else GWDistance(3, 4, **options)).double()
    torch.nn.init.normal_(layer.log_mass)
    return layer


def distances(layer: Any, x: Tensor, edge_index: Tensor, *args: Any) -> Tensor:
    if isinstance(layer, FGWDistance):
        return layer(x, edge_index, *args)
    return layer(edge_index, *args, num_nodes=x.size(0))


def with_pot(layer: Any, data: Graphs) -> np.ndarray:
    r"""The same by POT's conditional gradient, pair by pair."""
    out = []
    for x, edge_index in data.single():
        n = x.size(0)
        near = np.zeros((n, n))
        near[edge_index[0], edge_index[1]] = 1
        for k in range(layer.num_templates):
            args = (near, layer.template_structure[k].detach().numpy(), np.ones(n) / n,
                    layer.template_mass[k].detach().numpy())
            options = {'max_iter': 1000, 'tol_rel': 1e-12, 'tol_abs': 1e-12}
            if isinstance(layer, FGWDistance):
                cost = ot.dist(x.numpy(), layer.features[k].detach().numpy())
                out.append(
                    ot.gromov.fused_gromov_wasserstein2(cost, *args,
                                                        alpha=layer.alpha.item(),
                                                        **options))
            else:
                out.append(ot.gromov.gromov_wasserstein2(*args, **options))
    return np.array(out).reshape(-1, layer.num_templates)


@pytest.mark.slow
@pytest.mark.parametrize('alpha', [0.1, 0.5, 0.9])
def test_fused_distances_are_those_of_pot(alpha: float) -> None:
    data = graphs(40)
    layer = make('fgw', alpha=alpha)
    with torch.no_grad():
        out = layer.transport(*data)
        found = layer(*data).numpy()
    assert out.converged.float().mean() > 0.98
    apart = (found - with_pot(layer, data)) / found
    # The problem is not convex where structure counts: ends may differ.
    assert (np.abs(apart) < 1e-3).mean() > (0.99 if alpha < 0.9 else 0.9)
    assert apart.max() < 0.02


@pytest.mark.slow
def test_distances_of_structures_are_no_worse_than_those_of_pot() -> None:
    data = graphs(40, seed=1)
    layer = make('gw')
    with torch.no_grad():
        found = layer(data.edge_index, data.batch).numpy()
    pot = with_pot(layer, data)
    assert (np.abs(found - pot) < 0.01 * pot).mean() > 0.5
    assert found.mean() < 1.03 * pot.mean()


def test_the_layer_of_pot_gives_the_same_with_the_same_templates() -> None:
    gnn = pytest.importorskip('ot.gnn')
    data = graphs(20, seed=2)
    x = data.x.float()
    layer = make('fgw', seed=3).float()
    other = gnn.TFGWPooling(3, 3, 4, alpha=None)
    with torch.no_grad():
        other.tplt_adjacencies.copy_(layer.template_structure)
        other.tplt_features.copy_(layer.features)
        other.q0.copy_(layer.log_mass)
        apart = layer(x, *data[1:]) / other(x, *data[1:]) - 1
    assert (apart.abs() < 0.01).float().mean() > 0.95


@pytest.mark.parametrize('kind', ['gw', 'fgw'])
@pytest.mark.parametrize('structure', ['adjacency', 'shortest_path'])
def test_a_graph_alone_and_in_another_order_has_the_same_distances(
        kind: str, structure: str) -> None:
    data = graphs(6, seed=4)
    layer = make(kind, structure=structure)
    with torch.no_grad():
        whole = distances(layer, data.x, data.edge_index, data.batch)
        for row, (x, edge_index) in zip(whole, data.single()):
            alone = distances(layer, x, edge_index)
            assert torch.allclose(alone[0], row, rtol=0, atol=1e-9)
            order = torch.randperm(x.size(0))
            place = order.argsort()
            turned = distances(layer, x[order], place[edge_index])
            assert torch.allclose(turned[0], row, rtol=0, atol=1e-7)


@pytest.mark.slow
@pytest.mark.parametrize('kind', ['gw', 'fgw'])
@pytest.mark.parametrize('options', [{}, {
    'edge_dim': 2
}, {
    'directed': True
}], ids=['plain', 'channels', 'directed'])
def test_slopes_are_those_of_finite_differences(kind: str, options: Any) -> None:
    data = graphs(3, seed=5, high=5, directed='directed' in options)
    layer = make(kind, seed=2, solver=TIGHT, **options)
    shape = (data.edge_index.size(1), *([2] if 'edge_dim' in options else []))
    attr = torch.rand(shape, dtype=torch.float64).requires_grad_()
    x = data.x.clone().requires_grad_()
    torch.manual_seed(1)
    mix = torch.randn(3, 3, dtype=torch.float64)

    def value() -> Tensor:
        return (distances(layer, x, data.edge_index, data.batch, attr) * mix).sum()

    value().backward()
    places = [attr, *layer.parameters()] + ([x] if kind == 'fgw' else [])
    for place in places:
        assert place.grad is not None
        way = torch.randn_like(place)
        ends = []
        for step in (1e-4, -1e-4):
            with torch.no_grad():
                place.add_(step * way)
                ends.append(float(value()))
                place.sub_(step * way)
        expected = (ends[0] - ends[1]) / 2e-4
        assert float(
            (place.grad * way).sum()) == pytest.approx(expected, rel=1e-2, abs=1e-4)


@pytest.mark.parametrize('kind', ['gw', 'fgw'])
def test_single_nodes_and_graphs_without_edges_have_the_distance_worked_out_by_hand(
        kind: str) -> None:
    x = torch.tensor([[1., 0., 2.]], dtype=torch.float64)
    edge_index = torch.empty(2, 0, dtype=torch.long)
    layer = make(kind)
    mass, structure = layer.template_mass, layer.template_structure
    square = torch.einsum('ki,kj,kij->k', mass, mass, structure.square())
    expected = square
    if kind == 'fgw':
        cost = (layer.features - x[0]).square().sum(-1)
        expected = 0.5 * (mass * cost).sum(1) + 0.5 * square
    assert torch.allclose(distances(layer, x, edge_index)[0], expected)
    # Nodes that are all alike, without edges, are as one.
    several = distances(layer, x.expand(3, 3), edge_index)
    assert torch.allclose(several[0], expected)
    several.sum().backward()
    assert all(p.grad.isfinite().all() for p in layer.parameters())


def test_a_graph_without_nodes_has_distance_zero() -> None:
    data = graphs(2, seed=6)
    layer = make('fgw')
    batch = torch.where(data.batch == 1, 2, data.batch)
    out = layer(data.x, data.edge_index, batch, batch_size=4)
    assert torch.equal(out[[1, 3]], torch.zeros(2, 3).double())
    assert torch.allclose(out[[0, 2]], layer(*data))
    assert layer(data.x[:0], data.edge_index[:, :0], batch[:0]).shape == (0, 3)


def test_shortest_paths_are_those_of_networkx() -> None:
    data = graphs(15, seed=7, directed=True)
    nodes, _ = node_layout(len(data.x), data.batch, len(data.x), data.batch, None,
                           data.x.device)
    hops = shortest_paths(data.edge_index, nodes)
    for row, (x, edge_index) in zip(hops, data.single()):
        n = x.size(0)
        graph = to_networkx(Data(edge_index=edge_index, num_nodes=n))
        length = dict(nx.all_pairs_shortest_path_length(graph))
        expected = [[length[i].get(j, n) for j in range(n)] for i in range(n)]
        assert row[:n, :n].tolist() == expected
        assert row.sum() == row[:n, :n].sum()


def test_shortest_paths_tell_a_ring_from_two_triangles_and_adjacencies_do_not() -> None:
    ring = torch.tensor([[0, 1, 2, 3, 4, 5], [1, 2, 3, 4, 5, 0]])
    triangles = torch.tensor([[0, 1, 2, 3, 4, 5], [1, 2, 0, 4, 5, 3]])
    for structure, same in (('adjacency', True), ('shortest_path', False)):
        layer = make('gw', structure=structure)
        first, second = (layer(torch.cat([e, e.flip(0)], 1)) for e in (ring, triangles))
        assert torch.allclose(first, second, atol=1e-6) == same


def test_channels_of_edges_add_up() -> None:
    data = graphs(6, seed=8)
    attr = torch.rand(data.edge_index.size(1), 2, dtype=torch.float64)
    layer = make('gw', edge_dim=2)
    single = make('gw')
    # A channel that is zero on both sides changes nothing.
    with torch.no_grad():
        layer.weight[..., 1] = 0
        single.weight.copy_(layer.weight[..., 0])
        single.log_mass.copy_(layer.log_mass)
    attr[:, 1] = 0
    assert torch.allclose(layer(data.edge_index, data.batch, attr),
                          single(data.edge_index, data.batch, attr[:, 0]))


def test_directed_templates_tell_a_direction() -> None:
    star = torch.tensor([[0, 0, 0], [1, 2, 3]])
    layer = make('gw', directed=True)
    with torch.no_grad():
        layer.weight.zero_()[:, 0, 1:] = 1
        layer.log_mass.zero_()
    assert layer(star).max() < 1e-6 < 0.1 < layer(star.flip(0)).min()


def test_sizes_are_taken_from_the_first_input_and_from_saved_weights() -> None:
    data = graphs(3, seed=9)
    torch.manual_seed(0)
    lazy = FGWDistance(-1, 2, 3).double()
    fresh = copy.deepcopy(lazy)
    first = lazy(*data)
    assert lazy.in_channels == 3
    fresh.load_state_dict(lazy.state_dict())
    assert torch.equal(fresh(*data), first)
    assert repr(fresh) == "FGWDistance(3, 2, 3, structure='adjacency')"


def test_sizes_are_taken_from_any_first_use() -> None:
    data = graphs(3, seed=9)
    names = ('x', 'edge_index', 'batch', 'edge_attr')
    found = []
    for call in (lambda layer: layer(*data),
                 lambda layer: layer(**dict(zip(names, data))),
                 lambda layer: layer.transport(*data).regularized.view(-1, 2)):
        torch.manual_seed(0)
        lazy = FGWDistance(-1, 2, 3).double()
        assert 'features' in lazy.state_dict()
        restored = FGWDistance(-1, 2, 3).double()
        restored.load_state_dict(lazy.state_dict())
        with pytest.raises(ValueError, match=r'shape \[N, -1\] \(got \[4\]\)'):
            restored(torch.ones(4), *data[1:])
        torch.manual_seed(0)
        found.append(call(restored))
    assert torch.equal(found[0], found[1]) and torch.equal(found[0], found[2])


@pytest.mark.parametrize('value', [1e30, torch.inf, torch.nan])
def test_features_that_overflow_are_seen(value) -> None:
    data = graphs(3, seed=9)
    layer = make('fgw').float()
    x = data.x.float()
    plain = layer(x, *data[1:])
    x[0, 0] = value
    out = layer(x, *data[1:])
    assert out[0].isnan().all() and torch.equal(out[1:], plain[1:])


@pytest.mark.parametrize('kind', ['gw', 'fgw'])
def test_a_sparse_adjacency_is_named(kind) -> None:
    data = graphs(2, seed=9)
    adjacency = torch.sparse_coo_tensor(data.edge_index,
                                        torch.ones(data.edge_index.size(1)))
    features = [data.x] if kind == 'fgw' else []
    with pytest.raises(ValueError, match='sparse_coo.*give the indices'):
        make(kind)(*features, adjacency)


def test_half_precision_is_solved_in_single() -> None:
    data = graphs(5, seed=10)
    layer = make('fgw').float()
    x = data.x.bfloat16()
    plain = layer(x.float(), *data[1:])
    with torch.autocast('cpu', torch.bfloat16):
        mixed = layer(x, *data[1:])
    assert mixed.dtype == torch.float32
    assert torch.equal(mixed, plain)
    assert layer(data.x, *data[1:]).dtype == torch.float64


def test_reset_restores_the_weight_and_equal_masses() -> None:
    layer = make('fgw', alpha=0.3)
    with torch.no_grad():
        layer.logit_alpha.add_(1)
    layer.reset_parameters()
    assert float(layer.alpha) == pytest.approx(0.3)
    assert torch.allclose(layer.template_mass, torch.full((3, 4), 0.25).double())


@pytest.mark.parametrize('change, words', [
    ({
        'num_templates': 0
    }, "'num_templates' of at least 1"),
    ({
        'num_nodes': 0
    }, "'num_nodes' of at least 1"),
    ({
        'edge_dim': 0
    }, "'edge_dim' of at least 1"),
    ({
        'structure': 'laplacian'
    }, 'structure in'),
    ({
        'structure': 'shortest_path',
        'edge_dim': 2
    }, 'paths count edges'),
    ({
        'in_channels': 0
    }, "'in_channels' of at least 1"),
    ({
        'alpha': 1.
    }, "'alpha' between 0 and 1"),
    ({
        'cost': 'manhattan'
    }, 'cost in'),
])
def test_options_out_of_range_are_named(change: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        FGWDistance(**{'in_channels': 3, 'num_templates': 2, 'num_nodes': 2, **change})


def test_inputs_that_do_not_fit_are_named() -> None:
    data = graphs(2, seed=11)
    with pytest.raises(ValueError, match=r'shape \[N, 3\] \(got'):
        make('fgw')(data.x[:, :2], *data[1:])
    attr = torch.rand(data.edge_index.size(1), 2)
    with pytest.raises(ValueError, match=r"'edge_attr' of shape \[E\] with"):
        make('fgw')(*data, attr)
    with pytest.raises(ValueError, match="no 'edge_attr'"):
        make('gw', structure='shortest_path')(*data[1:], attr[:, 0])
    with pytest.raises(ValueError, match='ascending batch vector'):
        make('fgw')(data.x, data.edge_index, data.batch.flip(0))
