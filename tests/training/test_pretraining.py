import numpy as np
import pytest
import torch
from torch_geometric.data import Batch, HeteroData
from transformers import AutoConfig

from eega_pyg.config import Config
from eega_pyg.datasets import JMERE
from eega_pyg.datasets.cached import cached_parser, cached_pieces
from eega_pyg.datasets.mnre import MarkedText, read_marked_texts
from eega_pyg.datasets.record import Record
from eega_pyg.nn.models import EEGA
from eega_pyg.parsing import Parse
from eega_pyg.schema import UNSTATED, Annotation, Entity, Quintuple, TagSet
from eega_pyg.training.pretraining import (
    EntityPretraining,
    MarkedTextTransform,
    marked_text,
    pretrain_words,
    words_of_graphs,
)
from eega_pyg.training.run import fit
from eega_pyg.transforms import Pair, TextGraph, Vocabularies
from eega_pyg.transforms.span_pairs import SPAN_PAIR, TOKEN_OF_SPAN

TAGS = TagSet(('per', 'org'), ('member_of', ))
TEXT = MarkedText(('Ann', 'Lee', 'of', 'Acme', 'Inc'), {
    (0, 2): 'per',
    (3, 5): None,
    (4, 5): 'org'
}, {
    ((0, 2), (3, 5)): None,
    ((0, 2), (4, 5)): 'member_of'
})

PARSE = Parse((1, 1, 1, 4, 2), ('compound', 'ROOT', 'prep', 'compound', 'pobj'),
              ('PROPN', 'PROPN', 'ADP', 'PROPN', 'PROPN'),
              ('PERSON', 'PERSON', '', 'ORG', 'ORG'),
              ('title', 'title', 'lower', 'title', 'title'),
              np.eye(5)[:, :3])


@pytest.fixture
def vocabularies():
    return Vocabularies.fit([Pair(TEXT.words, PARSE)])


@pytest.fixture
def transform(tiny_encoder, vocabularies):
    return MarkedTextTransform(vocabularies, cached_pieces(tiny_encoder), TAGS)


def test_words_are_marked_with_all_that_they_may_be(transform):
    data = transform(TEXT, PARSE)
    columns = [row.nonzero().view(-1).tolist() for row in data['token'].bio]
    # Outside; begins per, org; inside per, org. 'Inc' alone is in the longer one.
    assert columns == [[1], [3], [0], [1, 2], [3, 4]]
    assert data[TOKEN_OF_SPAN].edge_index.tolist() == [[0, 1, 3, 4, 4], [0, 0, 1, 1, 2]]
    assert data[SPAN_PAIR].edge_index.tolist() == [[0, 0], [1, 2]]
    assert data[SPAN_PAIR].relation.tolist() == [0, 1]


def test_the_sentence_of_a_further_set_has_its_entities_and_stated_pairs():
    ann, acme = Entity(0, 2, 'per'), Entity(3, 5, 'org')
    other = Entity(5, 6, 'org')
    record = Record(('Ann', 'Lee', 'of', 'Acme', 'Inc', 'Co'), '',
                    (Quintuple(ann, acme, 'member_of'), ), '',
                    Annotation((acme, other), rest=UNSTATED))
    text = marked_text(record)
    assert text.types == {(0, 2): 'per', (3, 5): 'org', (5, 6): 'org'}
    assert text.relations == {((0, 2), (3, 5)): 'member_of'}


def test_a_text_without_entities_is_outside_of_all(transform):
    data = transform(MarkedText(TEXT.words, {}, {}), PARSE)
    assert data['token'].bio.nonzero().tolist() == [[i, 0] for i in range(5)]
    for edges in (data[TOKEN_OF_SPAN], data[SPAN_PAIR]):
        assert edges.edge_index.shape == (2, 0)
        assert edges.edge_index.dtype == torch.long


def test_words_have_the_features_of_the_data_set(transform, vocabularies):
    pair = Pair(TEXT.words, PARSE)
    expected = TextGraph(vocabularies, transform.pieces)(HeteroData(), pair)['token']
    token = transform(TEXT, PARSE)['token']
    for name in ('upos', 'ner', 'shape', 'vector'):
        assert token[name].any() and torch.equal(token[name], expected[name])


def test_texts_of_a_batch_do_not_touch_each_other(tiny_encoder, transform,
                                                  vocabularies):
    encoder = AutoConfig.from_pretrained(tiny_encoder).to_diff_dict()
    model = EEGA(encoder, TAGS.to_dict(), vocabularies.sizes, vector_dim=3, heads=4,
                 token_features=True)
    for param in model.word_features.parameters():  # They start at zero.
        torch.nn.init.normal_(param)
    module = EntityPretraining(model, Config.load('default').train).eval()
    other = MarkedText(('Bob', 'at', 'Acme'), {(0, 1): 'per'}, {((0, 1), (0, 1)): None})
    parse = Parse((0, 0, 1), ('ROOT', 'prep', 'pobj'), ('PROPN', 'ADP', 'PROPN'),
                  ('PERSON', '', 'ORG'), ('title', 'lower', 'title'), np.eye(3))
    graphs = [transform(TEXT, PARSE), transform(other, parse)]
    one, two = (module.loss(Batch.from_data_list([graph])) for graph in graphs)
    both = module.loss(Batch.from_data_list(graphs))
    torch.testing.assert_close(both, (one + two) / 2)


