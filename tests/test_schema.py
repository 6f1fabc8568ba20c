import dataclasses
import pickle
from typing import List, Literal, Optional, Tuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from eega_pyg.schema import (
    JMERE_TAGS,
    Entity,
    Flag,
    Index,
    Name,
    Number,
    Quintuple,
    SceneGraph,
    SceneObject,
    ScenePredicate,
    Share,
    TagSet,
    Text,
    first_error,
    listed,
    located,
    short,
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
    ('[]', 'expected an object'),
    ('{}', "missing 'objects'"),
    ('{"objects": [], "edges": []}', "unknown field 'edges'"),
    ('{"objects": {}}', 'objects: expected a list'),
    ('{"objects": [{"score": 1}]}', r"objects\[0\]: missing 'label'"),
    ('{"objects": [{"label": " "}]}', r'objects\[0\].label: expected a non-empty'),
    ('{"objects": [{"label": "a", "score": 2}]}', r'objects\[0\].score'),
    ('{"objects": [{"label": "a", "score": NaN}]}', r'objects\[0\].score'),
    ('{"objects": [{"label": "a", "box": [0, 0, 1]}]}',
     r'objects\[0\].box: expected 4 values'),
    ('{"objects": [{"label": "a", "box": [0.9, 0, 0.1, 1]}]}', 'x1 <= x2'),
    ('{"objects": [{"label": "a", "feature": ["x"]}]}',
     r'objects\[0\].feature\[0\]: expected a number'),
    ('{"objects": [{"label": "a", "feature": [1]}, {"label": "b", "feature": [1, 2]}]}',
     'features of different sizes'),
    ('{"objects": [{"label": "a"}], "predicates": [{"subject": 0, "predicate": "on", '
     '"object": 1}]}', r'predicates\[0\].object: there is no object 1'),
    ('{"objects": [{"label": "a"}], "predicates": [{"subject": "0", "predicate": "on", '
     '"object": 0}]}', r'predicates\[0\].subject: expected a whole number'),
])
def test_a_broken_scene_graph_is_named(text, message):
    with pytest.raises(ValueError, match=message):
        SceneGraph.from_json(text)


@pytest.mark.parametrize('make, message', [
    (lambda: SceneObject(' '), '^label: expected a non-empty string'),
    (lambda: SceneObject('a', 2), '^score: expected a number <= 1 .got 2'),
    (lambda: SceneObject('a', box=(0.9, 0, 0.1, 1)), '^box: expected x1 <= x2'),
    (lambda: ScenePredicate(-1, 'on', 0), '^subject: expected a number >= 0'),
    (lambda: SceneGraph(
        (SceneObject('a'), ),
        (ScenePredicate(0, 'on', 1), )), 'no object 1 .the graph has 1'),
    (lambda: SceneObject('a', labels=1), "^unknown field 'labels'"),
    (lambda: SceneObject('a', 1.0, None, None, 3), 'positional argument'),
])
def test_constructors_check_their_fields_too(make, message):
    with pytest.raises(ValueError, match=message) as raised:
        make()
    assert '\n' not in str(raised.value)


@given(scene_graphs())
def test_scene_graphs_are_values(graph):
    other = pickle.loads(pickle.dumps(graph))
    assert other == graph and hash(other) == hash(graph) and {graph: 1}[other] == 1
    assert dataclasses.replace(graph, predicates=()).objects == graph.objects
    with pytest.raises(dataclasses.FrozenInstanceError):
        graph.objects = ()


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
    with pytest.raises(ValueError, match=r"a name of one line \(got 'a\\nb'"):
        TagSet(('a\nb', ), ())
    with pytest.raises(ValueError, match=r"Repeated names in a TagSet: \['a'\]"):
        TagSet(('a', ), ('a', ))
    with pytest.raises(ValueError,
                       match='^types: expected a length of at least 1 .got'):
        TagSet((), ('a', ))
    with pytest.raises(ValueError, match=r'types\[1\]: expected a non-empty string'):
        TagSet(('a', ' '), ())
    with pytest.raises(ValueError, match="tag set: missing 'relations'"):
        TagSet.from_dict({'types': ['a']})
    with pytest.raises(ValueError, match='tag set: relations: expected a list'):
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
    ('{"objects": [{"label": "a", "score": 1' + '0' * 400 + '}]}',
     r'objects\[0\].score'),
    ('{"objects": [{"label": "\\ud800"}]}', r'objects\[0\].label'),
    ('{"objects": [{"label": "a", "box": [0, 0, 1, 1e999]}]}', r'objects\[0\].box'),
    ('{"objects": [{"label": "a"}], "predicates": [{"subject": 0, "object": 1' +
     '0' * 30 + ', "predicate": "on"}]}', r'predicates\[0\].object'),
])
def test_numbers_and_letters_that_only_json_can_write_are_named(text, message):
    with pytest.raises(ValueError, match=message):
        SceneGraph.from_json(text)


