import json
import shutil
from pathlib import Path

import huggingface_hub
import pytest
from huggingface_hub import HfApi

from eega_pyg.config import Config
from eega_pyg.extraction.extractor import Extractor
from eega_pyg.saving import folder as folder_module
from eega_pyg.saving.saved_model import load_model, save_model


@pytest.fixture
def folder(trained, tmp_path):
    copy = tmp_path / 'model'
    shutil.copytree(trained, copy, ignore=shutil.ignore_patterns('training'))
    return copy


def test_a_folder_needs_nothing_but_itself(folder):
    saved = load_model(folder)
    assert saved.data.encoder == str(folder)
    assert not saved.model.training
    assert saved.signatures == saved.vocabularies.signatures
    assert '# EEGA' in (folder / 'README.md').read_text()


def test_what_is_saved_is_as_readable_as_any_file(folder, tmp_path):
    (tmp_path / 'other').touch()
    mode = (tmp_path / 'other').stat().st_mode
    assert {f.stat().st_mode for f in folder.iterdir() if f.is_file()} == {mode}


def test_a_save_that_fails_leaves_the_model_that_was_there(folder, tiny_overrides,
                                                           monkeypatch):
    def fails(name):
        raise OSError('No space left')

    saved, files = load_model(folder), sorted(folder.iterdir())
    monkeypatch.setattr('eega_pyg.saving.saved_model.load_tokenizer', fails)
    with pytest.raises(OSError, match='No space left'):
        save_model(folder, saved.model, saved.vocabularies,
                   Config.load('default', tiny_overrides))
    monkeypatch.undo()
    assert sorted(folder.iterdir()) == files and load_model(folder)


@pytest.mark.parametrize('name', [
    'config.json', 'model.safetensors', 'pipeline.json', 'tokenizer.json',
    'tokenizer_config.json', 'vocabularies.json'
])
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(FileNotFoundError, match=name):
        load_model(folder)


@pytest.mark.parametrize(
    'name', ['config.json', 'model.safetensors', 'pipeline.json', 'vocabularies.json'])
def test_a_broken_file_is_named(folder, name):
    (folder / name).write_bytes(b'{"a": ')
    with pytest.raises(ValueError, match=name):
        load_model(folder)


def test_the_vocabularies_of_another_model_are_refused(folder):
    path = folder / 'vocabularies.json'
    value = json.loads(path.read_text())
    value['dep'].append('another')
    path.write_text(json.dumps(value))
    with pytest.raises(ValueError, match='vocabularies are of another model'):
        load_model(folder)


def test_the_weights_of_another_model_are_refused(folder):
    path = folder / 'config.json'
    value = json.loads(path.read_text())
    value['channel_dim'] += 1
    path.write_text(json.dumps(value))
    with pytest.raises(ValueError, match="'config.json' and 'model.safetensors'"):
        load_model(folder)


@pytest.mark.parametrize('keys, value', [
    (('sizes', 'upos'), 3),
    (('sizes', 'dep'), None),
    (('sizes', ), []),
    (('feature_dim', ), -1),
    (('encoder', 'pad_token_id'), 10**6),
    (('encoder', 'type_vocab_size'), 0),
    (('encoder', 'num_attention_heads'), 0),
    (('encoder', ), []),
])
def test_a_field_of_the_configuration_that_fits_nothing_is_named(folder, keys, value):
    path = folder / 'config.json'
    config = json.loads(path.read_text())
    place = config
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] = value
    path.write_text(json.dumps(config))
    with pytest.raises(ValueError, match=f'config.json.*{keys[-1]}'):
        load_model(folder)


def test_a_later_format_is_refused(folder):
    path = folder / 'pipeline.json'
    value = json.loads(path.read_text())
    value['format'] = 99
    path.write_text(json.dumps(value))
    with pytest.raises(ValueError, match='another version of eega_pyg'):
        load_model(folder)
    path.write_text('{}')
    with pytest.raises(ValueError, match="pipeline.json: missing 'format'"):
        load_model(folder)


