import json
import random

import pytest

from benchmarks.accuracy import few_data
from benchmarks.accuracy.held_out import HELD_OUT, OTHERS, TYPES, divide, drawn
from eega_pyg.datasets import read_mnre
from eega_pyg.saving.saved_model import load_model
from eega_pyg.schema import JMERE_TAGS, TagSet

SAMPLE = few_data.RESULTS.parents[1] / 'datasets' / 'sample' / 'raw' / 'mnre_train.txt'
USER = TagSet(tuple(TYPES), tuple(HELD_OUT))


def test_what_was_learned_before_shares_no_text_and_no_relation(tmp_path):
    mine, others = divide(SAMPLE)
    assert not set(mine.words) & set(others.words)
    (tmp_path / 'mine.txt').write_text('\n'.join(mine.lines))
    (tmp_path / 'others.txt').write_text('\n'.join(others.lines))
    learned = read_mnre(tmp_path / 'others.txt', TagSet(JMERE_TAGS.types,
                                                        tuple(OTHERS)))
    known = {r.words: r for r in read_mnre(SAMPLE, JMERE_TAGS)}
    assert {r.words for r in learned} < set(known)
    # The same quintuples in other words.
    names = {**TYPES, **HELD_OUT}
    for record in read_mnre(tmp_path / 'mine.txt', USER):
        given = {(q.head.span, names[q.head.type], names[q.relation], q.tail.span,
                  names[q.tail.type])
                 for q in record.quintuples}
        assert given == {(q.head.span, q.head.type, q.relation, q.tail.span,
                          q.tail.type)
                         for q in known[record.words].quintuples}


def test_a_smaller_draw_is_a_part_of_a_larger_one():
    mine, _ = divide(SAMPLE)
    random.seed(1)
    small, large = drawn(mine, 10, 1), drawn(mine, 20, 1)
    assert set(small) < set(large) and drawn(mine, 10, 2) != small
    with pytest.raises(ValueError, match='texts, and 999 are to be drawn'):
        drawn(mine, 999, 0)


@pytest.mark.slow
def test_the_curve_is_made_and_goes_on(small_root, tiny_overrides, tmp_path, capsys):
    results, runs = tmp_path / 'few.json', tmp_path / 'runs'
    loop = [w for o in ('train.epochs=1', 'train.batch_size=8') for w in ('--loop', o)]
    command = [
        str(small_root), '--runs',
        str(runs), '--results',
        str(results), '--sizes', '8', '12', '--draws', '0', *loop,
        *(w for o in tiny_overrides for w in ('--set', o))
    ]
    with pytest.raises(FileNotFoundError, match='run this with --base first'):
        few_data.main([*command, '--only', 'other relations'])
    few_data.main([*command, '--base', '--set', 'train.epochs=1'])
    assert load_model(runs / 'others').model.tag_set.relations == tuple(OTHERS)
    encoder, others = (load_model(runs / n).model.tagger for n in ('encoder', 'others'))
    assert not (encoder.lin_row.weight == others.lin_row.weight).all()

    few_data.main(command)
    text = capsys.readouterr().out
    before = results.read_text()
    records = json.loads(before)
    assert {(r['start'], r['size'])
            for r in records} == {(start, size)
                                  for start in few_data.STARTS
                                  for size in (8, 12)}
    assert results.with_suffix('.png').is_file()
    assert '| 8 |' in text and '| 12 |' in text and 'not run' not in text
    # What is there is not run again, and nothing else is taken for it.
    few_data.main(command)
    assert results.read_text() == before
    with pytest.raises(ValueError, match='in another configuration'):
        few_data.main([*command, '--loop', 'train.lr=0.1'])
