import json

import pytest

from benchmarks.accuracy import errors
from eega_pyg.schema import Entity, Quintuple
from eega_pyg.tagging import Extraction

pytestmark = pytest.mark.slow

ANN, ACME, ROME = Entity(0, 2, 'per'), Entity(3, 4, 'org'), Entity(5, 6, 'loc')
GIVEN = Quintuple(ANN, ACME, 'member_of')


def found(*quintuples):
    entities = sorted({e for q in quintuples for e in (q.head, q.tail)})
    return Extraction(entities, list(quintuples))


@pytest.mark.parametrize('extraction, reason', [
    (found(GIVEN), 'found'),
    (found(Quintuple(ACME, ANN, 'member_of')), 'direction'),
    (found(Quintuple(ANN, ACME, 'peer')), 'relation'),
    (Extraction([ANN, ACME], []), 'no relation'),
    (found(Quintuple(ANN, Entity(3, 4, 'loc'), 'member_of')), 'type'),
    (found(Quintuple(Entity(1, 2, 'per'), ACME, 'member_of')), 'overlap'),
    (Extraction([Entity(1, 2, 'per')], []), 'missed'),
    (Extraction([], []), 'missed'),
])
def test_the_first_reason_counts(extraction, reason):
    assert errors.reason(GIVEN, extraction) == reason


@pytest.mark.parametrize('quintuple, kind', [
    (GIVEN, 'correct'),
    (Quintuple(ACME, ANN, 'member_of'), 'other relation or direction'),
    (Quintuple(ANN, ROME, 'peer'), 'entities given, not related'),
    (Quintuple(Entity(0, 1, 'per'), ACME, 'member_of'), 'an entity not given'),
])
def test_what_is_wrong_with_a_prediction(quintuple, kind):
    given = [GIVEN, Quintuple(ACME, ROME, 'locate_at')]
    assert errors.spurious(quintuple, given) == kind


def test_groups_and_buckets():
    assert [errors.bucket(n, (2, 3))
            for n in (1, 2, 3, 4)] == ['1 to 2', '1 to 2', '3', '4 and more']
    sentence = errors.Sentence(['w'] * 6, [GIVEN], found(GIVEN))
    groups = errors.grouped([sentence] * 3, lambda s, q: q.relation)
    assert groups == {'member_of': {'found': 3}}


def test_it_reads_a_model_and_a_data_set(trained, small_root, capsys, monkeypatch,
                                         tmp_path):
    results = tmp_path / 'errors.json'
    arguments = [
        'errors',
        str(trained),
        str(small_root), '--examples', '2', '--results',
        str(results)
    ]
    monkeypatch.setattr('sys.argv', arguments)
    errors.main()
    out = capsys.readouterr().out
    assert 'given quintuples' in out and 'F1 in [' in out
    assert out.count('given: ') >= 2
    record = json.loads(results.read_text())
    reasons = [counts for counts in record['given'].values()]
    assert sum(sum(c.values()) for c in reasons) == int(out.split()[0])
    found = sum(c.get('found', 0) for c in reasons)
    assert found == record['predicted'].get('correct', 0)
    assert record['interval'][0] <= record['interval'][1] and record['date']
