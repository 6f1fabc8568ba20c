import torch

from eega_pyg.nn import WordFeatures

WORDS = {
    'upos': torch.tensor([1, 2, 1], dtype=torch.int16),
    'shape': torch.tensor([0, 0, 3]),
    'vector': torch.tensor([[1.0, 2.0], [2.0, 4.0], [4.0, 1.0]]).half(),
}


def test_they_start_at_nothing_and_can_learn():
    module = WordFeatures({'upos': 4, 'shape': 5}, 2, 6)
    out = module(WORDS)
    assert out.shape == (3, 6) and not out.any()
    out.sum().backward()
    assert all(param.grad.any() for param in module.parameters())


def test_they_are_the_sum_of_what_is_known():
    module = WordFeatures({'upos': 4, 'shape': 5}, 2, 6).eval()
    for param in module.parameters():
        torch.nn.init.normal_(param)
    upos, shape = (module.embs[name].weight for name in ('upos', 'shape'))
    # Two values less their mean, over their deviation: 1 and -1.
    lin = module.lin.weight[:, 1] - module.lin.weight[:, 0]
    expected = [
        upos[1] + shape[0] + lin, upos[2] + shape[0] + lin, upos[1] + shape[3] - lin
    ]
    torch.testing.assert_close(module(WORDS), torch.stack(expected), atol=1e-3, rtol=0)


def test_any_part_may_be_left_out():
    assert set(dict(WordFeatures({}, 2, 6).named_parameters())) == {'lin.weight'}
    alone = WordFeatures({'upos': 4}, 0, 6)
    assert alone({'upos': WORDS['upos']}).shape == (3, 6)