@pytest.mark.slow
def test_it_learns_what_the_lines_say(small_root, tiny_overrides, tmp_path,
                                      monkeypatch):
    losses, states = [], []

    class Watched(EntityPretraining):
        def on_train_epoch_end(self):
            losses.append(float(self.trainer.callback_metrics['loss']))

    def watched(model, *args):
        states.append({k: v.clone() for k, v in model.state_dict().items()})
        pretrain_words(model, *args)
        states.append({k: v.clone() for k, v in model.state_dict().items()})

    monkeypatch.setattr('eega_pyg.training.pretraining.EntityPretraining', Watched)
    monkeypatch.setattr('eega_pyg.training.pretraining.pretrain_words', watched)
    config = Config.load('default', [
        *tiny_overrides, 'train.pretrain_epochs=20', 'train.epochs=1',
        'train.batch_size=4', 'train.lr=1e-2', 'train.lr_encoder=1e-2'
    ])
    fit(config, small_root, tmp_path / 'run', progress=False)
    assert len(losses) == 20 and losses[-1] < 0.7 * losses[0]
    trained = {k for k, v in states[0].items() if not torch.equal(v, states[1][k])}
    assert {k.split('.')[0] for k in trained} == {'text_encoder', 'word_features'}
    assert {'word_features.embs.shape.weight', 'word_features.lin.weight'} <= trained


@pytest.mark.slow
def test_a_run_that_was_stopped_after_it_does_not_do_it_again(
        small_root, tiny_overrides, tmp_path, monkeypatch):
    config = Config.load('default',
                         [*tiny_overrides, 'train.pretrain_epochs=1', 'train.epochs=1'])
    with monkeypatch.context() as patch:  # As if it were killed before it has ended.
        patch.setattr('eega_pyg.training.run.finish', lambda folder: None)
        whole = fit(config, small_root, tmp_path / 'whole', progress=False)
    first = whole.folder / 'training' / 'encoder.safetensors'
    folder = tmp_path / 'cut' / 'training'
    folder.mkdir(parents=True)
    for name in ('encoder.safetensors', 'config.yaml'):
        (folder / name).write_bytes((first.parent / name).read_bytes())
    with pytest.raises(ValueError, match='already holds a run: resume it'):
        fit(config, small_root, folder.parent, progress=False)

    def again(*args):
        raise AssertionError('pretrained again')

    monkeypatch.setattr('eega_pyg.training.pretraining.pretrain_words', again)
    cut = fit(config, small_root, folder.parent, resume=True, progress=False)
    weights = [(f.folder / 'model.safetensors').read_bytes() for f in (whole, cut)]
    assert weights[0] == weights[1]
    assert not (folder / 'encoder.safetensors').exists()  # Nobody needs it any more.

    (folder / 'last.ckpt').unlink()
    (folder / 'encoder.safetensors').write_bytes(first.read_bytes()[:-1])
    with pytest.raises(ValueError, match="encoder.safetensors' is broken: remove it"):
        fit(config, small_root, folder.parent, resume=True, progress=False)


def test_the_words_of_built_graphs_are_not_parsed_again(small_root, tiny_overrides,
                                                        tiny_encoder):
    config = Config.load('default', [*tiny_overrides, 'data.word_vectors=true'])
    train = JMERE(str(small_root), log=False, **config.data.arguments())
    texts = read_marked_texts(train.raw_paths[0], train.tags)
    known = {tuple(d.words) for d in train}
    assert 0 < sum(t.words in known for t in texts) < len(texts)
    parser = cached_parser(config.data.spacy_model, True)
    transform = MarkedTextTransform(train.vocabularies, cached_pieces(tiny_encoder),
                                    train.tags)
    words = list(words_of_graphs(texts, parser, train, 70, False))
    assert [isinstance(w, HeteroData)
            for w in words] == [t.words in known and len(t.words) < 70 for t in texts]
    parses = parser.parse([t.words for t in texts])
    for text, word, parse in zip(texts, words, parses):
        found, expected = transform(text, word), transform(text, parse)
        for store in [*expected.node_stores, *expected.edge_stores]:
            assert set(found[store._key].keys()) == set(store.keys())
            for key, value in store.items():
                given = found[store._key][key]
                if key == 'vector':  # The network sees other texts beside it.
                    assert torch.allclose(given, value, atol=2e-3)
                elif isinstance(value, torch.Tensor):
                    assert given.equal(value)
                else:
                    assert given == value
