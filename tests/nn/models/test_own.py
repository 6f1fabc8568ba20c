r"""Models with another fusion, or one of one's own."""
import json
from typing import get_args

import pytest
import torch
from torch_geometric.data import Batch
from torch_geometric.nn import Linear

from eega_pyg.config import FusionName
from eega_pyg.datasets import FakeJMERE
from eega_pyg.nn.fusion import FusionInput, FusionOutput
from eega_pyg.nn.models import EEGA
from eega_pyg.schema import DEP, OBJECT, REL, TOKEN

from .conftest import ENCODER, batch_of, check_alone

OTHERS = get_args(FusionName)[1:]


class Mean(torch.nn.Module):
    r"""Adds the mean of the objects to each word; a loss is the distance of both."""
    def __init__(self, channels, num_dependencies=1, num_predicates=1):
        super().__init__()
        self.sizes = num_dependencies, num_predicates
        self.lin = Linear(channels, channels)

    def forward(self, inputs):
        assert isinstance(inputs, FusionInput)
        words = []
        apart = []
        for b in range(inputs.batch_size):
            x = inputs.words[inputs.word_batch == b]
            y = inputs.objects[inputs.object_batch == b]
            mean = y.sum(0) / max(len(y), 1)
            words.append(x + self.lin(mean))
            apart.append((x.mean(0) - mean).square().sum())
        losses = {'apart': inputs.mean(torch.stack(apart))}
        return FusionOutput(torch.cat(words), losses if inputs.with_losses else {})


def build(dataset, started=False, **kwargs):
    torch.manual_seed(0)
    kwargs = {'heads': 4, 'edge_dim': 6, 'channel_dim': 5, **kwargs}
    model = EEGA(ENCODER, dataset.tags.to_dict(), dataset.vocabularies.sizes, **kwargs)
    addition = getattr(model.fusion, 'addition', None)
    if addition is not None and not started:  # They start without the image.
        torch.nn.init.normal_(addition.lin.weight, std=0.3)
    return model


@pytest.mark.parametrize('fusion', [*OTHERS, Mean])
def test_a_pair_is_the_same_alone_and_in_a_batch(dataset, fusion):
    model = build(dataset, fusion=fusion).double().eval()
    check_alone(model, dataset)


@pytest.mark.parametrize('fusion', [*OTHERS, Mean])
def test_a_batch_without_objects_has_a_gradient_of_every_parameter(dataset, fusion):
    def with_gradient(data):
        model = build(dataset, fusion=fusion, lambda_graph=0.0).train()
        model.loss(Batch.from_data_list(list(data)))['loss'].backward()
        grads = {n: p.grad for n, p in model.named_parameters() if p.requires_grad}
        assert all(g.isfinite().all() for g in grads.values() if g is not None)
        return {name for name, grad in grads.items() if grad is not None}

    empty = FakeJMERE(num_pairs=3, avg_words=8, avg_objects=0, num_piece_ids=200)
    assert sum(d[OBJECT].num_nodes for d in empty) == 0
    named = {
        n
        for n, p in build(dataset, fusion=fusion).named_parameters() if p.requires_grad
    }
    assert with_gradient(empty) == with_gradient([dataset[i] for i in range(8)])
    assert with_gradient(empty) == named


@pytest.mark.parametrize('fusion, names', [('agban', ['adversarial']),
                                           ('maf', ['contrast', 'matching']),
                                           ('umgf', []), (Mean, ['apart'])])
def test_the_joint_loss_has_those_of_the_fusion_with_its_weight(dataset, fusion, names):
    model = build(dataset, fusion=fusion, lambda_graph=0.7).double().eval()
    parts = {k: v.detach() for k, v in model.loss(batch_of(dataset)).items()}
    assert parts.keys() == {'loss', 'main', *names}
    beside = sum(float(parts[name]) for name in names)
    assert float(parts['loss']) == pytest.approx(float(parts['main']) + 0.7 * beside)
    assert not names or beside > 0.1


def test_a_fusion_is_told_both_graphs_and_which_images_are_the_same(dataset):
    seen = []

    class Spy(Mean):
        def forward(self, inputs):
            seen.append(inputs)
            return super().forward(inputs)

    model, batch = build(dataset, fusion=Spy).eval(), batch_of(dataset)
    sizes = dataset.vocabularies.sizes
    assert model.fusion.sizes == (sizes['dep'], sizes['predicate'])
    batch.image_id[5] = batch.image_id[2]
    model.loss(batch)
    model(batch)
    inputs, again = seen
    assert torch.equal(inputs.words, model.encode_words(batch))
    assert torch.equal(inputs.objects, model.object_features(batch))
    for store, index, kind in ((DEP, inputs.word_edge_index, inputs.word_edge_type),
                               (REL, inputs.object_edge_index,
                                inputs.object_edge_type)):
        assert torch.equal(index, batch[store].edge_index)
        assert torch.equal(kind, batch[store].edge_type.long())
    assert inputs.image.tolist() == [0, 1, 2, 3, 4, 2, 5, 6]
    assert inputs.with_losses and not again.with_losses


