import ast
import json
import shutil
from argparse import Namespace
from pathlib import Path

import pytest

from benchmarks.accuracy import additions, shares
from eega_pyg.config import Config

pytestmark = pytest.mark.slow

NEWS = [{
    'tokens': ['Ada', 'Moss', 'works', 'for', 'Zeta', '.'],
    'entities': [[0, 2, 'Peop'], [4, 5, 'Org']],
    'relations': [[0, 2, 4, 5, 'Work_For']]
}] * 4
TWEETS = 'IMGID:1\nIda\tB-PER\nsleeps\tO\n\n' * 4


@pytest.fixture
def sets(tmp_path):
    for split in ('train', 'valid'):
        (tmp_path / f'{split}.json').write_text(json.dumps(NEWS))
    for split in ('train', 'dev'):
        (tmp_path / f'{split}.txt').write_text(TWEETS)
    prose = tmp_path / 'prose.jsonl'
    prose.write_text('\n'.join(
        json.dumps({'words': row['tokens'],
                    'entities': [{'start': 0, 'end': 2, 'type': 'per'}]})
        for row in NEWS))  # yapf: disable
    return ['--conll04', str(tmp_path), '--gmner', str(tmp_path), '--prose', str(prose)]


@pytest.fixture
def root(small_root, tmp_path):
    r"""The small data set, with a text beside it that states no relation."""
    raw = shutil.copytree(small_root / 'raw', tmp_path / 'root' / 'raw')
    for split in ('train', 'val'):
        path = raw / f'mnre_{split}.txt'
        line = ast.literal_eval(path.read_text(encoding='utf-8').splitlines()[0])
        line |= {'token': [*line['token'], 'again'], 'relation': 'None'}
        with path.open('a', encoding='utf-8') as file:
            file.write(f'{line}\n')
    return raw.parent


def test_each_run_is_scored_on_all_kinds_of_texts(script, results, sets, root, tmp_path,
                                                  capsys):
    names = (additions.WHOLE, additions.TAUGHT)
    out = script(additions, *sets, '--seeds', '0', '--only', *names, root=root)
    whole, taught = sorted(json.loads(results.read_text()),
                           key=lambda r: names.index(r['name']))
    for record in (whole, taught):
        assert set(record['counts']) == set(additions.VIEWS)
    for view, number in (('CoNLL04, entities', 4), ('CoNLL04, three joined', 1),
                         ('GMNER, entities', 4), ('general sentences', 120)):
        assert len(whole['counts'][view].split()) == number
    start = Config.from_dict(taught['config']).train
    assert start.teachers == (start.start, )
    assert start.start.endswith(f'{additions.WHOLE}-0')
    assert '| without GMNER | not run |' in out

    # The second one started from the first: with a share of 1 it is that one again.
    folder, path = tmp_path / 'runs' / f'{additions.TAUGHT}-0', tmp_path / 'shares.json'
    arguments = [str(root), str(folder), *sets[:4], '--results', str(path)]
    shares.main([*arguments, '--shares', '0', '1'])
    shares.main(arguments)
    table = capsys.readouterr().out
    none, *_, all_of_it = json.loads(path.read_text())
    assert (none['share'], all_of_it['share']) == (0, 1)
    paragraphs = [r['counts'].pop(shares.PARAGRAPHS) for r in (none, all_of_it)]
    assert [len(p.split()) for p in paragraphs] == [30, 30]
    assert none['counts'] == taught['counts']
    assert all_of_it['counts'] == whole['counts']
    assert table.count('| 0.25 | 0 |') == 1 and table.count('| 1 |  |') == 2


def test_a_variant_does_without_one_thing():
    args = Namespace(preset='default', overrides=[], epochs=3, seeds=[0, 1],
                     runs=Path('runs'), conll04=Path('news'), gmner=Path('tweets'),
                     prose=Path('prose.jsonl'))
    runs = {n: additions.variant_run(args, n, 1).config for n in additions.VARIANTS}
    whole = runs.pop(additions.WHOLE)
    assert whole.train.also == ('unrelated', 'conll04:news/train.json',
                                'gmner:tweets/train.txt', 'jsonl:prose.jsonl')
    for name, config in runs.items():
        assert config != whole
        assert config.train.epochs == (2 if config.train.start else 3)
    assert runs['without prose'].train.also == whole.train.also[:3]
    alone = runs[additions.ALONE].train
    assert alone.also == () and alone.joined == 0
    taught, longer = runs[additions.TAUGHT], runs[additions.LONGER]
    assert len(taught.train.teachers) == 2 and not longer.train.teachers
    assert taught.train.start == longer.train.start == taught.train.teachers[1]


def test_a_loss_is_that_of_runs_with_the_same_seeds():
    def record(name, seed, counts):
        return {
            'name': name,
            'seed': seed,
            'counts': dict.fromkeys(additions.VIEWS, counts)
        }

    records = [
        record(additions.WHOLE, 0, '1/1/1 1/1/1'),
        record(additions.WHOLE, 1, '0/1/1 0/1/1'),
        record('without prose', 0, '1/1/1 0/1/1'),
    ]
    (name, seeds, first, *_), = additions.losses(records)
    assert (name, seeds) == ('without prose', '0') and first.startswith('+50.00 [')
    records += [record(additions.TAUGHT, 1, '1/1/1 1/1/1')]
    assert len(additions.losses(records)) == 1
    records += [record(additions.LONGER, 1, '1/1/1 0/1/1')]
    assert additions.losses(records)[2][:2] == [
        f'taught, against {additions.LONGER}', '1'
    ]
    assert additions.rows(records)[0][2].startswith('50.00 ±')
