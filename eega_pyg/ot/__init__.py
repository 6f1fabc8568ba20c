r"""Batched optimal transport between graphs of any sizes, with sparse structures."""
from eega_pyg.ot.constraint import Constraint, Met
from eega_pyg.ot.contrastive_alignment import (
    ContrastiveAlignment,
    ContrastiveAlignmentOutput,
)
from eega_pyg.ot.costs import edge_cost, pairwise_cost
from eega_pyg.ot.exact import exact_gromov_wasserstein, exact_wasserstein
from eega_pyg.ot.fused import QuadraticProblem, quadratic_problem
from eega_pyg.ot.graph_alignment import GraphAlignment, GraphAlignmentOutput
from eega_pyg.ot.gromov import MirrorDescent, gromov_wasserstein
from eega_pyg.ot.gromov_wasserstein_distance import GromovWassersteinDistance
from eega_pyg.ot.linear import LinearProblem, linear_problem
from eega_pyg.ot.low_rank import LowRankOutput, LowRankProblem, low_rank_problem
from eega_pyg.ot.low_rank_sinkhorn import LowRankSinkhorn
from eega_pyg.ot.partial import partial_output, partial_problem
from eega_pyg.ot.prices import Prices
from eega_pyg.ot.proximal import ProximalPoint, proximal_point
from eega_pyg.ot.ragged import Layout, node_layout
from eega_pyg.ot.result import TransportOutput, plan_to_edges
from eega_pyg.ot.share import Share
from eega_pyg.ot.sinkhorn import Sinkhorn, sinkhorn
from eega_pyg.ot.sinkhorn_divergence import SinkhornDivergence, SinkhornDivergenceOutput
from eega_pyg.ot.structure import DenseStructure, SparseStructure, sparse_structure
from eega_pyg.ot.unbalanced import UnbalancedSinkhorn
from eega_pyg.ot.wasserstein_distance import WassersteinDistance

__all__ = [
    'Constraint',
    'ContrastiveAlignment',
    'ContrastiveAlignmentOutput',
    'DenseStructure',
    'GraphAlignment',
    'GraphAlignmentOutput',
    'GromovWassersteinDistance',
    'Layout',
    'LinearProblem',
    'LowRankOutput',
    'LowRankProblem',
    'LowRankSinkhorn',
    'Met',
    'MirrorDescent',
    'Prices',
    'ProximalPoint',
    'QuadraticProblem',
    'Share',
    'Sinkhorn',
    'SinkhornDivergence',
    'SinkhornDivergenceOutput',
    'SparseStructure',
    'TransportOutput',
    'UnbalancedSinkhorn',
    'WassersteinDistance',
    'edge_cost',
    'exact_gromov_wasserstein',
    'exact_wasserstein',
    'gromov_wasserstein',
    'linear_problem',
    'low_rank_problem',
    'node_layout',
    'pairwise_cost',
    'partial_output',
    'partial_problem',
    'plan_to_edges',
    'proximal_point',
    'quadratic_problem',
    'sinkhorn',
    'sparse_structure',
]
