import json

import pytest

from benchmarks.accuracy import texts
from eega_pyg.datasets import Record
from eega_pyg.schema import UNSTATED, Annotation, Entity, Quintuple
from eega_pyg.tagging import Extraction

pytestmark = pytest.mark.slow

ANN, LEE = Entity(0, 2, 'per', 0.9), Entity(1, 2, 'per', 0.5)
ACME, BOB = Entity(3, 4, 'org', 0.7), Entity(5, 6, 'per', 0.3)
MEMBER = Quintuple(ANN, ACME, 'member_of', 0.6)
TURNED = Quintuple(ACME, ANN, 'member_of', 0.4)
PEER = Quintuple(ANN, BOB, 'peer', 0.8)


def record(tags=None):
    known = Annotation((ANN, ACME, BOB), rest=UNSTATED, tags=tags)
    return Record(('a', ) * 6, '', (MEMBER, ), 'a', known)


def test_relations_that_a_set_does_not_annotate_are_not_counted():
    found = [Extraction([LEE, ACME, BOB], [TURNED, PEER])]
    scores = texts.score([record(frozenset(['per', 'org', 'member_of']))], found)
    assert scores['entity']['precision'] == pytest.approx(2 / 3)
    assert scores['entity']['probability'] == pytest.approx((0.5 + 0.7 + 0.3) / 3)
    assert scores['relation']['f1'] == scores['quintuple']['f1'] == 1
    assert scores['directed']['f1'] == 0
    assert scores['cut short'] == pytest.approx(1 / 3)
    scores = texts.score([record()], found)
    assert scores['relation']['precision'] == 0.5
    assert scores['relation']['found'] == 2


def test_the_texts_of_each_set_are_read_alone_and_joined(trained, small_root, tmp_path):
    news, tweets = tmp_path / 'news.json', tmp_path / 'tweets.txt'
    news.write_text(
        json.dumps([{
            'tokens': ['Ada', 'of', 'Zeta'],
            'entities': [[0, 1, 'Peop'], [2, 3, 'Org']],
            'relations': [[0, 1, 2, 3, 'Work_For']]
        }] * 4))
    tweets.write_text('IMGID:1\nIda\tB-PER\nsleeps\tO\n\n' * 4)
    path = tmp_path / 'texts.json'
    texts.main([
        str(trained), '--name', 'one', '--jmere',
        str(small_root), '--conll04',
        str(news), '--gmner',
        str(tweets), '--sentences', '1', '2', '--passage-words', '50', '--results',
        str(path)
    ])
    run = json.loads(path.read_text())['one']
    assert run['passage words'] == 50
    assert {
        data: list(sizes)
        for data, sizes in run['results'].items()
    } == {
        'conll04': ['1', '2'],
        'jmere': ['1', '2'],
        'gmner': ['1', '2']
    }
    assert 'one' in texts.report(json.loads(path.read_text()))


def test_a_part_of_a_name_that_is_a_name_itself_is_not_cut_short():
    found = [[Entity(0, 1, 'loc'), Entity(1, 2, 'loc'), Entity(4, 5, 'loc')]]
    given = [[Entity(0, 3, 'org'), Entity(1, 2, 'loc')]]
    assert texts.cut_short(found, given) == 1 / 2
