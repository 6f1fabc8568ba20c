import json

import pytest

from eega_pyg.bulk.job_folder import JobFolder, Outcome
from eega_pyg.bulk.partitions import plan
from eega_pyg.extraction.item_files import read_records


@pytest.fixture
def parts(tmp_path):
    path = tmp_path / 'in.jsonl'
    path.write_text(''.join(f'"{i}"\n' for i in range(6)))
    return plan([path], 2)


def outcomes(*keys):
    value = {'text': 'Ann', 'image_id': '', 'entities': [], 'quintuples': []}
    return [
        Outcome(k, error='why') if k.isupper() else Outcome(k, {
            'key': k,
            **value
        }) for k in keys
    ]


def test_what_is_finished_is_kept(tmp_path, parts):
    with JobFolder(tmp_path / 'out', 'jsonl') as job:
        assert job.left(parts, 'run') == parts
        assert job.write(parts[1], outcomes('a', 'B')) == 1
        # What a process has left that was killed on another machine.
        (tmp_path / 'out' / f'{parts[0].name}.jsonl.abcdef-1-12345678.tmp').touch()
        assert job.left(parts, 'run') == [parts[0], parts[2]]
    name = f'{parts[1].name}.jsonl'
    error, = (tmp_path / 'out' / '_errors' / name).read_text().splitlines()
    assert json.loads(error) == {'key': 'B', 'error': 'why'}
    value, = (tmp_path / 'out' / name).read_text().splitlines()
    assert json.loads(value)['key'] == 'a'


def test_errors_of_a_stopped_run_go_when_there_are_none_any_more(tmp_path, parts):
    with JobFolder(tmp_path / 'out', 'jsonl') as job:
        job.write(parts[0], outcomes('A'))
        assert len(list((tmp_path / 'out' / '_errors').iterdir())) == 1
        assert job.write(parts[0], outcomes('a', 'b')) == 0
        assert list((tmp_path / 'out' / '_errors').iterdir()) == []


def test_another_job_is_refused(tmp_path, parts):
    with JobFolder(tmp_path / 'out', 'jsonl') as job:
        job.left(parts, 'run')
        job.write(parts[0], outcomes('a'))
        with pytest.raises(ValueError, match='another model or other options'):
            job.left(parts, 'other')
        with pytest.raises(ValueError, match='other texts or of another block size'):
            job.left(parts[1:], 'run')
        with pytest.raises(ValueError, match='Another process writes to'):
            JobFolder(tmp_path / 'out', 'jsonl').__enter__()
    with JobFolder(tmp_path / 'out', 'parquet') as job:
        with pytest.raises(ValueError, match='another model or other options'):
            job.left(parts, 'run')


def test_a_folder_is_read_without_what_belongs_to_the_job(tmp_path, parts):
    with JobFolder(tmp_path / 'out', 'jsonl') as job:
        job.left(parts, 'run')
        for part in parts:
            job.write(part, outcomes('a', 'B'))
    assert [value['key'] for _, value in read_records(tmp_path / 'out')] == ['a'] * 3


def test_a_table_holds_the_same_as_lines(tmp_path, parts):
    pytest.importorskip('pyarrow')
    entity = {'text': 'Ann', 'type': 'per', 'start': 0, 'end': 3, 'probability': 0.1}
    seen = {'object': 0, 'label': 'woman', 'box': [0.0, 0.1, 0.5, 1.0], 'strength': 0.7,
            'edge_strength': 0.3}  # yapf: disable
    full = {
        'key': 'a', 'text': 'Ann Bob', 'image_id': 'a.jpg', 'image': 'x/a.jpg',
        'metadata': {'n': [1, {'m': None}]},
        'entities': [{**entity, 'object': 0, 'object_score': 0.9,
                      'box': [0.0, 0.1, 0.5, 1.0], 'objects': [seen]}],
        'quintuples': [{'head': entity, 'relation': 'peer', 'tail': entity,
                        'probability': 0.25, 'directed': False}],
        'scene_graph': {
            'objects': [{'label': 'woman', 'score': 0.5, 'feature': [0.25, 1.0]}],
            'predicates': [{'subject': 0, 'predicate': 'on', 'object': 0, 'score': 1.0}]
        }
    }  # yapf: disable
    bare = {'key': 'b', 'text': '🎉', 'image_id': '', 'entities': [], 'quintuples': [],
            'scene_graph': {'objects': [], 'predicates': []}}  # yapf: disable
    values = []
    for form in ('jsonl', 'parquet'):
        with JobFolder(tmp_path / form, form) as job:
            job.write(parts[0], [Outcome('a', full), Outcome('b', bare)])
            job.write(parts[1], [])
            job.write(parts[2], outcomes('A'))
        values.append([{
            k: v
            for k, v in value.items() if k != 'file'
        } for _, value in read_records(tmp_path / form)])
    assert values[0] == values[1] == [full, bare]
    errors = [value for _, value in read_records(tmp_path / 'parquet' / '_errors')]
    assert [(e['key'], e['error']) for e in errors] == [('A', 'why')]
