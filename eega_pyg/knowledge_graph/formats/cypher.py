r"""Knowledge graphs as Cypher statements."""
import re
from pathlib import Path
from typing import Any, Dict, Iterator, Union

import networkx as nx

from eega_pyg.files import write_text

from .graphml import scalars

_ESCAPES = {'\\': '\\\\', "'": "\\'", '\n': '\\n', '\r': '\\r', '\t': '\\t'}


def write(graph: nx.MultiDiGraph, path: Union[str, Path]) -> None:
    r"""Writes one statement a line. Entities (label ``Entity``), images (label
    ``Image``) and relations are merged by their ids, so that running the file twice
    changes nothing. Lists and dicts are JSON. With many thousands of nodes, create an
    index on ``Entity(id)`` and ``Image(id)`` first, or it takes very long."""
    write_text(path, '\n'.join(statements(graph)) + '\n')


def statements(graph: nx.MultiDiGraph) -> Iterator[str]:
    r"""The statements: first the nodes, then the relations."""
    for node, attributes in graph.nodes(data=True):
        values = scalars({k: v for k, v in attributes.items() if k != 'kind'})
        yield (f"MERGE (n:{_label(attributes)} {{id: {literal(node)}}}) SET "
               f"{_assignments('n', values)};")
    for head, tail, attributes in graph.edges(data=True):
        relation = identifier(attributes['relation'])
        values = scalars({k: v for k, v in attributes.items() if k != 'relation'})
        yield (f"MATCH (h:{_label(graph.nodes[head])} {{id: {literal(head)}}}), "
               f"(t:{_label(graph.nodes[tail])} {{id: {literal(tail)}}}) "
               f"MERGE (h)-[r:{relation}]->(t) SET {_assignments('r', values)};")


def literal(value: Any) -> str:
    r"""A value in Cypher."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        return repr(value)
    return "'" + ''.join(_escape(c) for c in value) + "'"


def identifier(name: str) -> str:
    r"""A name in Cypher, in backticks unless it is a plain one."""
    if re.fullmatch(r'[A-Za-z_][A-Za-z0-9_]*', name):
        return name
    # Neo4j up to version 5 turns an escape into its character before anything else, and
    # that may be a backtick: it is given the escape of the backslash instead.
    name = re.sub(r'\\(?=u)', r'\\u005c', name)
    return '`' + name.replace('`', '``') + '`'


def _escape(char: str) -> str:
    if char in _ESCAPES:
        return _ESCAPES[char]
    # An escape has four digits; characters that would need more are not escaped.
    plain = char.isprintable() or ord(char) > 0xffff
    return char if plain else f'\\u{ord(char):04x}'


def _label(attributes: Dict[str, Any]) -> str:
    return 'Image' if attributes['kind'] == 'image' else 'Entity'


def _assignments(variable: str, values: Dict[str, Any]) -> str:
    return ', '.join(f'{variable}.{identifier(name)} = {literal(value)}'
                     for name, value in values.items())
