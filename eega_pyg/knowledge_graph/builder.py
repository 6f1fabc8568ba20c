r"""From results to nodes and relations."""
import json
from collections import Counter
from dataclasses import replace
from typing import (
    AbstractSet,
    Any,
    Dict,
    Iterable,
    Iterator,
    List,
    Mapping,
    NamedTuple,
    Optional,
    Set,
    Tuple,
    Union,
)

from eega_pyg.extraction.result import Result
from eega_pyg.schema import Share, validated

from .linking import Linker, wikidata_id
from .merging import same_entities
from .reading import Reading, certainty, read_result
from .readings import Readings, SortedReadings
from .records import Characters, Evidence, Mention, Node, Relation, Sentence
from .tally import Place, Tally

_Triple = Tuple[str, str, str]  # The id of the head, the relation, that of the tail.


class _Claim(NamedTuple):
    head: str
    relation: str
    tail: str
    directed: bool
    place: Tuple[Characters, Characters]
    probability: float

    @property
    def triple(self) -> _Triple:
        return self.head, self.relation, self.tail


class _Survey:
    # What must be known of all sentences before any of them can be merged. It grows
    # with the graph.
    def __init__(self) -> None:
        self.types: Dict[str, Counter] = {}
        self.names: Dict[Tuple[str, str], Tuple[int, float]] = {}
        self.directed: Set[_Triple] = set()


class Builder:
    r"""Collects results and merges what is the same entity or relation. What comes of
    it, but for the numbers of the sentences, does not depend on their order; if
    :obj:`streamed`, neither do the numbers.

    Args:
        linker, merge_names, min_probability, symmetric, names_relation, streamed,
            max_mentions: As of
            :meth:`~eega_pyg.knowledge_graph.KnowledgeGraph.from_results`.
    """
    def __init__(self, linker: Optional[Linker], merge_names: bool,
                 min_probability: float, symmetric: AbstractSet[str],
                 names_relation: str, streamed: bool = False,
                 max_mentions: Optional[int] = None) -> None:
        if max_mentions is not None and max_mentions < 1:
            raise ValueError(f"Expected max_mentions >= 1 (got {max_mentions})")
        validated(Share, min_probability, 'min_probability')
        self.linker = linker
        self.merge_names = merge_names
        self.min_probability = min_probability
        self.symmetric = symmetric
        self.names_relation = names_relation
        self.max_mentions = max_mentions
        self.readings = SortedReadings() if streamed else Readings()

    def add(self, result: Union[Result, Mapping[str, Any]]) -> None:
        r"""Adds a result. Of a mention or relation that another result of the same
        sentence and image holds, too, the higher probability counts.

        Raises:
            ValueError: Naming the field, if a mapping is not what
                :meth:`Result.to_dict` gives.
        """
        self.readings.add(*read_result(result, self.linker, self.symmetric))

    def build(self) -> Tuple[Tuple[Sentence, ...], Dict[str, Node], List[Relation]]:
        r"""The sentences, the nodes by their ids, and the relations, both in the order
        of the ids."""
        survey = _Survey()
        for _, reading in self.readings:
            self._survey(reading, survey)
        same = {link: link for link in survey.types}
        if self.merge_names:
            same = same_entities(
                {
                    link: _most(kinds)
                    for link, kinds in survey.types.items()
                }, {
                    link: kinds.total()
                    for link, kinds in survey.types.items()
                }, survey.names)
        directed = {(same[head], relation, same[tail])
                    for head, relation, tail in survey.directed}
        nodes: Dict[str, Tally] = {}
        relations: Dict[_Triple, Tally] = {}
        sentences: Dict[int, Sentence] = {}
        for position, (sentence, reading) in enumerate(self.readings):
            sentence = replace(sentence, metadata=json.loads(reading.metadata or '{}'))
            if self.max_mentions is None:
                sentences[position] = sentence
            mentions, claims = self._kept(reading)
            for link, found in _mentions(mentions, same).items():
                tally = nodes.setdefault(link, Tally(self.max_mentions))
                for mention in found:
                    tally.add(position, sentence, (mention.start, mention.end),
                              mention.probability, mention, mention.name)
            for triple, places in _evidence(claims, same, directed).items():
                tally = relations.setdefault(triple, Tally(self.max_mentions))
                for place, p in places.items():
                    tally.add(position, sentence, place, p, p)
        kinds: Dict[str, Counter] = {}
        for link, types in survey.types.items():
            kinds.setdefault(same[link], Counter()).update(types)
        return _numbered(sentences, nodes, kinds, relations, directed)

    def _kept(self,
              reading: Reading) -> Tuple[List[Tuple[str, str, Mention]], List[_Claim]]:
        r"""The mentions of a reading that are probable enough, each behind its entity
        and its type, and the relations."""
        claims = [
            _Claim(reading.mentions[head][0], relation, reading.mentions[tail][0],
                   directed, (head[:2], tail[:2]), p)
            for (head, relation, tail, directed), p in reading.relations.items()
            if p >= self.min_probability
        ]
        related = {
            key
            for (head, _, tail, _), p in reading.relations.items()
            if p >= self.min_probability for key in (head, tail)
        }
        return [(link, key[2], mention)
                for key, (link, mention) in reading.mentions.items()
                if mention.probability >= self.min_probability or key in related
                ], claims

    def _survey(self, reading: Reading, survey: _Survey) -> None:
        mentions, claims = self._kept(reading)
        for link, kind, _ in mentions:
            survey.types.setdefault(link, Counter())[kind] += 1
        for claim in claims:
            if claim.directed:
                survey.directed.add(claim.triple)
            if claim.relation == self.names_relation:
                pair = min(claim.head, claim.tail), max(claim.head, claim.tail)
                count, best = survey.names.get(pair, (0, 0.0))
                survey.names[pair] = count + 1, max(best, claim.probability)


