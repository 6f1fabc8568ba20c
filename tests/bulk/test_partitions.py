import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eega_pyg.bulk.partitions import ChangedError, find_files, plan, read
from eega_pyg.extraction.item_files import read_records

LINES = [
    '', ' ', '{"text": "Ann"}', '"a string 🎉\\n"', '{"text": "ä\u2028b", "id": null}',
    '{"text": "long ' + 'x' * 50 + '"}'
]


@settings(max_examples=60)
@given(lines=st.lists(st.sampled_from(LINES), max_size=12), size=st.integers(1, 5),
       end=st.sampled_from(['', '\n', '\n\n']), between=st.sampled_from(['\n', '\r\n']))
def test_parts_of_lines_are_the_whole(tmp_path_factory, lines, size, end, between):
    path = tmp_path_factory.mktemp('lines') / 'a.jsonl'
    path.write_bytes((between.join(lines) + end).encode())
    parts = plan([path], size)
    found = [record for part in parts for record in read(part)]
    expected = [(f'a.jsonl:{i}', json.loads(line))
                for i, line in enumerate(path.read_bytes().decode().split('\n'), 1)
                if line.strip()]
    assert found == expected
    assert [p.items for p in parts
            ] == [len(expected[i:i + size]) for i in range(0, len(expected), size)]


@pytest.mark.parametrize('size', [1, 3, 4, 100])
def test_parts_of_tables_are_the_whole(tmp_path, size):
    pytest.importorskip('pyarrow')
    from pyarrow import Table, parquet
    path = tmp_path / 'a.parquet'
    rows = [{'text': f't{i}', 'id': i if i % 2 else None} for i in range(11)]
    parquet.write_table(Table.from_pylist(rows), path, row_group_size=4)
    parts = plan([path], size)
    found = [record for part in parts for record in read(part)]
    assert found == [(place.rpartition('/')[2], value)
                     for place, value in read_records(path)]
    assert len(found) == sum(p.items for p in parts) == 11
    assert max(p.items for p in parts) <= size


def test_a_large_row_group_is_read_from_where_a_part_begins(tmp_path):
    pytest.importorskip('pyarrow')
    from pyarrow import Table, parquet
    path = tmp_path / 'a.parquet'
    rows = [{'text': str(i)} for i in range(3000)]
    parquet.write_table(Table.from_pylist(rows), path)
    parts = plan([path], 1500)
    assert [value['text']
            for _, value in read(parts[1])] == [str(i) for i in range(1500, 3000)]


def test_a_part_is_told_by_its_content_and_its_place(tmp_path):
    path = tmp_path / 'a.jsonl'
    path.write_text('"a"\n"b"\n"c"\n"d"\n')
    before = [p.name for p in plan([path], 2)]
    (tmp_path / '0.jsonl').write_text('"other"\n')
    assert [p.name for p in plan([tmp_path / '0.jsonl', path], 2)][1:] == before
    path.write_text('"a"\n"b"\n"c"\n"D"\n')
    after = [p.name for p in plan([path], 2)]
    assert after[0] == before[0] and after[1] != before[1]
    assert len(plan([path, path, tmp_path / 'x' / '..' / 'a.jsonl'], 2)) == 2


def test_a_file_that_has_changed_since_it_was_cut_is_no_part(tmp_path):
    path = tmp_path / 'a.jsonl'
    path.write_text('"a"\n"b"\n"c"\n"d"\n')
    parts = plan([path], 2)
    path.write_text('"a"\n"b"\n"c"\n')  # Cut.
    assert [value for _, value in read(parts[0])] == ['a', 'b']
    with pytest.raises(ChangedError, match="a.jsonl' has changed since the job began"):
        list(read(parts[1]))
    path.write_text('"b"\n"a"\n"c"\n"d"\n')  # Replaced.
    with pytest.raises(ChangedError):
        list(read(parts[0]))


def test_a_table_that_has_changed_since_it_was_cut_is_no_part(tmp_path):
    pytest.importorskip('pyarrow')
    from pyarrow import Table, parquet
    path = tmp_path / 'a.parquet'
    parquet.write_table(Table.from_pylist([{'text': 'a'}, {'text': 'b'}]), path)
    part, = plan([path], 2)
    assert len(list(read(part))) == 2
    parquet.write_table(Table.from_pylist([{'text': 'a'}, {'text': 'c'}]), path)
    with pytest.raises(ChangedError):
        list(read(part))


def test_a_namesake_that_comes_later_changes_no_part(tmp_path):
    paths = [tmp_path / day / 'a.jsonl' for day in ('1', '2')]
    for path in paths:
        path.parent.mkdir()
        path.write_text(f'"{path.parent.name}"\n')
    before = plan(paths, 2)
    first = tmp_path / '0' / 'a.jsonl'
    first.parent.mkdir()
    first.write_text('"0"\n')
    after = plan([first, *paths], 2, {p.name for p in before})
    assert after[1:] == before and after[0].source == str(first)
    assert plan([first, *paths], 2)[0].source == 'a.jsonl'  # Of a new job.


