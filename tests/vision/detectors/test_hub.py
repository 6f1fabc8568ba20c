import json
import shutil

import pytest
import torch
from huggingface_hub import constants
from PIL import Image
from safetensors.torch import load_file, save_file
from tiny_models import tiny

from eega_pyg.vision import TransformersDetector, ZeroShotDetector, from_transformers

PICTURE = Image.effect_noise((96, 64), 80).convert('RGB')


@pytest.fixture(scope='module',
                params=['rt_detr_v2', 'yolos', 'grounding-dino', 'owlv2'])
def saved(request, tmp_path_factory):
    r"""The folder of a model, and the model."""
    folder = tmp_path_factory.mktemp(request.param)
    model, processor = tiny(request.param, folder)
    for part in (model, processor):
        part.save_pretrained(folder)
    return folder, model, processor


@pytest.fixture
def folder(tmp_path_factory, tmp_path):
    r"""The folder of a YOLOS, to be damaged."""
    model, processor = tiny('yolos', tmp_path)
    model.save_pretrained(tmp_path / 'yolos')
    processor.save_pretrained(tmp_path / 'yolos')
    return tmp_path / 'yolos'


def rewrite(file, **changes):
    file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))


def test_a_folder_holds_the_model_that_was_saved(saved):
    folder, model, processor = saved
    labels = ['person', 'dog'] if hasattr(processor, 'tokenizer') else None
    options = dict(labels=labels, score_threshold=0., device='cpu')
    given, loaded = (from_transformers(*source, **options)
                     for source in ((model, processor), (str(folder), )))
    kind = TransformersDetector if labels is None else ZeroShotDetector
    assert type(loaded) is kind and loaded.model.dtype == torch.float32
    assert list(loaded(PICTURE).labels) == list(given(PICTURE).labels)
    assert torch.allclose(loaded(PICTURE).scores, given(PICTURE).scores, atol=1e-4)


def test_a_detector_is_known_by_its_weights_and_not_by_its_folder(folder, tmp_path):
    shutil.copytree(folder, tmp_path / 'elsewhere')
    first = from_transformers(folder).identity()
    assert from_transformers(tmp_path / 'elsewhere').identity() == first
    file = tmp_path / 'elsewhere' / 'model.safetensors'
    state = load_file(file)
    state['class_labels_classifier.layers.2.bias'] += 0.1
    save_file(state, file, {'format': 'pt'})
    assert from_transformers(tmp_path / 'elsewhere').identity() != first
    rewrite(folder / 'preprocessor_config.json', image_std=[1., 1., 1.])
    assert from_transformers(folder).identity() != first


def test_no_code_of_a_folder_is_run(folder, tmp_path):
    ran = tmp_path / 'ran'
    code = f'open({str(ran)!r}, "w")\n'
    (folder /
     'hostile.py').write_text(code + 'from transformers import *\n'
                              'class Own(YolosForObjectDetection): pass\n'
                              'class OwnConfig(YolosConfig): pass\n'
                              'class OwnProcessor(YolosImageProcessor): pass\n')
    for file, name in (('config.json', 'AutoConfig'), ('preprocessor_config.json',
                                                       'AutoImageProcessor')):
        own = {
            'AutoConfig': 'hostile.OwnConfig',
            'AutoImageProcessor': 'hostile.OwnProcessor',
            'AutoModelForObjectDetection': 'hostile.Own'
        }
        rewrite(folder / file, auto_map=own)
    found = from_transformers(folder)
    assert type(found.model).__name__ == 'YolosForObjectDetection'
    assert not ran.exists()
    rewrite(folder / 'config.json', model_type='own_detector')
    with pytest.raises(ValueError, match="'own_detector', expected one of"):
        from_transformers(folder)
    assert not ran.exists()


class Attack:
    def __reduce__(self):
        return (print, ('this ran', ))


def test_nothing_is_unpickled(folder, capsys):
    (folder / 'model.safetensors').unlink()
    torch.save({'vit.embeddings.cls_token': Attack()}, folder / 'pytorch_model.bin')
    with pytest.raises(OSError, match="detector '.*' cannot be loaded from the folder"):
        from_transformers(folder)
    assert 'this ran' not in capsys.readouterr().out


def test_what_is_wrong_with_a_folder_is_told(folder, tmp_path, monkeypatch):
    (tmp_path / 'empty').mkdir()
    with pytest.raises(OSError, match="empty' is no detector.*no 'config.json'"):
        from_transformers(tmp_path / 'empty')
    rewrite(folder / 'config.json', model_type='bert')
    with pytest.raises(ValueError,
                       match="'bert', expected one of conditional_detr, d_"):
        from_transformers(folder)
    rewrite(folder / 'config.json', model_type=['yolos'])
    with pytest.raises(ValueError, match='no detector that can be used here'):
        from_transformers(folder)
    rewrite(folder / 'config.json', model_type='yolos')
    (folder / 'preprocessor_config.json').rename(tmp_path / 'kept')
    with pytest.raises(OSError, match='cannot be loaded from the folder'):
        from_transformers(folder)
    (tmp_path / 'kept').rename(folder / 'preprocessor_config.json')
    monkeypatch.setattr('transformers.CONFIG_MAPPING', {})
    with pytest.raises(ValueError, match="does not know 'yolos'.*pip install -U tran"):
        from_transformers(folder)


def test_a_model_that_was_not_trained_to_detect_is_told(folder):
    file = folder / 'model.safetensors'
    state = {k: v for k, v in load_file(file).items() if 'classifier' not in k}
    save_file(state, file, {'format': 'pt'})
    with pytest.raises(OSError, match="lacks the weights.*'class_labels_classifier"):
        from_transformers(folder)


def test_a_library_that_is_missing_is_named(folder, monkeypatch):
    def refuse(*args, **kwargs):
        raise ImportError('It requires the timm library.\nRun `pip install timm`.')

    monkeypatch.setattr('transformers.YolosForObjectDetection.__init__', refuse)
    with pytest.raises(ImportError, match="needs a library.*timm library. Run `pip in"):
        from_transformers(folder)


def test_without_a_network_it_is_told_what_to_do(monkeypatch):
    monkeypatch.setattr(constants, 'HF_HUB_OFFLINE', True)
    with pytest.raises(
            OSError, match="detector 'no/such-model' is not on this disk.*"
            "HF_HUB_OFFLINE.*or give a folder") as error:
        from_transformers('no/such-model')
    assert '\n' not in str(error.value)


def test_a_hub_that_cannot_be_reached_is_told(monkeypatch):
    def refuse(*args, **kwargs):
        raise ConnectionError('no network')

    monkeypatch.setattr(constants, 'HF_HUB_OFFLINE', False)
    monkeypatch.setattr('huggingface_hub.HfApi.model_info', refuse)
    with pytest.raises(
            OSError, match="'no/such-model' is not on this disk and the Hugg"
            'ing Face hub cannot be reached: connect.*no network'):
        from_transformers('no/such-model')
