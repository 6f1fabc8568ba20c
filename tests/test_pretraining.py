import pytest
import torch
from torch_geometric.data import Batch
from transformers import AutoConfig

from eega_pyg.config import Config
from eega_pyg.datasets.identity import cached_pieces
from eega_pyg.datasets.mnre import MarkedText, read_marked_texts
from eega_pyg.nn import TextEncoder
from eega_pyg.pretraining import (
    SPAN_PAIR,
    TOKEN_OF_SPAN,
    EntityPretraining,
    MarkedTextTransform,
    pretrain_encoder,
)
from eega_pyg.schema import JMERE_TAGS, TagSet
from eega_pyg.training import fit

TAGS = TagSet(('per', 'org'), ('member_of', ))
TEXT = MarkedText(('Ann', 'Lee', 'of', 'Acme', 'Inc'), {
    (0, 2): 'per',
    (3, 5): None,
    (4, 5): 'org'
}, {
    ((0, 2), (3, 5)): None,
    ((0, 2), (4, 5)): 'member_of'
})


@pytest.fixture
def transform(tiny_encoder):
    return MarkedTextTransform(cached_pieces(tiny_encoder), TAGS)


@pytest.fixture
def text_encoder(tiny_encoder):
    encoder = TextEncoder(AutoConfig.from_pretrained(tiny_encoder).to_diff_dict())
    encoder.load_pretrained(tiny_encoder)
    return encoder


def test_words_are_marked_with_all_that_they_may_be(transform):
    data = transform(TEXT)
    columns = [row.nonzero().view(-1).tolist() for row in data['token'].bio]
    # Outside; begins per, org; inside per, org. 'Inc' alone is in the longer one.
    assert columns == [[1], [3], [0], [1, 2], [3, 4]]
    assert data[TOKEN_OF_SPAN].edge_index.tolist() == [[0, 1, 3, 4, 4], [0, 0, 1, 1, 2]]
    assert data[SPAN_PAIR].edge_index.tolist() == [[0, 0], [1, 2]]
    assert data[SPAN_PAIR].relation.tolist() == [0, 1]


def test_texts_of_a_batch_do_not_touch_each_other(transform, text_encoder):
    other = MarkedText(('Bob', 'at', 'Acme'), {(0, 1): 'per'}, {((0, 1), (0, 1)): None})
    module = EntityPretraining(text_encoder, TAGS, Config.load('default').train).eval()
    one, two = (module.loss(Batch.from_data_list([transform(t)]))
                for t in (TEXT, other))
    both = module.loss(Batch.from_data_list([transform(TEXT), transform(other)]))
    torch.testing.assert_close(both, (one + two) / 2)


def test_it_learns_what_the_lines_say(small_root, tiny_encoder, text_encoder,
                                      monkeypatch):
    losses = []

    class Watched(EntityPretraining):
        def on_train_epoch_end(self):
            losses.append(float(self.trainer.callback_metrics['loss']))

    monkeypatch.setattr('eega_pyg.pretraining.EntityPretraining', Watched)
    before = text_encoder.state_dict()['encoder.encoder.layer.0.output.dense.weight']
    before = before.clone()
    config = Config.load('default', [
        'train.pretrain_epochs=20', 'train.batch_size=4', 'train.lr=1e-2',
        'train.lr_encoder=1e-2'
    ]).train
    texts = read_marked_texts(small_root / 'raw' / 'mnre_train.txt', JMERE_TAGS)
    pretrain_encoder(text_encoder, texts, cached_pieces(tiny_encoder), JMERE_TAGS,
                     config, progress=False)
    assert len(losses) == 20 and losses[-1] < 0.7 * losses[0]
    after = text_encoder.state_dict()['encoder.encoder.layer.0.output.dense.weight']
    assert not torch.equal(before, after)


def test_a_run_that_was_stopped_after_it_does_not_do_it_again(
        small_root, tiny_overrides, tmp_path, monkeypatch):
    config = Config.load('default',
                         [*tiny_overrides, 'train.pretrain_epochs=1', 'train.epochs=1'])
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

    monkeypatch.setattr('eega_pyg.training.pretrain_encoder', again)
    cut = fit(config, small_root, folder.parent, resume=True, progress=False)
    weights = [(f.folder / 'model.safetensors').read_bytes() for f in (whole, cut)]
    assert weights[0] == weights[1]

    (folder / 'last.ckpt').unlink()
    (folder / 'encoder.safetensors').write_bytes(first.read_bytes()[:-1])
    with pytest.raises(ValueError, match="encoder.safetensors' is broken: remove it"):
        fit(config, small_root, folder.parent, resume=True, progress=False)
