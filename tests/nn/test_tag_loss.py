import math

import pytest
import torch
import torch.nn.functional as F

from eega_pyg.nn.tag_loss import possible_tags, tag_loss
from eega_pyg.schema import SOME_TYPE, UNKNOWN, UNSCORED, UNSTATED, TagSet

TAGS = TagSet(('per', 'org'), ('member_of', 'peer'))
NONE, PER, ORG, MEMBER, PEER = range(5)
ALL = [True] * 5
#: The second text was annotated with persons and with who is a member of what.
ANNOTATED = torch.tensor([ALL, [True, True, False, True, False]])


def sets(tag, graph):
    possible = possible_tags(torch.tensor(tag), torch.tensor(graph), ANNOTATED, TAGS)
    return [set(row.nonzero().flatten().tolist()) for row in possible]


def test_what_is_known_of_a_cell_is_a_set_of_tags():
    labels = [NONE, MEMBER, SOME_TYPE, UNSTATED, UNKNOWN]
    assert sets(labels, [0] * 5) == [{NONE}, {MEMBER}, {PER, ORG}, {NONE}, {*range(5)}]
    assert sets(labels, [1] * 5) == [{NONE}, {MEMBER}, {PER, ORG}, {NONE, ORG, PEER},
                                     {*range(5)}]


@pytest.mark.parametrize('reduction', ['sum', 'mean'])
def test_with_all_tags_known_it_is_the_cross_entropy(reduction):
    torch.manual_seed(0)
    logits = torch.randn(40, 5, dtype=torch.float64)
    tag = torch.randint(5, (40, ))
    tag[::7] = UNSCORED
    graph = torch.arange(40) // 20
    expected = F.cross_entropy(logits, tag, ignore_index=UNSCORED, reduction=reduction)
    for changed in (tag, torch.cat([tag, torch.tensor([UNKNOWN])])):
        loss = tag_loss(torch.cat([logits, torch.randn(len(changed) - 40, 5)]), changed,
                        torch.cat([graph, graph[:len(changed) - 40]]), ANNOTATED, TAGS,
                        reduction)
        torch.testing.assert_close(loss, expected)


def test_it_is_the_likelihood_of_the_possible_tags_summed_cell_by_cell():
    torch.manual_seed(1)
    logits = torch.randn(60, 5, dtype=torch.float64)
    labels = [NONE, PER, ORG, MEMBER, PEER, SOME_TYPE, UNSTATED, UNKNOWN, UNSCORED]
    tag = torch.tensor(labels)[torch.randint(len(labels), (60, ))]
    graph = torch.randint(2, (60, )).sort().values
    total, known = 0.0, 0
    for row, label, g in zip(logits.softmax(-1).tolist(), tag.tolist(), graph.tolist()):
        if label == UNSCORED:
            continue
        possible = {
            SOME_TYPE: [PER, ORG],
            UNSTATED: [NONE] if g == 0 else [NONE, ORG, PEER],
            UNKNOWN: list(range(5))
        }.get(label, [label])
        total -= math.log(sum(row[t] for t in possible))
        known += label != UNKNOWN
    assert tag_loss(logits, tag, graph, ANNOTATED, TAGS).item() == pytest.approx(total)
    mean = tag_loss(logits, tag, graph, ANNOTATED, TAGS, 'mean')
    assert mean.item() == pytest.approx(total / known)


def test_what_is_not_annotated_costs_nothing_and_pulls_nowhere():
    logits = torch.tensor([[1.0, -50.0, 3.0, -50.0, 2.0]], requires_grad=True)
    loss = tag_loss(logits, torch.tensor([UNSTATED]), torch.tensor([1]), ANNOTATED,
                    TAGS)
    loss.backward()
    assert loss.item() == pytest.approx(0, abs=1e-6)
    assert logits.grad.abs().max() < 1e-6


def test_a_batch_of_which_nothing_is_known_has_no_loss():
    loss = tag_loss(torch.randn(3, 5), torch.tensor([UNKNOWN] * 3),
                    torch.zeros(3).long(), ANNOTATED, TAGS, 'mean')
    assert loss.item() == 0
