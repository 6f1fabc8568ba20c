r"""The option ``--detector`` of all commands that look at images."""
import json
import shutil

import pytest
from PIL import Image
from safetensors.torch import load_file, save_file
from tiny_models import tiny

from eega_pyg.schema import SceneGraph

OWN = '''
import torch
from eega_pyg.vision import Detection

def detector(picture):
    with open({log!r}, 'a') as f:
        f.write('looked')
    return Detection(torch.tensor([[0., 0., 9., 9.], [2., 2., 30., 30.]]),
                     ['hat', 'person'], torch.tensor([0.8, 0.9]))
'''


@pytest.fixture
def photo(tmp_path):
    Image.effect_noise((64, 48), 90).convert('RGB').save(tmp_path / 'photo.png')
    return tmp_path / 'photo.png'


@pytest.fixture
def own(tmp_path):
    r"""The name of a detector of one's own, which notes each picture."""
    (tmp_path / 'own.py').write_text(OWN.format(log=str(tmp_path / 'log')))
    return f"{tmp_path / 'own.py'}:detector"


def saved(family, folder):
    for part in tiny(family, folder.parent):
        part.save_pretrained(folder)
    return f'hf:{folder}'


def labels(path):
    return [o.label for o in SceneGraph.from_json(path.read_text()).objects]


def test_an_own_function_looks_for_extract(eega, photo, own, trained):
    code, out, _ = eega('extract', 'Ann of Rome', '--image', photo, '--detector', own,
                        '--model', trained, '--format', 'jsonl')
    assert code == 0
    scene = json.loads(out)['scene_graph']
    assert [o['label'] for o in scene['objects']] == ['person', 'hat']


def test_an_own_function_looks_for_explain_and_graph(eega, photo, own, trained,
                                                     tmp_path):
    code, _, _ = eega('explain', 'Ann of Rome', '--image', photo, '--detector', own,
                      '--model', trained, '--output', tmp_path / 'page.html')
    assert code == 0 and 'hat' in (tmp_path / 'page.html').read_text()
    (tmp_path / 'in.jsonl').write_text(
        json.dumps({
            'text': 'Ann of Rome',
            'image': str(photo)
        }))
    (tmp_path / 'log').unlink()
    code, _, _ = eega('graph', tmp_path / 'in.jsonl', '--detector', own, '--model',
                      trained, '--output', tmp_path / 'graph.jsonl')
    assert code == 0 and (tmp_path / 'log').read_text() == 'looked'


def test_a_run_goes_on_with_the_same_detector_only(eega, photo, own, trained, tmp_path,
                                                   monkeypatch):
    from eega_pyg.extraction.extractor import Extractor
    line = json.dumps({'text': 'Ann of Rome', 'image': str(photo)})
    (tmp_path / 'in.jsonl').write_text(f'{line}\n' * 2)
    args = ('extract', tmp_path / 'in.jsonl', '--model', trained, '--output',
            tmp_path / 'out.jsonl', '--detector')
    whole = Extractor.stream

    def cut(self, *args, **kwargs):
        yield next(iter(whole(self, *args, **kwargs)))
        raise OSError('stopped')

    monkeypatch.setattr(Extractor, 'stream', cut)
    assert eega(*args, own)[0] == 1
    monkeypatch.setattr(Extractor, 'stream', whole)
    other = tmp_path / 'other.py'
    other.write_text((tmp_path / 'own.py').read_text().replace('hat', 'tie'))
    code, _, err = eega(*args, f'{other}:detector', '--resume')
    assert code == 1 and 'belongs to a run with other' in err
    assert eega(*args, own, '--resume')[0] == 0
    assert len((tmp_path / 'out.jsonl').read_text().splitlines()) == 2


