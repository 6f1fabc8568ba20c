r"""The commands of the page on correcting, in their order, with a person in between."""
import json
import re
import shlex
import shutil
from pathlib import Path

import pytest

from eega_pyg.datasets import read_mnre
from eega_pyg.formats import read_texts, tags_of, write_texts
from eega_pyg.saving import load_model

REPOSITORY = Path(__file__).parents[2]
PAGE = (REPOSITORY / 'docs' / 'guide' / 'correct.md').read_text(encoding='utf-8')


def corrected(tasks):
    r"""What Label Studio exports after a person has read all tasks but the last: each
    prediction was confirmed, and the first had its first word marked as a 'thing'."""
    exported = []
    for i, task in enumerate(tasks):
        result = [r for p in task['predictions'] for r in p['result']]
        if i == 0:
            word = task['data']['text'].split()[0]
            result = [
                r for r in result
                if r['type'] == 'labels' and r['value']['start'] >= len(word)
            ] + [{
                'id': 'new',
                'type': 'labels',
                'from_name': 'label',
                'to_name': 'text',
                'origin': 'manual',
                'value': {
                    'start': 0,
                    'end': len(word),
                    'text': word,
                    'labels': ['thing']
                }
            }]
            other = next(r['id'] for r in result)
            if other != 'new':
                result.append({
                    'type': 'relation',
                    'from_id': 'new',
                    'to_id': other,
                    'direction': 'left',
                    'labels': ['near']
                })
        made = [{'id': i, 'result': result, 'was_cancelled': False}]
        exported.append({
            **task, 'id': i,
            'predictions': [i],
            'annotations': made if i < len(tasks) - 1 else []
        })
    return exported


@pytest.mark.slow
def test_what_was_corrected_is_training_data(eega, trained, tmp_path, monkeypatch):
    shutil.copytree(REPOSITORY / 'datasets' / 'sample' / 'raw',
                    tmp_path / 'datasets' / 'sample' / 'raw')
    monkeypatch.chdir(tmp_path)
    making, ordering = re.findall(r'^```python\n(.*?)^```', PAGE, re.M | re.S)
    exec(making, {})
    commands = re.findall(r'^eega .*', PAGE, re.M)
    extract, convert, train = map(shlex.split, commands)
    code, _, err = eega(*extract[1:], '--model', trained)
    assert code == 0, err
    tasks = json.loads(Path('to-correct.json').read_text(encoding='utf-8'))
    assert len(tasks) == len(Path('tweets.txt').read_text('utf-8').splitlines())
    scores = [task['predictions'][0]['score'] for task in tasks]
    assert scores == sorted(scores) and scores[0] < scores[-1]

    Path('corrected.json').write_text(json.dumps(corrected(tasks)), encoding='utf-8')
    code, _, err = eega(*convert[1:])
    assert code == 0 and '1 tasks that nobody has annotated' in err, err
    file, = Path('mine').glob('raw/*')
    assert str(file) == convert[3] and train[2] == 'mine'
    texts = list(read_texts(file))
    assert [t.text for t in texts] == [t['data']['text'] for t in tasks[:-1]]
    tags = tags_of(texts)
    assert 'thing' in tags.types and {'per', 'loc'} <= set(tags.types)
    assert texts[0].entities[0].type == 'thing'

    # As a data set reads them, which knows nothing of Label Studio.
    assert eega('convert', file, 'lines.txt', '--to', 'mnre', '--widen')[0] == 0
    records = read_mnre('lines.txt', tags)
    assert (sum(len(r.quintuples)
                for r in records) == sum(len(t.relations) for t in texts) > 0)

    # The next model begins where the last one ended, and knows the new type.
    options = [str(trained) if o == 'jmere-minilm' else o for o in train[1:]]
    code, _, err = eega(*options, '--set', 'train.epochs=1')
    assert code == 0 and 'thing' in err and 'no validation file' in err, err
    saved = load_model('runs/mine')
    assert saved.model.tag_set == tags
    assert eega('extract', 'Ann meets Bob', '--model', 'runs/mine')[0] == 0


@pytest.mark.slow
def test_labels_of_doccano_become_a_model(eega, tiny_overrides, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    sample = REPOSITORY / 'datasets' / 'sample' / 'raw' / 'mnre_val.txt'
    given = list(read_texts(sample))
    write_texts(given, 'labelled.jsonl', 'doccano')
    code, _, err = eega('convert', 'labelled.jsonl', 'mine/raw/train.jsonl', '--from',
                        'doccano')
    assert code == 0, err
    options = [x for o in [*tiny_overrides, 'train.epochs=1'] for x in ('--set', o)]
    code, out, err = eega('train', 'mine', '--output', 'runs/mine', *options)
    assert code == 0 and 'no validation file' in err, err
    assert 'no validation file' in Path('runs/mine/README.md').read_text('utf-8')
    assert load_model('runs/mine').model.tag_set == tags_of(given)


@pytest.mark.slow
def test_the_code_on_the_page_runs(trained, monkeypatch, capsys):
    from eega_pyg import Extractor
    extractor = Extractor.from_pretrained(trained, 'cpu')
    monkeypatch.setattr(Extractor, 'from_pretrained', lambda: extractor)
    _, code = re.findall(r'^```python\n(.*?)^```', PAGE, re.M | re.S)
    exec(code, {})
    lines = capsys.readouterr().out.splitlines()
    assert sorted(line[5:] for line in lines) == [
        'Ada Moss works for Zeta', 'Ida Blom visits Oslo'
    ]
    assert float(lines[0][:4]) <= float(lines[1][:4])
