r"""Intervals of scores that are known."""
import pytest

from benchmarks import bootstrap
from benchmarks.accuracy import ingredients
from eega_pyg.schema import Entity, Quintuple
from eega_pyg.tagging import Extraction

pytestmark = pytest.mark.slow

ANN, ACME = Entity(0, 2, 'per'), Entity(3, 4, 'org')
GIVEN = Quintuple(ANN, ACME, 'member_of')
RIGHT, WRONG = '1/1/1', '0/0/1'


def test_counts_are_those_of_the_scores():
    other = Quintuple(ACME, ANN, 'member_of')  # Directions do not count.
    found = Extraction([ANN, Entity(3, 4, 'loc')], [other])
    assert bootstrap.count([found, Extraction([], [])], [[GIVEN], [GIVEN]]) == {
        'quintuple': '1/1/1 0/0/1',
        'entity': '1/2/2 0/0/2',
    }


def test_the_interval_holds_the_score_and_narrows_with_the_number_of_sentences():
    few, many = (bootstrap.interval([' '.join([RIGHT, WRONG] * n)]) for n in (20, 500))
    for low, high in (few, many):
        assert low < 2 / 3 < high  # P = 1, R = 1/2
    assert many[1] - many[0] < (few[1] - few[0]) / 3


def test_differences_are_taken_on_the_same_sentences():
    whole, half = ' '.join([RIGHT] * 40), ' '.join([RIGHT, WRONG] * 20)
    assert bootstrap.interval([half], [half]) == (0, 0)
    low, high = bootstrap.interval([whole, whole], [half, whole])
    assert low < 1 / 6 < high  # Half of 1 - 2/3


def test_systems_that_differ_make_the_interval_wider():
    whole, half = ' '.join([RIGHT] * 40), ' '.join([RIGHT, WRONG] * 20)
    low, high = bootstrap.interval([whole, half, whole, half])
    assert high - low > 1 / 6  # No sentence drawn makes them alike.


def run(name, seed, f1, counts):
    return {
        'name': name,
        'seed': seed,
        'scores': dict.fromkeys(('quintuple_f1', 'directed_f1', 'entity_f1'), f1),
        'counts': dict.fromkeys(bootstrap.VIEWS, counts),
    }


def test_only_runs_with_the_same_seeds_are_compared():
    whole, half = ' '.join([RIGHT] * 40), ' '.join([RIGHT, WRONG] * 20)
    table = ingredients.rows([
        run('default', 0, 1.0, whole),
        run('default', 1, 1.0, whole),
        run('without the image', 1, 2 / 3, half),
        run('without the image', 2, 0.0, half),
    ])
    rows = {row[0]: row for row in table}
    assert rows['default'][1:3] == ['0 1', '100.00 ± 0.00']
    assert rows['default'][5:] == ['', '']
    assert rows['without the image'][1] == '1 2'
    assert rows['without the image'][5].startswith('+33.33 [+')
    assert rows['without edge types'] == ['without edge types', 'not run', *[''] * 5]
    assert {len(row) for row in table} == {len(ingredients.COLUMNS)}


def test_runs_are_compared_with_all_of_default():
    made = [
        run(name, seed, right / 10,
            ' '.join([RIGHT] * right + ['0/1/1'] * (10 - right)))
        for name, seed, right in (('default', 0, 9), ('default once more', 0, 5),
                                  ('default', 1, 2), ('without the image', 0, 4))
    ]
    lost = {row[0]: row[5].split()[0] for row in ingredients.rows(made) if row[5]}
    assert lost == {'default once more': '+40.00', 'without the image': '+30.00'}


def test_runs_are_kept_with_what_a_difference_needs(script, results):
    out = script(ingredients, '--only', 'default', 'without the alignment', '--seeds',
                 '0')
    line = next(x for x in out.splitlines() if x.startswith('| without the alignment'))
    assert '[' in line
    with pytest.raises(SystemExit):
        script(ingredients, '--only', 'nonsense')
