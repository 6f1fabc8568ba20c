import json

import pytest

from benchmarks.serving.clients import Answer
from benchmarks.serving.load import SAMPLE, growth
from benchmarks.serving.traffic import BAD, Request, judged, made, sentences


def answered(number, status, results=None):
    body = json.dumps({'results': results}).encode()
    return Answer(number, status, body, 0.1, number, ('ReadError', ) * number)


def test_answers_are_judged():
    requests = [Request(b'', ({'text': 'a'}, {'text': 'b'})), Request(b'', status=413),
                Request(b'', ({'text': 'c'}, ))]  # yapf: disable
    results = [{'p': 0.5, 'n': ['x']}, {'p': 0.25}, {'p': None}]
    good = [answered(0, 200, [{'p': 0.50005, 'n': ['x']}, {'p': 0.25}]),
            answered(1, 413), answered(2, 200, [{'p': None}])]  # yapf: disable
    assert judged(requests, good, results) == {
        'statuses': {
            200: 2,
            413: 1
        },
        'broken': {
            'ReadError': 3
        },
        'full': 3,
        'lost': [],
        'wrong': []
    }
    for number, other in ((0, answered(0, 200, [{'p': 0.6, 'n': ['x']}, {'p': 0.25}])),
                          (0, answered(0, 200, [{'p': 0.5, 'n': ['x']}])),
                          (1, answered(1, 200)), (2, answered(2, 500)),
                          (2, answered(2, 200, [{'p': 0.5}]))):  # yapf: disable
        bad = [*good]
        bad[number] = other
        assert judged(requests, bad, results)['wrong'] == [number]
    lost = [*good[:2], answered(2, 0)]
    assert judged(requests, lost, results)['lost'] == [2]


def test_requests_are_of_mixed_sizes_and_some_are_bad():
    source = sentences(SAMPLE)
    requests = made(source, 2000, 0.05)
    assert made(source, 2000, 0.05) == requests != made(source, 2000, 0.05, seed=1)
    bad = [r for r in requests if not r.items]
    assert len(bad) / 2000 == pytest.approx(0.05, abs=0.015)
    assert set(bad) == set(BAD) and {r.status for r in bad} == {413, 422}
    assert {len(r.items) for r in requests} == {0, 1, 2, 4, 12}
    assert all(
        json.loads(r.body)['items'] == list(r.items) for r in requests if r.items)


def test_memory_that_grows_is_seen():
    assert growth([9, 5, 5, 5, 5, 5, 5, 5]) == 1
    assert growth([1, 2, 3, 4, 5, 6, 7, 8]) > 2
