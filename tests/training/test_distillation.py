import csv
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch_geometric.data import Batch
from torch_geometric.loader import DataLoader

from eega_pyg.config import Config
from eega_pyg.datasets import JMERE, read_gmner
from eega_pyg.nn.models import EEGA
from eega_pyg.saving.saved_model import load_model
from eega_pyg.schema import PAIR, SOME_TYPE, TOKEN, UNKNOWN
from eega_pyg.training.distillation import (
    DistillationDataset,
    distillation_data,
    ensemble_log_probs,
)
from eega_pyg.training.run import fit


@pytest.fixture(scope='module')
def other(tmp_path_factory, small_root, tiny_overrides):
    r"""A second model, which is of another seed and reads no word features."""
    folder = tmp_path_factory.mktemp('runs') / 'other'
    config = Config.load('default', [
        *tiny_overrides, 'train.seed=1', 'model.token_features=false',
        'data.word_vectors=false'
    ])
    fit(config, small_root, folder, progress=False)
    return folder


@pytest.fixture(scope='module')
def config(tiny_overrides):
    return Config.load('default', tiny_overrides)


def ask(models, root, config, split='train'):
    return ensemble_log_probs(models, root, split, config.tags.tag_set(), config.data,
                              progress=False)


def data_of(saved, root, split='train'):
    return JMERE(str(root), split=split, vocabularies=saved.vocabularies,
                 tags=saved.model.tag_set, **saved.data.arguments())


@torch.no_grad()
def one_by_one(folder, root):
    saved = load_model(folder)
    return [
        saved.model(Batch.from_data_list([d])).logits.log_softmax(dim=-1)
        for d in data_of(saved, root)
    ]


@pytest.mark.slow
def test_an_ensemble_says_the_geometric_mean_in_the_order_of_the_data(
        trained, other, small_root, config):
    alone = [one_by_one(folder, small_root) for folder in (trained, other)]
    said = ask([trained, other], small_root, config)
    assert len(said) == len(alone[0])
    for a, b, both in zip(*alone, said):
        product = (a.exp() * b.exp()).sqrt()
        expected = product / product.sum(dim=-1, keepdim=True)
        assert both.dtype == torch.float16
        torch.testing.assert_close(both.float().exp(), expected, atol=2e-3, rtol=1e-2)


@pytest.mark.parametrize('overrides, message', [
    (['tags.types=[per, org, loc]', 'tags.relations=[]'], 'other types or relations'),
    (['data.table=symmetric'], 'trained with data.table=directed, not symmetric'),
])
def test_a_teacher_of_something_else_is_named(trained, small_root, tiny_overrides,
                                              overrides, message):
    config = Config.load('default', [*tiny_overrides, *overrides])
    with pytest.raises(ValueError, match=message) as e:
        ask([trained], small_root, config)
    assert str(trained) in str(e.value)


def test_without_any_teacher_there_is_nothing_to_ask(small_root, config):
    with pytest.raises(ValueError, match='at least one model'):
        ask([], small_root, config)


def test_a_missing_teacher_is_found_before_anything_is_trained(
        small_root, tiny_overrides, tmp_path, monkeypatch):
    monkeypatch.setattr('eega_pyg.training.pretraining.pretrain_words', None)
    config = Config.load(
        'default',
        [*tiny_overrides, 'train.teachers=[nowhere]', 'train.pretrain_epochs=1'])
    with pytest.raises(FileNotFoundError, match="no folder '.*nowhere'"):
        fit(config, small_root, tmp_path / 'run', progress=False)


