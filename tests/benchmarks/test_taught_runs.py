import json

import pytest

from benchmarks.accuracy import distillation, jmere
from eega_pyg.config import Config
from eega_pyg.datasets import JMERE
from eega_pyg.saving.saved_model import load_model
from eega_pyg.training.evaluation import evaluate

pytestmark = pytest.mark.slow


@pytest.fixture
def teachers(script, tmp_path, results):
    for seed in (0, 1):
        script(jmere, '--name', 'a', '--seeds', str(seed), '--epochs', '4')
    results.unlink()
    return [tmp_path / 'runs' / f'a-{seed}' for seed in (0, 1)]


def test_teachers_their_ensemble_and_a_pupil_are_scored(script, results, teachers,
                                                        small_root):
    options = ['--recipe', 'a', '--seeds', '5', '--teachers', *map(str, teachers)]
    out = script(distillation, *options)
    records = json.loads(results.read_text())
    assert [(r['name'], r['seed']) for r in records] == [('a', 0), ('a', 1),
                                                         ('a, together', '0 1'),
                                                         ('distilled from a', 5)]
    assert '| a, together | 0 1 | ' in out

    for record, folder in zip(records, teachers):
        saved = load_model(folder)
        val = JMERE(str(small_root), split='val', vocabularies=saved.vocabularies,
                    **saved.data.arguments())
        scores = evaluate(saved.model, val, saved.signatures)
        # What teachers say is kept in half precision.
        assert record['scores'] == pytest.approx(scores, abs=0.05)
    pupil = Config.from_dict(records[3]['config']).train
    assert pupil.teachers == tuple(map(str, teachers)) and pupil.seed == 5

    # A second call scores anew, and trains no more than it has to.
    script(distillation, *options)
    again = json.loads(results.read_text())
    assert [r['scores'] for r in again] == [r['scores'] for r in records]
