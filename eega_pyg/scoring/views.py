r"""What is compared: the views of entities and relations."""
from typing import (
    Any,
    Dict,
    FrozenSet,
    Iterable,
    Iterator,
    NamedTuple,
    Protocol,
    Sequence,
    Set,
    Tuple,
    Union,
)

from eega_pyg.schema import Entity, Quintuple, Span


class Contents(Protocol):
    r"""Anything with entities and quintuples, *e.g.*, a :class:`Content` or an
    :class:`~eega_pyg.tagging.Extraction`."""
    @property
    def entities(self) -> Sequence[Entity]:
        ...

    @property
    def quintuples(self) -> Sequence[Quintuple]:
        ...


class Content(NamedTuple):
    r"""What stands in a text.

    Args:
        entities (sequence of Entity): All entities.
        quintuples (sequence of Quintuple): The relations between them.
        elsewhere (frozenset of Entity, optional): The entities that are said to be seen
            at another place than is given, see
            :func:`~eega_pyg.scoring.grounding.elsewhere`.
    """
    entities: Sequence[Entity]
    quintuples: Sequence[Quintuple]
    elsewhere: FrozenSet[Entity] = frozenset()

    @classmethod
    def of_quintuples(cls, quintuples: Sequence[Quintuple]) -> 'Content':
        r"""Quintuples and their entities, where no others are annotated."""
        return cls(list(_ends(quintuples)), quintuples)


#: A thing that is right or wrong: the one or two entities (or spans, where types do not
#: count) that it is about, and its name, a relation or a type. The name is empty where
#: it does not count.
Item = Tuple[Tuple[Union[Entity, Span], ...], str]


class _RelationView(NamedTuple):
    typed: bool
    directed: bool
    named: bool


class _EntityView(NamedTuple):
    typed: bool
    related: bool
    lone: bool


_RELATIONS: Dict[str, _RelationView] = {
    'quintuple': _RelationView(typed=True, directed=False, named=True),
    'directed': _RelationView(typed=True, directed=True, named=True),
    'triple': _RelationView(typed=False, directed=False, named=True),
    'directed_triple': _RelationView(typed=False, directed=True, named=True),
    'pair': _RelationView(typed=False, directed=False, named=False),
}
_ENTITIES: Dict[str, _EntityView] = {
    'entity': _EntityView(typed=True, related=True, lone=True),
    'quintuple_entity': _EntityView(typed=True, related=True, lone=False),
    'lone_entity': _EntityView(typed=True, related=False, lone=True),
    'span': _EntityView(typed=False, related=True, lone=True),
}

#: All views, see :func:`items`.
VIEWS = (*_RELATIONS, *_ENTITIES)
#: A further view, of texts whose entities have boxes on both sides.
GROUNDED = 'grounded_entity'
#: The views of relations; the others are of entities.
RELATION_VIEWS = tuple(_RELATIONS)


def items(view: str, content: Contents) -> Set[Item]:
    r"""The items of a text that a view compares.

    Let :math:`E` be the set of a text's entities, each a span :math:`s(e)` with a type,
    and :math:`Q \subset E \times E \times \mathcal{R}` that of its quintuples
    :math:`(h, t, r)` of head, tail and relation; let :math:`E_Q` be the entities of the
    quintuples. The items of a view are

    =================== ======================================== =====================
    view                items                                    also called
    =================== ======================================== =====================
    `quintuple`         :math:`\{(\{h, t\}, r)\}`                strict, undirected
    `directed`          :math:`\{(h, t, r)\}`                    strict
    `triple`            :math:`\{(\{s(h), s(t)\}, r)\}`          boundaries, undirected
    `directed_triple`   :math:`\{(s(h), s(t), r)\}`              boundaries
    `pair`              :math:`\{\{s(h), s(t)\}\}`               relation detection
    `entity`            :math:`E`                                strict NER
    `quintuple_entity`  :math:`E_Q`                              entities in relations
    `lone_entity`       :math:`E \setminus E_Q`                  entities outside
    `span`              :math:`\{s(e) : e \in E\}`               span detection
    =================== ======================================== =====================

    Spans are compared exactly. What is stated twice counts once.

    Where entities have boxes there is the view `grounded_entity`, too: the items of
    `entity`, of which a predicted one is right only if its box is, see
    :func:`~eega_pyg.scoring.grounding.elsewhere`.

    Args:
        view (str): One of :obj:`VIEWS`, or :obj:`GROUNDED`.
        content (Contents): What stands in the text, or is said to.

    Raises:
        ValueError: On an unknown view.
    """
    if view in _RELATIONS:
        return set(_relation_items(_RELATIONS[view], content.quintuples))
    if view == GROUNDED:
        wrong: FrozenSet[Entity] = getattr(content, 'elsewhere', frozenset())
        return {((_elsewhere(e) if e in wrong else e, ), e.type)
                for e in content.entities}
    if view not in _ENTITIES:
        raise ValueError(f"Expected a view of {', '.join((*VIEWS, GROUNDED))} (got "
                         f"'{view}')")
    typed, related, lone = _ENTITIES[view]
    in_relations = set(_ends(content.quintuples))
    chosen = set(content.entities) if lone else in_relations
    if not related:
        chosen -= in_relations
    return {((e, ), e.type) if typed else ((e.span, ), '') for e in chosen}


def undirected(quintuples: Sequence[Quintuple]) -> Set[Item]:
    r"""The quintuples without their directions."""
    return items('quintuple', Content((), quintuples))


def _elsewhere(entity: Entity) -> Entity:
    # Its type says to a reader what is wrong, and no given entity has such a type.
    return Entity(*entity.span, f'{entity.type}, another box')


def spans_of(item: Item) -> Tuple[Span, ...]:
    r"""The spans that an item is about, in the order of the text."""
    return tuple(sorted(e.span if isinstance(e, Entity) else e for e in item[0]))


def _ends(quintuples: Iterable[Quintuple]) -> Iterator[Entity]:
    return (e for q in quintuples for e in (q.head, q.tail))


def _relation_items(view: _RelationView,
                    quintuples: Iterable[Quintuple]) -> Iterator[Item]:
    for q in quintuples:
        ends: Tuple[Any, ...] = (q.head, q.tail)
        if not view.typed:
            ends = (q.head.span, q.tail.span)
        if not view.directed:
            ends = tuple(sorted(ends))
        yield ends, q.relation if view.named else ''
