import json
import sys

import pytest

from benchmarks.accuracy import passages
from eega_pyg.schema import JMERE_TAGS

pytestmark = pytest.mark.slow


def test_texts_hold_every_sentence_once(small_root):
    alone, given = passages.texts(small_root, JMERE_TAGS, 1, seed=0)
    joined, shifted = passages.texts(small_root, JMERE_TAGS, 4, seed=0)
    assert len(joined) == -(-len(alone) // 4)
    assert ([w for item in joined
             for w in item.words] == [w for item in alone for w in item.words])

    def names(items, quintuples):
        return [
            item.words[q.head.start:q.head.end]
            for item, found in zip(items, quintuples) for q in found
        ]

    assert names(joined, shifted) == names(alone, given)
    assert {item.caption for item in alone} > {item.caption for item in joined}


def test_the_sizes_of_passages_are_compared(small_root, trained, tmp_path, monkeypatch,
                                            capsys):
    results = tmp_path / 'passages.json'
    monkeypatch.setattr(sys, 'argv', [
        'passages.py',
        str(small_root), '--model',
        str(trained), '--results',
        str(results)
    ])
    passages.main()
    found = json.loads(results.read_text())['results'][small_root.name]
    assert found['25']['1'] == found['the whole text']['1']  # All are shorter.
    assert found['12']['4']['directed_f1'] != found['the whole text']['4'][
        'directed_f1']
    assert capsys.readouterr().out.count('\n| ') == 2 + len(passages.SIZES)
