r"""News sentences of CoNLL04."""
from pathlib import Path
from typing import Annotated, Any, Dict, List, Tuple, Union

from pydantic import Field
from typing_extensions import TypedDict

from eega_pyg.files import read_json
from eega_pyg.schema import (
    UNSTATED,
    Annotation,
    Entity,
    Index,
    Name,
    Quintuple,
    Span,
    TagSet,
    Text,
    located,
    short,
    validated,
)

from .record import Record

#: The types of CoNLL04 and their names in JMERE.
TYPES = {'Peop': 'per', 'Org': 'org', 'Loc': 'loc', 'Other': 'misc'}
#: The relations of CoNLL04, their names in JMERE, and whether head and tail change
#: places. JMERE has no relation for ``'Kill'``.
RELATIONS: Dict[str, Tuple[str, bool]] = {
    'Live_In': ('place_of_residence', False),
    'OrgBased_In': ('locate_at', False),
    'Work_For': ('member_of', False),
    'Located_In': ('contain', True),
}
_NOT_IN_JMERE = 'Kill'


class _Sentence(TypedDict):
    tokens: Annotated[List[Name], Field(min_length=1)]
    entities: List[Tuple[Index, Index, Text]]
    relations: List[Tuple[Index, Index, Index, Index, Text]]


def read_conll04(path: Union[str, Path], tags: TagSet) -> List[Record]:
    r"""Reads sentences of `"A Linear Programming Formulation for Global Inference in
    Natural Language Tasks" <https://aclanthology.org/W04-2401>`_ from a JSON list of
    ``{"tokens": [...], "entities": [[start, end, type], ...], "relations": [[head
    start, head end, tail start, tail end, type], ...]}`` with half-open spans.

    All entities are annotated, and four of JMERE's relations, see :obj:`RELATIONS`.
    Where one of JMERE's other relations holds is left open.

    Args:
        path (str or Path): The file.
        tags (TagSet): Types and relations. They must contain the names that
            :obj:`TYPES` and :obj:`RELATIONS` give.

    Raises:
        ValueError: Naming the file and the sentence (from 0) that is wrong, or the type
            or relation that is missing in :obj:`tags`; or if there is no sentence.
        OSError: If the file cannot be read.
    """
    names = frozenset(TYPES.values()) | {name for name, _ in RELATIONS.values()}
    if missing := sorted(names - set(tags.names)):
        raise ValueError(f"{path}: is annotated with '{missing[0]}', which is not "
                         f"among the types and relations")
    sentences = validated(Annotated[List[Any], Field(min_length=1)], read_json(path),
                          path)
    records = []
    for i, sentence in enumerate(sentences):
        with located(f'{path}: sentence {i}'):
            records.append(_record(validated(_Sentence, sentence), names))
    return records


def _record(sentence: _Sentence, names: frozenset) -> Record:
    words = tuple(sentence['tokens'])
    entities: Dict[Span, Entity] = {}
    for start, end, kind in sentence['entities']:
        if kind not in TYPES:
            raise ValueError(f"unknown type {short(kind)} (known: {', '.join(TYPES)})")
        if end > len(words):
            raise ValueError(f"the span [{start}, {end}) is not inside {len(words)} "
                             f"words")
        entities[start, end] = Entity(start, end, TYPES[kind])
    quintuples = []
    for *spans, name in sentence['relations']:
        if name == _NOT_IN_JMERE:
            continue
        if name not in RELATIONS:
            raise ValueError(f"unknown relation {short(name)} (known: "
                             f"{', '.join([*RELATIONS, _NOT_IN_JMERE])})")
        head, tail = (entities.get((a, z)) for a, z in (spans[:2], spans[2:]))
        if head is None or tail is None:
            raise ValueError(f"the relation {[*spans, name]} is not between entities")
        relation, swapped = RELATIONS[name]
        if swapped:
            head, tail = tail, head
        quintuples.append(Quintuple(head, tail, relation))
    return Record(words, '', tuple(quintuples), ' '.join(words),
                  Annotation(tuple(entities.values()), rest=UNSTATED, tags=names))
