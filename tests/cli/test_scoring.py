r"""Scores of files, from the command line."""
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from eega_pyg.cli.scoring import ViewName
from eega_pyg.formats import read_texts, write_texts
from eega_pyg.scoring import GROUNDED, VIEWS

SAMPLE = Path(__file__).parents[2] / 'datasets' / 'sample'


def agree(eega, root, model, folder):
    r"""Scores a model, and then what it has written."""
    found, scores, again = (folder / name for name in ('f.jsonl', 'm.json', 'p.json'))
    code, _, err = eega('evaluate', root, '--model', model, '--save-predictions', found,
                        '--output', scores)
    assert code == 0, err
    code, out, err = eega('evaluate', root, '--predictions', found, '--output', again)
    assert code == 0, err
    expected = json.loads(scores.read_text())
    given = json.loads(again.read_text())['scores']
    # To the bit.
    assert {name: given[name] for name in expected} == expected
    assert f"{100 * expected['entity_f1']:.2f}" in out
    return expected


def test_a_models_predictions_score_as_the_model(eega, small_root, trained, tmp_path):
    scores = agree(eega, small_root, trained, tmp_path)
    assert 0 < scores['quintuple_f1'] < 1
    # The words and all images are there, and probabilities.
    texts = list(read_texts(tmp_path / 'f.jsonl'))
    gold = list(read_texts(small_root / 'raw' / 'mnre_val.txt', overlapping=True))
    assert [(t.words, t.image_id) for t in texts] == [(t.words, t.image_id)
                                                      for t in gold]
    assert all(0 <= e.probability <= 1 for t in texts for e in t.entities)


@pytest.mark.slow
def test_the_shipped_models_predictions_score_as_the_model(eega, tmp_path,
                                                           offline_models):
    shutil.copytree(SAMPLE / 'raw', tmp_path / 'sample' / 'raw')
    agree(eega, tmp_path / 'sample', 'jmere-minilm', tmp_path)


@pytest.fixture
def files(tmp_path):
    r"""The sample, and what two systems make of it: one loses the first relation of
    each text, the other all of the first text."""
    gold = list(read_texts(SAMPLE / 'raw' / 'mnre_val.txt', overlapping=True))
    first = [replace(t, relations=t.relations[1:]) for t in gold]
    paths = [tmp_path / 'first.jsonl', tmp_path / 'second.jsonl']
    write_texts(first, paths[0])
    write_texts(gold[1:], paths[1])
    return gold, paths


def test_two_files_are_compared(eega, files, tmp_path):
    gold, paths = files
    code, out, err = eega('evaluate', SAMPLE, '--predictions', paths[0],
                          '--predictions', paths[1], '-o', tmp_path / 'a.json',
                          '--page', tmp_path / 'a.html', '--draws', 200)
    assert code == 0, err
    assert 'warning: second.jsonl: 1 of 50 texts have no prediction' in err
    value = json.loads((tmp_path / 'a.json').read_text())
    given = sum(len(t.relations) for t in gold)
    both = value['first']['views']['directed'], value['second']['views']['directed']
    assert [v['correct']
            for v in both] == [given - len(gold), given - len(gold[0].relations)]
    test = value['tests']['directed']
    assert test['difference'] == both[1]['f1'] - both[0]['f1']
    assert test['p_bootstrap'] == test['p_randomisation'] == 1 / 201
    assert len(value['diff']['texts']) == 49
    assert f"{100 * test['difference']:+.2f}" in out and '0.0050' in out
    assert gold[1].text in out and 'only second.jsonl, right: ' in out
    assert '<title>Scores of first.jsonl and second.jsonl' in (tmp_path /
                                                               'a.html').read_text()


def test_a_file_is_scored_against_a_file(eega, files, tmp_path):
    gold, paths = files
    write_texts(gold, tmp_path / 'gold', 'spert')
    code, out, err = eega('evaluate', tmp_path / 'gold', '--predictions', paths[0],
                          '--view', 'entity', '--examples', 0)
    assert code == 0 and '100.00' in out, err
    assert 'entity (%), by type' in out and gold[0].text not in out


