r"""From results to nodes and relations."""
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import (
    AbstractSet,
    Annotated,
    Any,
    Dict,
    List,
    Mapping,
    NamedTuple,
    Optional,
    Set,
    Tuple,
    Union,
)

from pydantic import AfterValidator, Field

from eega_pyg.extraction.result import Result
from eega_pyg.schema import Flag, Index, Name, Share, Text, short, validated

from .linking import Linker, normalized_name, wikidata_id
from .records import (
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


class _Claim(NamedTuple):
    head: str
    relation: str
    tail: str
    directed: bool
    evidence: Evidence


class Builder:
    r"""Collects results and merges what is the same entity or relation.

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
        self.sentences: Dict[Sentence, int] = {}
        self.mentions: Dict[str, List[Mention]] = {}
        self.types: Dict[str, List[str]] = {}
        self.claims: List[_Claim] = []

    def add(self, result: Union[Result, Mapping[str, Any]]) -> None:
        r"""Adds a result, unless there is one of the same sentence and image already.

        Raises:
            ValueError: Naming the field, if a mapping is not what
                :meth:`Result.to_dict` gives.
        """
        value = result.to_dict() if isinstance(result, Result) else result
        if isinstance(value, Mapping):  # Pydantic reads nothing but dicts.
            value = dict(value)
        found: _Found = validated(_Found, value)
        text = found.text
        sentence = Sentence(text, found.image_id, found.metadata)
        if sentence in self.sentences:
            return
        index = len(self.sentences)
        ids: Dict[_Key, str] = {}
        mentions: Dict[_Key, Mention] = {}
        for i, item in enumerate(found.entities):
            check_span(item.start, item.end, text, f'entities[{i}].start')
            name = clean(text[item.start:item.end]) or '\ufffd'
            ids[item.key] = self._link(name, item.type, text)
            # The first object is the one that it is aligned with most.
            seen = item.objects[0] if item.objects else None
            mentions[item.key] = Mention(index, item.start, item.end, name,
                                         item.probability, seen)
        related: Set[_Key] = set()
        for i, quintuple in enumerate(found.quintuples):
            for side, span in (('head', quintuple.head), ('tail', quintuple.tail)):
                if span.key not in ids:
                    raise ValueError(f"quintuples[{i}].{side}: is not among the "
                                     f"entities")
            if quintuple.probability >= self.min_probability:
                related |= {quintuple.head.key, quintuple.tail.key}
                self._claim(quintuple, index, ids)
        for key, mention in mentions.items():
            if mention.probability >= self.min_probability or key in related:
                self.types.setdefault(ids[key], []).append(key[2])
                self.mentions.setdefault(ids[key], []).append(mention)
        self.sentences[sentence] = index

    def _claim(self, item: _Quintuple, index: int, ids: Dict[_Key, str]) -> None:
        head, tail = item.head.key, item.tail.key
        directed = item.directed and item.relation not in self.symmetric
        self.claims.append(
            _Claim(ids[head], item.relation, ids[tail], directed,
                   Evidence(index, head[:2], tail[:2], item.probability)))

    def _link(self, name: str, kind: str, text: str) -> str:
        link = self.linker(name, kind, text) if self.linker is not None else None
        if link is None:
            return f'{kind}:{normalized_name(name)}'
        if not isinstance(link, str) or not clean(link):
            raise ValueError(f"Expected an id or None from the linker (got "
                             f"{short(link)} for '{name}')")
        return clean(link)

    def build(self) -> Tuple[Tuple[Sentence, ...], Dict[str, Node], List[Relation]]:
        r"""The sentences, the nodes by their ids, and the relations."""
        same = self._same()
        mentions: Dict[str, List[Mention]] = {}
        types: Dict[str, List[str]] = {}
        for link in self.mentions:
            mentions.setdefault(same[link], []).extend(self.mentions[link])
            types.setdefault(same[link], []).extend(self.types[link])
        nodes = {}
        for link, found in mentions.items():
            found.sort(key=lambda m: (m.sentence, m.start))
            name = Counter(m.name for m in found).most_common(1)[0][0]
            nodes[link] = Node(link, name,
                               Counter(types[link]).most_common(1)[0][0], tuple(found),
                               wikidata_id(link))
        return tuple(self.sentences), nodes, self._relations(same)

    def _relations(self, same: Mapping[str, str]) -> List[Relation]:
        merged: Dict[Tuple[str, str, str], List[Evidence]] = {}
        directed: Dict[Tuple[str, str, str], bool] = {}
        # Directed claims come first, so that undirected ones can join them.
        for claim in sorted(self.claims, key=lambda c: not c.directed):
            key = (same[claim.head], claim.relation, same[claim.tail])
            evidence = claim.evidence
            if key[0] == key[2]:
                continue
            if not claim.directed and key[::-1] in merged:
                key = key[::-1]
                evidence = replace(evidence, head=evidence.tail, tail=evidence.head)
            merged.setdefault(key, []).append(evidence)
            directed[key] = directed.get(key, False) or claim.directed
        return [
            Relation(*key, tuple(sorted(e, key=lambda e: (e.sentence, e.head, e.tail))),
                     directed[key]) for key, e in merged.items()
        ]

    def _same(self) -> Dict[str, str]:
        # The id that each id is merged into: itself, or the most frequent of its names.
        group = {link: link for link in self.mentions}

        def root(link: str) -> str:
            while group[link] != link:
                group[link] = group[group[link]]
                link = group[link]
            return link

        def type_of(link: str) -> str:
            return Counter(self.types[link]).most_common(1)[0][0]

        for claim in self.claims if self.merge_names else ():
            if claim.relation == self.names_relation:
                a, b = root(claim.head), root(claim.tail)
                if type_of(a) == type_of(b):
                    # The one with a Wikidata id is kept, else the one with more
                    # mentions, else the earlier one.
                    first, second = sorted(
                        (a, b), key=lambda k:
                        (wikidata_id(k) is None, -len(self.mentions[k])))
                    if wikidata_id(first) is None or wikidata_id(second) is None:
                        group[second] = first
        return {link: root(link) for link in self.mentions}
