import torch

from eega_pyg.nn.fusion import AGBAN


def test_the_gradient_of_the_game_is_reversed_for_what_the_discriminator_reads(
        pairs, batch_of):
    torch.manual_seed(0)
    module, inputs = AGBAN(8).double(), batch_of(pairs)
    sides = [x.clone().requires_grad_() for x in (inputs.words, inputs.objects)]
    loss = module.game(inputs._replace(words=sides[0], objects=sides[1]))
    found = torch.autograd.grad(loss, [*sides, *module.discriminator.parameters()])

    # The same loss without the reversal.
    plain = [x.clone().requires_grad_() for x in sides]
    terms = []
    for b in inputs.has_objects.nonzero().flatten():
        word, thing = (module.discriminator(x[batch == b]).squeeze(-1)
                       for x, batch in zip(plain, (inputs.word_batch,
                                                   inputs.object_batch)))
        terms.append(-0.5 * word.sigmoid().log().mean() - 0.5 *
                     (1 - thing.sigmoid()).log().mean())
    same = torch.stack(terms).mean()
    torch.testing.assert_close(loss, same)
    expected = torch.autograd.grad(same, [*plain, *module.discriminator.parameters()])
    for i, (a, b) in enumerate(zip(found, expected)):
        torch.testing.assert_close(a, -b if i < 2 else b)
    assert found[0].abs().sum() > 0


def test_one_optimiser_makes_words_and_objects_alike():
    r"""Two shifted clouds come together, and the discriminator stays at chance."""
    torch.manual_seed(0)
    module = AGBAN(4).train()
    words, objects = torch.randn(64, 4) + 2, torch.randn(64, 4) - 2
    shift = torch.nn.Parameter(torch.zeros(4))
    optimizer = torch.optim.Adam([shift, *module.discriminator.parameters()], lr=0.02)
    from eega_pyg.nn.fusion import FusionInput
    none = torch.empty(2, 0, dtype=torch.long), torch.empty(0, dtype=torch.long)
    batch = torch.zeros(64, dtype=torch.long)
    for _ in range(300):
        optimizer.zero_grad()
        module.game(
            FusionInput(words, batch, *none, objects + shift, batch, *none,
                        torch.zeros(1))).backward()
        optimizer.step()
    apart = (words.mean(0) - (objects + shift).mean(0)).abs()
    assert (apart < 1).all()
