r"""Tasks and exports of Label Studio."""
from collections import Counter
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Tuple

from pydantic import Field
from typing_extensions import Annotated, TypedDict

from eega_pyg.schema import Name, Text, located, short, split_fields, validated

from .annotated import AnnotatedText
from .held import FIELDS
from .json_array import read_array
from .label_studio_regions import Regions
from .label_studio_tasks import image_path, write
from .native import read_other_fields

HOLDS = FIELDS | {
    'relations', 'lone', 'bare', 'empty', 'overlaps', 'blanks', 'spacing', 'words',
    'boxes', 'probabilities', 'directed'
}
__all__ = ['HOLDS', 'read', 'write']

_Words = Annotated[List[Name], Field(min_length=1)]


class _Made(TypedDict):
    result: List[Dict[str, Any]]


def read(path: Path, left_out: 'Counter[str]') -> Iterator[AnnotatedText]:
    r"""Yields the texts of an export in JSON, or of a file of tasks to be imported.

    Of an exported task, the annotation that is the ground truth counts, or else the
    one that was changed last; those that were cancelled never do, and a task without
    any other is left out. A task without a list of annotations is one to be imported,
    of which the last prediction counts, with the scores of its regions and relations
    as probabilities.

    The path of an image is what the page asks for among its local files; URLs stay.
    A region of the text is an entity, and a region of the image that a relation joins
    to it is its box.
    """
    for i, value in enumerate(read_array(path)):
        with located(place := f'{path}: task {i}'):
            task = validated(Dict[str, Any], value)
            if 'id' in task:
                place += f" (id {short(task['id'])})"
            if 'data' not in task:
                raise ValueError("missing 'data' (in the format JSON-MIN, which has no "
                                 "relations, it is: export as JSON)")
        with located(place):
            chosen = _chosen(task, left_out)
            if chosen is not None:
                results, probable = chosen
                yield _text(task, results, probable, place, left_out)


def _chosen(task: Dict[str, Any],
            left_out: 'Counter[str]') -> Optional[Tuple[List[Dict[str, Any]], bool]]:
    r"""The results that count, and whether their scores do; :obj:`None` if there are
    none."""
    own = task.keys() - {'data', 'annotations', 'predictions', 'drafts', 'meta'}
    left_out['tasks with numbers and dates of Label Studio'] += bool(own)
    left_out["tasks with a 'meta'"] += bool(task.get('meta'))
    if 'annotations' not in task:
        made = validated(List[_Made], task.get('predictions') or [], 'predictions')
        left_out['earlier predictions of a task'] += max(len(made) - 1, 0)
        return (made[-1]['result'] if made else []), True
    left_out['tasks with drafts'] += bool(task.get('drafts'))
    given = validated(List[Dict[str, Any]], task['annotations'], 'annotations')
    valid = [(i, a) for i, a in enumerate(given) if not a.get('was_cancelled')]
    left_out['annotations that were cancelled'] += len(given) - len(valid)
    if not valid:
        left_out['tasks that nobody has annotated'] += 1
        return None
    left_out['further annotations of a task'] += len(valid) - 1
    i, last = max(
        valid, key=lambda pair: (bool(pair[1].get('ground_truth')),
                                 str(pair[1].get('updated_at') or ''), pair[0]))
    return validated(_Made, last, f'annotations[{i}]')['result'], False


def _text(task: Dict[str, Any], results: List[Dict[str, Any]], probable: bool,
          place: str, left_out: 'Counter[str]') -> AnnotatedText:
    data = validated(Dict[str, Any], task['data'], 'data')
    key = _text_key(data)
    text = validated(Text, data[key], f'data.{key}')
    known, metadata = split_fields({
        k: v
        for k, v in data.items() if k != key
    }, ('words', *FIELDS))
    found = Regions(text, probable, left_out)
    for i, result in enumerate(results):
        with located(where := f'result[{i}]'):
            found.add(result, where)
    entities, relations = found.parts()
    if isinstance(known.get('image'), str):
        known['image'] = image_path(known['image'])
    words = known.get('words')
    if words is not None:
        words = tuple(validated(_Words, words, 'words'))
        starts, ends = map(set, zip(*AnnotatedText(text, words=words).offsets))
        if any(e.start not in starts or e.end not in ends for e in entities):
            left_out['words of texts in which an entity cuts one'] += 1
            words = None
    return AnnotatedText(text, entities, relations, words, metadata=metadata,
                         place=place, **read_other_fields(known))


def _text_key(data: Dict[str, Any]) -> str:
    if 'text' in data:
        return 'text'
    names = [name for name, value in data.items() if isinstance(value, str)]
    if len(names) != 1:
        raise ValueError(f"data: no field 'text', and not one string alone (fields: "
                         f"{short(', '.join(data))[1:-1]}): rename the field of the "
                         f"text to 'text'")
    return names[0]
