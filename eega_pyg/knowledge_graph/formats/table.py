r"""Knowledge graphs as one table for a spreadsheet."""
from pathlib import Path
from typing import Dict, Tuple, Union

from eega_pyg.files import atomic
from eega_pyg.formats.rows import RowWriter

from ..excerpt import excerpt
from ..records import GraphData

_COLUMNS = ('head', 'head_type', 'relation', 'tail', 'tail_type', 'directed', 'count',
            'best', 'mean', 'sentence', 'image', 'head_box', 'tail_box', 'head_id',
            'tail_id')


def write(graph: GraphData, path: Union[str, Path]) -> None:
    r"""Writes a row for each relation, with the sentence that states it most probably
    (of a text of more than 1,000 characters, what is around), its image, the boxes in
    which head and tail are seen there (four fractions of the image) and the ids by
    which two entities of one name are told apart, and one for each entity without a
    relation, as the head. The encoding is UTF-8 with a mark at its beginning, by which
    spreadsheets know it."""
    with atomic(path) as temporary:
        with open(temporary, 'w', encoding='utf-8-sig', newline='') as file:
            rows = RowWriter(file)
            rows.writerow(_COLUMNS)
            lone, boxes = dict(graph.nodes), _boxes(graph)
            for r in graph.relations:
                head, tail = graph.nodes[r.head], graph.nodes[r.tail]
                lone.pop(r.head, None)
                lone.pop(r.tail, None)
                stated = max(r.evidence, key=lambda e: e.probability)
                rows.writerow([
                    head.name, head.type, r.relation, tail.name, tail.type,
                    'yes' if r.directed else 'no', r.count, f'{r.best:.4f}',
                    f'{r.mean:.4f}',
                    *_sentence(graph, stated.sentence, *stated.head, *stated.tail),
                    boxes.get((r.head, stated.sentence, *stated.head), ''),
                    boxes.get((r.tail, stated.sentence, *stated.tail),
                              ''), r.head, r.tail
                ])
            for node in lone.values():
                named = max(node.mentions, key=lambda m: m.probability)
                rows.writerow([
                    node.name, node.type, '', '', '', '', node.count,
                    f'{node.best:.4f}', f'{node.mean:.4f}',
                    *_sentence(graph, named.sentence, named.start, named.end),
                    boxes.get((node.id, named.sentence, named.start, named.end),
                              ''), '', node.id, ''
                ])


def _sentence(graph: GraphData, index: int, *places: int) -> Tuple[str, str]:
    sentence = graph.sentences[index]
    return excerpt(sentence.text, min(places), max(places)).text, sentence.image_id


def _boxes(graph: GraphData) -> Dict[Tuple[str, int, int, int], str]:
    r"""The box of each mention that is seen, by entity, sentence and characters."""
    return {
        (node.id, m.sentence, m.start, m.end): ' '.join(f'{x:.4f}'
                                                        for x in m.object.box)
        for node in graph.nodes.values()
        for m in node.mentions if m.object is not None and m.object.box is not None
    }
