r"""Optimal transport over plans of low rank."""
from dataclasses import dataclass
from typing import NamedTuple, Tuple

import torch
from torch import Tensor

from eega_pyg.ot.autocast import no_autocast
from eega_pyg.ot.low_rank import LowRankOutput, LowRankProblem
from eega_pyg.ot.marginals import check_type
from eega_pyg.ot.projection import check_options
from eega_pyg.ot.result import differentiable_once
from eega_pyg.ot.sinkhorn import marginal_slope
from eega_pyg.ot.tracking import refuse_vmap, tracking

# A step is so many times as long as one that was taken before it, or was not.
_GROW, _SHRINK = 1.5, 0.5
# Lengths of steps stay within this of the first one.
_RANGE = 1e3
# Scalings between two looks at their error.
_CHECK_EVERY = 5
# So sharp is the start, in units of the mean cost.
_SHARP = 2.
# Multiples of these are spread evenly between whole numbers.
_GOLDEN, _SILVER = (5**0.5 - 1) / 2, 2**0.5 - 1


class _Point(NamedTuple):
    r"""Plans in factors, the slopes of their cost, and the cost."""
    q: Tensor
    r: Tensor
    g: Tensor
    slope_q: Tensor
    slope_r: Tensor
    slope_g: Tensor
    cost: Tensor


class _State(NamedTuple):
    r"""Where the pairs are that have not converged: the potentials :math:`(B, K)` of
    the columns of both factors, the length of the next step, that of the first one, and
    the gap at which a pair has converged, each :math:`(B)`."""
    problem: LowRankProblem
    point: _Point
    h_s: Tensor
    h_t: Tensor
    length: Tensor
    first: Tensor
    bound: Tensor

    def select(self, pairs: Tensor) -> '_State':
        return _State(LowRankProblem(*(x[pairs] for x in self.problem)),
                      _Point(*(x[pairs] for x in self.point)),
                      *(x[pairs] for x in self[2:]))

    def gap(self, f_s: Tensor, f_t: Tensor, h_s: Tensor, h_t: Tensor) -> Tensor:
        r"""The duality gap of the problem linearised at the point :math:`(B)`, by
        potentials that are feasible: :math:`f_i + h_k` is at most the slope."""
        _, _, a, b = self.problem
        rest = (self.point.slope_g + h_s + h_t).amin(1) * a.sum(1)
        return self.point.cost - (a * f_s).sum(1) - (b * f_t).sum(1) - rest

    def moved(self, new: _Point, h_s: Tensor, h_t: Tensor) -> '_State':
        r"""At the new point where it costs less; with the new potentials anyway, from
        which a shorter step is scaled further."""
        better = new.cost < self.point.cost
        point = _Point(*(torch.where(better.view(-1, *(1 for _ in x.shape[1:])), x, y)
                         for x, y in zip(new, self.point)))
        length = torch.where(better, self.length * _GROW, self.length * _SHRINK)
        length = length.clamp(self.first / _RANGE, self.first * _RANGE)
        return self._replace(point=point, h_s=h_s, h_t=h_t, length=length)


