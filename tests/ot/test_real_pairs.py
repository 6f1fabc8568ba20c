r"""The graphs of real sentences and images, with the features of the shipped model."""
from pathlib import Path

import pytest
import torch
from torch_geometric.loader import DataLoader

from eega_pyg.datasets import JMERE
from eega_pyg.ot import (
    GraphAlignment,
    MirrorDescent,
    QuadraticProblem,
    edge_cost,
    quadratic_problem,
)
from eega_pyg.saving import load_model


@pytest.mark.slow
def test_real_pairs_converge_with_the_defaults(real_val: Path,
                                               offline_models: None) -> None:
    saved = load_model()
    data = JMERE(str(real_val), split='val', vocabularies=saved.vocabularies,
                 tags=saved.model.tag_set, **saved.data.arguments())
    inputs = []
    saved.model.alignment.register_forward_pre_hook(lambda _, x: inputs.append(x))
    with torch.no_grad():
        for batch in DataLoader(data[:128], batch_size=16):
            saved.model.eval()(batch, align=True)
    assert len(inputs) == 8

    for gw_loss in ('absolute', 'square'):
        module = GraphAlignment(gw_loss=gw_loss)
        nodes, edges, below = [], [], []
        for x_s, edge_s, batch_s, x_t, edge_t, batch_t, size in inputs:
            out = module(x_s, edge_s, batch_s, x_t, edge_t, batch_t, size)
            nodes.append(out.nodes.converged)
            edges.append(out.edges.converged)
            # As the alignment does, without an edge from a node to itself.
            edge_s, edge_t = (e[:, e[0] != e[1]] for e in (edge_s, edge_t))
            problem = quadratic_problem(edge_s, edge_cost(x_s, edge_s), edge_t,
                                        edge_cost(x_t, edge_t), batch_s, batch_t, size,
                                        x_s.size(0), x_t.size(0), loss=gw_loss)
            below.append(default_descent(problem))
        for share in (nodes, edges, [x for x, _ in below]):
            assert torch.cat(share).double().mean() >= 0.95, gw_loss
        # No plan is worse than the product plan.
        assert torch.cat([x for _, x in below]).all()


def default_descent(problem: QuadraticProblem) -> tuple:
    out, start = MirrorDescent()(problem), MirrorDescent(num_iters=0)(problem)
    return out.converged, out.regularized <= start.regularized * (1 + 1e-5)
