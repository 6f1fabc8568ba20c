import random
import time
import unicodedata
from collections import Counter
from dataclasses import asdict

import networkx as nx
import pytest

from eega_pyg.knowledge_graph import KnowledgeGraph, normalized_name
from eega_pyg.knowledge_graph.merging import same_entities

NAMES = [
    'Jay', '#jay', 'JAY', 'Jason', 'J.', 'Acme', 'Acme Inc', 'O’Neil', "O'Neil",
    'O\u200b\'Neil', 'C++', 'C#', 'C', 'Paris', '\u2066PARIS\u2069'
]
RELATIONS = ['alternate_names', 'couple', 'member_of', 'peer']
LINKS = {'Jay': 'Q1', 'Jason': 'Q2', 'Paris': 'Q90', 'Acme': 'acme', 'Acme Inc': 'acme'}


def random_results(rng, make):
    r"""Results in which texts come twice with different content, and what the model
    does not know the direction of stands in either."""
    results = []
    for i in range(rng.randint(3, 9)):
        names = rng.choices(NAMES, k=rng.randint(2, 4))
        text = f"{' and '.join(names)} {i}"
        for _ in range(rng.choice([1, 1, 2, 3])):
            entities = [(n, rng.choice(['per', 'per',
                                        'org']), rng.choice([0.3, 0.6, 1.0]))
                        for n in names]
            pairs = [(a, b) for a in range(len(names)) for b in range(len(names))
                     if a != b]
            value = make(text, entities,
                         [(a, rng.choice(RELATIONS), b, rng.choice([0.2, 0.5, 0.9]))
                          for a, b in rng.sample(pairs, rng.randint(0, len(pairs)))],
                         rng.choice(['', 'a.jpg']))
            for quintuple in value['quintuples']:
                quintuple['directed'] = rng.random() < 0.5
            if rng.random() < 0.3:
                value['entities'][0]['objects'] = [{
                    'label': rng.choice('xyz'),
                    'strength': 0.5
                }]
            if rng.random() < 0.5:
                value['metadata'] = {'number': rng.randint(0, 9)}
            results.append(value)
    return results


def content(graph):
    r"""All that a graph holds, with sentences in the place of their numbers."""
    def named(value):
        if isinstance(value, dict):
            return {
                k: asdict(graph.sentences[v]) if k == 'sentence' else named(v)
                for k, v in value.items()
            }
        if isinstance(value, (list, tuple)):
            return sorted((named(v) for v in value), key=repr)
        return value

    return ([named(asdict(n)) for n in graph.nodes.values()],
            [(r.head, r.relation, r.tail, r.count, r.best, r.mean, named(asdict(r)))
             for r in graph.relations])


@pytest.mark.parametrize('merge_names', [False, True])
@pytest.mark.parametrize('linker', [None, lambda name, *_: LINKS.get(name)])
def test_a_graph_does_not_depend_on_the_order_of_results(make, linker, merge_names):
    rng = random.Random(0)
    for _ in range(20):
        results = random_results(rng, make)
        options = {
            'linker': linker,
            'merge_names': merge_names,
            'min_probability': rng.choice([0.0, 0.4])
        }
        expected = content(KnowledgeGraph.from_results(results, **options))
        for _ in range(6):
            rng.shuffle(results)
            for result in results:
                rng.shuffle(result['entities'])
                rng.shuffle(result['quintuples'])
            again = [*results, rng.choice(results)]
            assert content(KnowledgeGraph.from_results(again, **options)) == expected


def test_results_of_one_text_are_read_together(make):
    people = [('Ann', 'per', 0.5), ('Bob', 'per', 0.5), ('Cy', 'per', 0.5)]
    text = 'Ann Bob Cy'
    graph = KnowledgeGraph.from_results([
        make(text, people[:2], [(0, 'peer', 1, 0.4)]),
        make(text, [('Ann', 'per', 0.9), *people[1:]], [(1, 'peer', 0, 0.6),
                                                        (1, 'parent', 2, 0.7)])
    ])
    assert [(r.head, r.relation, r.tail, r.count, r.best)
            for r in graph.relations] == [('per:ann', 'peer', 'per:bob', 1, 0.6),
                                          ('per:bob', 'parent', 'per:cy', 1, 0.7)]
    assert graph.nodes['per:ann'].probabilities == [0.9]


