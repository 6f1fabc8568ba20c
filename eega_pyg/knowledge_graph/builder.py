r"""From results to nodes and relations."""
import json
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import (
    AbstractSet,
    Annotated,
    Any,
    Dict,
    Iterable,
    Iterator,
    List,
    Mapping,
    NamedTuple,
    Optional,
    Sequence,
    Set,
    Tuple,
    Union,
)

from pydantic import AfterValidator, Field

from eega_pyg.extraction.result import Result
from eega_pyg.schema import Flag, Index, Name, Share, Text, short, validated

from .linking import Linker, normalized_name, wikidata_id
from .merging import same_entities
from .records import (
    Characters,
    Evidence,
    Label,
    Mention,
    Node,
    Relation,
    SeenObject,
    Sentence,
    check_span,
    clean,
)

_Key = Tuple[int, int, str]  # First and one-past-last character, and the type.

_Kind = Annotated[Name, AfterValidator(clean), Field(min_length=1)]


# What a result holds for a graph; all else in its line is ignored.
@dataclass(frozen=True)
class _Span:
    start: Index
    end: Index
    type: _Kind

    @property
    def key(self) -> _Key:
        return self.start, self.end, self.type


@dataclass(frozen=True)
class _Entity(_Span):
    probability: Share
    objects: Optional[List[SeenObject]] = None


@dataclass(frozen=True)
class _Quintuple:
    head: _Span
    relation: _Kind
    tail: _Span
    probability: Share
    directed: Flag = True


@dataclass(frozen=True)
class _Found:
    text: Text
    entities: List[_Entity]
    quintuples: List[_Quintuple]
    image_id: Label = ''
    metadata: Dict[str, Any] = field(default_factory=dict)


_Triple = Tuple[str, str, str]  # The id of the head, the relation, that of the tail.


class _Reading(NamedTuple):
    # What all results of one sentence say together, so that none of them comes first.
    mentions: Dict[_Key, Tuple[str, Mention]]  # With the id of the entity.
    relations: Dict[Tuple[_Key, str, _Key, bool], float]
    metadata: List[str]


class _Claim(NamedTuple):
    head: str
    relation: str
    tail: str
    directed: bool
    evidence: Evidence


class Builder:
    r"""Collects results and merges what is the same entity or relation. What comes of
    it, but for the numbers of the sentences, does not depend on their order.

    Args:
        linker, merge_names, min_probability, symmetric, names_relation: As of
            :meth:`~eega_pyg.knowledge_graph.KnowledgeGraph.from_results`.
    """
    def __init__(self, linker: Optional[Linker], merge_names: bool,
                 min_probability: float, symmetric: AbstractSet[str],
                 names_relation: str) -> None:
        self.linker = linker
        self.merge_names = merge_names
        self.min_probability = min_probability
        self.symmetric = symmetric
        self.names_relation = names_relation
        self.readings: Dict[Sentence, _Reading] = {}

    def add(self, result: Union[Result, Mapping[str, Any]]) -> None:
        r"""Adds a result. Of a mention or relation that another result of the same
        sentence and image holds, too, the higher probability counts.

        Raises:
            ValueError: Naming the field, if a mapping is not what
                :meth:`Result.to_dict` gives.
        """
        value = result.to_dict() if isinstance(result, Result) else result
        if isinstance(value, Mapping):  # Pydantic reads nothing but dicts.
            value = dict(value)
        found: _Found = validated(_Found, value)
        text = found.text
        reading = self.readings.setdefault(Sentence(text, found.image_id),
                                           _Reading({}, {}, []))
        mentions, relations, _ = reading
        if found.metadata:
            reading.metadata.append(_checked(found.metadata))
        here: Set[_Key] = set()
        for i, item in enumerate(found.entities):
            check_span(item.start, item.end, text, f'entities[{i}].start')
            name = clean(text[item.start:item.end]) or '\ufffd'
            # The first object is the one that it is aligned with most.
            seen = item.objects[0] if item.objects else None
            mention = Mention(0, item.start, item.end, name, item.probability, seen)
            here.add(item.key)
            if item.key not in mentions:
                mentions[item.key] = self._link(name, item.type, text), mention
            else:
                link, other = mentions[item.key]
                mentions[item.key] = link, max(other, mention, key=_certainty)
        for i, quintuple in enumerate(found.quintuples):
            for side, span in (('head', quintuple.head), ('tail', quintuple.tail)):
                if span.key not in here:
                    raise ValueError(f"quintuples[{i}].{side}: is not among the "
                                     f"entities")
            key = (quintuple.head.key, quintuple.relation, quintuple.tail.key,
                   quintuple.directed and quintuple.relation not in self.symmetric)
            relations[key] = max(quintuple.probability, relations.get(key, 0.0))

    def _link(self, name: str, kind: str, text: str) -> str:
        link = self.linker(name, kind, text) if self.linker is not None else None
        if link is None:
            return f'{kind}:{normalized_name(name)}'
        if not isinstance(link, str) or not clean(link):
            raise ValueError(f"Expected an id or None from the linker (got "
                             f"{short(link)} for {short(name)})")
        return clean(link)

    def build(self) -> Tuple[Tuple[Sentence, ...], Dict[str, Node], List[Relation]]:
        r"""The sentences, the nodes by their ids, and the relations, both in the order
        of the ids."""
        mentions: Dict[str, List[Mention]] = {}
        types: Dict[str, List[str]] = {}
        claims: List[_Claim] = []
        for index, reading in enumerate(self.readings.values()):
            related: Set[_Key] = set()
            for (head, relation, tail, directed), p in reading.relations.items():
                if p >= self.min_probability:
                    related |= {head, tail}
                    claims.append(
                        _Claim(reading.mentions[head][0], relation,
                               reading.mentions[tail][0], directed,
                               Evidence(index, head[:2], tail[:2], p)))
            for key, (link, mention) in reading.mentions.items():
                if mention.probability >= self.min_probability or key in related:
                    types.setdefault(link, []).append(key[2])
                    mentions.setdefault(link,
                                        []).append(replace(mention, sentence=index))
        same = {link: link for link in mentions}
        if self.merge_names:
            names = [c for c in claims if c.relation == self.names_relation]
            same = same_entities({
                link: _most(kinds)
                for link, kinds in types.items()
            }, {
                link: len(found)
                for link, found in mentions.items()
            }, [(c.head, c.tail, c.evidence.probability) for c in names])
        return (tuple(_sentences(self.readings)), _nodes(mentions, types, same),
                _relations(claims, same))


