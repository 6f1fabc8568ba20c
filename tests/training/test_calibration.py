import ast
import math
import shutil

import numpy as np
import pytest
import torch
from torch_geometric.data import Batch

from eega_pyg.datasets import JMERE, read_gmner
from eega_pyg.extraction.extractor import Extractor
from eega_pyg.saving import Scale, Scales, Thresholds, load_model
from eega_pyg.saving.folder import PIPELINE
from eega_pyg.saving.saved_model import write_scales
from eega_pyg.schema import Quintuple
from eega_pyg.scoring import undirected
from eega_pyg.tagging import decode_batch
from eega_pyg.training import calibration
from eega_pyg.training.calibration import (
    TEMPERATURES,
    calibrate,
    fit_scale,
    fit_scales,
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
    # The best temperature itself may be far below the lowest that is tried.
    sharpen(saved.model, 10.0)
    after = fit_temperature(saved.model, data, saved.signatures)
    assert before.temperature in TEMPERATURES
    assert after.temperature > before.temperature
    assert 0 <= after.error <= 1 and 0 <= after.error_before <= 1


@pytest.mark.slow
def test_scores_and_temperature_of_one_pass_are_those_of_two(saved, data):
    model = saved.model
    scores, calibration, scaled = score_and_calibrate(model, data, saved.signatures)
    apart = collect_scores(model, data, saved.signatures)
    assert str(scores.extractions()) == str(apart.extractions())
    assert scores.targets == apart.targets
    apart = collect_scores(model, data, saved.signatures,
                           temperature=calibration.temperature)
    assert str(scaled.extractions()) == str(apart.extractions())

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
    cool, plain = (Extractor(saved._replace(temperature=t), threshold=0.0)(TEXT)
                   for t in (3.0, 1.0))
    assert cool.extraction == plain.extraction  # Probabilities are not compared.
    pairs = zip(cool.extraction.entities, plain.extraction.entities)
    assert [a.probability < b.probability for a, b in pairs].count(True) > 0


def test_scaled_probabilities_have_the_share_that_is_right_as_their_mean():
    chance = np.random.default_rng(0)
    probability = chance.uniform(0.3, 0.99, 4000)
    right = chance.random(4000) < Scale(0.5, -1.0)(0.5) + probability / 3
    scale = fit_scale(probability, right)
    scaled = np.array([scale(p) for p in probability])
    assert scaled.mean() == pytest.approx(right.mean(), abs=1e-3)
    for low in (0.3, 0.5, 0.7):  # Also of those of like probability.
        part = (probability >= low) & (probability < low + 0.2)
        assert scaled[part].mean() == pytest.approx(right[part].mean(), abs=0.05)


def test_a_scale_that_made_the_data_is_found_again():
    chance = np.random.default_rng(1)
    truth = Scale(0.6, -0.8)
    probability = chance.uniform(0.02, 0.98, 50_000)
    right = chance.random(50_000) < [truth(p) for p in probability]
    assert fit_scale(probability, right) == pytest.approx(truth, abs=0.05)


@pytest.mark.parametrize('right', [[True, True], [False, False], [True, False]])
def test_a_scale_of_two_is_finite_and_grows(right):
    # In the last case, the more probable one is wrong.
    scale = fit_scale(np.array([0.6, 0.9]), np.array(right))
    assert scale.slope > 0 and all(map(math.isfinite, scale))
    assert scale(0.6) < scale(0.9)
    assert fit_scale(np.array([]), np.array([], dtype=bool)) == Scale()


def test_probabilities_that_are_nearly_equal_get_a_scale_that_can_be_saved():
    scale = fit_scale(np.array([0.5, 0.5001]), np.array([False, True]))
    assert 1 < scale.slope < 40 and abs(scale.offset) < 99
    for low in (0.0005, 0.5, 0.9995):
        probability = low + np.array([0.0, 1e-9, 2e-9])
        scale = fit_scale(probability, np.array([False, True, True]))
        assert 0 < scale.slope < 40 and abs(scale.offset) < 99


@pytest.mark.slow
def test_a_text_counts_once_into_however_many_sentences_its_lines_are_cut(
        saved, small_root, tmp_path):
    shutil.copytree(small_root / 'raw', tmp_path / 'raw')
    path = tmp_path / 'raw' / 'mnre_val.txt'
    lines = [ast.literal_eval(line) for line in path.read_text().splitlines()]
    cut = []
    for line in lines:
        cut += [line, {**line, 'relation': 'None', 'h': line['t'], 't': line['h']}]
    path.write_text('\n'.join(map(repr, cut)) + '\n')

    def val(root):
        return JMERE(str(root), split='val', vocabularies=saved.vocabularies,
                     tags=saved.model.tag_set, log=False, **saved.data.arguments())

    whole, pieces = val(small_root), val(tmp_path)
    assert len(pieces) > len(whole)
    one, other = (fit_scales(saved.model, x, saved.signatures) for x in (whole, pieces))
    assert other.scales.quintuple == pytest.approx(one.scales.quintuple)
    assert other.thresholds.quintuple == pytest.approx(one.thresholds.quintuple)


@pytest.mark.slow
def test_entities_and_quintuples_of_all_val_texts_are_fitted_apart(
        saved, small_root, tmp_path, trained, monkeypatch):
    monkeypatch.setattr(calibration, 'FEWEST', 1)
    shutil.copytree(small_root / 'raw', tmp_path / 'raw')
    stated = (TEXT + ' .').split()
    lines = [
        repr({
            'token': [*stated, str(i)],
            'h': {'name': 'Marco Bellini', 'pos': [1, 3]},
            't': {'name': 'Lisbon', 'pos': [8, 9]},
            'img_id': f'{i}.jpg', 'relation': 'None'
        }) for i in range(20)
    ]  # yapf: disable
    with (tmp_path / 'raw' / 'mnre_val.txt').open('a') as f:
        f.write('\n'.join(lines) + '\n')
    tweets = tmp_path / 'tweets.txt'
    tweets.write_text(''.join(['IMGID:1\n', *(f'{word}\tO\n'
                                              for word in stated), '\n'] * 5))

    def val(root):
        return JMERE(str(root), split='val', vocabularies=saved.vocabularies,
                     tags=saved.model.tag_set, log=False, **saved.data.arguments())

    model, signatures = saved.model, saved.signatures
    before = fit_scales(model, val(small_root), signatures)
    after = fit_scales(model, val(tmp_path), signatures)
    assert before.scales.entity == after.scales.entity
    # What is found in the texts without a relation is wrong.
    plain = Extractor(saved._replace(scales=Scales(), temperature=1.0), threshold=0.0)
    found = plain(stated).quintuples
    assert found
    for q in found:
        assert after.scales.quintuple(q.probability) < before.scales.quintuple(
            q.probability)

    # Of the held-out texts no word is an entity.
    records = read_gmner(tweets, saved.model.tag_set)
    last = fit_scales(model, val(tmp_path), signatures, held_out=records)
    assert last.scales.quintuple == after.scales.quintuple
    assert last.scales.entity(0.9) < 0.2 < after.scales.entity(0.9)

    # The same is written into a folder, which an extractor then goes by.
    folder = tmp_path / 'model'
    shutil.copytree(trained, folder)
    written = calibrate(folder, tmp_path, [f'gmner:{tweets}'], 0.8, progress=False)
    again = load_model(folder)
    assert again[-2:] == written[:2]
    plain = Extractor(saved._replace(scales=Scales(), temperature=again.temperature),
                      threshold=0.0)(stated).extraction
    scaled = Extractor(again, threshold=0.0)(stated).extraction
    assert scaled == plain  # Probabilities are not compared.
    for a, b in zip(scaled.quintuples, plain.quintuples):
        assert a.probability == pytest.approx(again.scales.quintuple(b.probability))
        assert a.head.probability == pytest.approx(
            again.scales.entity(b.head.probability))
    assert Extractor(again).thresholds == again.thresholds
    kept = Extractor(again)(stated).quintuples
    assert [q.probability for q in kept] == [
        q.probability for q in scaled.quintuples
        if q.probability >= again.thresholds.quintuple
    ]


@pytest.mark.slow
def test_posts_and_prose_are_fitted_apart(saved, small_root, tmp_path, monkeypatch):
    shutil.copytree(small_root / 'raw', tmp_path / 'raw')
    lines = [
        repr({
            'token': ['RT', '@', 'ann', ':', *TEXT.split(), '.', str(i)],
            'h': {'name': 'Marco Bellini', 'pos': [5, 7]},
            't': {'name': 'Lisbon', 'pos': [12, 13]},
            'img_id': f'{i}.jpg', 'relation': 'None'
        }) for i in range(20)
    ]  # yapf: disable
    with (tmp_path / 'raw' / 'mnre_val.txt').open('a') as f:
        f.write('\n'.join(lines) + '\n')

    def fitted(root):
        val = JMERE(str(root), split='val', vocabularies=saved.vocabularies,
                    tags=saved.model.tag_set, log=False, **saved.data.arguments())
        return fit_scales(saved.model, val, saved.signatures).scales

    monkeypatch.setattr(calibration, 'FEWEST', 1)
    monkeypatch.setattr(calibration, 'ENOUGH', 10**9)
    plain = fitted(small_root)
    assert plain.prose is None
    monkeypatch.setattr(calibration, 'ENOUGH', 1)
    both = fitted(tmp_path)
    assert both.prose == plain.quintuple  # There is no post among these.
    # What is found in the posts is wrong.
    assert both.quintuple(0.9) < 0.3 < both.prose(0.9)


def test_where_nothing_is_right_probabilities_stay(saved, data, monkeypatch):
    wrong = [calibration._Judged(0.9, False, post) for post in (True, False)] * 50
    monkeypatch.setattr(calibration, '_judged', lambda *args, **kwargs: list(wrong))
    with pytest.warns(UserWarning,
                      match='None of the .* found in the validation texts'):
        fitted = fit_scales(saved.model, data, saved.signatures)
    assert fitted.scales.quintuple == Scale() and fitted.scales.prose is None
    assert fitted.thresholds.quintuple == 0


def test_what_few_texts_say_changes_nothing(trained, small_root, tmp_path):
    folder, root = tmp_path / 'model', tmp_path / 'data'
    shutil.copytree(trained, folder)
    scales = Scales(Scale(0.5, 1.0), Scale(0.6, -1.0), Scale(0.7, 2.0))
    thresholds = Thresholds(0.3, 0.4)
    write_scales(folder / PIPELINE, scales, thresholds)
    (root / 'raw').mkdir(parents=True)
    lines = (small_root / 'raw' / 'mnre_val.txt').read_text().splitlines()[:2]
    (root / 'raw' / 'mnre_val.txt').write_text('\n'.join(lines) + '\n')
    shutil.copy(small_root / 'raw' / 'captions_val.jsonl', root / 'raw')
    with pytest.warns(UserWarning, match='of 30 that are needed: .* stay') as told:
        fitted = calibrate(folder, root, progress=False)
    assert ['quintuples' in str(w.message) for w in told
            if 'needed' in str(w.message)] == [True, False]
    assert fitted[:2] == (scales, thresholds)
    kept = load_model(folder)
    assert (kept.scales, kept.thresholds) == (scales, thresholds)


@pytest.mark.parametrize('name', ['unrelated', 'news', 'jsonl:'])
def test_texts_without_types_are_no_held_out_texts(trained, small_root, name):
    with pytest.raises(ValueError,
                       match=f"^held_out: expected one of jsonl:FILE.*got '{name}'"):
        calibrate(trained, small_root, [name], progress=False)
