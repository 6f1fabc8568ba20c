import fusion_loops as loops
import pytest
import torch

from eega_pyg.nn.fusion import MAF


@pytest.fixture
def module():
    torch.manual_seed(1)
    return MAF(8, heads=2).double().eval()


def test_losses_are_those_of_a_loop_over_the_pairs(module, pairs, batch_of):
    for order in ([0, 1, 2, 3, 4], [1, 4, 0, 3, 2], [3, 0], [1, 4], [2, 2], [0]):
        chosen = [pairs[i] for i in order]
        out = module(batch_of(chosen)).losses
        if all(len(p[2]) == 0 for p in chosen):
            assert all(v == 0 for v in out.values())
            continue
        expected = loops.maf_losses(module, [(p[0], p[2]) for p in chosen],
                                    [p[4] for p in chosen])
        for key, value in expected.items():
            torch.testing.assert_close(out[key], value)


def test_a_text_that_has_no_match_does_not_look(module, pairs, batch_of):
    torch.nn.init.normal_(module.addition.lin.weight)
    inputs = batch_of(pairs)
    torch.nn.init.constant_(module.lin_match.bias, -60.0)
    torch.testing.assert_close(module(inputs).words, module.addition.norm(inputs.words))


def test_matching_finds_out_which_image_belongs_to_a_text():
    r"""The objects of a pair are noisy copies of its words."""
    torch.manual_seed(0)
    from eega_pyg.nn.fusion import FusionInput
    none = torch.empty(2, 0, dtype=torch.long), torch.empty(0, dtype=torch.long)
    batch = torch.arange(64).repeat_interleave(3)
    words = torch.randn(64, 8).repeat_interleave(3, 0)
    inputs = FusionInput(words, batch, *none, words + 0.1 * torch.randn_like(words),
                         batch, *none, torch.arange(64))
    module = MAF(8, heads=2, dropout=0.0)
    optimizer = torch.optim.Adam(module.parameters(), lr=0.01)
    start = module(inputs).losses['contrast'].item()
    for _ in range(150):
        optimizer.zero_grad()
        losses = module(inputs).losses
        losses['contrast'].backward()
        optimizer.step()
    assert losses['contrast'] < 0.2 * start
