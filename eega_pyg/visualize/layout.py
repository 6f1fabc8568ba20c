r"""Where the nodes of a large graph are drawn."""
import math
from functools import lru_cache
from typing import TYPE_CHECKING, Dict, Hashable, List, Tuple

import networkx as nx
import numpy as np

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Point = Tuple[float, float]
_Pairs = Tuple[Tuple[int, int], ...]

# A component of more nodes is laid out by forces, which take less than the square.
_MAX_STRESS = 80
# How far nodes lie apart at least, and the room beside a component for its names.
_APART, _RIGHT, _BELOW = 0.75, 2.2, 1.1
_STEPS = 120


def packed_layout(graph: nx.Graph, seed: int = 0) -> Dict[Hashable, Point]:
    r"""Places the nodes: each connected component by itself, and the components in rows
    from the largest to single nodes. Neighbouring nodes are one to two units apart,
    and no two of a component less than about three quarters of a unit. ``y`` grows
    downwards.

    Knowledge graphs of short texts fall into hundreds of components, which forces alone
    would drive apart or into each other. The time is about linear in the number of
    nodes and edges.

    - A small component has the distances of its shortest paths, as far as a plane
      allows ("stress"; `Gansner et al.
      <https://doi.org/10.1007/978-3-540-31843-9_25>`_).
    - A large one begins with its distances to a few nodes (`Brandes and Pich
      <https://doi.org/10.1007/978-3-540-70904-6_6>`_). Then neighbours attract one
      another, and all nodes repel all others. The repulsion is a convolution with the
      density of nodes on a grid.

    Args:
        graph (networkx.Graph): The graph; directions do not matter.
        seed (int, optional): Seed of the forces. (default: :obj:`0`)
    """
    plain: nx.Graph = nx.Graph()
    plain.add_nodes_from(graph)
    plain.add_edges_from((a, b) for a, b in graph.edges() if a != b)
    parts = sorted(nx.connected_components(plain), key=len, reverse=True)
    place = {node: i for i, node in enumerate(plain)}
    nodes = [sorted(part, key=place.__getitem__) for part in parts]
    points = [_component(plain, part, seed) for part in nodes]
    return {
        node: (float(x), float(y))
        for part, found in zip(nodes, _packed(points))
        for node, (x, y) in zip(part, found)
    }


def _packed(parts: List[np.ndarray]) -> List[np.ndarray]:
    # In rows of columns, the highest first, and single nodes in rows of their own.
    parts = [p - p.min(0) for p in parts]
    sizes = [(x + _RIGHT, y + _BELOW) for x, y in (p.max(0) for p in parts)]
    if parts and len(parts[0]) > _MAX_STRESS:  # Who looks at it sees little else.
        sizes[0] = (1.15 * sizes[0][0], 1.3 * sizes[0][1])
    most = max(1.3 * math.sqrt(sum(x * y for x, y in sizes)),
               max((x for x, _ in sizes), default=0.0))
    placed = [np.empty((0, 2))] * len(parts)
    left = width = 0.0  # Of the column.
    top = height = 0.0  # Of the row.
    used = 0.0  # In the column.
    single = False
    for i in sorted(range(len(parts)), key=lambda i:
                    (len(parts[i]) == 1, i > 0, -sizes[i][1], i)):
        w, h = sizes[i]
        begins = len(parts[i]) == 1 and not single
        single = len(parts[i]) == 1
        if begins or used + h > height or left + max(width, w) > most:
            left, width, used = left + width, 0.0, 0.0
            if begins or left + w > most:
                left, top, height = 0.0, top + height, h
            height = max(height, h)
        placed[i] = parts[i] + (left, top + used)
        used, width = used + h, max(width, w)
    return placed


def _component(graph: nx.Graph, part: List[Hashable], seed: int) -> np.ndarray:
    # Nodes of equal degree in the order of the graph, so that equal shapes are found.
    order = sorted(range(len(part)), key=lambda i: -graph.degree(part[i]))
    number = {part[i]: n for n, i in enumerate(order)}
    edges = tuple(
        sorted((min(number[a], number[b]), max(number[a], number[b])) for a in part
               for b in graph[a] if number[a] < number[b]))
    points = np.empty((len(part), 2))
    points[order] = _points(len(part), edges, seed)
    return points


@lru_cache(maxsize=256)
def _points(number: int, edges: _Pairs, seed: int) -> np.ndarray:
    from scipy.spatial import cKDTree
    if number == 1:
        return np.zeros((1, 2))
    random = np.random.default_rng(seed)
    pairs = np.array(edges)
    points = (_stressed if number <= _MAX_STRESS else _repelled)(number, pairs, random)
    # Smaller where edges are long and there is room.
    length = np.linalg.norm(points[pairs[:, 0]] - points[pairs[:, 1]], axis=1)
    nearest = cKDTree(points).query(points, 2)[0][:, 1]
    shrink = max(1.7 / np.median(length), 1 / max(np.median(nearest), 1e-9))
    points = _spread(points * min(1.0, shrink))
    # The longer side lies flat, for names are read from left to right.
    _, axes = np.linalg.eigh(np.cov(points.T))
    return (points - points.mean(0)) @ axes[:, ::-1]


