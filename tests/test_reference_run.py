r"""Training and extraction give what they gave when ``data/reference_run.json`` was
written. A change that is to alter results writes the file anew and says so."""
import itertools
import json
import shutil
from pathlib import Path

import pytest
import torch

from eega_pyg.config import Config
from eega_pyg.datasets import JMERE
from eega_pyg.extraction.extractor import Extractor
from eega_pyg.training.loaders import loaders
from eega_pyg.training.optimizer import configure_optimizer
from eega_pyg.training.prepare import build_model

REFERENCE = json.loads(
    (Path(__file__).parent / 'data' / 'reference_run.json').read_text(encoding='utf-8'))
SAMPLE = Path(__file__).parents[1] / 'datasets' / 'sample' / 'raw'


@pytest.mark.slow
def test_ten_steps_of_default_lose_what_they_lost(tmp_path, offline_models):
    config = Config.load('default', ['train.batch_size=8'])
    shutil.copytree(SAMPLE, tmp_path / 'raw')
    train = JMERE(str(tmp_path), tags=config.tags.tag_set(), log=False,
                  **config.data.arguments())
    texts = [s['text'] for s in REFERENCE['sentences']]
    assert [data.text for data in train[:len(texts)]] == texts

    torch.manual_seed(0)
    model = build_model(config, train).train()
    optimizer = configure_optimizer(model, config.train, total=100)['optimizer']
    losses = []
    for batch in itertools.islice(loaders(train, train, config.train)[0], 10):
        optimizer.zero_grad()
        loss = model.loss(batch)['loss']
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses == pytest.approx(REFERENCE['losses'], rel=1e-4)


@pytest.mark.slow
def test_the_shipped_model_finds_what_it_found(offline_models):
    sentences = REFERENCE['sentences']
    results = Extractor.from_pretrained().batch([s['text'] for s in sentences])
    for sentence, result in zip(sentences, results):
        found = result.to_dict()['quintuples']
        ends = [[(q[end]['text'], q[end]['type']) for end in ('head', 'tail')]
                for q in found]
        assert [[*head, q['relation'], *tail] for (head, tail), q in zip(ends, found)
                ] == [q[:5] for q in sentence['quintuples']]
        assert [q['probability']
                for q in found] == pytest.approx([q[5] for q in sentence['quintuples']],
                                                 abs=1e-3)
