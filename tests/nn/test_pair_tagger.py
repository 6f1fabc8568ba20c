import math

import pytest
import torch

from eega_pyg.nn import PairTagger
from eega_pyg.nn.conv import CompleteGraph


def tagger(num_tags, seed, **kwargs):
    torch.manual_seed(seed)
    out = PairTagger(8, num_tags, **kwargs)
    for param in out.parameters():  # As after training: nothing is zero any more.
        torch.nn.init.normal_(param)
    return out


def test_tags_that_are_taken_over_are_scored_as_before():
    old, new = (tagger(n, n, rank=3, offsets=True) for n in (5, 4))
    before = new.state_dict()['lin_col.weight'].clone()
    graph = CompleteGraph.from_ptr(torch.tensor([0, 3, 7]))
    x = torch.randn(7, 8)
    new.take_over(old, [0, 4, None, 2])
    assert torch.allclose(new(x, graph)[:, [0, 1, 3]], old(x, graph)[:, [0, 4, 2]])
    assert torch.equal(new.lin_col.weight[2], before[2])
    assert torch.equal(new.lin_head.weight, old.lin_head.weight)


def test_a_fresh_tag_begins_as_improbable_beside_none_as_in_a_new_tagger():
    old, new = PairTagger(8, 26), PairTagger(8, 7)
    rule = new.lin_row.bias.detach().softmax(0)
    new.take_over(old, [0, *[None] * 6])
    # The old none began for 25 others.
    assert torch.allclose(new.lin_row.bias.softmax(0), rule)
    assert new.lin_row.bias[1].item() == pytest.approx(math.log(25 / 6))


@pytest.mark.parametrize('kwargs, tags', [({}, [0, 1]), ({'rank': 2}, [0, 1, 2])])
def test_a_tagger_of_other_sizes_is_refused(kwargs, tags):
    with pytest.raises(ValueError, match=r'sizes of PairTagger\(8, 3\)'):
        PairTagger(8, 3).take_over(PairTagger(8, 3, **kwargs), tags)
