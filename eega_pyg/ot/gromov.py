r"""Gromov-Wasserstein and fused Gromov-Wasserstein distances."""
from dataclasses import dataclass
from typing import Any, Optional, Union

import torch
from torch import Tensor

from eega_pyg.ot.autocast import no_autocast
from eega_pyg.ot.constraint import Constraint, InnerLoop, Met, Setting
from eega_pyg.ot.descent import descend
from eega_pyg.ot.fused import QuadraticProblem, masked_quadratic_problem
from eega_pyg.ot.marginals import (
    LOG_ZERO,
    Marginals,
    divergence,
    is_resolved,
    log_marginal,
    regularization,
    with_logarithms,
)
from eega_pyg.ot.permitted import permitted_costs
from eega_pyg.ot.projection import check_options
from eega_pyg.ot.quadratic import Loss
from eega_pyg.ot.result import TransportOutput, marginal_error, once
from eega_pyg.ot.start import first_plan, positive_log
from eega_pyg.ot.steps import Options, State
from eega_pyg.ot.structure import Structure
from eega_pyg.ot.tracking import is_tracked, refuse_vmap, tracking

METHODS = ('mirror', 'proximal')


@dataclass(frozen=True)
class MirrorDescent:
    r"""Finds a stationary point of (fused) Gromov-Wasserstein problems (Eq. 6 of EEGA;
    Peyré *et al.*, *"Gromov-Wasserstein Averaging of Kernel and Distance Matrices"*,
    2016)

    .. math::
        \min_{\mathbf{T} \mathbf{1} = \mathbf{a}, \, \mathbf{T}^{\top} \mathbf{1} =
        \mathbf{b}} \; F(\mathbf{T}) + \varepsilon \, \mathrm{KL}(\mathbf{T} \,\|\,
        \mathbf{a} \mathbf{b}^{\top}), \quad F(\mathbf{T}) = (1 - w) \langle \mathbf{T},
        \mathbf{C} \rangle + w \sum_{i, i', j, j'} T_{ij} T_{i'j'} \, L(d_{ii'},
        d_{jj'})

    Each step solves the linear problem with the slopes :math:`\nabla F(\mathbf{T})` as
    costs, by Sinkhorn's iterations that start from the last step's potentials, and goes
    a part :math:`s \in [0, 1]` of the way from :math:`\mathbf{T}` to its solution
    :math:`\mathbf{T}'`. :math:`F` is quadratic along that way and the regulariser is
    convex, so that the objective falls at least by

    .. math::
        s \, \varepsilon \, \mathrm{KL}(\mathbf{T} \,\|\, \mathbf{T}') - s^2 \, w \,
        Q(\mathbf{T}' - \mathbf{T}),

    of which :math:`s` is the maximiser: the objective never rises, and no step needs
    more than one product with the structures. (With :math:`s = 1` always, as in the
    original, most plans end in a cycle of two.) The problem is not convex: where it
    ends depends on the start.

    Args:
        method (str, optional): :obj:`"mirror"` as above, or :obj:`"proximal"`: the
            objective is :math:`F` alone, a step's linear problem holds the divergence
            from the last plan in the place of that from :math:`\mathbf{a}
            \mathbf{b}^{\top}`, and :math:`\varepsilon` is a step size (Xu *et al.*,
            *"Gromov-Wasserstein Learning for Graph Matching and Node Embedding"*,
            2019). Mirror descent is the default, as it converges in half the time and
            ends at nearly the same :math:`F` on sentences and images.
            (default: :obj:`"mirror"`)
        epsilon (float, optional): The strength :math:`\varepsilon` of the regulariser.
            (default: :obj:`0.1`)
        relative (bool, optional): If set, :obj:`epsilon` is in units of the pair's mean
            cost at the product plan. (default: :obj:`True`)
        num_iters (int, optional): At most so many steps. (default: :obj:`200`)
        inner_iters (int, optional): At most so many Sinkhorn iterations a step.
            (default: :obj:`20`)
        tol (float, optional): A pair has converged when :math:`\mathrm{KL}(\mathbf{T}
            \,\|\, \mathbf{T}')`, relative to its mass, is not above this: in units of
            :math:`\varepsilon`, it is what a whole step could gain if :math:`F` were
            linear, and no more than that however exact :math:`\mathbf{T}'` is.
            (default: :obj:`1e-5`)
        check_every (int, optional): Sinkhorn iterations between two looks at the
            marginal error. (default: :obj:`20`)
        gradient (str, optional): :obj:`"envelope"` holds the plan constant: exact for
            :obj:`regularized` once converged, a surrogate for :obj:`linear` and
            :obj:`quadratic` (the plan's own change is left out). :obj:`"unroll"`
            differentiates the iterations. (default: :obj:`"envelope"`)
        constraint (Constraint, optional): What the marginals have to do: be met, have
            a price (:class:`Prices`, the unbalanced and the semi-relaxed problem), or
            leave a share of the mass where it is (:class:`Share`, the partial problem).
            (default: :obj:`Met()`)

    Raises:
        ValueError: If an option is out of range.
    """
    method: str = 'mirror'
    epsilon: float = 0.1
    relative: bool = True
    num_iters: int = 200
    inner_iters: int = 20
    tol: float = 1e-5
    check_every: int = 20
    gradient: str = 'envelope'
    constraint: Constraint = Met()

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise ValueError(f"Expected a method in {METHODS} (got '{self.method}')")
        check_options(self.epsilon, self.tol, self.gradient, self.num_iters,
                      self.check_every, self.inner_iters)

    @no_autocast()
    def __call__(self, problem: QuadraticProblem,
                 plan: Optional[Tensor] = None) -> TransportOutput:
        r"""Solves a batch of problems.

        Args:
            problem (QuadraticProblem): The problems.
            plan (torch.Tensor, optional): The start :math:`(B, n, m)`, which is rounded
                to its marginals. (default: the product plan :math:`\mathbf{a}
                \mathbf{b}^{\top}`, or the multiple of it that keeps to the constraint)
        """
        tensors = [*problem.tensors, *([] if plan is None else [plan])]
        refuse_vmap(*tensors)
        with torch.set_grad_enabled(is_tracked(*tensors)):
            return self._solve(problem, plan)

    def _solve(self, problem: QuadraticProblem,
               plan: Optional[Tensor]) -> TransportOutput:
        a, b = problem.a, problem.b
        objective, marginals = problem.objective(), with_logarithms(a, b)
        start = self.constraint.start(marginals)
        first = objective.gradient(start)
        permitted = counted = feasible = None
        if problem.cost is not None:
            with torch.no_grad():
                _, permitted, counted, _, feasible = permitted_costs(
                    problem.cost, marginals)
        unit = first, a, b, counted
        strength = regularization(self.epsilon, self.relative, *unit)
        # That of prices.
        price_unit = strength / self.epsilon
        if not self.relative:
            price_unit = torch.ones_like(strength)
        if not isinstance(self.constraint, Met):
            # Whether marginals can be met without forbidden pairs is another question.
            feasible = None
        if plan is not None or permitted is not None:
            start = first_plan(plan, permitted, feasible, marginals, self.constraint)
            first = objective.gradient(start)
        unroll = self.gradient == 'unroll' and torch.is_grad_enabled()
        if not unroll:
            # The slope in the masses is that of the constraint.
            logs = marginals.log_a.detach(), marginals.log_b.detach()
            marginals = Marginals(a, b, *logs, marginals.mass)
        with tracking(unroll):
            setting = self._setting(marginals, strength, price_unit, permitted)
            pairs = torch.arange(a.size(0), device=a.device)
            state = State(pairs, objective, setting, start, first, setting.base_s,
                          setting.base_t, permitted)
            end = descend(state, self._options(True), self._options(False), feasible)
            f, g = (x * strength[:, None] for x in setting.potentials(end.u, end.v))
        linear, quadratic, regularized = objective.values(end.plan)
        if self.method == 'mirror':
            kl = self._divergence(end.plan, marginals, a, b)
            regularized = regularized + strength * kl
        regularized = regularized + self.constraint.price(end.plan, a, b, price_unit)
        error = marginal_error(end.plan, a, b)
        converged = (end.converged & regularized.isfinite()
                     & is_resolved(strength, self.epsilon, self.relative, *unit))
        if permitted is not None:
            converged &= self.constraint.violation(end.plan, marginals) <= self.tol
        if not unroll:
            regularized = regularized + self.constraint.slope(a, b, f, g)
        out = TransportOutput(end.plan, linear, quadratic, regularized, end.iterations,
                              error, converged, f, g)
        return out if unroll else once(out)

    def _divergence(self, plan: Tensor, marginals: Marginals, a: Tensor,
                    b: Tensor) -> Tensor:
        if isinstance(self.constraint, Met):
            return divergence(positive_log(plan), plan, marginals)
        # Sums are not fixed: masses have a slope in the regulariser itself.
        masses = Marginals(a, b, log_marginal(a), log_marginal(b), marginals.mass)
        return (divergence(positive_log(plan), plan, masses) - plan.sum(
            (1, 2)) + a.sum(1) * b.sum(1))

    def _setting(self, marginals: Marginals, strength: Tensor, unit: Tensor,
                 permitted: Optional[Tensor]) -> Setting:
        a, b = marginals.a, marginals.b
        zero = marginals.log_a, marginals.log_b
        if self.method == 'proximal':
            # Scores hold the last plan, and with it the masses.
            zero = (torch.zeros_like(a).masked_fill(a <= 0, LOG_ZERO),
                    torch.zeros_like(b).masked_fill(b <= 0, LOG_ZERO))
        rows, columns = a > 0, b > 0
        if permitted is not None:
            inside = permitted & rows[:, :, None] & columns[:, None, :]
            rows, columns = inside.any(2), inside.any(1)
        return Setting(marginals, *zero, rows, columns, strength, unit)

    def _options(self, whole: bool) -> Options:
        r"""Those of the steps; :obj:`whole` if no pair of nodes is forbidden."""
        # A marginal error adds about its square to the divergence.
        loop = InnerLoop(self.inner_iters, 0.1 * self.tol**0.5, self.check_every)
        if not whole:
            # What a plan lacks is spread over all pairs, forbidden ones too.
            loop = InnerLoop(1000, 0.1 * self.tol, self.check_every)
        return Options(self.method == 'proximal', self.num_iters, self.tol, loop,
                       self.constraint)