@pytest.mark.parametrize('reduction', ['sum', 'mean'])
@pytest.mark.parametrize('table', ['directed', 'triangle'])
def test_the_loss_is_shared_between_tags_and_teachers(trained, small_root, reduction,
                                                      table):
    saved = load_model(trained)
    model = saved.model
    model.reduction, model.lambda_graph = reduction, 0.0
    dataset = JMERE(str(small_root), vocabularies=saved.vocabularies,
                    tags=model.tag_set, **{
                        **saved.data.arguments(), 'table': table
                    })
    torch.manual_seed(0)
    said = [
        torch.randn(d[PAIR].tag.numel(), len(model.tag_set)).log_softmax(dim=-1)
        for d in dataset
    ]
    losses = {}
    for share in (0.0, 0.7, 1.0):
        batch = next(
            iter(DataLoader(DistillationDataset(dataset, model.tag_set, said, share),
                            4)))
        losses[share] = model.loss(batch)['main']
    plain = next(iter(DataLoader(dataset, 4)))
    torch.testing.assert_close(losses[0.0], model.loss(plain)['main'])

    # What the teachers' share is, written out cell by cell.
    log_probs = model(plain).logits.log_softmax(dim=-1)
    scored = plain[PAIR].tag >= 0
    cells = -(torch.cat(said[:4]).exp() * log_probs).sum(dim=-1)[scored]
    expected = cells.sum() / 4 if reduction == 'sum' else cells.mean()
    torch.testing.assert_close(losses[1.0], expected)
    torch.testing.assert_close(losses[0.7], 0.3 * losses[0.0] + 0.7 * losses[1.0])


def test_of_several_possible_tags_the_teachers_choose(trained, small_root):
    saved = load_model(trained)
    tags = saved.model.tag_set
    data = data_of(saved, small_root)[0]
    said = torch.randn(data[PAIR].tag.numel(), len(tags)).log_softmax(dim=-1)
    data[PAIR].tag = data[PAIR].tag.clone()
    data[PAIR].tag[1], data[PAIR].tag[2] = SOME_TYPE, UNKNOWN

    target = DistillationDataset([data], tags, [said], 0.0)[0][PAIR].target
    types = said[1].exp() * torch.tensor([i in tags.type_ids for i in range(len(tags))])
    torch.testing.assert_close(target[1], types / types.sum())
    torch.testing.assert_close(target[2], said[2].exp())
    assert target[0].tolist() == [
        float(i == data[PAIR].tag[0]) for i in range(len(tags))
    ]


@pytest.mark.slow
def test_a_pupil_learns_what_its_teacher_says(trained, small_root, tiny_overrides,
                                              tmp_path):
    silent = tmp_path / 'silent'
    shutil.copytree(trained, silent)
    state = load_file(silent / 'model.safetensors')
    state['tagger.lin_row.bias'][0] = 1000.0  # It calls every pair of words none.
    save_file(state, silent / 'model.safetensors')

    overrides = [
        *tiny_overrides, 'train.epochs=8', 'train.patience=8', 'train.lr=2e-2',
        'train.lr_encoder=3e-3', f'train.teachers=[{silent}]'
    ]
    found = {}
    for share in (0, 1):
        config = Config.load('default', [*overrides, f'train.distillation={share}'])
        fit(config, small_root, tmp_path / str(share), progress=False)
        with open(tmp_path / str(share) / 'training' / 'metrics.csv', newline='') as f:
            found[share] = [float(r['val/entity_f1']) for r in csv.DictReader(f)]
    assert max(found[0]) > 0 and max(found[1]) == 0, found


@pytest.mark.slow
def test_texts_without_tags_are_learned_from_the_teachers_alone(
        trained, small_root, tiny_overrides, tmp_path, monkeypatch):
    raw = tmp_path / 'data' / 'raw'
    shutil.copytree(small_root / 'raw', raw)
    words = 'Mia Stone of Harbour FC waves'.split()
    line = {
        'token': words,
        'h': {
            'name': 'Mia Stone',
            'pos': [0, 2]
        },
        't': {
            'name': 'Harbour FC',
            'pos': [3, 5]
        },
        'img_id': 'no.jpg',
        'relation': 'None'
    }
    with (raw / 'mnre_train.txt').open('a') as f:
        f.write(f'{line}\n')

    seen = {}
    monkeypatch.setattr(
        'eega_pyg.training.loaders.LengthGroupedSampler',
        lambda lengths, *args, **kwargs: seen.update(lengths=lengths) or range(
            len(lengths)))
    loss = EEGA.loss

    def spy(model, batch):
        for i, text in enumerate(batch.words):
            if text == words:
                n = len(words)
                edges = batch[TOKEN].ptr.diff().square().cumsum(0)
                seen['target'] = batch[PAIR].target[edges[i] - n * n:edges[i]]
        return loss(model, batch)

    monkeypatch.setattr(EEGA, 'loss', spy)
    overrides = [
        *tiny_overrides, 'train.epochs=1', f'train.teachers=[{trained}]',
        'train.unlabelled=true', 'train.distillation=0.5'
    ]
    config = Config.load('default', overrides)
    fit(config, raw.parent, tmp_path / 'run', progress=False)

    train = JMERE(str(raw.parent), **config.data.arguments())
    unrelated = ensemble_log_probs(
        [trained], raw.parent, 'train', config.tags.tag_set(),
        config.data.model_copy(update={'version': 'unrelated'}), progress=False)
    assert len(seen['lengths']) == len(train) + len(unrelated)
    torch.testing.assert_close(seen['target'], unrelated[-1].float().exp())