class Part(BaseModel):
    model_config = ConfigDict(extra='forbid')
    name: Name = 'x'
    text: Text = ''
    score: Share = 0.5
    size: Tuple[Number, Number, Number] = (0, 0, 0)
    ids: List[Index] = Field([], max_length=3)
    flag: Flag = True
    kind: Literal['a', 'b'] = 'a'
    code: str = Field('a', pattern='^[a-z]$')
    parts: Optional[List['Part']] = None

    @field_validator('ids')
    def distinct(cls, value):
        if len(set(value)) < len(value):
            raise ValueError('expected each id once')
        return value


@pytest.mark.parametrize('value, message', [
    (3, "expected an object (got 3)"),
    ({'name': ' \x1c'}, "name: expected a non-empty string (got ' \\x1c')"),
    ({'name': '\ud800'},
     "name: expected a string without half of a surrogate pair (got '\\ud800')"),
    ({'text': '\udfff'},
     "text: expected a string without half of a surrogate pair (got '\\udfff')"),
    ({'text': b'x'}, "text: expected a string (got b'x')"),
    ({'score': 1.5}, "score: expected a number <= 1 (got 1.5)"),
    ({'score': -1}, "score: expected a number >= 0 (got -1)"),
    ({'score': True}, "score: expected a number (got True)"),
    ({'score': float('nan')}, "score: expected a finite number (got nan)"),
    ({'score': 10**5000}, "score: expected a number (got a huge int)"),
    ({'size': [1]}, "size: expected 3 values (got [1])"),
    ({'size': [1, 2, 3, 4]}, "size: expected a length of at most 3 (got [1, 2, 3, 4])"),
    ({'size': [1, float('inf'), 3]}, "size[1]: expected a finite number (got inf)"),
    ({'size': 'abc'}, "size: expected a list (got 'abc')"),
    ({'ids': [0, -1]}, "ids[1]: expected a number >= 0 (got -1)"),
    ({'ids': [True]}, "ids[0]: expected a whole number (got True)"),
    ({'ids': [1, 1]}, "ids: expected each id once"),
    ({'flag': 1}, "flag: expected true or false (got 1)"),
    ({'kind': 'c'}, "kind: expected 'a' or 'b' (got 'c')"),
    ({'code': 'A'}, "code: expected a match of ^[a-z]$ (got 'A')"),
    ({'parts': [{}, {'parts': [{'more': 1}]}]},
     "parts[1].parts[0]: unknown field 'more'"),
    ({'flag': '\n'.join('ab' * 99)}, None),
    ({'x\ny' * 99: 1}, None),
])  # yapf: disable
def test_the_first_error_is_one_line_that_says_where_and_what(value, message):
    with pytest.raises(ValidationError) as raised:
        Part.model_validate(value)
    found = str(first_error(raised.value))
    assert found == message if message else len(found) < 120 and '\n' not in found
    assert str(first_error(raised.value, 'a.json:7')) == f'a.json:7: {found}'


def test_a_place_is_put_before_any_value_error():
    with pytest.raises(ValueError, match='^a.json: score: expected a number .got None'):
        with located('a.json'):
            Part(score=None)
    with pytest.raises(ValueError, match='^a.json:2: b: c$'):
        with located('a.json:2'), located('b'):
            raise ValueError('c')
    with pytest.raises(ValueError, match='^c$'), located():
        raise ValueError('c')
    with pytest.raises(KeyError), located('a'):
        raise KeyError('c')


def test_values_are_shown_in_one_short_line():
    assert short({'a': 'b\nc'}) == "{'a': 'b\\nc'}" and short(10**5000) == 'a huge int'
    assert len(short('x' * 999)) == 80
    deep: list = []
    for _ in range(100_000):
        deep = [deep]
    assert short(deep) == 'a huge list'


def test_names_are_listed_as_long_as_a_reader_reads_on():
    assert listed(JMERE_TAGS.types) == 'per, org, loc, misc'
    assert listed([]) == ''
    assert listed(['x' * 999, 'b']) == 'x' * 77 + '..., b'
    names = [f'relation_{i}' for i in range(1000)]
    assert listed(names).endswith(', relation_20 and 979 more')
    with pytest.raises(ValueError) as e:
        TagSet(('a', 'x' * 5000), ()).id('per')
    assert len(str(e.value)) < 200