@pytest.mark.parametrize('fusion', [*OTHERS, Mean])
def test_all_else_starts_from_the_same_weights(dataset, fusion):
    own, other = (build(dataset, fusion=f, started=True).state_dict()
                  for f in ('eega', fusion))
    shared = own.keys() & other.keys()
    assert {k.split('.')[0]
            for k in shared} == {
                'text_encoder', 'multi_channel', 'tagger', 'lin_object', 'norm_object'
            }
    assert all(torch.equal(own[k], other[k]) for k in shared)
    assert {k.split('.')[0] for k in other.keys() - shared} == {'fusion'}
    gone = {k.split('.')[0] for k in own.keys() - shared}
    assert gone == {'text_graph', 'visual_graph', 'image_to_text'}


def test_the_fusions_of_other_papers_start_as_the_same_tagger(dataset):
    batch = batch_of(dataset)
    first, *rest = (build(dataset, fusion=f, started=True).eval()(batch).logits
                    for f in OTHERS)
    assert all(torch.equal(first, logits) for logits in rest)


@pytest.mark.parametrize('fusion', OTHERS)
def test_a_reloaded_model_has_its_fusion(dataset, fusion, tmp_path):
    model = build(dataset, fusion=fusion).eval()
    model.save_pretrained(tmp_path)
    assert json.loads((tmp_path / 'config.json').read_text())['fusion'] == fusion
    loaded, batch = EEGA.from_pretrained(tmp_path).eval(), batch_of(dataset)
    out = loaded(batch, align=True)
    assert torch.equal(out.logits, model(batch).logits) and out.alignment is None


@pytest.mark.parametrize('make', [lambda: Mean, lambda: Mean(24)])
def test_a_saved_model_says_which_fusion_it_needs(dataset, make, tmp_path):
    fusion, batch = make(), batch_of(dataset)
    model = build(dataset, fusion=fusion)
    model.loss(batch)['loss'].backward()
    assert model.fusion is not fusion and model.fusion.lin.weight.grad.abs().sum() > 0
    model.eval().save_pretrained(tmp_path)
    with pytest.raises(
            ValueError, match=r"^The fusion of this model is of the class "
            r"'.*test_own.Mean', .* fusion=my_factory"):
        EEGA.from_pretrained(tmp_path)
    loaded = EEGA.from_pretrained(tmp_path, fusion=fusion).eval()
    assert torch.equal(loaded(batch).logits, model(batch).logits)
    with pytest.raises(RuntimeError, match='not hold the weights'):
        EEGA.from_pretrained(tmp_path, fusion='maf')


def test_in_training_some_pairs_do_not_see_their_image(dataset):
    model, batch = build(dataset, fusion='mega', image_dropout=0.5), batch_of(dataset)
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    full = model.eval()(batch).logits
    size = batch[TOKEN].ptr.diff().square().tolist()
    same = [[
        torch.allclose(a, b, atol=1e-5)
        for a, b in zip(out.split(size), full.split(size))
    ] for out in (model.train()(batch).logits for _ in range(20))]
    share = torch.tensor(same).double().mean(0)
    has = batch[OBJECT].batch.bincount(minlength=8) > 0
    assert (share[~has] == 1).all()
    assert (share[has] > 0.1).all() and (share[has] < 0.9).all()


def test_options_that_contradict_one_another_are_named(dataset):
    for fusion in ('maf', Mean):
        for options, both in (({
                'conv': 'gatv2'
        }, "conv='gatv2' .* the fusion '"), ({
                'visual': False
        }, "visual=false .* fusion='")):
            with pytest.raises(ValueError, match=both):
                build(dataset, fusion=fusion, **options)
        with pytest.raises(ValueError, match="conv='your own' .* the fusion '"):
            build(dataset, fusion=fusion, conv=lambda *args: None)
    assert build(dataset, fusion='maf', conv='none')
    with pytest.raises(ValueError, match="EEGA: fusion: expected .*'maf' .got 'mfa'"):
        build(dataset, fusion='mfa')


@pytest.mark.parametrize('out, message', [
    (lambda x: x.words, "Broken to give a FusionOutput .got 'Tensor'"),
    (lambda x: FusionOutput(x.words[:, 1:]), r'Broken to keep the shape \[\d+, 24\]'),
    (lambda x: FusionOutput(x.words, {'main': x.words.sum()}),
     r"the losses of Broken .* other names than loss, main, .* .got 'main'"),
    (lambda x: FusionOutput(x.words, {'mine': x.words}), "got 'mine' of shape"),
])
def test_what_a_fusion_of_ones_own_gives_is_checked(dataset, out, message):
    class Broken(torch.nn.Module):
        def forward(self, inputs):
            return out(inputs)

    with pytest.raises((TypeError, ValueError), match=message):
        build(dataset, fusion=Broken()).loss(batch_of(dataset))