@pytest.mark.slow
def test_what_teachers_said_is_kept_for_a_stopped_run(trained, small_root,
                                                      tiny_overrides, tmp_path):
    gone = tmp_path / 'gone'
    shutil.copytree(trained, gone)
    overrides = [*tiny_overrides, 'train.epochs=1', f'train.teachers=[{gone}]']
    config = Config.load('default', overrides)
    run = tmp_path / 'run'
    fit(config, small_root, run, progress=False)
    state = run / 'training'
    for name in ('last.ckpt', 'best.ckpt', 'metrics.csv'):
        (state / name).unlink()
    first = (run / 'model.safetensors').read_bytes()

    shutil.rmtree(gone)
    with pytest.raises(ValueError, match='already holds a run'):
        fit(config, small_root, run, progress=False)
    fit(config, small_root, run, resume=True, progress=False)
    assert (run / 'model.safetensors').read_bytes() == first
    with open(state / 'metrics.csv', newline='') as f:
        assert len(list(csv.DictReader(f))) == 1

    (state / 'last.ckpt').unlink()
    (state / 'teachers.safetensors').write_bytes(b'x')
    with pytest.raises(ValueError, match="teachers.safetensors' is broken"):
        fit(config, small_root, run, resume=True, progress=False)


@pytest.mark.slow
def test_of_joined_and_further_texts_is_learned_what_is_said_of_each_sentence(
        trained, small_root, tiny_overrides, tmp_path):
    tweets = tmp_path / 'tweets.txt'
    tweets.write_text(''.join(f'IMGID:{i}\nIda\tB-PER\nsleeps{"!" * i}\tO\n\n'
                              for i in range(6)))
    config = Config.load('default', [
        *tiny_overrides, f'train.teachers=[{trained}]', 'train.joined=1',
        f'train.also=["gmner:{tweets}"]', 'train.distillation=1'
    ])
    saved = load_model(trained)
    train = data_of(saved, small_root)
    found = distillation_data(config, train, tmp_path / 'said.safetensors', False)

    singles = [*train, *train.build(read_gmner(tweets, train.tags))]
    with torch.no_grad():
        said = {
            tuple(d.words): saved.model(Batch.from_data_list([d])).logits.softmax(-1)
            for d in singles
        }
    several = 0
    for data in found:
        n = len(data.words)
        target = data[PAIR].target.view(n, n, -1)
        parts = [words for words in said if f"{' '.join(words)}" in data.text]
        inside = torch.zeros(n, n, dtype=torch.bool)
        for words in parts:
            m = len(words)
            for start in range(n - m + 1):
                if tuple(data.words[start:start + m]) != words:
                    continue
                part = target[start:start + m, start:start + m]
                expected = said[words].view(m, m, -1)
                if torch.allclose(part, expected, atol=5e-3):
                    inside[start:start + m, start:start + m] = True
        assert inside.diagonal().sum() >= n - len(parts) - 1  # Added full stops.
        assert (target[~inside][:, 0] == 1).all()
        several += len(data.words) > max(map(len, said))
    assert len(found) == 2 * len(singles) and several > 0
    # Read again, they are the same.
    again = distillation_data(config, train, tmp_path / 'said.safetensors', False)
    assert all(a[PAIR].target.equal(b[PAIR].target) for a, b in zip(found, again))
    # Of a set that is named twice, the second part is the first.
    twice = config.model_copy(
        update={
            'train': config.train.model_copy(update={'also': config.train.also * 2})
        })
    *_, first, second = distillation_data(twice, train, tmp_path / 'twice.safetensors',
                                          False).datasets
    assert len(first) == len(second) == 2 * 6
    assert all(a[PAIR].target.equal(b[PAIR].target) for a, b in zip(first, second))
