import json
from collections import Counter

import pytest

from benchmarks import runner
from benchmarks.accuracy import table1


def cells(out):
    lines = [
        line.strip('| ').split(' | ') for line in out.splitlines()
        if line.startswith('| ')
    ]
    return {line[0]: line[1:] for line in lines}


def record(name, seed, right):
    r"""A run that has so many of ten quintuples right, in ten texts, and states ten."""
    counts = ' '.join(['1/1/1'] * right + ['0/1/1'] * (10 - right))
    return {
        'name': name,
        'seed': seed,
        'scores': {
            f'{view}_f1': right / 10
            for view in ('quintuple', 'directed', 'entity')
        },
        'counts': {
            'quintuple': counts,
            'entity': counts
        },
        'parameters': 2_000_000,
    }


def test_rows_say_what_was_not_run_and_what_is_beyond_chance():
    records = [
        record('text only', 0, 3),
        record('text only', 1, 3),
        record('UMGF', 0, 9),
        record('UMGF', 1, 9),
        record('MAF', 0, 4),
        record('MEGA', 5, 9),
        record('UMGF + MEGA', 0, 2),
        record('AGBAN + MEGA', 0, 2)
    ]
    rows = {
        cells[0]: dict(zip(table1.COLUMNS, cells))
        for cells in table1.rows(records)
    }
    assert list(rows) == [*table1.PIPELINES, *table1.TAGGERS]
    assert rows['UMGF']['quintuple F1'] == '90.00 ± 0.00'
    assert rows['UMGF']['above text only'].startswith('**+60.00** [+')
    assert rows['MAF']['above text only'].startswith('+10.00 [')  # Of seed 0 alone.
    # Of other seeds than the runs that it stands beside.
    assert rows['MEGA']['above text only'] == 'not run'
    assert rows['UMGF']['above paper'] == 'not run'
    assert rows['text only']['above text only'] == ''
    assert rows['UMGF + MEGA']['above its tagger'].startswith('**-70.00** [-')
    assert rows['AGBAN + MEGA']['above its tagger'] == 'not run'
    assert rows['UMGF']['above its tagger'] == ''
    assert rows['paper']['seeds'] == 'not run'
    assert rows['paper']['published F1'] == '55.29'
    low, high = map(float, rows['MAF']['95 %'].split(' to '))
    assert low < 40 < high
    assert all(len(row) == len(table1.COLUMNS) for row in rows.values())


def test_taggers_differ_by_their_fusion_alone():
    args = runner.parser('a', 'table1', variants=table1.NAMES).parse_args(['data'])
    args.overrides = [*table1.OFFLINE]
    base = runner.configure(args, 0)
    assert base.data.encoder.endswith('MiniLM-L6-v2')
    for name, overrides in table1.TAGGERS.items():
        config = runner.configure(args, 0, *overrides)
        model = dict(config.model)
        other = {k: v for k, v in model.items() if v != getattr(base.model, k)}
        assert other.keys() <= {'fusion', 'visual', 'num_layers'}
        assert (config.data, config.train) == (base.data, base.train)
    given = table1.classifier_config(args, 0)
    assert (given.data, given.model.fusion, given.model.channels) == (base.data, 'mega',
                                                                      ())
    assert given.train.epochs == base.train.epochs // 2


@pytest.mark.slow
def test_pipelines_share_a_classifier_and_leave_no_model(script, results, tmp_path,
                                                         monkeypatch):
    trained = Counter()

    def counted(function, what):
        def call(config, *args, **kwargs):
            trained[what, config.model.fusion] += 1
            return function(config, *args, **kwargs)

        return call

    monkeypatch.setattr(table1, 'apart', lambda function, *args: function(*args))
    monkeypatch.setattr(runner, 'fit', counted(runner.fit, 'tagger'))
    monkeypatch.setattr(table1, 'fit', counted(table1.fit, 'tagger'))
    only = ['AdapCoAtt', 'AdapCoAtt + MEGA', 'AGBAN + MEGA', 'text only']
    found = table1.pipeline_scores
    with monkeypatch.context() as patch:  # Stopped between a tagger and its pipeline.
        patch.setattr(table1, 'pipeline_scores', lambda *args: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            script(table1, '--seeds', '0', '--only', *only)
    runs = tmp_path / 'runs'
    assert not (runs / 'AdapCoAtt-0' / 'training').exists()
    assert table1.pipeline_scores is found
    out = cells(script(table1, '--seeds', '0', '--only', *only))
    assert {name for name in table1.NAMES if out[name][0] == '0'} == {*only, 'AGBAN'}
    assert out['OCSGA'][0] == 'not run'
    assert trained == {
        ('tagger', 'adapcoatt'): 1,
        ('tagger', 'agban'): 1,
        ('tagger', 'eega'): 1
    }
    records = {r['name']: r for r in json.loads(results.read_text())}
    given = records[table1.CLASSIFIER]
    assert given['pairs'] == 60 and given['step_seconds'] > 0
    for name in ('AdapCoAtt', 'AGBAN'):
        one, two = records[name], records[f'{name} + MEGA']
        assert two['scores']['entity_f1'] == one['scores']['entity_f1']
        assert two['counts']['entity'] == one['counts']['entity']
        # Some of the classifier's tagger is in no row of its own.
        assert two['parameters'] > one['parameters'] + given['parameters'] / 2
    assert [p.name for p in runs.iterdir() if p.is_dir()] == [f'{table1.CLASSIFIER}-0']
    kept = results.read_text()
    script(table1, '--seeds', '0', '--only', *only)
    assert results.read_text() == kept and trained['tagger', 'adapcoatt'] == 1
