r"""From results to nodes and relations."""
import unicodedata
from collections import Counter
from dataclasses import replace
from typing import (
    AbstractSet,
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

from eega_pyg.extraction.result import Result

from .checks import box, characters, field, share
from .linking import Linker, normalized_name, wikidata_id
from .records import Evidence, Mention, Node, Relation, SeenObject, Sentence

_Span = Tuple[int, int, str]  # First and one-past-last character, and the type.


class _Claim(NamedTuple):
    head: str
    relation: str
    tail: str
    directed: bool
    evidence: Evidence


class Builder:
    r"""Collects results and merges what they name.

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
        r"""Adds a result; one of a sentence and image that are there is left out.

        Raises:
            ValueError: Naming the field, if a mapping is not what
                :meth:`Result.to_dict` gives.
        """
        value = result.to_dict() if isinstance(result, Result) else result
        text = field(value, '', 'text', str)
        image = value.get('image_id', '')
        if not isinstance(image, str):
            raise ValueError(f"image_id: expected a string (got {image!r})")
        sentence = Sentence(text, clean(image))
        if sentence in self.sentences:
            return
        index = len(self.sentences)
        ids: Dict[_Span, str] = {}
        found: Dict[_Span, Mention] = {}
        for i, item in enumerate(field(value, '', 'entities', list)):
            where = f'entities[{i}].'
            start, end, kind = _span(item, where, text)
            name = clean(text[start:end]) or '\ufffd'
            ids[start, end, kind] = self._link(name, kind, text)
            found[start, end, kind] = Mention(index, start, end, name,
                                              share(item, where, 'probability'),
                                              _seen(item, where))
        related: Set[_Span] = set()
        for i, item in enumerate(field(value, '', 'quintuples', list)):
            related.update(self._claim(item, f'quintuples[{i}].', text, index, ids))
        for span, mention in found.items():
            if mention.probability >= self.min_probability or span in related:
                self.types.setdefault(ids[span], []).append(span[2])
                self.mentions.setdefault(ids[span], []).append(mention)
        self.sentences[sentence] = index

    def _claim(self, item: Any, where: str, text: str, index: int,
               ids: Dict[_Span, str]) -> List[_Span]:
        r"""Keeps a relation if it is probable enough, and returns the entities it is
        then about."""
        spans: List[_Span] = []
        for side in ('head', 'tail'):
            span = _span(field(item, where, side, Mapping), f'{where}{side}.', text)
            if span not in ids:
                raise ValueError(f"{where}{side}: is not among the entities")
            spans.append(span)
        head, tail = spans
        relation = _name(item, where, 'relation')
        directed = item.get('directed', True)
        if not isinstance(directed, bool):
            raise ValueError(f"{where}directed: expected true or false (got "
                             f"{directed!r})")
        directed = directed and relation not in self.symmetric
        evidence = Evidence(index, head[:2], tail[:2], share(item, where,
                                                             'probability'))
        if evidence.probability < self.min_probability:
            return []
        self.claims.append(_Claim(ids[head], relation, ids[tail], directed, evidence))
        return spans

    def _link(self, name: str, kind: str, text: str) -> str:
        link = self.linker(name, kind, text) if self.linker is not None else None
        if link is None:
            return f'{kind}:{normalized_name(name)}'
        if not isinstance(link, str) or not clean(link):
            raise ValueError(
                f"Expected an id or None from the linker (got {link!r} for "
                f"'{name}')")
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
        # What has a direction comes first, so that the rest can join it.
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
        # Where each id goes: to itself, or to the most frequent of its other names.
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
                    # A known identity, then more mentions, then the earlier wins.
                    first, second = sorted(
                        (a, b), key=lambda k:
                        (wikidata_id(k) is None, -len(self.mentions[k])))
                    if wikidata_id(first) is None or wikidata_id(second) is None:
                        group[second] = first
        return {link: root(link) for link in self.mentions}


def clean(name: str) -> str:
    r"""A name without line breaks, control characters and the like, which not all of
    the formats can hold."""
    kept = ''.join(' ' if unicodedata.category(c) in ('Cc', 'Cs') else c for c in name
                   if c not in '\ufffe\uffff')
    return ' '.join(kept.split())


def _span(item: Any, where: str, text: str) -> _Span:
    start, end = (field(item, where, name, int) for name in ('start', 'end'))
    return *characters(start, end, f'{where}start', len(text)), _name(
        item, where, 'type')


def _name(item: Any, where: str, name: str) -> str:
    found = clean(field(item, where, name, str))
    if not found:
        raise ValueError(f"{where}{name}: expected a name (got {item[name]!r})")
    return found


def _seen(item: Any, where: str) -> Optional[SeenObject]:
    if not item.get('objects'):
        return None
    seen, *_ = field(item, where, 'objects', list)  # The first is the strongest.
    where = f'{where}objects[0].'
    return SeenObject(clean(field(seen, where, 'label', str)),
                      share(seen, where, 'strength'), box(seen.get('box'), where))
