import pytest

from eega_pyg.extraction.result import Result
from eega_pyg.knowledge_graph import KnowledgeGraph
from eega_pyg.schema import Entity, Quintuple, SceneGraph
from eega_pyg.tagging import Extraction

build = KnowledgeGraph.from_results


def test_names_of_one_type_are_one_entity(make):
    graph = build([
        make('Paris is nice', [('Paris', 'loc', 0.5)]),
        make('#PARIS and Paris Hilton in PARIS', [('#PARIS', 'loc', 0.9),
                                                  ('Paris Hilton', 'per', 1.0),
                                                  ('PARIS', 'loc', 0.7)]),
        make('Paris', [('Paris', 'per', 0.4)]),
    ])
    assert set(graph.nodes) == {'loc:paris', 'per:paris hilton', 'per:paris'}
    city = graph.nodes['loc:paris']
    assert (city.count, city.best, city.mean) == (3, 0.9, pytest.approx(0.7))
    assert city.names == {'Paris': 1, '#PARIS': 1, 'PARIS': 1}
    assert [(m.sentence, m.start, m.end) for m in city.mentions] == [(0, 0, 5),
                                                                     (1, 0, 6),
                                                                     (1, 27, 32)]


def test_relations_are_counted_with_their_evidence(make):
    people = [('Ann', 'per', 1.0), ('Rome', 'loc', 1.0)]
    graph = build([
        make('Ann of Rome', people, [(0, 'place_of_birth', 1, 0.4)], 'a.jpg'),
        make('Ann from Rome', people, [(0, 'place_of_birth', 1, 0.8)]),
        make('Ann and Rome', people, [(1, 'place_of_birth', 0, 0.5)]),
    ])
    back, there = graph.relations
    assert (there.head, there.tail, there.count) == ('per:ann', 'loc:rome', 2)
    assert (there.best, there.mean) == (0.8, pytest.approx(0.6))
    assert [graph.sentences[e.sentence].image_id
            for e in there.evidence] == ['a.jpg', '']
    assert there.evidence[0].tail == (7, 11)
    assert (back.head, back.count) == ('loc:rome', 1)


def test_a_symmetric_relation_is_one_whichever_side_stands_first(make):
    people = [('Ann', 'per', 1.0), ('Bob', 'per', 1.0)]
    results = [
        make('Ann loves Bob', people, [(0, 'couple', 1, 0.4)]),
        make('Ann & Bob', people, [(1, 'couple', 0, 0.5)]),
    ]
    (couple, ) = build(results).relations
    assert couple.count == 2 and not couple.directed
    assert len(build(results, symmetric=frozenset()).relations) == 2


def test_a_relation_without_direction_joins_one_that_has_it(make):
    people = [('Ann', 'per', 1.0), ('Acme', 'org', 1.0)]
    unsure = make('Ann + Acme', people, [(1, 'member_of', 0, 0.4)])
    unsure['quintuples'][0]['directed'] = False
    graph = build([unsure, make('Ann at Acme', people, [(0, 'member_of', 1, 0.5)])])
    (member, ) = graph.relations
    assert (member.head, member.directed, member.count) == ('per:ann', True, 2)


def test_a_text_with_its_image_counts_once(make):
    once = make('Ann', [('Ann', 'per', 1.0)], image='a.jpg')
    other = make('Ann', [('Ann', 'per', 1.0)], image='b.jpg')
    assert build([once, once, other]).nodes['per:ann'].count == 2


def test_a_linker_decides_and_may_know_nothing(make):
    asked = []

    def linker(name, kind, text):
        asked.append((name, kind, text))
        return {'NYC': 'Q60', 'New York': 'Q60', 'home': 'my-place'}.get(name)

    graph = build([
        make('NYC or New York ', [('NYC', 'loc', 1.0), ('New York', 'loc', 1.0)]),
        make('home in Rome', [('home', 'loc', 1.0), ('Rome', 'loc', 1.0)])
    ], linker)
    assert set(graph.nodes) == {'Q60', 'my-place', 'loc:rome'}
    assert graph.nodes['Q60'].wikidata == 'Q60'
    assert graph.nodes['my-place'].wikidata is None
    assert asked[0] == ('NYC', 'loc', 'NYC or New York ')
    with pytest.raises(ValueError, match='Result 0: Expected an id or None from the'):
        build([make('Ann', [('Ann', 'per', 1.0)])], lambda *args: 3)