def gromov_wasserstein(
    structure_s: Union[Structure, Tensor],
    structure_t: Union[Structure, Tensor],
    a: Optional[Tensor] = None,
    b: Optional[Tensor] = None,
    mask_s: Optional[Tensor] = None,
    mask_t: Optional[Tensor] = None,
    cost: Optional[Tensor] = None,
    weight: Union[float, Tensor] = 0.5,
    loss: Loss = 'square',
    reading: str = 'neighbors',
    normalize: bool = False,
    plan: Optional[Tensor] = None,
    **options: Any,
) -> TransportOutput:
    r"""Solves (fused) Gromov-Wasserstein problems, given as tensors, by
    :class:`MirrorDescent`, for a batch of pairs of graphs of any sizes.

    Args:
        structure_s (SparseStructure, DenseStructure or torch.Tensor): The first side; a
            tensor :math:`(B, n, n)` or :math:`(B, n, n, D)` is a structure in which all
            nodes are adjacent, to themselves too.
        structure_t (SparseStructure, DenseStructure or torch.Tensor): The second side.
        a (torch.Tensor, optional): The first marginals :math:`(B, n)`; zero is no node.
            (default: uniform, of total mass one)
        b (torch.Tensor, optional): The second marginals :math:`(B, m)`.
            (default: uniform, of total mass one)
        mask_s (torch.Tensor, optional): The nodes of the first side :math:`(B, n)`.
            (default: all)
        mask_t (torch.Tensor, optional): The nodes of the second side :math:`(B, m)`.
            (default: all)
        cost, weight, loss, reading, normalize (optional): As in
            :class:`QuadraticProblem`.
        plan (torch.Tensor, optional): The start, as in :class:`MirrorDescent`.
        **options (optional): The fields of :class:`MirrorDescent`.

    Raises:
        ValueError: If an option is out of range, shapes do not match, a mass is
            negative or not finite, or the total masses of a pair differ.
        TypeError: If an option does not exist.
    """
    solver = MirrorDescent(**options)
    return solver(
        masked_quadratic_problem(structure_s, structure_t, a, b, mask_s, mask_t, cost,
                                 weight, loss, reading, normalize), plan)
