import gc
import os
import shutil
import sys
from functools import lru_cache
from pathlib import Path
from typing import Iterator

import pytest
import torch
from filelock import FileLock
from hypothesis import HealthCheck, settings

from eega_pyg import parsing, resolve

# Nothing in a test may ask the network for a model.
os.environ.setdefault('HF_HUB_OFFLINE', '1')
os.environ.setdefault('TOKENIZERS_PARALLELISM', 'false')

torch.set_num_threads(1)

# While a hundred packages are imported nothing is left to collect, and what they hold
# stays to the end.
gc.disable()


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.enable()


# Time says nothing about a property on a busy machine.
settings.register_profile('eega', deadline=None,
                          suppress_health_check=[HealthCheck.too_slow])
settings.load_profile('eega')

REPOSITORY = Path(__file__).parents[1]
MINILM = 'sentence-transformers/all-MiniLM-L6-v2'


@pytest.fixture(scope='session')
def shared_data() -> Path:
    r"""The folder of the real MNRE text and captions, which no release carries."""
    folder = REPOSITORY.parent / 'shared' / 'data'
    if not (folder / 'mnre' / 'mnre_train.txt').is_file():
        pytest.skip(
            f"REAL DATA MISSING: there is no 'mnre/mnre_train.txt' in '{folder}'")
    return folder


@pytest.fixture(scope='session', autouse=True)
def one_pipeline() -> Iterator[None]:
    r"""spaCy's pipeline takes half a second: models of a test run share it. What is
    changed in a pipeline to keep its features is changed once."""
    with pytest.MonkeyPatch.context() as patch:
        for module, name in ((resolve, 'load_spacy'), (parsing, '_keep_features')):
            patch.setattr(module, name, lru_cache(maxsize=2)(getattr(module, name)))
        yield


@pytest.fixture(scope='session')
def offline_models() -> None:
    r"""Skips where the extra ``offline`` is not installed."""
    try:
        resolve.load_spacy('en_core_web_sm')
    except OSError as e:
        pytest.skip(str(e))
    if resolve.resolve_encoder(MINILM) == MINILM:
        pytest.skip("the extra 'offline' is not installed")


def _shared(factory: pytest.TempPathFactory) -> Path:
    r"""A folder of all workers of a run."""
    place = factory.getbasetemp()
    return place.parent if 'PYTEST_XDIST_WORKER' in os.environ else place


@pytest.fixture(scope='session')
def tiny_encoder(tmp_path_factory: pytest.TempPathFactory, offline_models: None) -> str:
    r"""A random text encoder that is small enough to train within seconds."""
    from transformers import BertConfig, BertModel
    place = _shared(tmp_path_factory)
    folder = place / 'encoder'
    with FileLock(place / 'encoder.lock'):
        if not (folder / 'model.safetensors').is_file():
            tokenizer = resolve.load_tokenizer(MINILM)
            tokenizer.save_pretrained(folder)
            torch.manual_seed(0)
            BertModel(
                BertConfig(vocab_size=len(tokenizer), hidden_size=24,
                           num_hidden_layers=1, num_attention_heads=2,
                           intermediate_size=32)).save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope='session')
def small_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    r"""The first rows of the sample data set."""
    root = _shared(tmp_path_factory) / 'small'
    source = REPOSITORY / 'datasets' / 'sample' / 'raw'
    with FileLock(f'{root}.lock'):
        if root.is_dir():
            return root
        (root / 'raw').mkdir(parents=True)
        for split, rows in (('train', 60), ('val', 20)):
            lines = (source /
                     f'mnre_{split}.txt').read_text(encoding='utf-8').splitlines()
            (root / 'raw' / f'mnre_{split}.txt').write_text(
                '\n'.join(lines[:rows]) + '\n', encoding='utf-8')
            shutil.copy(source / f'captions_{split}.jsonl', root / 'raw')
    return root


