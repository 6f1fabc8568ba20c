import json

import pytest

from eega_pyg.knowledge_graph import KnowledgeGraph

VALUES = [{
    'text': f'Ann of Rome {i}',
    'entities': [{'start': 0, 'end': 3, 'type': 'per', 'probability': 0.5},
                 {'start': 7, 'end': 11, 'type': 'loc', 'probability': i / 10}],
    'quintuples': [{
        'head': {'start': 0, 'end': 3, 'type': 'per'},
        'relation': 'place_of_birth',
        'tail': {'start': 7, 'end': 11, 'type': 'loc'},
        'probability': i / 10
    }]
} for i in range(9)]  # yapf: disable


def lines(path, values):
    path.parent.mkdir(exist_ok=True)
    path.write_text(''.join(json.dumps(v) + '\n' for v in values))
    return path


@pytest.mark.parametrize('options', [[], ['--max-mentions', '2']])
def test_partitions_in_any_order_make_one_file(eega, tmp_path, options):
    whole = lines(tmp_path / 'whole.jsonl', VALUES)
    a = lines(tmp_path / 'parts' / 'a.jsonl', VALUES[5:])
    b = lines(tmp_path / 'parts' / 'b.jsonl', VALUES[:6][::-1])
    found = []
    for i, sources in enumerate([[whole], [a, b], [b, a], [tmp_path / 'parts']]):
        target = tmp_path / f'{i}.jsonl'
        code, _, err = eega('graph', *sources, '-o', target, *options)
        assert code == 0, err
        found.append(target.read_bytes())
    assert len(set(found)) == 1
    graph = KnowledgeGraph.load(tmp_path / '0.jsonl')
    relation, = graph.relations
    assert relation.count == 9 and relation.best == 0.8
    assert [e.probability for e in relation.evidence][-2:] == [0.7, 0.8]


def test_a_wrong_line_of_a_partition_is_named(eega, tmp_path):
    lines(tmp_path / 'parts' / 'a.jsonl', VALUES)
    lines(tmp_path / 'parts' / 'b.jsonl', [VALUES[0], {**VALUES[1], 'entities': [3]}])
    code, _, err = eega('graph', tmp_path / 'parts', '-o', tmp_path / 'graph.jsonl')
    assert code == 1 and 'b.jsonl:2: entities[0]: expected an object' in err
    assert not (tmp_path / 'graph.jsonl').exists()


def test_parquet_is_read_like_json_lines(eega, tmp_path):
    pytest.importorskip('pyarrow')
    from pyarrow import Table, parquet
    values = [{**VALUES[0], 'metadata': {'id': 1}}, *VALUES[1:]]
    parquet.write_table(Table.from_pylist(values), tmp_path / 'a.parquet')
    lines(tmp_path / 'a.jsonl', values)
    for name in ('a.parquet', 'a.jsonl'):
        code, _, err = eega('graph', tmp_path / name, '-o', tmp_path / f'{name}.jsonl')
        assert code == 0, err
    assert (tmp_path /
            'a.parquet.jsonl').read_bytes() == (tmp_path /
                                                'a.jsonl.jsonl').read_bytes()
    (tmp_path / 'b.parquet').write_bytes(b'PAR1 not')
    code, _, err = eega('graph', tmp_path / 'b.parquet', '-o', tmp_path / 'b.jsonl')
    assert code == 1 and 'b.parquet: is no Parquet file, or is damaged' in err
