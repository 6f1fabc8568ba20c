import pytest
from hypothesis import given
from hypothesis import strategies as st

from eega_pyg.schema import (
    JMERE_TAGS,
    Entity,
    Quintuple,
    SceneGraph,
    SceneObject,
    ScenePredicate,
    TagSet,
)

scores = st.floats(0, 1)
names = st.text(min_size=1, max_size=8).filter(str.strip)


@st.composite
def scene_graphs(draw):
    size = draw(st.integers(0, 3))
    objects = []
    for _ in range(draw(st.integers(0, 5))):
        box = None
        if draw(st.booleans()):
            x, y = (sorted(draw(st.tuples(scores, scores))) for _ in range(2))
            box = (x[0], y[0], x[1], y[1])
        feature = draw(st.none() | st.tuples(*[st.floats(-9, 9)] * size))
        objects.append(SceneObject(draw(names), draw(scores), box, feature))
    predicates = []
    if objects:
        index = st.integers(0, len(objects) - 1)
        edge = st.builds(ScenePredicate, index, names, index, scores)
        predicates = draw(st.lists(edge, max_size=4))
    return SceneGraph(tuple(objects), tuple(predicates))


@given(scene_graphs())
def test_scene_graph_survives_json(graph):
    assert SceneGraph.from_json(graph.to_json()) == graph


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from([
            'objects', 'predicates', 'label', 'score', 'box', 'feature', 'subject',
            'object', 'predicate'
        ]), inner, max_size=4))


@given(json_values)
def test_any_other_json_is_a_value_error_or_a_graph(value):
    try:
        graph = SceneGraph.from_dict(value)
    except ValueError:
        return
    assert SceneGraph.from_dict(graph.to_dict()) == graph


@pytest.mark.parametrize('text, message', [
    ('{"objects": [', 'not valid JSON'),
    ('[' * 100_000, 'not valid JSON'),
    ('[]', "Expected a scene graph as an object"),
    ('{}', "missing 'objects'"),
    ('{"objects": [], "edges": []}', "unknown field 'edges'"),
    ('{"objects": {}}', 'objects: expected a list'),
    ('{"objects": [{"score": 1}]}', r"objects\[0\]: missing 'label'"),
    ('{"objects": [{"label": " "}]}', r'objects\[0\].label: expected a non-empty'),
    ('{"objects": [{"label": "a", "score": 2}]}', r'objects\[0\].score'),
    ('{"objects": [{"label": "a", "score": NaN}]}', r'objects\[0\].score'),
    ('{"objects": [{"label": "a", "box": [0, 0, 1]}]}', 'expected 4 numbers'),
    ('{"objects": [{"label": "a", "box": [0.9, 0, 0.1, 1]}]}', 'x1 <= x2'),
    ('{"objects": [{"label": "a", "feature": ["x"]}]}', 'expected a list of numbers'),
    ('{"objects": [{"label": "a", "feature": [1]}, {"label": "b", "feature": [1, 2]}]}',
     'features of different sizes'),
    ('{"objects": [{"label": "a"}], "predicates": [{"subject": 0, "predicate": "on", '
     '"object": 1}]}', r'predicates\[0\].object: there is no object 1'),
    ('{"objects": [{"label": "a"}], "predicates": [{"subject": "0", "predicate": "on", '
     '"object": 0}]}', r'predicates\[0\].subject: expected the index'),
])
def test_a_broken_scene_graph_is_named(text, message):
    with pytest.raises(ValueError, match=message):
        SceneGraph.from_json(text)


def test_top_keeps_the_best_objects_in_order_and_their_predicates():
    objects = tuple(SceneObject(n, s) for n, s in zip('abcd', (0.5, 0.9, 0.5, 0.1)))
    graph = SceneGraph(objects, (ScenePredicate(0, 'on', 1), ScenePredicate(
        1, 'by', 2), ScenePredicate(3, 'in', 1)))
    top = graph.top(2)
    assert [o.label for o in top.objects] == ['a', 'b']
    assert top.predicates == (ScenePredicate(0, 'on', 1), )
    assert graph.top(4) == graph and graph.top(0) == SceneGraph()


def test_jmere_has_26_tags():
    assert len(JMERE_TAGS) == len(JMERE_TAGS.names) == 26
    assert [JMERE_TAGS.id(n) for n in JMERE_TAGS.names[1:]] == list(range(1, 26))
    assert [JMERE_TAGS.names[i] for i in JMERE_TAGS.type_ids] == list(JMERE_TAGS.types)
    assert [JMERE_TAGS.names[i]
            for i in JMERE_TAGS.relation_ids] == list(JMERE_TAGS.relations)
    assert TagSet.from_dict(JMERE_TAGS.to_dict()) == JMERE_TAGS


def test_a_wrong_tag_set_is_named():
    with pytest.raises(ValueError, match="Unknown type or relation 'sibling'"):
        JMERE_TAGS.id('sibling')
    with pytest.raises(ValueError, match=r"Repeated names in a TagSet: \['a'\]"):
        TagSet(('a', ), ('a', ))
    with pytest.raises(ValueError, match='at least one entity type'):
        TagSet((), ('a', ))
    with pytest.raises(ValueError, match='non-empty name'):
        TagSet(('a', ' '), ())
    with pytest.raises(ValueError, match="Expected a tag set"):
        TagSet.from_dict({'types': ['a']})
    with pytest.raises(ValueError, match="list in the tag set's 'relations'"):
        TagSet.from_dict({'types': ['a'], 'relations': 'ab'})


def test_quintuples_as_plain_lists():
    q = Quintuple(Entity(3, 5, 'per', 0.5), Entity(0, 1, 'org'), 'member_of', 0.25)
    assert q.to_list() == [3, 5, 'per', 0, 1, 'org', 'member_of']
    assert Quintuple.from_list(q.to_list()) == q  # Probabilities are not compared.
    assert q.shifted(2).shifted(-2) == q and q.shifted(2).tail.span == (2, 3)
    with pytest.raises(ValueError, match='0 <= start < end'):
        Entity(2, 2, 'per')
    with pytest.raises(ValueError, match='0 <= start < end'):
        q.shifted(-1)


@pytest.mark.parametrize('text, message', [
    ('{"objects": [{"label": "a", "score": 1' + '0' * 400 + '}]}', r'objects\[0\].score'),
    ('{"objects": [{"label": "\\ud800"}]}', r'objects\[0\].label'),
    ('{"objects": [{"label": "a", "box": [0, 0, 1, 1e999]}]}', r'objects\[0\].box'),
    ('{"objects": [{"label": "a"}], "predicates": [{"subject": 0, "object": 1' +
     '0' * 30 + ', "predicate": "on"}]}', r'predicates\[0\].object'),
])
def test_numbers_and_letters_that_only_json_can_write_are_named(text, message):
    with pytest.raises(ValueError, match=message):
        SceneGraph.from_json(text)
