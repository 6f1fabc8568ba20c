import math

import pytest
import torch

from eega_pyg.nn import EdgeChannel, NodeChannel, PairTagger
from eega_pyg.nn.conv import CompleteGraph
from eega_pyg.nn.pair_tagger import _joined, word_offset


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


def pair_by_pair(tagger, x, graph, channels, types):
    r"""The sum of all terms, each looked up for each pair."""
    out = tagger.lin_row(x)[graph.row] + tagger.lin_col(x)[graph.col]
    for name, channel in channels.items():
        out = out + tagger.lin_channels[name](channel(types[name], graph))
    if tagger.rank:
        product = tagger.lin_head(x)[graph.row] * tagger.lin_tail(x)[graph.col]
        out = out + tagger.lin_product(product)
    if tagger.offset is not None:
        out = out + tagger.offset(word_offset(graph))
    return out


@pytest.mark.parametrize('kwargs', [{}, {'rank': 3}, {'rank': 3, 'offsets': True}])
@pytest.mark.parametrize('sizes', [[2, 1, 3], [0, 45, 7], []])
def test_scores_and_gradients_are_those_of_the_terms_of_each_pair(kwargs, sizes):
    channels = {
        'pos': NodeChannel(5, 3, 0),
        'sd': EdgeChannel(4, 3),
        'co': EdgeChannel(6, 3)
    }
    model = tagger(4, 0, channels=list(channels), channel_dim=3, **kwargs).double()
    for channel in channels.values():
        channel.double()
    graph = CompleteGraph.from_ptr(torch.tensor([0, *sizes]).cumsum(0))
    num_words, num_pairs = sum(sizes), sum(n * n for n in sizes)
    types = {
        'pos': torch.randint(5, (num_words, )),
        'sd': torch.randint(4, (num_pairs, )).to(torch.int8),
        'co': torch.randint(6, (num_pairs, )).to(torch.int8)
    }
    x = torch.randn(num_words, 8).double().requires_grad_()
    params = [x, *model.parameters(), *(c.emb.weight for c in channels.values())]
    weight = torch.randn(num_pairs, 4).double()
    found = model(x, graph, channels, types)
    expected = pair_by_pair(model, x, graph, channels, types)
    torch.testing.assert_close(found, expected)
    grads = [
        torch.autograd.grad((out * weight).sum(), params, allow_unused=True,
                            materialize_grads=True) for out in (found, expected)
    ]
    for a, b in zip(*grads):
        torch.testing.assert_close(a, b)


def test_tables_are_joined_where_they_are_smaller_than_what_is_looked_up():
    tables = [torch.randn(n, 2).double() for n in (3, 4, 5)]
    index = [torch.randint(n, (50, )) for n in (3, 4, 5)]
    expected = sum(table[i] for table, i in zip(tables, index))
    for number, rows in ((61, [60]), (13, [12, 5]), (12, [3, 4, 5])):
        terms = _joined([(t, i[:1].expand(number)) for t, i in zip(tables, index)])
        assert [table.size(0) for table, _ in terms] == rows
        found = sum(table[i] for table, i in terms)
        torch.testing.assert_close(found, expected[:1].expand(number, 2))