def test_other_names_are_joined_when_asked(make):
    names = [('Jay', 'per', 1.0), ('Jason', 'per', 1.0), ('J Inc', 'org', 1.0)]
    results = [
        make('Jay alias Jason of J Inc', names, [(0, 'alternate_names', 1, 0.9),
                                                 (0, 'alternate_names', 2, 0.9),
                                                 (1, 'member_of', 2, 0.8)]),
        make('Jason J', [('Jason', 'per', 1.0), ('J', 'per', 1.0)],
             [(0, 'alternate_names', 1, 0.2)]),
    ]
    apart = build(results)
    assert len(apart.nodes) == 4 and len(apart.relations) == 4
    joined = build(results, merge_names=True, min_probability=0.5)
    assert set(joined.nodes) == {'per:jason', 'org:j inc', 'per:j'}
    jason = joined.nodes['per:jason']
    assert jason.name == 'Jason' and jason.names == {'Jay': 1, 'Jason': 2}
    assert [(r.head, r.relation, r.tail) for r in joined.relations
            if r.relation == 'member_of'] == [('per:jason', 'member_of', 'org:j inc')]
    linked = build(results, lambda name, *_: {'Jay': 'Q1'}.get(name), merge_names=True)
    assert 'Q1' in linked.nodes and 'per:jason' not in linked.nodes


def test_improbable_and_rare_relations_can_be_left_out(make):
    people = [('Ann', 'per', 1.0), ('Bob', 'per', 1.0)]
    results = [
        make('Ann Bob', people, [(0, 'peer', 1, 0.4), (0, 'parent', 1, 0.9)]),
        make('Ann, Bob', people, [(0, 'peer', 1, 0.4)])
    ]
    assert [r.relation
            for r in build(results, min_probability=0.5).relations] == ['parent']
    unsure = [('Ann', 'per', 0.4), ('Bob', 'per', 1.0), ('Cy', 'per', 0.4)]
    graph = build([make('Ann Bob Cy', unsure, [(0, 'parent', 1, 0.9)])],
                  min_probability=0.5)
    assert set(graph.nodes) == {'per:ann', 'per:bob'}
    assert [r.relation
            for r in build(results).filter(min_count=2).relations] == ['peer']
    assert build(results).filter(min_probability=0.95).nodes == {}


def test_a_filtered_graph_has_the_sentences_of_its_parts_alone(make):
    def told(text, *found):
        return make(text, [('Ann', 'per', 1.0), ('Bob', 'per', 1.0)], list(found))

    graph = build([
        told('Ann saw Bob', (0, 'peer', 1, 0.2)),
        told('Ann met Bob', (0, 'parent', 1, 0.9)),
        make('Cy slept', [('Cy', 'per', 1.0)]),
    ]).filter(min_probability=0.5)
    assert [s.text for s in graph.sentences] == ['Ann saw Bob', 'Ann met Bob']
    relation, = graph.relations
    texts = [graph.sentences[e.sentence].text for e in relation.evidence]
    assert texts == ['Ann met Bob']
    for node in graph.nodes.values():
        assert len(node.mentions) == 2
        for m in node.mentions:
            assert graph.sentences[m.sentence].text[m.start:m.end] == m.name


def test_what_is_no_probability_or_a_single_result_is_named(make):
    result = make('Ann loves Bob', [('Ann', 'per', 1.0)])
    wrong = 'min_probability: expected a number'
    with pytest.raises(ValueError, match=wrong):
        build([result], min_probability=7)
    with pytest.raises(ValueError, match=wrong):
        build([result]).filter(min_probability=-1)
    with pytest.raises(TypeError, match='a single one.: put it into a list'):
        build(result)


