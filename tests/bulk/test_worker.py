import json
import os

import pandas as pd
import pytest
from PIL import Image

from eega_pyg.bulk.partitions import find_files, plan
from eega_pyg.bulk.worker import Task, Worker
from eega_pyg.extraction.extractor import Extractor
from eega_pyg.extraction.item_files import read_items


@pytest.fixture(scope='module')
def extractor(trained):
    return Extractor.from_pretrained(trained, device='cpu', threshold=0.0)


def worker(extractor, folder, **options):
    task = Task(extractor.origin, extractor.origin.check(extractor.saved), str(folder),
                'jsonl', 'cpu', 0.0, False, None, 32, 1, os.getcwd())
    return Worker(task._replace(**options))


def test_a_worker_writes_what_the_extractor_finds(extractor, texts, tmp_path):
    parts = plan([find_files(texts)[1]], 7)
    frame = pd.DataFrame([p._asdict() for p in parts])
    done = worker(extractor, tmp_path)(frame)
    assert list(done['items']) == [7, 7, 6] and list(done['failed']) == [''] * 3
    assert list(done['errors']) == [0, 1, 0]
    found = [
        json.loads(line) for part in parts
        for line in (tmp_path / f'{part.name}.jsonl').read_text().splitlines()
    ]
    lines = (texts / 'b.jsonl').read_text().splitlines()
    (tmp_path / 'right').mkdir()
    (tmp_path / 'right' / 'b.jsonl').write_text('\n'.join(lines[:9] + lines[10:]))
    items = read_items(tmp_path / 'right' / 'b.jsonl')
    expected = extractor.batch(list(items.values()))
    assert len(found) == 19
    for value, result in zip(found, expected):
        assert value['text'] == result.text and value['metadata'] == result.metadata
        assert [(e['start'], e['end'], e['type']) for e in value['entities']
                ] == [(e.start, e.end, e.type) for e in result.entities]
        assert [q['probability'] for q in value['quintuples']
                ] == pytest.approx([q.probability for q in result.quintuples], abs=1e-4)
    keys = [f'b.jsonl:{i}' for i in range(1, 21) if i != 10]
    assert [v['key'] for v in found] == keys
    error, = (tmp_path / '_errors' / f'{parts[1].name}.jsonl').read_text().splitlines()
    assert json.loads(error) == {
        'key': 'b.jsonl:10',
        'error': 'caption: expected a string (got 5)'
    }


def test_a_part_that_cannot_be_done_stops_no_other(extractor, texts, tmp_path):
    parts = plan([find_files(texts)[1]], 10)
    lost = parts[0]._replace(path=str(tmp_path / 'gone.jsonl'))
    done = worker(extractor,
                  tmp_path)(pd.DataFrame([p._asdict() for p in (lost, parts[1])]))
    assert 'FileNotFoundError' in done['failed'][0] and done['failed'][1] == ''
    assert [p.name for p in tmp_path.glob('*.jsonl')] == [f'{parts[1].name}.jsonl']


def test_another_model_than_that_of_the_job_is_refused(extractor, tmp_path):
    with pytest.raises(ValueError, match='is not the one that was pickled'):
        worker(extractor, tmp_path, model='another')


def test_a_worker_looks_at_images_with_the_detector_that_is_named(extractor, tmp_path):
    (tmp_path / 'own.py').write_text(
        'import torch\n'
        'def detector(picture):\n'
        '    return torch.tensor([[0., 0., 4., 4.]]), ["hat"], torch.ones(1)\n')
    Image.new('RGB', (8, 8)).save(tmp_path / 'a.png')
    (tmp_path / 'in.jsonl').write_text(
        json.dumps({
            'text': 'Ann of Rome',
            'image': str(tmp_path / 'a.png')
        }))
    part, = plan([tmp_path / 'in.jsonl'], 7)
    (tmp_path / 'out').mkdir()
    look = worker(extractor, tmp_path / 'out',
                  detector=f"{tmp_path / 'own.py'}:detector")
    assert list(look(pd.DataFrame([part._asdict()]))['failed']) == ['']
    value = json.loads((tmp_path / 'out' / f'{part.name}.jsonl').read_text())
    assert [o['label'] for o in value['scene_graph']['objects']] == ['hat']