def test_a_file_is_read_once_whatever_it_is_called(tmp_path, monkeypatch):
    paths = [tmp_path / day / 'a.jsonl' for day in ('1', '2', '3')]
    for path in paths:
        path.parent.mkdir()
        path.write_text('"a"\n')
    opened, real = [], Path.open
    monkeypatch.setattr(
        Path, 'open', lambda self, *args, **kwargs:
        (opened.append(self), real(self, *args, **kwargs))[1])
    plan(paths, 2)
    assert opened == paths


def test_metadata_that_are_no_json_are_a_text(tmp_path):
    pytest.importorskip('pyarrow')
    from pyarrow import Table, parquet
    path = tmp_path / 'a.parquet'
    rows = [{'text': 'a', 'metadata': m} for m in ('from the archive', '{"a": 1}', '5')]
    parquet.write_table(Table.from_pylist(rows), path)
    expected = ['from the archive', {'a': 1}, '5']
    part, = plan([path], 5)
    assert [value['metadata'] for _, value in read(part)] == expected
    assert [value['metadata'] for _, value in read_records(path)] == expected


def test_what_is_left_out_of_a_folder_is_told(tmp_path):
    for name in ('a.jsonl', 'b.csv', 'c.jsonl.gz', 'd.png', '.e.csv'):
        (tmp_path / name).write_text('"a"\n')
    with pytest.warns(UserWarning, match="also holds 'b.csv', 'c.jsonl.gz', which"):
        assert [p.name for p in find_files(tmp_path)] == ['a.jsonl']
    (tmp_path / 'b.csv').unlink()
    with pytest.warns(UserWarning, match="also holds 'c.jsonl.gz', which is left out"):
        assert len(list(read_records(tmp_path))) == 1


@pytest.mark.parametrize('name', ['#tweets (2024)', '_a', '.._', '..a'])
def test_no_part_is_a_hidden_file(tmp_path, name):
    path = tmp_path / f'{name}.jsonl'
    path.write_text('"a"\n')
    part, = plan([path], 2)
    assert part.name[0] not in '._'


def test_files_with_one_name_are_told_apart(tmp_path):
    paths = [tmp_path / folder / 'a.jsonl' for folder in ('x', 'y')]
    for path in paths:
        path.parent.mkdir()
        path.write_text('"same"\n')
    parts = plan(paths, 2)
    places = [place for part in parts for place, _ in read(part)]
    assert places == ['a.jsonl:1', f'{paths[1]}:1']
    assert len({p.name for p in parts}) == 2
    # What was done before the second one was there is still that.
    assert plan(paths[:1], 2) == parts[:1]


def test_a_part_knows_where_its_file_is(tmp_path, monkeypatch):
    (tmp_path / 'a.jsonl').write_text('"a"\n')
    monkeypatch.chdir(tmp_path)
    part, = plan(find_files('*.jsonl'), 2)
    monkeypatch.chdir('/')
    assert list(read(part)) == [('a.jsonl:1', 'a')]


def test_a_line_that_is_no_json_is_an_error_of_its_own(tmp_path):
    path = tmp_path / 'a.jsonl'
    path.write_bytes(b'"a"\n{"text": \n"\xff"\n"d"\n')
    part, = plan([path], 10)
    found = dict(read(part))
    assert found['a.jsonl:1'] == 'a' and found['a.jsonl:4'] == 'd'
    assert 'not valid JSON' in str(found['a.jsonl:2'])
    assert 'not UTF-8' in str(found['a.jsonl:3'])


def test_files_folders_and_patterns_are_found(tmp_path):
    for name in ('b.jsonl', 'a.ndjson', '_job.jsonl', '.x.jsonl', 'c.txt'):
        (tmp_path / name).write_text('"a"\n')
    a, b = tmp_path / 'a.ndjson', tmp_path / 'b.jsonl'
    assert find_files(tmp_path) == [a, b]
    assert find_files(b) == [b]
    assert find_files(f'{tmp_path}/[ab].*') == [a, b]
    with pytest.raises(ValueError, match='c.txt. cannot be read in parts'):
        find_files(tmp_path / 'c.txt')
    with pytest.raises(FileNotFoundError, match='There is no file'):
        find_files(Path('none') / '*.jsonl')


def test_a_damaged_table_is_named(tmp_path):
    pytest.importorskip('pyarrow')
    (tmp_path / 'a.parquet').write_bytes(b'PAR1 not')
    with pytest.raises(ValueError, match='a.parquet: is no Parquet file'):
        plan([tmp_path / 'a.parquet'], 1)