def _lengths(number: int, pairs: np.ndarray) -> 'csr_array':
    # Edges of a node that has many are longer, or their ends would not have room.
    from scipy.sparse import coo_array
    degree = np.bincount(pairs.ravel(), minlength=number)
    lengths = 1 + 0.15 * np.sqrt(degree[pairs].sum(1) - 2)
    # Indices of 32 bits: older versions of scipy take no others here.
    places = pairs.T.astype(np.int32)
    return coo_array((lengths, places), shape=(number, number)).tocsr()


def _stressed(number: int, pairs: np.ndarray,
              random: np.random.Generator) -> np.ndarray:
    from scipy.sparse.csgraph import dijkstra
    distance = 1.3 * dijkstra(_lengths(number, pairs), directed=False)
    np.fill_diagonal(distance, 1)
    weight = distance**-2
    np.fill_diagonal(weight, 0)
    inverse = np.linalg.pinv(np.diag(weight.sum(1)) - weight)
    points = _scaled(distance.T, random)
    for _ in range(60):  # Each step lowers the stress (majorization).
        between = np.linalg.norm(points[:, None] - points, axis=-1)
        ratio = weight * distance / np.maximum(between, 1e-9)
        points = inverse @ (np.diag(ratio.sum(1)) - ratio) @ points
    return points


def _scaled(distance: np.ndarray, random: np.random.Generator) -> np.ndarray:
    # Multidimensional scaling of the distances [n, pivots] to some of the nodes.
    square = distance**2
    centred = square - square.mean(0) - square.mean(1, keepdims=True) + square.mean()
    values, vectors = np.linalg.eigh(centred.T @ centred)
    points = centred @ vectors[:, -2:]
    points *= distance.mean() / max(np.abs(points).max(), 1e-9)
    return points + 0.1 * random.standard_normal(points.shape)


def _repelled(number: int, pairs: np.ndarray,
              random: np.random.Generator) -> np.ndarray:
    from scipy.sparse.csgraph import dijkstra
    lengths = _lengths(number, pairs)
    # From nodes that are far from one another; the first has the most neighbours.
    distance = dijkstra(lengths, directed=False, indices=[0])
    while len(distance) < 20:
        far = int(distance.min(0).argmax())
        row = dijkstra(lengths, directed=False, indices=[far])
        distance = np.concatenate([distance, row])
    points = _scaled(distance.T, random)
    points *= math.sqrt(number) / max(np.abs(points).max(), 1e-9)
    degree = np.bincount(pairs.ravel(), minlength=number)
    mass = np.sqrt(degree)
    force = _Repulsion(number)
    for step in range(_STEPS):
        heat = 0.15 * math.sqrt(number) * (1 - step / _STEPS)**2 + 0.02
        move = force(points, mass)
        pull = points[pairs[:, 1]] - points[pairs[:, 0]]
        pull *= np.linalg.norm(pull, axis=1, keepdims=True)
        for side, sign in ((0, 1), (1, -1)):
            for axis in range(2):
                move[:,
                     axis] += sign * np.bincount(pairs[:, side], pull[:, axis], number)
        length = np.linalg.norm(move, axis=1, keepdims=True)
        points = points + move / np.maximum(length, 1e-9) * np.minimum(length, heat)
    return points


class _Repulsion:
    r"""The force 1 / distance between all pairs of points, from their masses on a
    grid."""
    def __init__(self, number: int) -> None:
        self.size = min(512, max(32, 2**math.ceil(math.log2(2 * math.sqrt(number)))))
        steps = np.fft.fftfreq(2 * self.size, 1 / (2 * self.size))
        x, y = np.meshgrid(steps, steps, indexing='ij')
        square = x**2 + y**2 + 0.5
        self.kernel = np.fft.rfft2(np.stack([x / square, y / square]))

    def __call__(self, points: np.ndarray, mass: np.ndarray) -> np.ndarray:
        low = points.min(0)
        cell = max((points - low).max() / (self.size - 2), 1e-9)
        at = (points - low) / cell
        first = np.floor(at).astype(int)
        part = at - first
        corners = [(first + (i, j),
                    np.abs(1 - i - part[:, 0]) * np.abs(1 - j - part[:, 1]))
                   for i in (0, 1) for j in (0, 1)]
        grid = np.zeros((2 * self.size, 2 * self.size))
        for place, share in corners:
            np.add.at(grid, (place[:, 0], place[:, 1]), share * mass)
        field = np.fft.irfft2(np.fft.rfft2(grid) * self.kernel, grid.shape)
        found = sum(share * field[:, place[:, 0], place[:, 1]]
                    for place, share in corners)
        return (mass * found / cell).T


def _spread(points: np.ndarray) -> np.ndarray:
    # Pushes nodes apart that lie on one another.
    from scipy.spatial import cKDTree
    neighbours = min(len(points), 9)
    for _ in range(60):
        distance, other = cKDTree(points).query(points, neighbours)
        missing = np.maximum(_APART - distance[:, 1:], 0)  # Without itself.
        if missing.max() < 0.05 * _APART:
            break
        away = points[:, None] - points[other[:, 1:]]
        # Nodes at one place have no direction: each pair is given one.
        turn = 2.4 * (np.arange(len(points))[:, None] + other[:, 1:])
        sign = np.sign(np.arange(len(points))[:, None] - other[:, 1:])
        chance = np.stack([sign * np.cos(turn), sign * np.sin(turn)], -1)
        length = distance[:, 1:, None]
        way = np.where(length > 1e-6, away / np.maximum(length, 1e-6), chance)
        points = points + 0.4 * (missing[..., None] * way).sum(1)
    return points
