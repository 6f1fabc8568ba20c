r"""Knowledge graphs as one table for a spreadsheet."""
import csv
from pathlib import Path
from typing import Union

from eega_pyg.files import atomic

from ..records import GraphData

_COLUMNS = ('head', 'head_type', 'relation', 'tail', 'tail_type', 'directed', 'count',
            'best', 'mean', 'sentence')


def write(graph: GraphData, path: Union[str, Path]) -> None:
    r"""Writes a row for each relation, with the sentence that states it most probably,
    and one for each entity without a relation, as the head. The encoding is UTF-8 with
    a mark at its beginning, by which spreadsheets know it."""
    with atomic(path) as temporary:
        with open(temporary, 'w', encoding='utf-8-sig', newline='') as file:
            rows = csv.writer(file, lineterminator='\n')
            rows.writerow(_COLUMNS)
            lone = dict(graph.nodes)
            for r in graph.relations:
                head, tail = graph.nodes[r.head], graph.nodes[r.tail]
                lone.pop(r.head, None)
                lone.pop(r.tail, None)
                stated = max(r.evidence, key=lambda e: e.probability)
                rows.writerow([
                    head.name, head.type, r.relation, tail.name, tail.type,
                    'yes' if r.directed else 'no', r.count, f'{r.best:.4f}',
                    f'{r.mean:.4f}', graph.sentences[stated.sentence].text
                ])
            for node in lone.values():
                named = max(node.mentions, key=lambda m: m.probability)
                rows.writerow([
                    node.name, node.type, '', '', '', '', node.count,
                    f'{node.best:.4f}', f'{node.mean:.4f}',
                    graph.sentences[named.sentence].text
                ])
