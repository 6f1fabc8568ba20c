r"""What all public layers, solvers and models compute on another device than the
processor: the same, without a tensor that stays behind; how often the host waits."""
from dataclasses import fields, is_dataclass
from typing import Any, Callable, Dict, List, get_args

import pytest
import torch
from ot_cases import graphs
from pretended_device import DEVICES, fetch, pretended_device, send
from torch import Tensor
from torch.utils._pytree import tree_leaves
from torch_geometric.data import Batch
from torch_geometric.nn import RGCNConv

from eega_pyg import nn, ot
from eega_pyg.config import Config, ModelConfig
from eega_pyg.datasets import FakeJMERE
from eega_pyg.nn import conv, fusion, models
from eega_pyg.nn.conv import AttributeTransformerConv, TypedConv
from eega_pyg.nn.models import EEGA, predict

#: What others make or take, and what a test of models runs.
ELSEWHERE_TESTED = {
    'AGBAN', 'AdapCoAtt', 'AttributeTransformer', 'CompleteGraph', 'Constraint',
    'ContrastiveAlignmentOutput', 'DenseStructure', 'EEGA', 'EEGAOutput', 'EdgeChannel',
    'FusionInput', 'FusionOutput', 'GraphAlignmentOutput', 'ImageToTextAttention',
    'Layout', 'LinearProblem', 'LowRankOutput', 'LowRankProblem', 'MAF', 'MEGA', 'Met',
    'MultiChannel', 'NodeChannel', 'OCSGA', 'OwnConv', 'OwnFusion', 'PairTagger',
    'Prediction', 'QuadraticProblem', 'RelationClassifier', 'SinkhornDivergenceOutput',
    'SparseStructure', 'TextEncoder', 'TransportOutput', 'UMGF', 'WGCNConv',
    'WordFeatures', 'all_pairs', 'degree_sequences', 'fusion_layer', 'graph_layer',
    'predict'
}


class Place:
    r"""Where a case is computed, and the inputs it is differentiated by."""
    def __init__(self, move: Callable[[Any], Any]) -> None:
        self.move, self.inputs = move, []
        generator = torch.Generator().manual_seed(0)
        # Three pairs of graphs, of which one has an empty side.
        self.s, self.t = (self._moved(graphs(sizes, generator))
                          for sizes in ([3, 5, 2], [4, 0, 6]))
        both = self.s, self.t
        self.d_s, self.d_t = (ot.edge_cost(g.x, g.edge_index) for g in both)
        x = torch.rand(2, 5, 5, generator=generator, dtype=torch.float64)
        self.cost = self.input(x + x.mT)

    def input(self, x: Tensor) -> Tensor:
        self.inputs.append(self.move(x).requires_grad_())
        return self.inputs[-1]

    def _moved(self, g: Any) -> Any:
        return type(g)(self.input(g.x), self.move(g.edge_index), self.move(g.batch))

    def module(self, module: torch.nn.Module) -> torch.nn.Module:
        module = self.move(module.double())
        self.inputs += module.parameters()
        return module

    def linear(self, forbidden: bool = False) -> ot.LinearProblem:
        problem = ot.linear_problem(self.s.x, self.t.x, self.s.batch, self.t.batch,
                                    batch_size=3)
        if not forbidden:
            return problem
        first = torch.zeros_like(problem.cost)
        first[0, 0, 0] = torch.inf
        return problem._replace(cost=problem.cost + first)

    def quadratic(self, **options: Any) -> ot.QuadraticProblem:
        return ot.quadratic_problem(self.s.edge_index, self.d_s, self.t.edge_index,
                                    self.d_t, self.s.batch, self.t.batch, batch_size=3,
                                    **options)

    def layouts(self) -> Any:
        return ot.node_layout(len(self.s.x), self.s.batch, len(self.t.x), self.t.batch,
                              3, self.s.x.device)

    def features(self, module: Any) -> Any:
        return module(self.s.x, self.t.x, self.s.batch, self.t.batch, 3)

    def graphs(self, module: Any, *size: int) -> Any:
        return module(*self.s, *self.t, *size)

    def typed(self, conv: torch.nn.Module) -> Tensor:
        types = self.move(torch.arange(self.s.edge_index.size(1)) % 3)
        return self.module(conv)(self.s.x, self.s.edge_index, edge_type=types)


def descend(constraint: ot.Constraint = ot.Met(), method: str = 'mirror') -> Any:
    return ot.MirrorDescent(method, num_iters=2, constraint=constraint)


