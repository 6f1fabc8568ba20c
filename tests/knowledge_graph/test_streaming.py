r"""Graphs of results that are read one by one."""
import gc
import random
import tracemalloc
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eega_pyg.knowledge_graph import KnowledgeGraph, builder
from eega_pyg.knowledge_graph.readings import SortedReadings

build = KnowledgeGraph.from_results
TEXTS = ['Ann Bob Cy', 'Bob and Ann', 'Cy\x00 & Ann', 'Ann Bob 🎉', 'Ann', 'Bob']


@st.composite
def results(draw, make):
    r"""Results of few texts and names, so that much of it is the same."""
    text = draw(st.sampled_from(TEXTS))
    names = [name for name in ('Ann', 'Bob', 'Cy') if name in text]
    p = st.sampled_from([0.1, 0.3, 0.3, 0.7, 1 / 3])
    entities = sorted(((name, draw(st.sampled_from(['per', 'org'])), draw(p))
                       for name in names), key=lambda e: text.index(e[0]))
    sides = st.integers(0, len(entities) - 1)
    quintuples = draw(
        st.lists(
            st.tuples(sides, st.sampled_from(['peer', 'of', 'alternate_names']), sides,
                      p), max_size=3))
    value = make(text, entities, quintuples, draw(st.sampled_from(['', 'a.jpg'])))
    for quintuple in value['quintuples']:
        quintuple['directed'] = draw(st.booleans())
    if draw(st.booleans()):
        value['metadata'] = {'id': draw(st.integers(0, 3))}
    return value


def linked(name, kind, text):
    return {'Ann': 'Q1', 'Bob': 'bob'}.get(name)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_neither_order_nor_partitions_change_a_graph(make, data):
    values = data.draw(st.lists(results(make), max_size=12))
    options = {
        'streamed': True,
        'max_mentions': data.draw(st.sampled_from([None, 1, 2, 3])),
        'merge_names': data.draw(st.booleans()),
        'linker': data.draw(st.sampled_from([None, linked])),
        'min_probability': data.draw(st.sampled_from([0.0, 0.3]))
    }
    expected = build(values, **options)
    mixed = data.draw(st.permutations(values))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(mixed)), max_size=4)))
    parts = [mixed[a:b] for a, b in zip([0, *cuts], [*cuts, len(mixed)])]
    found = build((v for part in reversed(parts) for v in part), **options)
    assert found == expected and list(found.nodes) == list(expected.nodes)
    assert [s.metadata
            for s in found.sentences] == [s.metadata for s in expected.sentences]


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_a_capped_graph_keeps_the_best_of_the_whole_one(make, data):
    values = data.draw(st.lists(results(make), min_size=1, max_size=12))
    most = data.draw(st.integers(1, 3))
    whole = build(values, streamed=True)
    capped = build(values, streamed=True, max_mentions=most)
    assert list(whole.nodes) == list(capped.nodes)

    def places(graph, found):
        texts = [(s.text, s.image_id) for s in graph.sentences]
        return [(*texts[f.sentence], repr(replace(f, sentence=0)), f.probability)
                for f in found]

    def check(one, other, kept, all):
        assert (one.count, one.best) == (other.count, other.best)
        exact = sum(map(Fraction, other.probabilities)) / other.count
        assert one.mean == pytest.approx(float(exact), rel=1e-15) and one.mean <= 1
        # A stable sort of what is in the order of texts, images and characters.
        best = sorted(places(whole, all), key=lambda p: -p[-1])[:most]
        assert sorted(places(capped, kept)) == sorted(best)
        assert (one.total is None) == (other.count <= most)

    for a, b in zip(capped.nodes.values(), whole.nodes.values()):
        assert (a.name, a.type, a.names) == (b.name, b.type, b.names)
        check(a, b, a.mentions, b.mentions)
    for r, s in zip(capped.relations, whole.relations):
        assert (r.head, r.relation, r.tail, r.directed) == (s.head, s.relation, s.tail,
                                                            s.directed)
        check(r, s, r.evidence, s.evidence)
    used = {m.sentence for n in capped.nodes.values() for m in n.mentions}
    used |= {e.sentence for r in capped.relations for e in r.evidence}
    assert used == set(range(len(capped.sentences)))


def test_a_capped_graph_is_written_and_read(make, tmp_path):
    people = [('Ann', 'per', 0.25), ('Bob', 'per', 0.5)]
    values = [make(f'Ann Bob {i}', people, [(0, 'of', 1, 0.1 * i)]) for i in range(5)]
    graph = build(values, max_mentions=2)
    assert [r.count for r in graph.relations] == [5]
    graph.write(tmp_path / 'graph.jsonl')
    assert KnowledgeGraph.load(tmp_path / 'graph.jsonl') == graph
    lines = (tmp_path / 'graph.jsonl').read_text().splitlines()
    assert lines[0] == '{"format": 2}'
    broken = [
        line.replace('"total": {"count": 5', '"total": {"count": 2') for line in lines
    ]
    (tmp_path / 'broken.jsonl').write_text('\n'.join(broken))
    with pytest.raises(ValueError, match=r'broken.jsonl:.*total.count: expected more'):
        KnowledgeGraph.load(tmp_path / 'broken.jsonl')
    build(values).write(tmp_path / 'whole.jsonl')
    assert (tmp_path / 'whole.jsonl').read_text().startswith('{"format": 1}\n')
    with pytest.raises(ValueError, match='max_mentions >= 1 .got 0'):
        build(values, max_mentions=0)


@pytest.mark.parametrize('pages', [3, 60])
def test_a_full_disk_says_where_readings_lie(make, monkeypatch, pages):
    class Small(SortedReadings):
        def __init__(self):
            super().__init__()
            self._data.execute(f'PRAGMA max_page_count = {pages}')

    monkeypatch.setattr(builder, 'SortedReadings', Small)
    values = (make(f'Ann {i} {"x" * 50}', [('Ann', 'per', 0.5)]) for i in range(500))
    with pytest.raises(OSError, match='set TMPDIR to a folder with more room') as e:
        build(values, streamed=True)
    assert 'eega-graph-' in e.value.filename


def peak(make, number):
    r"""The most bytes that are held while as many texts of ten entities are merged."""
    rng = random.Random(0)
    names = [f'N{i}' for i in range(10)]

    def values():
        for i in range(number):
            if i % 100 == 0:  # What waits to be collected is not held.
                gc.collect()
            a, b = rng.sample(names, 2)
            yield make(f'{a} {b} {i}', [(a, 'per', 1.0), (b, 'per', rng.random())],
                       [(0, 'of', 1, rng.random())])

    tracemalloc.start()
    try:
        graph = build(values(), streamed=True, max_mentions=3)
        assert sum(n.count for n in graph.nodes.values()) == 2 * number
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.slow
def test_memory_grows_with_the_graph_and_not_with_the_mentions(make):
    peak(make, 500)  # What is imported, compiled and cached only once.
    # With the mentions it would be eight times as much.
    assert peak(make, 4000) < 1.3 * peak(make, 500)
