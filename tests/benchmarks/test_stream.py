import json
import shutil
from types import SimpleNamespace

import pytest

from benchmarks.accuracy import stream
from eega_pyg.saving.thresholds import Thresholds
from eega_pyg.schema import JMERE_TAGS, Entity, Quintuple
from eega_pyg.tagging import Extraction

pytestmark = pytest.mark.slow


def line(words, head, tail, relation):
    return repr({
        'token': words,
        'h': {
            'name': words[head],
            'pos': [head, head + 1]
        },
        't': {
            'name': words[tail],
            'pos': [tail, tail + 1]
        },
        'img_id': f'{words[0]}.jpg',
        'relation': relation
    })


def extractor(extractions):
    r"""Finds what it is given, and keeps the items and thresholds that it has seen."""
    seen = []

    def batch(items, threshold):
        seen.append((items, threshold))
        return [SimpleNamespace(extraction=x) for x in extractions]

    return SimpleNamespace(model=SimpleNamespace(tag_set=JMERE_TAGS), batch=batch,
                           thresholds=Thresholds(0.3, 0.55)), seen


def test_texts_with_and_without_relations_are_counted(tmp_path):
    raw = tmp_path / 'raw'
    raw.mkdir()
    lines = [
        line(['Ann', 'joins', 'Acme'], 0, 2, '/per/org/member_of'),
        line(['Bob', 'sees', 'Rome'], 0, 2, 'None'),
    ]
    # A name of two words, of which one is found.
    lines[1] = lines[1].replace("'Rome'", "'sees Rome'", 2).replace(
        "['Bob', 'sees', 'sees Rome']",
        "['Bob', 'sees', 'Rome']").replace('[2, 3]', '[1, 3]')
    (raw / 'mnre_val.txt').write_text('\n'.join(lines))
    (raw / 'captions_val.jsonl').write_text(
        json.dumps({
            'img_id': 'Bob.jpg',
            'caption': 'a man'
        }))
    ann, acme = Entity(0, 1, 'per', 0.9), Entity(2, 3, 'org', 0.9)
    bob, rome = Entity(0, 1, 'per', 0.9), Entity(2, 3, 'loc', 0.9)
    tail_first = Quintuple(acme, ann, 'member_of', 0.9)
    invented = Quintuple(bob, rome, 'place_of_residence', 0.4)
    model, seen = extractor(
        [Extraction([ann, acme], [tail_first]),
         Extraction([bob, rome], [invented])])
    record = stream.measure(model, tmp_path)
    (items, threshold), = seen
    assert ([i.caption for i in items], threshold) == ([None, 'a man'], 0.0)
    assert (record['texts'], record['related'], record['given']) == (2, 1, 1)
    assert record['right'] == [True, False]
    assert record['cut short'] == 1 / 4

    table = stream.report({**record, 'model': 'm', 'machine': 'abacus', 'date': '1'})
    assert '| 0 | 2 | 50.0 | 65.0 | 100.0 | 66.7 |' in table
    assert '| 0.65 | 1 | 100.0 | 90.0 | 100.0 | 100.0 |' in table
    assert 'highest from 0.65 on' in table and '25.0 % are only a part' in table


def test_the_entities_of_gmner_are_counted_with_their_probabilities(tmp_path):
    path = tmp_path / 'dev.txt'
    path.write_text('IMGID:1\nIda\tB-PER\nin\tO\nRome\tB-LOC\n\n')
    found = Extraction([Entity(0, 1, 'per', 0.75), Entity(2, 3, 'org', 0.5)], [])
    named = stream.entities(extractor([found])[0], path)
    assert named == {
        'texts': 1,
        'given': 2,
        'threshold': 0.55,
        'probability': [0.75, 0.5],
        'right': [True, False]
    }
    table = stream.report({
        'model': 'm', 'machine': 'abacus', 'date': '1', 'texts': 1, 'related': 1,
        'given': 1, 'probability': [], 'right': [], 'entities': named
    })  # yapf: disable
    assert '| 0 | 2 | 50.0 | 62.5 | 50.0 | 50.0 |' in table
    assert '| 0.55 | 1 | 100.0 | 75.0 | 50.0 | 66.7 |' in table
    assert '| 0.8 | 0 | 0.0 | 0.0 | 0.0 | 0.0 |' in table


def test_the_picture_has_a_curve_of_each_and_a_dot(tmp_path):
    pytest.importorskip('matplotlib')
    from benchmarks.accuracy.scored import Scored, draw
    scored = Scored.from_dict({
        'probability': [0.9, 0.6, 0.6, 0.2],
        'right': [True, False, True, False],
        'given': 4
    })
    figure = draw({'a': scored, 'b': scored}, {'a': 0.5})
    first, dot, second = figure.axes[0].lines
    assert first.get_xydata() == pytest.approx(second.get_xydata())
    assert first.get_xydata().tolist() == [[0.25, 1], [0.5, 2 / 3], [0.5, 0.5]]
    assert dot.get_xydata().tolist() == [[0.5, 2 / 3]]


def test_a_saved_model_leaves_a_record_and_a_picture(trained, small_root, tmp_path,
                                                     capsys):
    pytest.importorskip('matplotlib')
    tweets, path = tmp_path / 'dev.txt', tmp_path / 'stream.json'
    tweets.write_text('IMGID:1\nIda\tB-PER\nsleeps\tO\n\n')
    shutil.copytree(small_root / 'raw', tmp_path / 'raw')
    with (tmp_path / 'raw' / 'mnre_val.txt').open('a') as f:
        f.write(line(['Bob', 'sees', 'Rome'], 0, 2, 'None') + '\n')
    stream.main([
        str(tmp_path), '--model',
        str(trained), '--gmner',
        str(tweets), '--precision', '0.9', '--results',
        str(path)
    ])
    record = json.loads(path.read_text())
    assert record['precision'] == 0.9 and record['entities']['given'] == 1
    assert stream.report(record) in capsys.readouterr().out
    assert path.with_suffix('.png').read_bytes().startswith(b'\x89PNG')