def test_what_is_in_a_folder_of_transformers_decides_what_is_parsed_again(
        eega, photo, tmp_path):
    name = saved('yolos', tmp_path / 'yolos')
    args = ('scene', photo, '--detector', name, '--score', 0, '--top-k', 3, '--output',
            tmp_path / 'out')
    assert '0 from the cache' in eega(*args)[1]
    assert '1 from the cache' in eega(*args)[1]
    assert set(labels(tmp_path / 'out' / 'photo.png.json')) <= {'person', 'dog', 'cup'}
    file = tmp_path / 'yolos' / 'model.safetensors'
    state = load_file(file)
    state['class_labels_classifier.layers.2.bias'] += 0.1
    save_file(state, file, {'format': 'pt'})
    assert '0 from the cache' in eega(*args)[1]
    shutil.rmtree(tmp_path / 'yolos')
    code, out, err = eega(*args)
    assert code == 1 and out == '' and 'HF_HUB_OFFLINE' in err


def test_a_caption_says_what_is_looked_for(eega, photo, tmp_path, offline_models):
    name = saved('owlv2', tmp_path / 'owl')
    captions = tmp_path / 'captions.jsonl'
    args = ('scene', photo, captions, '--detector', name, '--score', 0, '--output',
            tmp_path / 'out')
    seen = []
    for caption in ('a bus', 'a red cup', 'a bus'):
        captions.write_text(json.dumps({'img_id': 'photo.png', 'caption': caption}))
        code, out, _ = eega(*args)
        assert code == 0
        found = labels(tmp_path / 'out' / 'photo.png.json')
        seen.append((set(found), '1 from the cache' in out))
    assert seen == [({'bus'}, False), ({'red cup'}, False), ({'bus'}, True)]


def test_without_a_caption_labels_are_asked_for(eega, photo, tmp_path, offline_models):
    name = saved('owlv2', tmp_path / 'owl')
    args = ('scene', photo, '--detector', name, '--score', 0, '--output',
            tmp_path / 'out')
    code, _, err = eega(*args)
    assert code == 1 and 'photo.png: it has no caption' in err and 'labels' in err
    code, _, _ = eega(*args, '--label', 'dog', '--label', 'red cup')
    assert code == 0
    assert set(labels(tmp_path / 'out' / 'photo.png.json')) <= {'dog', 'red cup'}


@pytest.mark.parametrize('args, message', [
    (('scene', 'a.png', '--detector', 'yolo', '--output', 'out'), "no detector 'yolo'"),
    (('extract', 'Ann', '--detector', 'hf:'), "no detector 'hf:'"),
    (('extract', 'Ann', '--detector', 'gone.py:f'), "no file 'gone.py'"),
    (('serve', '--no-images', '--detector', 'ssdlite'), '--no-images says not to'),
    (('scene', 'a.png', '--label', 'dog', '--output', 'out'), '--label belongs to'),
    (('scene', 'a.png', '--detector', 'hf:a/b', '--weights', 'random', '--output',
      'out'), '--weights belongs to mask-rcnn and ssdlite'),
])
def test_what_means_nothing_is_told(args, message, eega):
    code, out, err = eega(*args)
    assert (code, out) == (1, '') and message in err
    assert err.splitlines()[-1].startswith('error: ')


def test_a_service_without_weights_says_how_it_starts(eega, trained, monkeypatch):
    pytest.importorskip('fastapi')

    def gone(*args):
        raise OSError('The weights cannot be downloaded')

    monkeypatch.setattr('eega_pyg.vision.detectors.named.named_parser', gone)
    code, _, err = eega('serve', '--port', 0, '--model', trained)
    assert code == 1
    assert 'cannot be downloaded; or look at no images (--no-images)' in err


def test_options_that_an_own_function_does_not_know_are_told(eega, photo, own,
                                                             tmp_path):
    for option in (('--top-k', 3), ('--score', 0.5)):
        code, _, err = eega('scene', photo, '--detector', own, *option, '--output',
                            tmp_path / 'out')
        assert code == 1 and 'mean nothing to a function of your own' in err
    code, _, _ = eega('scene', photo, '--detector', own, '--output', tmp_path / 'out')
    assert code == 0
    assert labels(tmp_path / 'out' / 'photo.png.json') == ['person', 'hat']