@dataclass(frozen=True)
class LowRankSinkhorn:
    r"""Optimal transport over plans of rank :math:`K` (Scetbon *et al.*, *"Low-Rank
    Sinkhorn Factorization"*, 2021), in time and memory linear in the nodes

    .. math::
        \min_{\mathbf{Q}, \mathbf{R}, \mathbf{g}} \; \langle \mathbf{Q} \,
        \mathrm{diag}(1 / \mathbf{g}) \, \mathbf{R}^{\top}, \mathbf{C} \rangle, \quad
        \mathbf{Q} \mathbf{1} = \mathbf{a}, \; \mathbf{R} \mathbf{1} = \mathbf{b}, \;
        \mathbf{Q}^{\top} \mathbf{1} = \mathbf{R}^{\top} \mathbf{1} = \mathbf{g}

    by mirror descent. A step of length :math:`\gamma` minimises

    .. math::
        \langle \mathbf{S}_Q, \mathbf{Q} \rangle + \langle \mathbf{S}_R, \mathbf{R}
        \rangle + \langle \mathbf{s}_g, \mathbf{g} \rangle + \tfrac{1}{\gamma} \,
        \mathrm{KL}(\mathbf{Q}, \mathbf{R}, \mathbf{g} \,\|\, \mathbf{Q}_0,
        \mathbf{R}_0, \mathbf{g}_0)

    with the slopes :math:`\mathbf{S}` at the last point, by scalings of rows and
    columns in turn that start from the last step's potentials; the result is rounded
    to its marginals. A step that does not lower the cost is not taken, and the next is
    shorter. The problem is not convex: the cost is that of a stationary point. Plans of
    low rank are not sharp, and their cost is above the optimal one, the less the higher
    the rank.

    The gradient of :obj:`linear` holds the factors constant, which is exact where they
    are stationary.

    Args:
        rank (int): The rank :math:`K`. More than the nodes of a side is of no use.
        num_iters (int, optional): At most so many steps. (default: :obj:`500`)
        inner_iters (int, optional): At most so many scalings a step.
            (default: :obj:`100`)
        tol (float, optional): A pair has converged when the duality gap of the problem
            linearised at its factors, in units of the pair's mean cost, is not above
            this: so much, at most, could be gained if the cost were linear in them.
            (default: :obj:`1e-3`)

    Raises:
        ValueError: If an option is out of range.
    """
    rank: int
    num_iters: int = 500
    inner_iters: int = 100
    tol: float = 1e-3

    def __post_init__(self) -> None:
        check_options(1., self.tol, 'envelope', self.num_iters, 1, self.inner_iters)
        if self.rank < 1:
            raise ValueError(f"Expected a 'rank' >= 1 (got '{self.rank}')")

    @no_autocast()
    def __call__(self, problem: LowRankProblem) -> LowRankOutput:
        r"""Solves a batch of problems.

        Raises:
            ValueError: If the shapes of the problem do not match, or it is in half
                precision.
        """
        cost_s, cost_t, a, b = problem
        if (cost_s.shape[:2] != a.shape or cost_t.shape[:2] != b.shape
                or cost_s.size(2) != cost_t.size(2) or a.size(0) != b.size(0)):
            raise ValueError(
                f"Expected factors of shapes [B, n, D] and [B, m, D] for marginals of "
                f"shapes [B, n] and [B, m] (got {list(cost_s.shape)}, "
                f"{list(cost_t.shape)}, {list(a.shape)} and {list(b.shape)})")
        refuse_vmap(*problem)
        for x in problem:
            check_type(x.dtype)
        with tracking(False):
            q, r, g, f_s, f_t, iterations, converged = self._descend(problem)
            share = torch.where(g > 0, g, 1)
            sums_s = (q * (r.sum(1) / share)[:, None]).sum(2)
            sums_t = (r * (q.sum(1) / share)[:, None]).sum(2)
            mass = a.sum(1)
            error = (sums_s - a).abs().sum(1) + (sums_t - b).abs().sum(1)
            error = error / torch.where(mass > 0, mass, 1)
        seen = (cost_s.transpose(1, 2) @ q) * (cost_t.transpose(1, 2) @ r)
        linear = (seen.sum(1) / share).sum(1)
        converged = converged & linear.isfinite()
        linear = linear + marginal_slope(a, f_s) + marginal_slope(b, f_t)
        return LowRankOutput(q, r, g, differentiable_once(linear), iterations, error,
                             converged, f_s, f_t)

    def _descend(self, problem: LowRankProblem) -> Tuple[Tensor, ...]:
        point = _start(problem, self.rank)
        mass, h = problem.a.sum(1), torch.zeros_like(point.g)
        out: Tuple[Tensor, ...] = (*point[:3], torch.zeros_like(problem.a),
                                   torch.zeros_like(problem.b),
                                   torch.zeros_like(mass, dtype=torch.long), mass == 0)
        part = (mass > 0).nonzero().flatten()
        first = _first_length(point, problem.a, problem.b)
        state = _State(problem, point, h, h, first, first,
                       self.tol * _product_cost(problem)).select(part)
        for i in range(1, self.num_iters + 1):
            if part.numel() == 0:
                break
            new, h_s, h_t = self._step(state)
            f_s = (state.point.slope_q - h_s[:, None]).amin(2)
            f_t = (state.point.slope_r - h_t[:, None]).amin(2)
            done = state.gap(f_s, f_t, h_s, h_t) <= state.bound
            over = done if i < self.num_iters else torch.ones_like(done)
            if bool(over.any()):
                found = (*state.point[:3], f_s, f_t, torch.full_like(part, i), done)
                out = tuple(
                    x.index_copy(0, part[over], y[over]) for x, y in zip(out, found))
                part = part[~over]
            state = state.moved(new, h_s, h_t)
            if part.numel() < over.numel():
                state = state.select(~over)
        return out

    def _step(self, state: _State) -> Tuple[_Point, Tensor, Tensor]:
        r"""The next point, and the potentials of its columns."""
        problem, point, h_s, h_t, length, _, _ = state
        size = length[:, None, None]
        # With the last potentials in them, the kernels have little to scale.
        score_q = _score(point.q, (point.slope_q - h_s[:, None]) * size)
        score_r = _score(point.r, (point.slope_r - h_t[:, None]) * size)
        score_g = _score(point.g, (point.slope_g + h_s + h_t) * length[:, None])
        q, r, log_v, log_w = _scale(score_q.exp(), score_r.exp(), score_g, problem.a,
                                    problem.b, self.inner_iters, 0.1 * self.tol)
        new = _point(problem, *_rounded(q, r, problem.a, problem.b))
        return new, h_s + log_v / length[:, None], h_t + log_w / length[:, None]


