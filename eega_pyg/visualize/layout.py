r"""Where the nodes of a large graph are drawn."""
import math
from typing import Dict, Hashable, Tuple

import networkx as nx
import numpy as np

Point = Tuple[float, float]


def packed_layout(graph: nx.Graph, seed: int = 0) -> Dict[Hashable, Point]:
    r"""Places the nodes: each connected component by forces, the components in a
    spiral of rings, the largest in the middle. Neighbouring nodes of a component are
    about one unit apart.

    Knowledge graphs of short texts fall into hundreds of components, which forces alone
    would drive apart or into each other.

    Args:
        graph (networkx.Graph): The graph; directions do not matter.
        seed (int, optional): Seed of the forces. (default: :obj:`0`)
    """
    parts = [graph.subgraph(c) for c in nx.connected_components(nx.Graph(graph))]
    parts.sort(key=len, reverse=True)
    placed: Dict[Hashable, Point] = {}
    discs = np.empty((0, 3))  # Middle and radius of what is placed.
    angle, previous = 0.0, 0.0
    for part in parts:
        radius = 0.75 * math.sqrt(len(part)) + 0.35
        # Where a disc of this size found no room, the next finds none either.
        angle = angle if radius == previous else 0.0
        previous = radius
        while True:
            x, y = _on_spiral(angle)
            if (np.hypot(discs[:, 0] - x, discs[:, 1] - y)
                    >= discs[:, 2] + radius).all():
                break
            angle += 0.4 / max(0.35 * angle, 0.5)
        discs = np.vstack([discs, (x, y, radius)])
        for node, point in _component(part, radius - 0.5, seed).items():
            placed[node] = (x + point[0], y + point[1])
    return placed


def _on_spiral(angle: float) -> Point:
    return 0.49 * angle * math.cos(angle), 0.35 * angle * math.sin(angle)


def _component(part: nx.Graph, radius: float, seed: int) -> Dict[Hashable, Point]:
    nodes = list(part)
    if len(nodes) == 1:
        return {nodes[0]: (0.0, 0.0)}
    place: Dict[Hashable, np.ndarray]
    if len(nodes) <= 60:
        place = nx.kamada_kawai_layout(nx.Graph(part))
    else:
        place = nx.spring_layout(nx.Graph(part), k=2 / math.sqrt(len(nodes)),
                                 iterations=30, seed=seed)
    points = np.array([place[n] for n in nodes])
    points -= points.mean(0)
    points *= radius / np.linalg.norm(points, axis=1).max()
    return {n: (float(x), float(y)) for n, (x, y) in zip(nodes, points)}
