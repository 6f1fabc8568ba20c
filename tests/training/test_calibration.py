import math

import pytest
import torch
from torch_geometric.data import Batch

from eega_pyg.datasets import JMERE
from eega_pyg.extraction.extractor import Extractor
from eega_pyg.metrics import undirected
from eega_pyg.saving.saved_model import load_model
from eega_pyg.schema import Quintuple
from eega_pyg.tagging import decode_batch
from eega_pyg.training.calibration import (
    TEMPERATURES,
    fit_temperature,
    score_and_calibrate,
)
from eega_pyg.training.evaluation import collect_scores

TEXT = 'Striker Marco Bellini joins Harbor City FC in Lisbon'


@pytest.fixture
def saved(trained):
    return load_model(trained)


@pytest.fixture
def data(saved, small_root):
    return JMERE(str(small_root), split='train', vocabularies=saved.vocabularies,
                 tags=saved.model.tag_set, **saved.data.arguments())


def sharpen(model, factor):
    with torch.no_grad():
        for param in model.tagger.parameters():
            param *= factor


def test_a_model_that_is_too_sure_gets_a_higher_temperature(saved, data):
    before = fit_temperature(saved.model, data, saved.signatures)
    sharpen(saved.model, 2.0)
    after = fit_temperature(saved.model, data, saved.signatures)
    assert before.temperature in TEMPERATURES
    assert after.temperature >= min(2 * before.temperature, TEMPERATURES[-1]) - 0.5
    assert 0 <= after.error <= 1 and 0 <= after.error_before <= 1


def test_scores_and_temperature_of_one_pass_are_those_of_two(saved, data):
    model = saved.model
    scores, calibration = score_and_calibrate(model, data, saved.signatures)
    apart = collect_scores(model, data, saved.signatures)
    assert str(scores.extractions()) == str(apart.extractions())
    assert scores.targets == apart.targets

    # The log loss of each temperature, decoded anew.
    losses = {}
    for temperature in TEMPERATURES:
        loss = []
        for pair in data:
            with torch.no_grad():
                logits = model(Batch.from_data_list([pair])).logits
            found, = decode_batch(logits, [pair['token'].num_nodes], model.tag_set,
                                  model.table, saved.signatures,
                                  temperature=temperature)
            given = undirected(map(Quintuple.from_list, pair.quintuples))
            loss += [
                -math.log(q.probability if undirected([q]) <= given else 1 -
                          q.probability) for q in found.quintuples
            ]
        losses[temperature] = sum(loss) / len(loss)
    assert calibration.temperature == min(losses, key=losses.get)
    assert calibration == fit_temperature(model, data, saved.signatures)


def test_a_model_that_finds_nothing_needs_none(saved, data):
    with torch.no_grad():
        saved.model.tagger.lin_row.bias[0] = 1000.0
    assert fit_temperature(saved.model, data, saved.signatures) == (1.0, 0.0, 0.0)


def test_the_extractor_uses_the_temperature_of_the_model(saved, trained):
    assert load_model(trained).temperature in TEMPERATURES
    cool, plain = (Extractor(saved._replace(temperature=t))(TEXT) for t in (3.0, 1.0))
    assert cool.extraction == plain.extraction  # Probabilities are not compared.
    pairs = zip(cool.extraction.entities, plain.extraction.entities)
    assert [a.probability < b.probability for a, b in pairs].count(True) > 0