def test_results_and_their_dicts_give_the_same_graph():
    head, tail = Entity(0, 1, 'per', 0.5), Entity(2, 3, 'loc', 0.75)
    result = Result(
        'Ann of Rome', ((0, 3), (4, 6), (7, 11)),
        Extraction([head, tail], [Quintuple(head, tail, 'place_of_birth', 0.25)]),
        SceneGraph(), 'a.jpg')
    assert build([result]) == build([result.to_dict()])
    assert len(build([result]).relations) == 1


def test_evidence_is_turned_with_its_relation(make):
    entities = [('Ann', 'per', 1.0), ('Bob', 'per', 1.0)]
    graph = build([
        make('Ann meets Bob', entities, [(0, 'peer', 1, 0.5)]),
        make('Bob greets Ann', entities[::-1], [(0, 'peer', 1, 0.5)])
    ])
    relation, = graph.relations
    for e in relation.evidence:
        text = graph.sentences[e.sentence].text
        names = [text[slice(*side)] for side in (e.head, e.tail)]
        assert names == [graph.nodes[k].name for k in (relation.head, relation.tail)]


@pytest.mark.parametrize('change, message', [
    (lambda r: r.pop('text'), "Result 0: missing 'text'"),
    (lambda r: r.update(entities=3), 'entities: expected a list'),
    (lambda r: r['entities'][0].update(end=99), r'entities\[0\].start: expected 0 <='),
    (lambda r: r['entities'][0].update(type=''),
     r'entities\[0\].type: expected a non-empty string'),
    (lambda r: r['entities'][0].update(probability=2.0),
     r'entities\[0\].probability: expected a number <= 1 .got 2.0'),
    (lambda r: r['entities'][0].update(probability=10**400),
     r'entities\[0\].probability: expected a number .got 1000'),
    (lambda r: r['entities'][0].update(objects=5),
     r'entities\[0\].objects: expected a list'),
    (lambda r: r['entities'][0].update(objects=[{
        'label': 'man',
        'strength': 2
    }]), r'entities\[0\].objects\[0\].strength: expected a number <= 1 .got 2'),
    (lambda r: r['entities'][0].update(object=3, object_score=0.5),
     r'entities\[0\]: object: there is no object 3 in the scene graph .of 0.'),
    (lambda r: r['entities'][0].update(box=[1, 2]), r'entities\[0\].box'),
    (lambda r: r['quintuples'][0].update(directed='no'),
     r'quintuples\[0\].directed: expected true or false'),
    (lambda r: r['quintuples'][0].update(relation=''),
     r'quintuples\[0\].relation: expected a non-empty string'),
    (lambda r: r['entities'].pop(), r'quintuples\[0\].tail: is not among the entities'),
    (lambda r: r['quintuples'][0].pop('relation'),
     r"quintuples\[0\]: missing 'relation'"),
    (lambda r: r.update(quintuples=['x']), r'quintuples\[0\]: expected an object'),
])
def test_a_wrong_result_is_named(make, change, message):
    value = make('Ann of Rome', [('Ann', 'per', 1.0), ('Rome', 'loc', 1.0)],
                 [(0, 'of', 1, 0.5)])
    value['quintuples'][0]['tail'] = dict(value['entities'][1])
    change(value)
    with pytest.raises(ValueError, match=message):
        build([value])


def test_tables_count_what_the_graph_holds(odd):
    tables = odd.tables()
    assert list(tables.entities.index) == list(odd.nodes)
    assert list(tables.relations['count']) == [r.count for r in odd.relations]
    assert len(tables.mentions) == sum(n.count for n in odd.nodes.values())
    assert tables.mentions['strength'].dropna().tolist() == [0.6]
    assert tables.evidence['probability'].tolist() == [0.25, 1 / 3]
