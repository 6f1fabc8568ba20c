import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eega_pyg.vision import read_visual_genome

GRAPH = {
    'image_id':
    7,
    'objects': [{
        'object_id': 10,
        'names': ['Clock', 'face'],
        'attributes': ['green', 'Tall'],
        'x': 10,
        'y': 20,
        'w': 30,
        'h': 200,
        'synsets': []
    }, {
        'object_id': 11,
        'name': 'street',
        'x': 0,
        'y': 50,
        'w': 100,
        'h': 50
    }],
    'relationships': [{
        'relationship_id': 1,
        'subject_id': 10,
        'predicate': 'ON ',
        'object_id': 11
    }, {
        'subject_id': 10,
        'predicate': ' ',
        'object_id': 11
    }]
}
SIZE = {'image_id': 7, 'width': 100, 'height': 100}


@pytest.fixture
def write(tmp_path):
    def write(value, name='scene_graphs.json'):
        (tmp_path / name).write_text(json.dumps(value))
        return tmp_path / name

    return write


def test_a_list_of_graphs_is_read(write):
    graph = read_visual_genome(write([GRAPH]))['7']
    assert [(o.label, o.box) for o in graph.objects] == [('green tall clock', None),
                                                         ('street', None)]
    assert [(p.subject, p.predicate, p.object)
            for p in graph.predicates] == [(0, 'on', 1)]


def test_boxes_need_the_size_of_the_image(write):
    graphs = read_visual_genome(write([GRAPH]), write([SIZE], 'image_data.json'))
    assert graphs['7'].objects[0].box == pytest.approx((0.1, 0.2, 0.4, 1.))
    other = write([{**SIZE, 'image_id': 8}], 'image_data.json')
    assert read_visual_genome(write([GRAPH]), other)['7'].objects[0].box is None


def changed(part, index, **values):
    graph = json.loads(json.dumps(GRAPH))
    graph[part][index].update(values)
    return [graph]


@pytest.mark.parametrize('value, message', [
    ({}, 'scene_graphs.json: expected a list'),
    ([3], r'\[0\]: expected an object'),
    ([GRAPH, GRAPH], r"\[1\]: image_id: there are two graphs of '7'"),
    (changed('objects', 0,
             names=[]), r'objects\[0\].names\[0\]: expected a string .got None'),
    (changed('objects', 0,
             names=None), r'objects\[0\].names: expected a list .got None'),
    (changed('objects', 1, name=' '), r'objects\[1\].name: expected a non-empty'),
    (changed('objects', 1, object_id=10), "there are two objects '10'"),
    (changed('objects', 0, attributes='red'), r'attributes: expected a list'),
    (changed('objects', 0, w=-1), r'objects\[0\]: w: expected a number >= 0 .got -1'),
    (changed('objects', 0, x='1'), r"objects\[0\]: x: expected a number .got '1'"),
    (changed('relationships', 0,
             predicate=None), r'relationships\[0\].predicate: expected a string'),
])
def test_a_wrong_field_is_named(value, message, write):
    with pytest.raises(ValueError, match=message):
        read_visual_genome(write(value), write([SIZE], 'image_data.json'))


@pytest.mark.parametrize('end', ['subject_id', 'object_id'])
def test_a_relationship_of_a_missing_object_is_left_out(end, write):
    # The published file has some.
    graph = read_visual_genome(write(changed('relationships', 0, **{end: 5})))['7']
    whole = read_visual_genome(write([GRAPH]))['7']
    assert graph.objects == whole.objects
    assert graph.predicates == whole.predicates[1:]


def test_an_empty_attribute_is_left_out(write):
    graphs = [
        read_visual_genome(write(changed('objects', 0, attributes=words)))['7']
        for words in (['', 'green', ' '], ['green'])
    ]
    assert graphs[0] == graphs[1]


def test_a_wrong_size_is_named(write):
    with pytest.raises(ValueError,
                       match=r'image_data.json: \[0\].width: expected a number > 0'):
        read_visual_genome(write([GRAPH]),
                           write([{
                               **SIZE, 'width': 0
                           }], 'image_data.json'))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 12) | st.integers() | st.floats()
    | st.text(max_size=4), lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(['image_id', 'object_id', 'names', 'x', 'w', 'predicate']),
        inner, max_size=3), max_leaves=10)


def variants(value):
    r"""A value, or any other in its place, at every level."""
    if isinstance(value, dict):
        inner = st.fixed_dictionaries({k: variants(v) for k, v in value.items()})
    elif isinstance(value, list):
        inner = st.tuples(*map(variants, value)).map(list)
    else:
        inner = st.just(value)
    # Mostly as it should be, or nothing beyond the first field was ever reached.
    return st.integers(0, 19).flatmap(lambda n: json_values if n == 0 else inner)


@given(variants([GRAPH]) | json_values, variants([SIZE]))
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    max_examples=150)
def test_any_other_json_is_a_value_error_or_graphs(write, graphs, sizes):
    paths = write(graphs), write(sizes, 'image_data.json')
    try:
        read_visual_genome(*paths)
    except ValueError as e:
        assert 'scene_graphs.json' in str(e) or 'image_data.json' in str(e)
