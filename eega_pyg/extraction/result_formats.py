r"""Results as JSON and as tables for a spreadsheet."""
import re
from dataclasses import replace
from itertools import count
from typing import (
    Any,
    Dict,
    Iterable,
    Iterator,
    List,
    Mapping,
    Optional,
    Sequence,
    TextIO,
    Tuple,
)

from eega_pyg.extraction.certainty import Rated
from eega_pyg.formats.label_studio_tasks import to_task
from eega_pyg.formats.native import from_dict
from eega_pyg.formats.rows import RowWriter
from eega_pyg.json_yaml import json_text

#: The endings of files of results, and their forms.
FORMATS = {
    '.jsonl': 'jsonl',
    '.ndjson': 'jsonl',
    '.json': 'json',
    '.csv': 'csv',
    '.tsv': 'tsv'
}

_FIRST = ('text_number', )
_LAST = ('text', 'image_id', 'head', 'head_type', 'relation', 'tail', 'tail_type',
         'probability', 'directed', 'head_start', 'head_end', 'tail_start', 'tail_end',
         'head_box', 'tail_box')


def write_values(results: Iterable[Rated], file: TextIO, form: str,
                 metadata: Sequence[str] = (),
                 numbers: Optional[Sequence[int]] = None) -> None:
    r"""Writes results one by one, each as soon as it comes.

    ``jsonl`` is an object a line, ``json`` a list of the same objects, and
    ``label-studio`` a list of tasks with predictions. ``csv`` and
    ``tsv`` have a row for each relation, one for each entity that is in no relation
    (as the head, with its own probability), and one with the text alone where nothing
    was found; so no text is without a row. A box is four fractions of the image with
    blanks between them.

    Args:
        results (iterable of Rated): The results.
        file (TextIO): Where they go.
        form (str): One of the values of :obj:`FORMATS`, or ``label-studio``.
        metadata (sequence of str, optional): The fields of the metadata that have a
            column in a table. (default: none)
        numbers (sequence of int, optional): The ``text_number`` of each in a table.
            (default: their places, from 1 on)
    """
    if form in ('csv', 'tsv'):
        writer = RowWriter(file, 'excel-tab' if form == 'tsv' else 'excel')
        taken = {*_FIRST, *_LAST}
        writer.writerow([
            *_FIRST, *(f'metadata_{x}' if x in taken else x for x in metadata), *_LAST
        ])
        for number, (result, _) in zip(numbers or count(1), results):
            known = result.get('metadata', {})
            cells = [number, *(_cell(known.get(name)) for name in metadata)]
            for row in _rows(result):
                writer.writerow([
                    *cells, result['text'], result['image_id'],
                    *(row.get(name, '') for name in _LAST[2:])
                ])
            file.flush()
        return
    separator = '[\n'
    for result, certainty in results:
        value = _task(result, certainty) if form == 'label-studio' else result
        line = json_text(value)
        file.write(line + '\n' if form == 'jsonl' else separator + line)
        file.flush()
        separator = ',\n'
    if form != 'jsonl':
        file.write('[]\n' if separator == '[\n' else '\n]\n')


def _task(result: Mapping[str, Any], certainty: float) -> Dict[str, Any]:
    text = from_dict(result)
    if text.scene_graph is not None and not text.scene_graph.objects:
        text = replace(text, scene_graph=None)
    return to_task(text, certainty)


def lone_entities(result: Mapping[str, Any]) -> List[Dict[str, Any]]:
    r"""The entities of a result that are in none of its relations."""
    related = {(q[side]['start'], q[side]['end'])
               for q in result['quintuples']
               for side in ('head', 'tail')}
    return [e for e in result['entities'] if (e['start'], e['end']) not in related]


def in_one_line(name: str) -> str:
    r"""A name without the ends of lines that it goes over: it is the same name."""
    return re.sub(r'\s*[\r\n]\s*', ' ', name)


def metadata_names(values: Iterable[Mapping[str, Any]]) -> List[str]:
    r"""The names of all fields of metadata, in the order in which they come."""
    return list(dict.fromkeys(str(name) for value in values for name in value))


def _rows(result: Mapping[str, Any]) -> Iterator[Dict[str, Any]]:
    boxes = {(e['start'], e['end']): e.get('box', ()) for e in result['entities']}
    for q in result['quintuples']:
        yield {
            'relation': q['relation'],
            'probability': _share(q['probability']),
            'directed': 'yes' if q['directed'] else 'no',
            **_side('head', q['head'], boxes),
            **_side('tail', q['tail'], boxes)
        }
    for entity in lone_entities(result):
        yield {
            **_side('head', entity, boxes), 'probability': _share(entity['probability'])
        }
    if not result['entities'] and not result['quintuples']:
        yield {}


def _side(name: str, entity: Mapping[str, Any],
          boxes: Mapping[Tuple[int, int], Sequence[float]]) -> Dict[str, Any]:
    box = boxes.get((entity['start'], entity['end']), ())
    return {
        name: in_one_line(entity['text']),
        f'{name}_type': entity['type'],
        f'{name}_start': entity['start'],
        f'{name}_end': entity['end'],
        f'{name}_box': ' '.join(f'{x:.4f}' for x in box)
    }


def _share(probability: Any) -> str:
    return '' if probability is None else f'{probability:.4f}'


def _cell(value: Any) -> str:
    if value is None or isinstance(value, str):
        return value or ''
    return json_text(value)
