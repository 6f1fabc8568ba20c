r"""An array of JSON is read value by value, as if it were read at once."""
import json
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eega_pyg.formats import json_array
from eega_pyg.formats.json_array import read_array

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=5)


@given(st.lists(VALUES), st.integers(1, 5), st.sampled_from([None, 2]), st.booleans())
def test_the_values_are_those_of_json(values, chunk, indent, mark):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_array, '_CHUNK', chunk)
        path = FOLDER / 'a.json'
        text = json.dumps(values, indent=indent, ensure_ascii=False)
        path.write_text(
            text.encode('utf-8', 'replace').decode(),
            encoding='utf-8-sig' if mark else 'utf-8')
        assert list(read_array(path)) == json.loads(
            path.read_bytes().decode('utf-8-sig'))


@pytest.fixture(autouse=True)
def folder(tmp_path_factory):
    global FOLDER
    FOLDER = tmp_path_factory.mktemp('array')


@pytest.mark.parametrize('chunk', [1, 7, 1 << 20])
@pytest.mark.parametrize('content, message', [
    ('', ': expected a list'),
    ('{}', ': expected a list'),
    ('[\n1,\n2', r":3: not valid JSON: expected ',' or '\]'"),
    ('[1\n2]', r":2: not valid JSON: expected ',' or '\]'"),
    ('[\n{"a": 1},\n{"a"', r":3: not valid JSON: Expecting ':' delimiter"),
    ('[\n1,\n]', ':3: not valid JSON: Expecting value'),
    ('[1]\n[2]', ':2: not valid JSON: something stands behind the list'),
    ('[' * 100_000, ':1: not valid JSON: .*recursion'),
])
def test_what_is_broken_is_named_with_its_line(tmp_path, monkeypatch, chunk, content,
                                               message):
    monkeypatch.setattr(json_array, '_CHUNK', chunk)
    path = tmp_path / 'a.json'
    path.write_text(content)
    with pytest.raises(ValueError, match=f'a.json{message}'):
        list(read_array(path))


def test_what_is_not_utf_8_is_named(tmp_path):
    (tmp_path / 'a.json').write_bytes(b'["a\xff"]')
    with pytest.raises(ValueError, match='a.json: not UTF-8'):
        list(read_array(tmp_path / 'a.json'))


def test_a_large_file_needs_little_memory(tmp_path):
    path = tmp_path / 'a.json'
    path.write_text('[' + ', '.join(['{"text": "' + 'a' * 1000 + '"}'] * 20_000) + ']')
    tracemalloc.start()
    try:
        assert sum(len(value['text']) for value in read_array(path)) == 20_000_000
        assert tracemalloc.get_traced_memory()[1] < path.stat().st_size / 2
    finally:
        tracemalloc.stop()