def _point(problem: LowRankProblem, q: Tensor, r: Tensor, g: Tensor) -> _Point:
    cost_s, cost_t, _, _ = problem
    share = torch.where(g > 0, g, 1)[:, None]
    slope_q = cost_s @ ((cost_t.transpose(1, 2) @ r) / share)
    slope_r = cost_t @ ((cost_s.transpose(1, 2) @ q) / share)
    value = (q * slope_q).sum(1)
    return _Point(q, r, g, slope_q, slope_r, -value / share[:, 0], value.sum(1))


def _start(problem: LowRankProblem, rank: int) -> _Point:
    r"""A column for each of some nodes of the second side, evenly spaced, with what is
    cheap from there and from the nearest node of the first side. The product plan is
    stationary, and no step would leave what is near it."""
    cost_s, cost_t, a, b = problem
    column = torch.arange(rank, device=a.device)
    place = torch.arange(1, b.size(1) + 1, device=b.device)
    count = torch.where(b > 0, place, 0).amax(1)
    some_t = _nodes(cost_t, (2 * column + 1) * count[:, None] // (2 * rank))
    cost_q = cost_s @ some_t.transpose(1, 2)
    near = cost_q.masked_fill((a <= 0)[:, :, None], torch.inf).argmin(1)
    cost_r = cost_t @ _nodes(cost_s, near).transpose(1, 2)
    unit = _product_cost(problem) / torch.where(a > 0, a, 0).sum(1)
    unit = torch.where(unit > 0, unit, 1)[:, None, None]
    factors = []
    for mass, cost, ratio in ((a, cost_q, _GOLDEN), (b, cost_r, _SILVER)):
        place = torch.arange(1, mass.size(1) + 1, device=mass.device).double()
        # Columns of one node would stay equal.
        noise = (ratio * place[:, None] * (column + 1)).frac().to(mass.dtype)
        weight = (noise - _SHARP * cost / unit).softmax(2)
        factors.append(mass[:, :, None] * weight)
    return _point(problem, *_rounded(factors[0], factors[1], a, b))


def _nodes(x: Tensor, index: Tensor) -> Tensor:
    return x.gather(1, index[:, :, None].expand(-1, -1, x.size(2)))


def _first_length(point: _Point, a: Tensor, b: Tensor) -> Tensor:
    r"""A step that changes the factors by about e :math:`(B)`."""
    slopes = point.slope_q, point.slope_r, point.slope_g[:, None]
    q, r, g = (x.amax(2) - x.amin(2) for x in slopes)
    # Of nodes without mass nothing changes.
    q, r = q.masked_fill(a <= 0, 0), r.masked_fill(b <= 0, 0)
    top = torch.cat([q, r, g], 1).amax(1)
    return 1 / torch.where(top > 0, top, 1)


def _product_cost(problem: LowRankProblem) -> Tensor:
    r"""The cost of the product plan :math:`(B)`, in absolute terms."""
    cost_s, cost_t, a, b = problem
    mean_s, mean_t = (a[:, None] @ cost_s)[:, 0], (b[:, None] @ cost_t)[:, 0]
    mass = a.sum(1)
    return (mean_s * mean_t).sum(1).abs() / torch.where(mass > 0, mass, 1)


def _score(x: Tensor, off: Tensor) -> Tensor:
    r"""The logarithm of a factor after a step, up to a constant of each row."""
    score = x.clamp(min=torch.finfo(x.dtype).tiny).log() - off
    return score - score.amax(-1, keepdim=True)


def _scale(kernel_q: Tensor, kernel_r: Tensor, score_g: Tensor, a: Tensor, b: Tensor,
           num_iters: int, tol: float) -> Tuple[Tensor, Tensor, Tensor, Tensor]:
    r"""Both factors with their rows and columns scaled to :math:`\mathbf{a}`,
    :math:`\mathbf{b}` and one :math:`\mathbf{g}`, the nearest to kernels and
    :obj:`score_g`, and the logarithms of what columns are scaled with."""
    tiny, mass = torch.finfo(a.dtype).tiny, a.sum(1)
    log_v, log_w = torch.zeros_like(score_g), torch.zeros_like(score_g)
    active = torch.ones_like(mass, dtype=torch.bool)
    for i in range(num_iters):
        v, w = log_v.exp(), log_w.exp()
        x = a / (kernel_q @ v[:, :, None])[:, :, 0].clamp(min=tiny)
        y = b / (kernel_r @ w[:, :, None])[:, :, 0].clamp(min=tiny)
        column_q = (x[:, None] @ kernel_q)[:, 0].clamp(min=tiny)
        column_r = (y[:, None] @ kernel_r)[:, 0].clamp(min=tiny)
        if i % _CHECK_EVERY == 0 and i > 0:
            error = (v * column_q - w * column_r).abs().sum(1)
            active = active & ~(error <= tol * mass)
            if not bool(active.any()):
                break
        log_q, log_r = column_q.log(), column_r.log()
        log_g = (score_g + log_q + log_r) / 3
        # A pair that is done stays as it is, whatever its batch still does.
        log_v = torch.where(active[:, None], log_g - log_q, log_v)
        log_w = torch.where(active[:, None], log_g - log_r, log_w)
    v, w = log_v.exp(), log_w.exp()
    x = a / (kernel_q @ v[:, :, None])[:, :, 0].clamp(min=tiny)
    y = b / (kernel_r @ w[:, :, None])[:, :, 0].clamp(min=tiny)
    return (kernel_q * x[:, :, None] * v[:, None],
            kernel_r * y[:, :, None] * w[:, None], log_v, log_w)


def _rounded(q: Tensor, r: Tensor, a: Tensor,
             b: Tensor) -> Tuple[Tensor, Tensor, Tensor]:
    r"""Factors close by that meet all their marginals, as :func:`round_plan` does it,
    and are positive: a little of the product plan is added."""
    sums_q, sums_r = q.sum(1), r.sum(1)
    g = torch.minimum(sums_q, sums_r)
    share = g / g.sum(1, keepdim=True).clamp(min=torch.finfo(a.dtype).tiny)
    little = torch.finfo(a.dtype).eps**0.75
    some = (1 - little) * share + little / g.size(1)
    factors = []
    for x, sums, mass in ((q, sums_q, a), (r, sums_r, b)):
        x = (1 - little) * x * (g / torch.where(sums > 0, sums, 1))[:, None]
        missing = (mass - x.sum(2)).clamp(min=0)
        factors.append(x + missing[:, :, None] * some[:, None])
    mass_g = (1 - little) * g
    return (*factors,
            mass_g + (a.sum(1, keepdim=True) - mass_g.sum(1, keepdim=True)) * some)