def stated(pairs):
    r"""How often two ids are joined, and with which probability at best."""
    found = {}
    for a, b, p in pairs:
        found.setdefault((min(a, b), max(a, b)), []).append(p)
    return {pair: (len(some), max(some)) for pair, some in found.items()}


def test_names_join_what_networkx_calls_connected():
    rng = random.Random(1)
    for _ in range(50):
        links = [f'{rng.choice("ab")}{i}' for i in range(12)]
        types = {link: link[0] for link in links}
        pairs = [(*rng.sample(links, 2), 0.5) for _ in range(10)]
        found = same_entities(types, Counter(rng.choices(links, k=99)), stated(pairs))
        graph = nx.Graph()
        graph.add_nodes_from(links)
        graph.add_edges_from((a, b) for a, b, _ in pairs if types[a] == types[b])
        for part in nx.connected_components(graph):
            assert len({found[link] for link in part}) == 1
        assert len(set(found.values())) == nx.number_connected_components(graph)


def test_two_ids_of_wikidata_stay_apart_at_the_name_that_is_stated_least():
    types = {'Q1': 'per', 'per:x': 'per', 'Q2': 'per'}
    pairs = [('Q1', 'per:x', 0.9), ('per:x', 'Q2', 0.5), ('Q2', 'per:x', 0.5)]
    for order in (pairs, pairs[::-1]):
        found = same_entities(types, dict.fromkeys(types, 1), stated(order))
        assert found == {'Q1': 'Q1', 'per:x': 'Q2', 'Q2': 'Q2'}


def seconds(function, *args):
    def once():
        start = time.process_time()
        function(*args)
        return time.process_time() - start

    return min(once() for _ in range(3))


@pytest.mark.slow
def test_four_times_the_names_of_one_hub_take_about_four_times_as_long():
    def join(number):
        pairs = [('hub', f'n{i}', 1.0) for i in range(number)]
        links = ['hub', *(f'n{i}' for i in range(number))]
        same_entities(dict.fromkeys(links, 'per'), dict.fromkeys(links, 1),
                      stated(pairs))

    # Quadratic would be sixteen times as long; memory makes it more than four.
    assert seconds(join, 40_000) < 12 * seconds(join, 10_000)


@pytest.mark.parametrize(
    'name', ['a' + '\u0301\u0323' * 40_000, '#' * 80_000 + 'a', 'a' + '!' * 80_000])
def test_a_name_of_thousands_of_marks_takes_no_time(name):
    assert seconds(normalized_name, name) < 1
    assert normalized_name(name)[0] in ('a', '\u1ea1')


@pytest.mark.parametrize('name', ['Å', 'ﬁ', 'ǅ', 'ß', 'İ', 'ſ', '①', '㎏', 'ᾳ', 'ή'])
def test_forms_of_unicode_are_one_name(name):
    forms = {
        normalized_name(unicodedata.normalize(form, case))
        for form in ('NFC', 'NFD', 'NFKC', 'NFKD')
        for case in (name, name.casefold())
    }
    assert len(forms) == 1


def test_metadata_reach_the_sentence_in_any_order(make):
    first, second = ({
        **make('Ann', [('Ann', 'per', 1.0)]), 'metadata': {
            'id': i
        }
    } for i in ('a', 'b'))
    for results in ([first, second], [second, first]):
        sentence, = KnowledgeGraph.from_results(results).sentences
        assert sentence.metadata == {'id': 'a'}


@pytest.mark.parametrize('value', ['\ud800', {'\ud800': 1}, [['\udc80']]])
def test_metadata_that_no_file_can_hold_is_named(make, value):
    result = {**make('Ann', [('Ann', 'per', 1.0)]), 'metadata': {'x': value}}
    with pytest.raises(ValueError, match='Result 0: metadata: expected what JSON'):
        KnowledgeGraph.from_results([result])