@pytest.mark.parametrize('option', [('--view', 'entity'), ('--seed', 3), ('--draws', 9),
                                    ('--examples', 0)])
def test_options_of_predictions_mean_nothing_for_a_model(eega, tmp_path, option):
    code, _, err = eega('evaluate', tmp_path, '--model', tmp_path, *option)
    assert code == 1 and f'{option[0]} belongs to --predictions' in err


def test_all_views_have_a_name():
    assert tuple(v.value for v in ViewName) == (*VIEWS, GROUNDED)


def test_boxes_are_compared_only_where_there_are_some(eega, files, tmp_path):
    text, *_ = read_texts(files[1][0])
    assert text.entities
    plain, boxed = tmp_path / 'plain.jsonl', tmp_path / 'boxed.jsonl'
    write_texts([text], plain, 'jsonl')
    entities = tuple(replace(e, box=(0, 0, 1, 1)) for e in text.entities)
    write_texts([replace(text, entities=entities)], boxed, 'jsonl')
    command = ('evaluate', boxed, '--view', 'grounded_entity', '--predictions')
    code, out, err = eega(*command, boxed)
    assert code == 0 and 'grounded entity (%), by type' in out, err
    code, _, err = eega(*command, plain)
    assert code == 1 and 'compares boxes, and no entity has one on both sides' in err


def test_what_is_wrong_is_one_line(eega, files, tmp_path):
    gold, (first, second) = files
    bad = tmp_path / 'bad.jsonl'
    bad.write_text('{"text": "Ann"}\n{"text": "Ann", "entities": 3}\n')
    other = tmp_path / 'other.jsonl'
    other.write_text('{"text": "Ann"}\n')
    before = first.read_bytes()
    for args, message in (
        (['--predictions', bad], f'{bad}:2: entities: expected a list'),
        (['--predictions', tmp_path / 'none.jsonl'], 'none.jsonl: No such file'),
        (['--predictions', other], f"None of the 1 predicted texts is one of the 50 "
         f"given ones: {other}:1: the text 'Ann' is like none of them"),
        (['--predictions', first, '-o', first], 'is the file that is read'),
        (['--predictions', first, '--page', first], 'is the file that is read'),
        (['--predictions', first, '--split', 'test'], 'There is no test split'),
        (['--predictions', first] * 3, 'two to compare (got 3)'),
        (['--predictions', first, '--model', 'a'], 'either --model or --predictions'),
        ([], 'Give a model (--model) or a file of predictions (--predictions)'),
        (['--model', 'a', '--page', first], 'belongs to --predictions'),
    ):
        code, out, err = eega('evaluate', SAMPLE, *args)
        assert (code, out) == (1, ''), args
        assert err.count('\n') == 1 and err.startswith(
            'error: ') and message in err, err
    assert first.read_bytes() == before


def test_a_file_is_what_its_ending_says(eega, small_root, tmp_path):
    gold = tmp_path / 'gold.jsonl'
    gold.write_text('{"text": "Ann"}\n')
    for option, name, ending in (('--page', 'p.pdf', '.html'), ('--output', 's.csv',
                                                                '.json')):
        code, _, err = eega('evaluate', gold, '--predictions', gold, option,
                            tmp_path / name)
        assert code == 1 and f'expected a file that ends in {ending}' in err
    code, _, err = eega('evaluate', small_root, '--model', 'm', '--save-predictions',
                        tmp_path / 'a.csv')
    assert code == 1 and 'expected a file that ends in .jsonl' in err
    code, _, err = eega('evaluate', small_root, '--model', 'm', '--save-predictions',
                        small_root / 'raw' / 'val.jsonl')
    assert code == 1 and 'is in the folder that is read' in err
    assert list(tmp_path.iterdir()) == [gold]