@pytest.fixture(scope='session')
def real_val(tmp_path_factory: pytest.TempPathFactory, shared_data: Path) -> Path:
    r"""A folder with the real validation texts and captions, parsed once a run."""
    root = _shared(tmp_path_factory) / 'real_val'
    with FileLock(f'{root}.lock'):
        if not root.is_dir():
            (root / 'raw').mkdir(parents=True)
            for name, source in (('mnre_val.txt', 'mnre/mnre_val.txt'),
                                 ('captions_val.jsonl',
                                  'captions/llava-next_val.jsonl')):
                (root / 'raw' / name).symlink_to(shared_data / source)
    return root


@pytest.fixture(scope='session')
def tiny_overrides(tiny_encoder: str) -> list:
    r"""What makes the default preset train within seconds."""
    return [
        f'data.encoder={tiny_encoder}', 'model.heads=4', 'model.edge_dim=8',
        'model.channel_dim=8', 'train.epochs=3', 'train.batch_size=8',
        'train.lr_encoder=1e-3', 'train.lr=5e-3', 'train.pretrain_epochs=0',
        'model.lambda_graph=0.6', 'model.alpha=0.4', 'model.outer_iters=8'
    ]


@pytest.fixture(scope='session')
def trained_overrides(tiny_overrides: list) -> list:
    r"""The configuration of :func:`trained`. Graphs are aligned where it is asked for;
    to learn from it takes as long as all else."""
    return [
        *tiny_overrides, 'train.epochs=24', 'train.patience=24', 'train.lr=1e-2',
        'model.outer_iters=40', 'model.lambda_graph=0', 'train.seed=3'
    ]


@pytest.fixture(scope='session')
def trained(tmp_path_factory: pytest.TempPathFactory, small_root: Path,
            trained_overrides: list) -> Path:
    r"""The folder of a tiny trained model."""
    from eega_pyg.config import Config
    from eega_pyg.training.run import fit
    place = _shared(tmp_path_factory)
    folder = place / 'tiny'
    config = Config.load('default', trained_overrides)
    with FileLock(place / 'tiny.lock'):
        if not (folder / 'README.md').is_file():  # The last that is written.
            fit(config, small_root, folder, progress=False)
    return folder


@pytest.fixture(scope='session')
def browser(tmp_path_factory):
    r"""A Chromium without a window."""
    chromium, driver = shutil.which('chromium'), shutil.which('chromedriver')
    if chromium is None or driver is None:
        pytest.skip('NO BROWSER: run "apt-get install chromium chromium-driver"')
    from selenium.webdriver import Chrome, ChromeOptions, ChromeService
    from selenium.webdriver.support.wait import WebDriverWait

    class PatientChrome(Chrome):
        r"""A Chrome that is at a page when :meth:`get` returns: on a busy machine the
        driver returns before the page's scripts have run, once in a hundred times."""
        def get(self, url):
            arrived = ("return document.readyState === 'complete' && "
                       "(location.href === 'about:blank') === arguments[0]")
            for place in ('about:blank', url):
                super().get(place)
                is_blank = place == 'about:blank'
                wait = WebDriverWait(self, 60, 0.02)
                wait.until(lambda _: self.execute_script(arrived, is_blank))

    options = ChromeOptions()
    options.binary_location = chromium
    for flag in ('headless', 'no-sandbox', 'disable-gpu', 'disable-quic',
                 'no-first-run', 'disable-background-networking',
                 'disable-component-update', 'disable-sync', 'disable-dev-shm-usage',
                 'window-size=1200,900',
                 f"user-data-dir={tmp_path_factory.mktemp('chromium')}"):
        options.add_argument('--' + flag)
    options.set_capability('goog:loggingPrefs', {'browser': 'ALL'})
    service = ChromeService(driver, log_output=os.devnull)
    with PatientChrome(options, service) as chrome:
        yield chrome


@pytest.fixture
def eega(monkeypatch, capsys):
    r"""Runs the command line in this process; gives exit code, output and errors."""
    from eega_pyg.cli import console, main

    def run(*args):
        monkeypatch.setattr(sys, 'argv', ['eega', *map(str, args)])
        monkeypatch.setenv('COLUMNS', '200')
        for place in (console.out, console.err):
            monkeypatch.setattr(place, 'width', 200)
        code = 0
        try:
            main()
        except SystemExit as e:
            code = e.code or 0
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run