def _sentences(readings: Mapping[Sentence, _Reading]) -> Iterator[Sentence]:
    for sentence, reading in readings.items():
        # Of several results, the metadata that come first by their letters.
        metadata = json.loads(min(reading.metadata, default='{}'))
        yield replace(sentence, metadata=metadata)


def _nodes(mentions: Mapping[str, List[Mention]], types: Mapping[str, List[str]],
           same: Mapping[str, str]) -> Dict[str, Node]:
    # A linker may give one id to two types at one place, which are one mention then.
    found: Dict[str, Dict[Tuple[int, int, int], Mention]] = {}
    kinds: Dict[str, List[str]] = {}
    for link in mentions:
        kinds.setdefault(same[link], []).extend(types[link])
        places = found.setdefault(same[link], {})
        for m in mentions[link]:
            place = (m.sentence, m.start, m.end)
            places[place] = max(places.get(place, m), m, key=_certainty)
    nodes = {}
    for link, places in sorted(found.items()):
        ordered = tuple(places[place] for place in sorted(places))
        nodes[link] = Node(link, _most(m.name for m in ordered), _most(kinds[link]),
                           ordered, wikidata_id(link))
    return nodes


def _relations(claims: Sequence[_Claim], same: Mapping[str, str]) -> List[Relation]:
    merged: Dict[_Triple, Dict[Tuple[int, Characters, Characters], float]] = {}
    directed: Dict[_Triple, bool] = {}
    # Directed claims come first, so that undirected ones can join them.
    for claim in sorted(claims, key=lambda c: not c.directed):
        key = (same[claim.head], claim.relation, same[claim.tail])
        if key[0] == key[2]:
            continue
        place = (claim.evidence.sentence, claim.evidence.head, claim.evidence.tail)
        there, back = (directed.get(k, False) for k in (key, key[::-1]))
        if not claim.directed and not there and (back or key[0] > key[2]):
            key, place = key[::-1], (place[0], place[2], place[1])
        directed[key] = directed.get(key, False) or claim.directed
        places = merged.setdefault(key, {})
        places[place] = max(claim.evidence.probability, places.get(place, 0.0))
    return [
        Relation(*key, tuple(Evidence(*place, p)
                             for place, p in sorted(found.items())), directed[key])
        for key, found in sorted(merged.items())
    ]


def _checked(metadata: Dict[str, Any]) -> str:
    try:
        text = json.dumps(metadata, ensure_ascii=False, sort_keys=True, default=str)
        text.encode('utf-8')
    except (ValueError, TypeError, RecursionError) as e:
        raise ValueError(
            f"metadata: expected what JSON can hold (got {short(metadata)}: "
            f"{short(str(e))})") from None
    return text


def _most(names: Iterable[str]) -> str:
    # The most frequent one, and of equally frequent ones the first of the alphabet.
    count = Counter(names)
    return min(count, key=lambda name: (-count[name], name))


def _certainty(mention: Mention) -> Tuple[float, bool, str]:
    return mention.probability, mention.object is not None, repr(mention)
