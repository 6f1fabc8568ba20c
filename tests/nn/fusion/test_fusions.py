r"""What all six fusions have in common."""
import copy

import fusion_loops as loops
import pytest
import torch

from eega_pyg.nn.fusion import AGBAN, MAF, MEGA, OCSGA, UMGF, AdapCoAtt

MAKE = {
    'adapcoatt': lambda **kwargs: AdapCoAtt(8, heads=2, **kwargs),
    'ocsga': lambda **kwargs: OCSGA(8, heads=2, num_layers=2, **kwargs),
    'agban': lambda **kwargs: AGBAN(8, heads=2, **kwargs),
    'umgf': lambda **kwargs: UMGF(8, heads=2, num_layers=2, **kwargs),
    'mega': lambda **kwargs: MEGA(8, heads=2, **kwargs),
    'maf': lambda **kwargs: MAF(8, heads=2, **kwargs),
}


@pytest.fixture(params=MAKE)
def name(request):
    return request.param


def build(name, started=False, **kwargs):
    r"""The module, by default with weights that are nowhere zero."""
    torch.manual_seed(1)
    module = MAKE[name](**kwargs).double().eval()
    if not started:
        for param in module.parameters():
            torch.nn.init.normal_(param, std=0.7)
    return module


def test_words_are_those_of_a_loop_over_the_equations(name, pairs, batch_of):
    module = build(name)
    out = module(batch_of(pairs))
    expected, losses = [], []
    for words, text, objects, image, _ in pairs:
        graphs = [edges[0].t().tolist() for edges in (text, image)]
        rows, loss = getattr(loops, name)(module, words, objects, graphs)
        expected.append(rows)
        losses.append(loss)
    atol = 1e-7 if name == 'mega' else 1e-10  # Its degrees are in single precision.
    torch.testing.assert_close(out.words, torch.cat(expected), rtol=0, atol=atol)
    for key in losses[0]:
        mean = torch.stack([x[key] for x in losses if x[key] is not None]).mean()
        torch.testing.assert_close(out.losses[key], mean)


def test_a_pair_is_the_same_alone_and_in_a_batch(name, pairs, batch_of):
    module = build(name)
    parts = module(batch_of(pairs)).words.split([len(p[0]) for p in pairs])
    for pair, part in zip(pairs, parts):
        alone = module(batch_of([pair])).words
        torch.testing.assert_close(part, alone, rtol=0, atol=1e-12)


def test_it_starts_without_the_image(name, pairs, batch_of):
    module, inputs = build(name, started=True), batch_of(pairs)
    assert torch.equal(module(inputs).words, module.addition.norm(inputs.words))


def test_objects_tell_words_of_their_own_pair_something(name, pairs, batch_of):
    module = build(name)
    changed = list(pairs)
    words, text, objects, image, number = pairs[1]
    changed[1] = words, text, objects.flip(1), image, number
    a, b = (module(batch_of(x)).words for x in (pairs, changed))
    other = (a != b).any(-1)
    assert torch.equal(other, batch_of(pairs).word_batch == 1)


def test_without_any_object_there_are_gradients_and_no_losses(name, pairs, batch_of):
    module = build(name)
    inputs = batch_of(pairs).without_objects(torch.ones(5, dtype=torch.bool))
    assert inputs.objects.shape == (0, 8) and inputs.object_edge_index.shape == (2, 0)
    out = module(inputs._replace(words=inputs.words.requires_grad_()))
    assert out.words.isfinite().all() and all(v == 0 for v in out.losses.values())
    if name not in ('adapcoatt', 'umgf'):  # In these, words look at words too.
        same = module.addition.norm(inputs.words)
        torch.testing.assert_close(out.words, same, rtol=0, atol=1e-12)
    (out.words.square().sum() + sum(out.losses.values())).backward()
    grads = [p.grad for p in module.parameters()]
    assert all(g is not None and g.isfinite().all() for g in grads)


def test_every_weight_learns(name, pairs, batch_of):
    module = build(name).train()
    out = module(batch_of(pairs))
    (out.words.square().sum() + sum(out.losses.values())).backward()
    # A shift of all keys or of all scores of a softmax changes nothing.
    still = {'lin_key.bias', 'attention.lin_key.bias'}
    for key, param in module.named_parameters():
        if not key.endswith(tuple(still)):
            assert param.grad.abs().max() > 1e-9, key


def test_losses_are_left_out_where_nobody_asks(name, pairs, batch_of):
    module = build(name)
    asked, not_asked = (module(batch_of(pairs, x)) for x in (True, False))
    assert torch.equal(asked.words, not_asked.words) and not not_asked.losses
    expected = {'agban': {'adversarial'}, 'maf': {'matching', 'contrast'}}
    assert asked.losses.keys() == expected.get(name, set())


def test_a_reset_draws_every_weight_anew(name):
    module = build(name, started=True)
    start = copy.deepcopy(module.state_dict())
    for param in module.parameters():
        torch.nn.init.constant_(param, 7.0)
    torch.manual_seed(2)
    module.reset_parameters()
    for key, value in module.state_dict().items():
        assert not (value == 7).any(), key
        assert value.shape == start[key].shape
        # What is drawn is another, and only norms and zeros are the same.
        is_fixed = value.numel() > 1 and (value == value.flatten()[0]).all().item()
        assert torch.equal(value, start[key]) == is_fixed, key


def test_bfloat16_autocast_is_close(name, pairs, batch_of):
    module, inputs = build(name).float(), batch_of(pairs)
    inputs = inputs._replace(words=inputs.words.float(), objects=inputs.objects.float())
    expected = module(inputs)
    with torch.autocast('cpu', torch.bfloat16):
        out = module(inputs)
        loss = out.words.square().sum() + sum(out.losses.values())
    torch.testing.assert_close(out.words.float(), expected.words, rtol=0.1, atol=0.1)
    for key, value in expected.losses.items():
        torch.testing.assert_close(out.losses[key].float(), value, rtol=0.1, atol=0.1)
    loss.backward()


def test_heads_divide_the_channels(name):
    kind = type(build(name))
    with pytest.raises(ValueError, match=r"'heads' to divide 8 channels .got '3'"):
        kind(8, heads=3)


def test_a_graph_of_words_and_objects_needs_a_layer():
    with pytest.raises(ValueError, match="'num_layers' above 0 .got '0'"):
        UMGF(8, heads=2, num_layers=0)