@pytest.mark.parametrize('name', [
    'nowhere', './me/model', '../missing', '/me/model', 'me/model/last',
    'runs.old/model', 'me/',
    Path('me/model')
])
def test_a_path_without_a_folder_is_not_looked_for_on_the_hub(name, no_hub):
    with pytest.raises(FileNotFoundError, match="no folder '/.* of a model of the"):
        load_model(name)


def test_a_mistyped_folder_is_not_looked_for_on_the_hub(tmp_path, monkeypatch, no_hub):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'runs').mkdir()
    with pytest.raises(FileNotFoundError, match=f"no 'smaple' in .*'{tmp_path}/runs'"):
        load_model('runs/smaple')


@pytest.fixture
def no_hub(monkeypatch):
    def ask(name, **kwargs):
        raise AssertionError(f'asked the hub for {name}')

    monkeypatch.setattr(huggingface_hub, 'snapshot_download', ask)


def test_options_of_the_hub_are_passed_on(trained, tmp_path, monkeypatch):
    asked = []

    def give(name, **kwargs):
        asked.append((name, kwargs))
        return str(trained)

    monkeypatch.setattr(huggingface_hub, 'snapshot_download', give)
    extractor = Extractor.from_pretrained('me/model-1.0', revision='v1', token='t',
                                          cache_dir=tmp_path, local_files_only=True)
    assert extractor.data.encoder == str(trained)
    assert asked == [('me/model-1.0', {
        'revision': 'v1',
        'token': 't',
        'cache_dir': tmp_path,
        'local_files_only': True
    })]


def test_a_model_that_the_hub_does_not_give_is_named():
    with pytest.raises(FileNotFoundError, match="no folder 'some/model', and the"):
        load_model('some/model')


def test_without_a_name_the_checkpoint_of_the_package_is_read(
        trained, tmp_path, monkeypatch):
    monkeypatch.setattr(folder_module, 'CHECKPOINTS', tmp_path)
    with pytest.raises(FileNotFoundError, match='carries no checkpoint: name a model'):
        load_model()
    target = tmp_path / folder_module.DEFAULT_CHECKPOINT
    folder_module.copy_model(trained, target)
    assert load_model().data.encoder == str(target)
    assert load_model(folder_module.DEFAULT_CHECKPOINT).data.encoder == str(target)


def test_the_whole_folder_is_pushed_to_the_hub(folder, monkeypatch):
    pushed = {}

    class Repository:
        repo_id = 'me/model'

    def upload(self, **kwargs):
        files = kwargs['folder_path'].iterdir()
        pushed.update({f.name: f.read_bytes() for f in files})
        return kwargs['repo_id']

    monkeypatch.setattr(HfApi, 'create_repo', lambda self, **kwargs: Repository)
    monkeypatch.setattr(HfApi, 'upload_folder', upload)
    extractor = Extractor.from_pretrained(folder, 'cpu')
    expected = {f.name: f.read_bytes() for f in folder.iterdir()}
    (folder / 'found.jsonl').write_text('{"text": "private"}')  # Nothing of the model.
    assert extractor.push_to_hub('me/model') == 'me/model'
    assert pushed == expected
    assert {'vocabularies.json', 'README.md', 'pipeline.json'} <= pushed.keys()


def test_a_mistyped_folder_starts_no_download(no_hub, monkeypatch, tmp_path):
    (tmp_path / 'runs' / 'food').mkdir(parents=True)
    (tmp_path / 'runs' / 'food' / 'pipeline.json').touch()
    (tmp_path / 'usr').mkdir()
    monkeypatch.chdir(tmp_path)
    for name in ('rnus/food', 'run/fod', 'Runs/food'):
        with pytest.raises(FileNotFoundError, match="was 'runs/food' meant"):
            folder_module.find_folder(name)
    for name in ('runs/fod', './food', 'food'):
        with pytest.raises(FileNotFoundError, match="no folder '|no 'fod'"):
            folder_module.find_folder(name)
    for name in ('somebody/model', 'user/food', 'run/else'):
        with pytest.raises(FileNotFoundError, match='asked the hub'):
            folder_module.find_folder(name)
