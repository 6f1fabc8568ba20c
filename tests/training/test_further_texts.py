r"""Training on more than one data set, and on joined texts."""
import json
from bisect import bisect_right
from collections import Counter

import pytest

from eega_pyg.config import Config
from eega_pyg.datasets import JMERE, join_records, read_gmner
from eega_pyg.datasets.further import training_sets, with_further
from eega_pyg.nn.models import EEGA
from eega_pyg.saving import load_model
from eega_pyg.schema import PAIR, UNSTATED
from eega_pyg.training import fit, fit_scales
from eega_pyg.training.loaders import loaders

NEWS = [{
    'tokens': ['Ada', 'Moss', 'works', 'for', 'Zeta', 'in', 'Kiel', '.'],
    'entities': [[0, 2, 'Peop'], [4, 5, 'Org'], [6, 7, 'Loc']],
    'relations': [[0, 2, 4, 5, 'Work_For']],
}] * 6
TWEETS = 'IMGID:1\nIda\tB-PER\nsleeps\tO\n\n' * 4


@pytest.fixture
def also(tmp_path):
    news, tweets = tmp_path / 'news.json', tmp_path / 'tweets.txt'
    news.write_text(json.dumps(NEWS))
    tweets.write_text(TWEETS)
    return [f'conll04:{news}', f'gmner:{tweets}']


@pytest.mark.slow
def test_all_sets_and_joined_texts_of_each_are_trained_on(small_root, tiny_overrides,
                                                          also, tmp_path, monkeypatch):
    seen = {}
    loss = EEGA.loss

    def spy(model, batch):
        for data in batch.to_data_list():
            seen[' '.join(data.words), data.image_id] = data
        return loss(model, batch)

    monkeypatch.setattr(EEGA, 'loss', spy)
    overrides = [
        *tiny_overrides, 'train.epochs=1', 'train.joined=0.5',
        f"train.also=[{', '.join(['unrelated', *also])}]"
    ]
    config = Config.load('default', overrides)
    result = fit(config, small_root, tmp_path / 'run', progress=False)
    assert result.scores

    train = JMERE(str(small_root), **config.data.arguments())
    texts = [r.text for r in train.records()]
    joined = [r.text for r in join_records(train.records(), round(len(texts) / 2))]
    unrelated = [r.text for r in train.records('unrelated')]
    assert unrelated and {*texts, *joined, *unrelated} <= {text for text, _ in seen}
    news = seen[' '.join(NEWS[0]['tokens']), '']
    assert (news[PAIR].tag == UNSTATED).sum() == 64 - 6 - 2
    assert sum(text.startswith('Ada Moss') and len(text) > 60 for text, _ in seen) > 0
    assert sum('Ida sleeps Ida' in text or 'Ida sleeps . Ida' in text
               for text, _ in seen) > 0


@pytest.mark.parametrize('name', ['news:a.json', 'conll04', 'conll04:', 'related'])
def test_an_unknown_kind_is_named_before_anything_is_trained(small_root, tiny_overrides,
                                                             tmp_path, monkeypatch,
                                                             name):
    monkeypatch.setattr('eega_pyg.training.prepare.pretrain', None)
    config = Config.load('default', [*tiny_overrides, f"train.also=['{name}']"])
    with pytest.raises(ValueError, match=f"train.also: expected .*got '{name}'"):
        fit(config, small_root, tmp_path / 'run', progress=False)


@pytest.mark.slow
def test_a_resumed_run_wants_the_same_files(small_root, tiny_overrides, also, tmp_path):
    overrides = [*tiny_overrides, 'train.epochs=1', f'train.also=[{also[1]}]']
    config = Config.load('default', overrides)
    fit(config, small_root, tmp_path / 'run', progress=False)
    (tmp_path / 'tweets.txt').write_text(TWEETS + TWEETS)
    with pytest.raises(ValueError, match='was of other data'):
        fit(config, small_root, tmp_path / 'run', resume=True, progress=False)


def test_joined_texts_are_read_as_the_extractor_reads_them(small_root, tiny_overrides):
    config = Config.load('default', tiny_overrides)
    train = JMERE(str(small_root), **config.data.arguments())
    single = train.build(train.records())
    assert [d.words for d in single] == [d.words for d in train]
    for a, b in zip(single, train):  # Own counts are left out of both.
        assert a[PAIR].pmi.equal(b[PAIR].pmi)
    joined, = train.build(join_records(train.records(), 1, 2, 2, seed=2))
    n = len(joined.words)
    table = joined[PAIR].pmi.view(n, n)
    known = {tuple(d.words): d[PAIR].pmi.view(len(d.words), -1) for d in train}
    parts = [(words, pmi) for words, pmi in known.items()
             if all(w in joined.words for w in words)]
    first = next(p for w, p in parts if tuple(joined.words[:len(w)]) == w)
    assert table[:len(first), :len(first)].equal(first)


def test_a_set_that_is_named_twice_is_built_once_and_drawn_twice(
        small_root, tiny_overrides, also):
    news, tweets = also
    config = Config.load('default', [
        *tiny_overrides, 'train.joined=0.5', 'train.drawn=2',
        f'train.also=[{tweets}, {news}, {tweets}]'
    ])
    train = JMERE(str(small_root), **config.data.arguments())
    own, first, _, again = training_sets(config.train, train)
    assert first is again and own is not first
    examples = with_further(config.train, train)
    order = list(loaders(examples, train, config.train)[0].batch_sampler.sampler)
    drawn = Counter(bisect_right(examples.cumulative_sizes, i)
                    for i in order)  # Of each part.
    assert drawn[2] == drawn[4] == len(first.graphs) + len(first.joined) > 0


def test_there_is_something_to_draw_from():
    with pytest.raises(ValueError, match='train.drawn: there are no texts'):
        Config.load('default', ['train.drawn=1'])


@pytest.mark.slow
def test_entities_are_scaled_on_held_out_texts(small_root, tiny_overrides, also,
                                               tmp_path):
    overrides = [*tiny_overrides, 'train.epochs=1', f'train.held_out=[{also[1]}]']
    for least in (0, 1):
        config = Config.load('default', [*overrides, f'train.min_precision={least}'])
        fit(config, small_root, tmp_path / f'run{least}', progress=False)
    saved = [load_model(tmp_path / f'run{least}') for least in (0, 1)]
    val = JMERE(str(small_root), split='val', vocabularies=saved[0].vocabularies,
                **config.data.arguments())
    held_out = read_gmner(tmp_path / 'tweets.txt', val.tags)
    for one, least in zip(saved, (0.0, 1.0)):
        fitted = fit_scales(one.model, val, one.signatures, one.temperature, held_out,
                            least)
        assert one.scales.entity == pytest.approx(fitted.scales.entity)
        assert one.thresholds == pytest.approx(fitted.thresholds)
    assert saved[0].thresholds.quintuple <= saved[1].thresholds.quintuple


@pytest.mark.parametrize('name', ['unrelated', 'news:a.json'])
def test_a_wrong_held_out_set_is_named_before_anything_is_trained(
        small_root, tiny_overrides, tmp_path, monkeypatch, name):
    monkeypatch.setattr('eega_pyg.training.prepare.build_model', None)
    config = Config.load('default', [*tiny_overrides, f"train.held_out=['{name}']"])
    with pytest.raises(ValueError, match=f"train.held_out: expected .*got '{name}'"):
        fit(config, small_root, tmp_path / 'run', progress=False)
