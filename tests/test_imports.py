r"""Imports between the rooms of the package run one way."""
import ast
from functools import cache
from pathlib import Path
from typing import Dict, Iterator, List, Set, Tuple

import networkx as nx
import pytest

PACKAGE = Path(__file__).parents[1] / 'eega_pyg'
#: The rooms from the bottom up; what stands together may know each other.
FLOORS = (
    ('schema', 'files', 'json_yaml', 'identity', 'function_identity', 'resolve',
     'device', 'network_file', 'ot'),
    ('tagging', 'config', 'parsing', 'nn'),
    ('transforms', 'formats', 'scoring'),
    ('vision', 'saving'),
    ('datasets', 'extraction'),
    ('training', 'visualize', 'bulk'),
    ('knowledge_graph', ),
    ('serving', ),
    ('cli', '__main__'),
)
#: Belong to no floor: the package itself, how it loads lazily, and its old names.
OUTSIDE = {'eega_pyg', 'eega_pyg._lazy', 'eega_pyg._moved'}


def modules() -> Dict[str, Path]:
    found = {}
    for path in PACKAGE.rglob('*.py'):
        parts = path.relative_to(PACKAGE.parent).with_suffix('').parts
        found['.'.join(p for p in parts if p != '__init__')] = path
    return found


MODULES = modules()


def imported(name: str, path: Path) -> Iterator[str]:
    r"""The modules of ours that a module names anywhere, in functions and for type
    checkers too."""
    package = name if path.name == '__init__.py' else name.rpartition('.')[0]
    for node in ast.walk(ast.parse(path.read_text(encoding='utf-8'))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in MODULES)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ''
            if node.level:
                above = package.split('.')[:len(package.split('.')) - node.level + 1]
                base = '.'.join([*above, *([node.module] if node.module else [])])
            for alias in node.names:
                inner = f'{base}.{alias.name}'
                if inner in MODULES:
                    yield inner
                elif base in MODULES:
                    yield base


@cache
def edges() -> List[Tuple[str, str]]:
    return [(name, other) for name, path in MODULES.items() if name not in OUTSIDE
            for other in imported(name, path) if other not in OUTSIDE]


def floor(module: str) -> int:
    room = module.split('.')[1]
    return next(i for i, rooms in enumerate(FLOORS) if room in rooms)


def is_ancestor(package: str, module: str) -> bool:
    return module.startswith(package + '.')


def test_every_module_stands_on_a_floor() -> None:
    known = {room for rooms in FLOORS for room in rooms}
    assert {m.split('.')[1] for m in MODULES if m not in OUTSIDE} == known


def test_no_module_imports_from_a_floor_above() -> None:
    upward = [(a, b) for a, b in edges() if floor(b) > floor(a)]
    assert upward == []


def test_no_modules_import_each_other() -> None:
    # A package and its own modules are one: it offers what they define.
    graph = nx.DiGraph((a, b) for a, b in edges() if not is_ancestor(a, b))
    circles = [sorted(c) for c in nx.strongly_connected_components(graph) if len(c) > 1]
    assert circles == []


def test_no_rooms_import_each_other() -> None:
    rooms = nx.DiGraph()
    for a, b in edges():
        if a.split('.')[1] != b.split('.')[1]:
            rooms.add_edge(a.split('.')[1], b.split('.')[1])
    assert [sorted(c) for c in nx.strongly_connected_components(rooms)
            if len(c) > 1] == []


@pytest.mark.parametrize('room', ['ot', 'nn.conv'])
def test_reusable_rooms_know_the_schema_at_most(room: str) -> None:
    inside = f'eega_pyg.{room}'
    others: Set[str] = {
        b
        for a, b in edges()
        if (a + '.').startswith(inside + '.') and not (b + '.').startswith(inside + '.')
    }
    assert others <= {'eega_pyg.schema'}


def test_few_modules_stand_outside_of_the_rooms() -> None:
    assert len({p.name
                for p in PACKAGE.glob('*.py')} - {'__init__.py', '_moved.py'}) <= 10
