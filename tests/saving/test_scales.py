import json
import shutil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eega_pyg.extraction.extractor import Extractor
from eega_pyg.saving import Scale, Scales, load_model
from eega_pyg.saving.folder import PIPELINE
from eega_pyg.saving.scales import is_post
from eega_pyg.schema import Entity, Quintuple
from eega_pyg.tagging import Extraction

SHARES = st.floats(0, 1)


@given(SHARES, SHARES, st.floats(0.05, 5), st.floats(-5, 5))
def test_a_scale_keeps_the_order_and_the_range(p, q, slope, offset):
    scale = Scale(slope, offset)
    assert 0 <= scale(p) <= 1
    assert (scale(p) <= scale(q)) or p > q


def test_a_scale_multiplies_and_shifts_log_odds():
    assert Scale()(0.3) == 0.3
    assert Scale(2.0)(0.75) == pytest.approx(0.9)  # 3 to 1 becomes 9 to 1.
    assert Scale(1.0, -0.6931471805599453)(0.5) == pytest.approx(1 / 3)


def test_entities_and_quintuples_have_their_own():
    ann, acme = Entity(0, 1, 'per', 0.75), Entity(2, 3, 'org', 0.5)
    found = Extraction([ann, acme], [Quintuple(ann, acme, 'member_of', 0.75)])
    scaled = Scales(Scale(2.0), Scale(0.5)).apply(found, False)
    assert scaled == found  # Probabilities are not compared.
    assert [e.probability for e in scaled.entities] == pytest.approx([0.9, 0.5])
    quintuple, = scaled.quintuples
    assert quintuple.probability == pytest.approx(3**0.5 / (1 + 3**0.5))
    assert quintuple.head.probability == pytest.approx(0.9)
    assert Scales().apply(found, False) is found


@pytest.mark.parametrize('text, raw, of_words', [
    ('RT @ann : Acme wins', True, True),
    ('Acme wins #cup', True, True),
    ('Acme wins # cup', False, True),
    ('See https://acme.org', True, True),
    ('Acme wins!HTTPS://t.co/a', True, True),
    ('.@ann and (#cup) and "www.acme.org"', True, True),
    ('Write to ann@acme.org, in ART .', False, False),
    ('# Acme wins\n\n## The cup\n', False, True),
    ('AT&#38;T meets @ 5, or C# at a/@b', False, True),
    ('', False, False),
])
def test_posts_are_known_by_their_marks(text, raw, of_words):
    assert is_post(text) == raw
    assert is_post(text, of_words=True) == of_words


@pytest.mark.parametrize('post', [True, False])
def test_posts_have_a_scale_of_their_own(post):
    scales = Scales(quintuple=Scale(2.0), prose=Scale(3.0))
    assert scales.of_quintuples(post) == Scale(2.0 if post else 3.0)
    assert scales._replace(prose=None).of_quintuples(post) == Scale(2.0)
    ann, acme = Entity(0, 1, 'per'), Entity(2, 3, 'org')
    found = Extraction([], [Quintuple(ann, acme, 'member_of', 0.75)])
    quintuple, = scales.apply(found, post).quintuples
    assert quintuple.probability == pytest.approx(0.9 if post else 27 / 28)


def changed(trained, folder, **fields):
    shutil.copytree(trained, folder)
    value = json.loads((folder / PIPELINE).read_text())
    value.update(fields)
    value = {k: v for k, v in value.items() if v is not None}
    (folder / PIPELINE).write_text(json.dumps(value))
    return folder


def test_a_model_of_before_has_no_scales_and_keeps_all(trained, tmp_path):
    saved = load_model(
        changed(trained, tmp_path / 'old', scales=None, threshold=None,
                entity_threshold=None))
    assert (saved.scales, saved.thresholds) == (Scales(), (0, 0))
    assert Extractor(saved).thresholds == (0, 0)


@pytest.mark.parametrize('fields, message', [
    ({'scales': {'entity': [1, 0]}}, r"pipeline.json: scales: missing 'quintuple'"),
    ({'scales': {'entity': [0, 0], 'quintuple': [1, 0]}},
     r'scales.entity\[0\]: expected a number > 0 \(got 0\)'),
    ({'threshold': 1.5}, r'pipeline.json: threshold: expected a number <= 1'),
    ({'entity_threshold': 'no'}, r'pipeline.json: entity_threshold: expected a number'),
])  # yapf: disable
def test_a_wrong_one_is_named(trained, tmp_path, fields, message):
    with pytest.raises(ValueError, match=message):
        load_model(changed(trained, tmp_path / 'wrong', **fields))
