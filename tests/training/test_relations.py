import ast

import numpy as np
import pandas as pd
import pytest
import torch

from eega_pyg.config import Config
from eega_pyg.datasets import JMERE
from eega_pyg.nn.models import RelationClassifier
from eega_pyg.saving.saved_model import load_model
from eega_pyg.training import relations
from eega_pyg.training.checkpoints import LAST, find_last
from eega_pyg.training.evaluation import collect_scores
from eega_pyg.training.relations import (
    RelatedPairs,
    fit_relations,
    pair_counts,
    pipeline_scores,
)
from eega_pyg.transforms.span_pairs import SPAN_PAIR, TOKEN_OF_SPAN


@pytest.fixture(scope='module')
def config(tiny_overrides):
    return Config.load('default', [
        *tiny_overrides, 'model.fusion=mega', 'model.channels=[]', 'train.epochs=4',
        'train.patience=4', 'train.lr=1e-2', 'train.lr_encoder=1e-2'
    ])


def lines(root, split):
    r"""The pairs of spans that the lines of a file name, by text and image."""
    found = {}
    for line in (root / 'raw' / f'mnre_{split}.txt').read_text('utf-8').splitlines():
        row = ast.literal_eval(line)
        spans = tuple(tuple(row[side]['pos']) for side in 'ht')
        name = row['relation'].rpartition('/')[2]
        found.setdefault((tuple(row['token']), row['img_id']),
                         {})[spans] = None if name == 'None' else name
    return found


@pytest.mark.parametrize('split', ['train', 'val'])
def test_texts_have_the_pairs_of_their_lines(small_root, config, split):
    data = JMERE(str(small_root), split, log=False, **config.data.arguments())
    pairs = RelatedPairs(data)
    expected = lines(small_root, split)
    names = (None, *data.tags.relations)
    assert len(pairs) == len(expected)
    if split == 'train':
        assert None in {r for found in expected.values() for r in found.values()}
    for graph in pairs:
        spans = {}
        for word, span in graph[TOKEN_OF_SPAN].edge_index.T.tolist():
            first, _ = spans.get(span, (word, word))
            spans[span] = first, word + 1
        edges = zip(graph[SPAN_PAIR].edge_index.T.tolist(),
                    graph[SPAN_PAIR].relation.tolist())
        found = {(spans[a], spans[b]): names[r] for (a, b), r in edges}
        assert found == expected.pop((tuple(graph.words), graph.image_id))
    assert not expected
    assert pairs.num_pieces == [g['piece'].num_nodes for g in pairs]


def test_counts_are_those_of_a_loop():
    rng = np.random.default_rng(0)
    scores, relation = rng.normal(size=(60, 7)), rng.integers(0, 4, size=60)
    right = one_way = predicted = 0
    for s, r in zip(scores, relation):
        p = np.exp(s) / np.exp(s).sum()
        both = p[1:4] + p[4:]
        best = int(both.argmax()) + 1
        if both[best - 1] <= p[0]:
            continue
        predicted += 1
        right += best == r
        one_way += best == r and p[best] >= p[3 + best]
    counts = pair_counts(torch.from_numpy(scores), torch.from_numpy(relation))
    assert counts.tolist() == [right, one_way, predicted, (relation > 0).sum()]
    assert 0 < one_way < right < predicted


@pytest.mark.slow
def test_it_learns_the_lines_and_a_stopped_run_goes_on(small_root, config, tmp_path,
                                                       monkeypatch):
    whole = fit_relations(config, small_root, tmp_path / 'whole', progress=False)
    loss = pd.read_csv(tmp_path / 'whole' / 'training' / 'metrics.csv')['train/loss']
    assert loss.iloc[-1] < 0.7 * loss.iloc[0] and whole.scores['relation_f1'] > 0
    assert whole.num_pairs == 60 and whole.num_texts < 60
    # Stopped after two epochs.
    training = relations.RelationTraining.on_train_epoch_start

    def stopped(self):
        if self.current_epoch == 2:
            raise KeyboardInterrupt
        training(self)

    with monkeypatch.context() as patch:
        patch.setattr(relations.RelationTraining, 'on_train_epoch_start', stopped)
        with pytest.raises((KeyboardInterrupt, SystemExit)):
            fit_relations(config, small_root, tmp_path / 'cut', progress=False)
    assert find_last(tmp_path / 'cut' / 'training').name == LAST
    cut = fit_relations(config, small_root, tmp_path / 'cut', progress=False)
    assert (cut.epoch, cut.scores) == (whole.epoch, whole.scores)
    for (name, a), b in zip(whole.model.state_dict().items(),
                            cut.model.state_dict().values()):
        assert a.equal(b), name
    # Of a run that has ended, the model is read.
    with monkeypatch.context() as patch:
        patch.setattr(relations.RelationTraining, 'training_step', lambda *args: 1 / 0)
        again = fit_relations(config, small_root, tmp_path / 'cut', progress=False)
    assert again.scores == whole.scores
    other = config.model_copy(
        update={'train': config.train.model_copy(update={'seed': 1})})
    with pytest.raises(ValueError, match='has another configuration'):
        fit_relations(other, small_root, tmp_path / 'cut', progress=False)


def test_a_pipeline_has_the_entities_of_its_tagger(small_root, trained):
    saved = load_model(trained)
    val = JMERE(str(small_root), 'val', vocabularies=saved.vocabularies, log=False,
                **saved.data.arguments())
    torch.manual_seed(0)
    classifier = RelationClassifier(saved.model)
    found = pipeline_scores(saved.model, classifier, val, saved.signatures)
    alone = collect_scores(saved.model, val, saved.signatures)
    assert found.targets == alone.targets
    entities = [x.entities for x in found.extractions()]
    assert entities == [x.entities for x in alone.extractions()] and any(entities)
    # It is a classifier that knows nothing, but keeps to the signatures.
    quintuples = [q for x in found.extractions() for q in x.quintuples]
    assert quintuples and {(q.head.type, q.relation, q.tail.type)
                           for q in quintuples} <= saved.signatures
    assert len(quintuples) <= sum(len(e) * (len(e) - 1) // 2 for e in entities)