def without_potentials(out: ot.TransportOutput) -> Any:
    r"""Those of an exact solution are not unique."""
    return out[:-2]


CASES: Dict[str, Callable[[Place], Any]] = {
    'AttributeTransformerConv':
    lambda p: p.typed(
        AttributeTransformerConv(6, 4, heads=2, edge_dim=3, num_edge_types=3)),
    'TypedConv':
    lambda p: p.typed(TypedConv(RGCNConv(6, 6, 3), 3)),
    'FGWDistance':
    lambda p: p.module(nn.FGWDistance(6, 2, 3, solver=descend()))(*p.s),
    'GWDistance':
    lambda p: p.module(nn.GWDistance(2, 3, solver=descend()))
    (p.s.edge_index, p.s.batch),
    'OTMatching':
    lambda p: p.graphs(nn.OTMatching(alpha=0.5, k=1, solver=descend())),
    'ContrastiveAlignment':
    lambda p: p.graphs(ot.ContrastiveAlignment(ot.GraphAlignment(), 0.1), 3),
    'GraphAlignment':
    lambda p: p.graphs(ot.GraphAlignment(), 3),
    'GromovWassersteinDistance':
    lambda p: ot.GromovWassersteinDistance(normalize=True)
    (p.s.edge_index, p.d_s, p.t.edge_index, p.d_t, p.s.batch, p.t.batch, 3),
    'MirrorDescent':
    lambda p: descend()(p.quadratic(cost=p.linear().cost, normalize=True)),
    'MirrorDescent, proximal, absolute':
    lambda p: descend(method='proximal')(p.quadratic(loss='absolute')),
    'MirrorDescent, forbidden pairs':
    lambda p: ot.MirrorDescent(num_iters=1)
    (p.quadratic(cost=p.linear(forbidden=True).cost)),
    'Prices':
    lambda p: descend(ot.Prices(1., None))(p.quadratic()),
    'ProximalPoint':
    lambda p: without_potentials(ot.ProximalPoint(num_iters=2)(p.linear())),
    'Share':
    lambda p: descend(ot.Share(0.5))(p.quadratic()),
    'Sinkhorn':
    lambda p: ot.Sinkhorn()(p.linear()),
    'Sinkhorn, forbidden pairs':
    lambda p: ot.Sinkhorn()(p.linear(forbidden=True)),
    'Sinkhorn, unrolled':
    lambda p: ot.Sinkhorn(num_iters=10, gradient='unroll')(p.linear()),
    'SinkhornDivergence':
    lambda p: p.features(ot.SinkhornDivergence()),
    'LowRankSinkhorn':
    lambda p: ot.LowRankSinkhorn(2, num_iters=3)(p.features(ot.low_rank_problem)),
    'low_rank_problem':
    lambda p: p.features(ot.low_rank_problem),
    'UnbalancedSinkhorn, half-squared':
    lambda p: ot.UnbalancedSinkhorn(penalty='l2')(p.linear()),
    'UnbalancedSinkhorn':
    lambda p: ot.UnbalancedSinkhorn(rho_s=1., rho_t=None)(p.linear()),
    'WassersteinDistance':
    lambda p: p.features(ot.WassersteinDistance()),
    'edge_cost':
    lambda p: ot.edge_cost(p.s.x, p.s.edge_index),
    'exact_gromov_wasserstein':
    lambda p: ot.exact_gromov_wasserstein(p.cost, p.cost),
    'exact_wasserstein':
    lambda p: ot.exact_wasserstein(p.cost),
    'gromov_wasserstein':
    lambda p: ot.gromov_wasserstein(p.cost, p.cost, num_iters=2),
    'linear_problem':
    lambda p: p.linear(),
    'node_layout':
    lambda p: p.layouts(),
    'pairwise_cost':
    lambda p: ot.pairwise_cost(p.s.x, p.t.x),
    'partial_output':
    lambda p: ot.partial_output(ot.Sinkhorn()(ot.partial_problem(p.linear(), 0.5))),
    'partial_problem':
    lambda p: ot.partial_problem(p.linear(), 0.5),
    'plan_to_edges':
    lambda p: ot.plan_to_edges(p.cost, p.cost[:, 0] > 0, p.cost[:, 0] > 0),
    'proximal_point':
    lambda p: without_potentials(ot.proximal_point(p.cost[:1, :2, :2], num_iters=2)),
    'quadratic_problem':
    lambda p: p.quadratic(),
    'sinkhorn':
    lambda p: ot.sinkhorn(p.cost),
    'sparse_structure':
    lambda p: ot.sparse_structure(p.s.edge_index, p.d_s,
                                  p.layouts()[0]),
}