def _mentions(mentions: Iterable[Tuple[str, str, Mention]],
              same: Mapping[str, str]) -> Dict[str, List[Mention]]:
    # A linker may give one id to two types at one place, which are one mention then.
    found: Dict[str, Dict[Tuple[int, int], Mention]] = {}
    for link, _, m in mentions:
        places = found.setdefault(same[link], {})
        place = m.start, m.end
        places[place] = max(places.get(place, m), m, key=certainty)
    return {link: list(places.values()) for link, places in found.items()}


def _evidence(
    claims: Iterable[_Claim], same: Mapping[str, str], directed: AbstractSet[_Triple]
) -> Dict[_Triple, Dict[Tuple[Characters, Characters], float]]:
    merged: Dict[_Triple, Dict[Tuple[Characters, Characters], float]] = {}
    for claim in claims:
        key = (same[claim.head], claim.relation, same[claim.tail])
        place = claim.place
        if key[0] == key[2]:
            continue
        # An undirected one joins the directed ones, whichever way they go.
        if not claim.directed and key not in directed and (key[::-1] in directed
                                                           or key[0] > key[2]):
            key, place = key[::-1], place[::-1]
        places = merged.setdefault(key, {})
        places[place] = max(claim.probability, places.get(place, 0.0))
    return merged


def _numbered(
    sentences: Dict[int, Sentence], nodes: Mapping[str, Tally], kinds: Mapping[str,
                                                                               Counter],
    relations: Mapping[_Triple, Tally], directed: AbstractSet[_Triple]
) -> Tuple[Tuple[Sentence, ...], Dict[str, Node], List[Relation]]:
    r"""The graph, whose sentences are those given and those of any place."""
    named = {link: nodes[link].places() for link in sorted(nodes)}
    stated = {triple: relations[triple].places() for triple in sorted(relations)}
    for place in _places(named, stated):
        sentences[place.position] = place.sentence
    number = {position: i for i, position in enumerate(sorted(sentences))}
    return (tuple(sentences[position] for position in number), {
        link:
        Node(link, _most(nodes[link].names), _most(kinds[link]),
             tuple(replace(p.value, sentence=number[p.position]) for p in places),
             wikidata_id(link), nodes[link].total())
        for link, places in named.items()
    }, [
        Relation(
            *triple,
            tuple(
                Evidence(number[p.position], p.characters[0], p.characters[1], p.value)
                for p in places), triple in directed, relations[triple].total())
        for triple, places in stated.items()
    ])


def _places(*found: Mapping[Any, List[Place]]) -> Iterator[Place]:
    for places in found:
        for some in places.values():
            yield from some


def _most(count: Mapping[str, int]) -> str:
    # The most frequent one, and of equally frequent ones the first of the alphabet.
    return min(count, key=lambda name: (-count[name], name))
