import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch_geometric.data import Batch

from eega_pyg.datasets import JMERE
from eega_pyg.extraction.extractor import Extractor
from eega_pyg.metrics import undirected
from eega_pyg.saving.saved_model import load_model
from eega_pyg.schema import Quintuple
from eega_pyg.tagging import decode_batch
from eega_pyg.training.calibration import (
    TEMPERATURES,
    best_threshold,
    curve,
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


FINDS = st.lists(st.tuples(st.sampled_from([0.2, 0.4, 0.5, 0.9]), st.booleans()),
                 max_size=12)


def kept(finds, given, least):
    found = [right for p, right in finds if p >= least]
    return (sum(found) / max(len(found), 1), sum(found) / given,
            2 * sum(found) / (len(found) + given))


@given(FINDS, st.integers(0, 3))
def test_a_curve_is_what_counting_at_each_probability_gives(finds, missed):
    number = sum(right for _, right in finds) + missed + 1
    points = curve(np.array([p for p, _ in finds]),
                   np.array([r for _, r in finds], dtype=bool), number)
    assert points.threshold.tolist() == sorted({p for p, _ in finds}, reverse=True)
    for least, *values in zip(*points):
        assert values == pytest.approx(kept(finds, number, least))


@given(FINDS, st.sampled_from([0.0, 0.5, 0.8, 1.0]))
def test_the_best_threshold_has_the_best_f1_of_those_precise_enough(finds, precision):
    number = sum(right for _, right in finds) + 1
    found = [np.array([p for p, _ in finds]), np.array([r for _, r in finds], bool)]
    best = best_threshold(*found, number, precision)
    values = [kept(finds, number, p) for p, _ in finds]
    if not values:
        assert best == 0
    elif any(v[0] >= precision for v in values):
        assert kept(finds, number, best)[0] >= precision
        assert kept(finds, number,
                    best)[2] == max(v[2] for v in values if v[0] >= precision)
    else:
        assert kept(finds, number, best)[0] == max(v[0] for v in values)


def test_a_threshold_lies_between_two_probabilities_and_is_0_where_all_is_kept():
    probability, right = np.array([0.4, 0.8]), np.array([False, True])
    assert best_threshold(probability, right, 1) == pytest.approx(0.6)
    assert best_threshold(probability, ~right, 1) == 0
