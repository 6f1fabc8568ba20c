import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from eega_pyg.vision import SceneBenchmarkReader

INFO = {
    'idx_to_files': ['/data/in/one.jpg', 'C:\\in\\two.jpg'],
    'ind_to_classes': ['__background__', 'man', 'hat', 'dog'],
    'ind_to_predicates': ['__background__', 'wearing', 'near'],
}
ONE = {
    'bbox': [[0, 0, 400, 600], [100, 0, 200, 150], [500, 300, 999, 700]],
    'bbox_labels': [1, 2, 3],
    'bbox_scores': [0.9, 0.8, 0.7],
    'rel_pairs': [[0, 1], [0, 2], [1, 2]],
    'rel_labels': [1, 2, 2],
    'rel_scores': [0.6, 0.5, 0.25],
    'rel_all_scores': 'not read',
}


@pytest.fixture
def folder(tmp_path):
    def write(prediction, info=INFO):
        (tmp_path / 'custom_prediction.json').write_text(json.dumps(prediction))
        (tmp_path / 'custom_data_info.json').write_text(json.dumps(info))
        return tmp_path / 'custom_prediction.json'

    return write


def test_a_pair_of_files_becomes_graphs(folder):
    graphs = SceneBenchmarkReader().read(folder({'1': ONE}))
    assert list(graphs) == ['two.jpg']
    graph = graphs['two.jpg']
    assert [(o.label, o.score, o.box) for o in graph.objects] == [('man', 0.9, None),
                                                                  ('hat', 0.8, None),
                                                                  ('dog', 0.7, None)]
    assert [(p.subject, p.predicate, p.object, p.score)
            for p in graph.predicates] == [(0, 'wearing', 1, 0.6), (0, 'near', 2, 0.5),
                                           (1, 'near', 2, 0.25)]


@pytest.mark.parametrize(
    'size, box',
    [
        # 800 x 600 stays as it is; 400 x 300 was doubled.
        ((800, 600), (0, 0, 0.5, 1)),
        ((400, 300), (0, 0, 0.5, 1)),
        # 2000 x 500 was scaled to 1000 x 250, 300 x 600 to 500 x 1000.
        ((2000, 500), (0, 0, 0.4, 1)),
        ((300, 600), (0, 0, 0.8, 0.6)),
    ])
def test_boxes_are_fractions_of_the_image_as_it_was_scaled(size, box, folder, tmp_path):
    Image.new('RGB', size).save(tmp_path / 'one.jpg')
    graphs = SceneBenchmarkReader(tmp_path).read(folder({'0': ONE}))
    assert graphs['one.jpg'].objects[0].box == pytest.approx(box)
    # What reaches beyond the image is cut.
    assert graphs['one.jpg'].objects[2].box[2] <= 1


def test_the_first_objects_and_the_predicates_between_them_are_kept(folder):
    graph = SceneBenchmarkReader(max_objects=2).read(folder({'0': ONE}))['one.jpg']
    assert len(graph.objects) == 2
    assert [p.predicate for p in graph.predicates] == ['wearing']
    graph = SceneBenchmarkReader(max_predicates=1).read(folder({'0': ONE}))['one.jpg']
    assert len(graph.objects) == 3 and len(graph.predicates) == 1


@pytest.mark.parametrize('change, message', [
    ({
        'bbox': None
    }, 'custom_prediction.json: 0: bbox: expected a list'),
    ({
        'bbox': [[0, 0, 1]] * 3
    }, r'bbox\[0\]: expected 4 values .got \[0, 0, 1'),
    ({
        'bbox': [[0, 0, 1, '1']] * 3
    }, r"bbox\[0\]\[3\]: expected a number .got '1'"),
    ({
        'bbox_labels': [1, 2]
    }, r'bbox, bbox_labels, bbox_scores differ in length \[3, 2, 3\]'),
    ({
        'bbox_labels': [1, 2, 4]
    }, r'bbox_labels\[2\]: expected an index below 4 .got 4'),
    ({
        'bbox_scores': [1, 2, 3]
    }, r'bbox_scores\[1\]: expected a number <= 1 .got 2'),
    ({
        'rel_pairs': [[0, 1], [0, 3], [1, 2]]
    }, r'rel_pairs\[1\]: expected an index below 3'),
    ({
        'rel_pairs': [[0], [0, 2], [1, 2]]
    }, r'rel_pairs\[0\]: expected 2 values .got \[0\]'),
    ({
        'rel_labels': [1, True, 2]
    }, r'rel_labels\[1\]: expected a whole number'),
])
def test_a_wrong_field_is_named(change, message, folder):
    with pytest.raises(ValueError, match=message):
        SceneBenchmarkReader().read(folder({'0': {**ONE, **change}}))


@pytest.mark.parametrize('prediction, info, message', [
    ([], INFO, 'custom_prediction.json: expected an object'),
    ({
        'x': ONE
    }, INFO, 'custom_prediction.json: x: expected the index of an image'),
    ({
        '2': ONE
    }, INFO, 'expected an index below 2'),
    ({
        '0': ONE,
        '00': ONE
    }, INFO, "two images named 'one.jpg'"),
    ({}, [], 'custom_data_info.json: expected an object'),
    ({}, {
        **INFO, 'ind_to_classes': [3]
    }, r'ind_to_classes\[0\]: expected a string .got 3'),
])
def test_a_wrong_file_is_named(prediction, info, message, folder):
    with pytest.raises(ValueError, match=message):
        SceneBenchmarkReader().read(folder(prediction, info))


def test_a_missing_file_is_an_os_error(tmp_path):
    with pytest.raises(OSError, match='custom_data_info.json'):
        SceneBenchmarkReader().read(tmp_path / 'custom_prediction.json')


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 5) | st.integers() | st.floats()
    | st.text(max_size=4), lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(st.text(max_size=2), inner, max_size=3), max_leaves=12)


@given(
    st.dictionaries(st.sampled_from(['0', '1', '7', 'x', '²']), json_values, max_size=2)
    | json_values
    | st.fixed_dictionaries({
        '0':
        st.fixed_dictionaries({
            k: json_values | st.just(v)
            for k, v in ONE.items()
        })
    }))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
def test_any_other_json_is_a_value_error_or_graphs(folder, value):
    path = folder(value)
    try:
        graphs = SceneBenchmarkReader().read(path)
    except ValueError as e:
        assert 'custom_prediction.json' in str(e)
    else:
        assert set(graphs) <= {'one.jpg', 'two.jpg'}


@given(st.binary(max_size=60))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100)
def test_any_other_bytes_are_a_value_error(folder, content):
    path = folder({})
    path.write_bytes(content)
    try:
        assert SceneBenchmarkReader().read(path) == {}
    except ValueError as e:
        assert 'custom_prediction.json' in str(e)


@pytest.mark.parametrize('name', ['text.jpg', 'a\0b.jpg', 'gone.jpg'])
def test_an_image_that_cannot_be_read_is_named(name, folder, tmp_path):
    (tmp_path / 'text.jpg').write_text('text')
    path = folder({'0': ONE}, {**INFO, 'idx_to_files': [name]})
    with pytest.raises(OSError, match=name[0]):
        SceneBenchmarkReader(tmp_path).read(path)
