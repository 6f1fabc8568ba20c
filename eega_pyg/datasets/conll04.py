r"""News sentences of CoNLL04."""
from pathlib import Path
from typing import Dict, List, Tuple, Union

from eega_pyg.formats import AnnotatedText, spert, word_spans
from eega_pyg.schema import (
    UNSTATED,
    Annotation,
    Entity,
    Quintuple,
    TagSet,
    located,
    short,
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
    records = []
    for text in spert.read(Path(path)):
        with located(text.place):
            records.append(_record(text, names))
    if not records:
        raise ValueError(f"{path}: expected a length of at least 1 (got [])")
    return records


def _record(text: AnnotatedText, names: frozenset) -> Record:
    entities = []
    for span, e in zip(word_spans(text), text.entities):
        if e.type not in TYPES:
            raise ValueError(
                f"unknown type {short(e.type)} (known: {', '.join(TYPES)})")
        entities.append(Entity(*span, TYPES[e.type]))
    quintuples = []
    for r in text.relations:
        if r.type == _NOT_IN_JMERE:
            continue
        if r.type not in RELATIONS:
            raise ValueError(f"unknown relation {short(r.type)} (known: "
                             f"{', '.join([*RELATIONS, _NOT_IN_JMERE])})")
        head, tail = entities[r.head], entities[r.tail]
        relation, swapped = RELATIONS[r.type]
        if swapped:
            head, tail = tail, head
        quintuples.append(Quintuple(head, tail, relation))
    return Record(text.words or (), '', tuple(quintuples), text.text,
                  Annotation(tuple(entities), rest=UNSTATED, tags=names))