def test_nothing_public_is_left_out():
    rooms = nn, conv, fusion, models, ot
    public = {name for room in rooms for name in room.__all__}
    assert public == ELSEWHERE_TESTED | {name for name in CASES if ',' not in name}


def tensors(result: Any) -> List[Tensor]:
    if is_dataclass(result):
        return [x for f in fields(result) for x in tensors(getattr(result, f.name))]
    return [x for x in tree_leaves(result) if isinstance(x, Tensor)]


def computed(move: Callable[[Any], Any], case: Callable[[Place], Any]) -> List[Tensor]:
    r"""What a case gives, and the slopes of the sum of it."""
    torch.manual_seed(0)
    place = Place(move)
    out = tensors(case(place))
    total = sum(x[x.isfinite()].sum() for x in out if x.requires_grad)
    if isinstance(total, Tensor):
        slopes = torch.autograd.grad(total, place.inputs, allow_unused=True)
        out += [x for x in slopes if x is not None]
    return out


def check_close(here, there):
    assert there.device.type != 'cpu', 'a tensor stayed behind'
    torch.testing.assert_close(
        fetch(there.detach()).cpu(), here.detach(), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize('device', DEVICES)
@pytest.mark.parametrize('name', CASES)
def test_a_result_is_that_of_the_processor(name, device):
    move, place = DEVICES[device]
    here = computed(lambda x: x, CASES[name])
    with place():
        there = computed(move, CASES[name])
    assert len(here) == len(there) > 0
    for x, y in zip(here, there):
        check_close(x, y)


ENCODER = {
    'model_type': 'bert',
    'vocab_size': 200,
    'hidden_size': 24,
    'num_hidden_layers': 1,
    'num_attention_heads': 2,
    'intermediate_size': 32,
}
FUSIONS = get_args(ModelConfig.model_fields['fusion'].annotation)
CONVS = get_args(ModelConfig.model_fields['conv'].annotation)


@pytest.fixture(scope='module')
def dataset():
    return FakeJMERE(num_pairs=6, avg_words=6, avg_objects=2, num_piece_ids=200)


def preset(dataset, name, **options):
    torch.manual_seed(0)
    config = Config.load(name).model.model_dump()
    # At this size both distances converge, and the plans are nobody's concern.
    config.update(heads=4, edge_dim=6, channel_dim=5, outer_iters=5, **options)
    model = EEGA(ENCODER, dataset.tags.to_dict(), dataset.vocabularies.sizes, **config)
    if model.visual and model.fusion is None:
        torch.nn.init.normal_(model.image_to_text.lin_out.weight, std=0.3)
    return model.double().eval()


def stepped(model, batch):
    loss = model.loss(batch)
    loss['loss'].backward()
    return {**loss, **{n: p.grad for n, p in model.named_parameters()}}


def check_step(model, batch, name='pretended'):
    r"""A step of both devices; returns the reads of a pretended one."""
    move, place = DEVICES[name]
    here = stepped(model, batch)
    model.zero_grad()
    with place() as device:
        there = stepped(move(model), move(batch))
    for name, x in here.items():
        assert (x is None) == (there[name] is None), name
        if x is not None:
            check_close(x, there[name])
    return device and device.reads


@pytest.mark.parametrize('options', [
    *({
        'fusion': f
    } for f in FUSIONS), *({
        'conv': c
    } for c in CONVS), {
        'visual': False,
        'num_layers': 0
    }, {
        'alpha': 0.4,
        'contrast': 0.
    }
], ids=str)
@pytest.mark.parametrize('device', DEVICES)
def test_a_step_is_that_of_the_processor(dataset, options, device):
    check_step(preset(dataset, 'default', **options), Batch.from_data_list(dataset[:4]),
               device)


@pytest.mark.parametrize('name, bound', [('default', 12), ('paper', 51)])
def test_how_often_a_step_waits(dataset, name, bound):
    reads = check_step(preset(dataset, name), Batch.from_data_list(dataset[:4]))
    assert sum(reads.values()) <= bound, reads


def test_how_often_an_extraction_waits(dataset):
    batch = Batch.from_data_list(dataset[:4])
    model = preset(dataset, 'default')
    here, = predict(model, [batch])
    with pretended_device() as device:
        out = send(model)(send(batch))
    torch.testing.assert_close(fetch(out.logits), here.logits, check_dtype=False)
    assert sum(device.reads.values()) <= 3, device.reads
