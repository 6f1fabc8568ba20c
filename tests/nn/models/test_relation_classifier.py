import math

import pytest
import torch

from eega_pyg.nn.models import EEGA, RelationClassifier
from eega_pyg.schema import TOKEN, Entity

from .conftest import ENCODER, batch_of


@pytest.fixture(scope='module')
def model(dataset):
    torch.manual_seed(0)
    reader = EEGA(ENCODER, dataset.tags.to_dict(), dataset.vocabularies.sizes, heads=4,
                  fusion='mega', channels=())
    torch.nn.init.normal_(reader.fusion.addition.lin.weight, std=0.3)
    return RelationClassifier(reader).double().eval()


def spans_of(batch, entities):
    r"""Words of spans and pairs of spans, counted over the batch."""
    words, pairs = [], []
    for start, found in zip(batch[TOKEN].ptr.tolist(), entities):
        first = 1 + max((s for _, s in words), default=-1)
        words += [[start + w, first + i] for i, e in enumerate(found)
                  for w in range(*e.span)]
        pairs += [[first + i, first + j] for j in range(len(found)) for i in range(j)]
    return torch.tensor(words).T, torch.tensor(pairs).T


def test_a_pair_is_scored_as_the_equations_say(dataset, model):
    batch = batch_of(dataset, range(2))
    h = model.reader.fused_words(batch).words
    a, b = h[[0, 1]].mean(0), h[2]
    words = torch.tensor([[0, 1, 2], [0, 0, 1]])
    scores = model(batch, words, torch.tensor([[0, 1], [1, 0]]))
    forth, back = model.mlp(torch.stack([torch.cat([a, b]), torch.cat([b, a])]))
    expected = torch.cat([forth[:1] + back[:1], forth[1:], back[1:]]).float()
    torch.testing.assert_close(scores[0], expected)
    # The other way round, the two directions change places and nothing else.
    none, one, other = scores[0].split([1, len(forth) - 1, len(forth) - 1])
    torch.testing.assert_close(scores[1], torch.cat([none, other, one]))


def test_relations_are_those_of_a_loop_over_the_pairs(dataset, model):
    batch = batch_of(dataset, range(4))
    entities = [[
        Entity(0, 2, 'per', 0.5),
        Entity(2, 3, 'org', 0.25),
        Entity(3, 4, 'per')
    ], [], [Entity(1, 2, 'loc')], [Entity(0, 1, 'per'),
                                   Entity(2, 4, 'per')]]
    names = dataset.tags.relations
    for signatures in (None, {('per', names[0], 'org'), ('per', names[1], 'per')}):
        found = model.relate(batch, entities, signatures)
        scores = iter(model(batch, *spans_of(batch, entities)))
        assert [x.entities for x in found] == entities
        for extraction, given in zip(found, entities):
            expected = {}
            for j, b in enumerate(given):
                for a in given[:j]:
                    s = next(scores).tolist()
                    p = [math.exp(s[0])] + [
                        math.exp(s[1 + k * len(names) + r]) *
                        (signatures is None or ((a, b)[k].type, names[r],
                                                (b, a)[k].type) in signatures)
                        for k in (0, 1) for r in range(len(names))
                    ]
                    forth, back = p[1:1 + len(names)], p[1 + len(names):]
                    both = [x + y for x, y in zip(forth, back)]
                    r = both.index(max(both))
                    if both[r] > p[0]:
                        head, tail = (a, b) if forth[r] >= back[r] else (b, a)
                        expected[head, tail,
                                 names[r]] = (both[r] / sum(p) * (a.probability or 1) *
                                              (b.probability or 1))
            got = {
                (q.head, q.tail, q.relation): q.probability
                for q in extraction.quintuples
            }
            assert got == pytest.approx(expected, rel=1e-4)
            assert extraction.quintuples == sorted(extraction.quintuples)
        if signatures is None:
            assert any(x.quintuples for x in found)


def test_a_text_has_the_same_relations_alone_and_in_a_batch(dataset, model):
    entities = [[Entity(0, 1, 'per'), Entity(1, 3, 'org'), Entity(3, 4, 'loc')]] * 4
    long = [i for i, graph in enumerate(dataset) if graph[TOKEN].num_nodes >= 4][:4]
    together = model.relate(batch_of(dataset, long), entities)
    for i, found in zip(long, together):
        alone, = model.relate(batch_of(dataset, [i]), entities[:1])
        assert alone.quintuples == found.quintuples
        assert [q.probability for q in alone.quintuples
                ] == pytest.approx([q.probability for q in found.quintuples], rel=1e-5)


def test_the_loss_is_that_of_the_right_class(dataset, model):
    batch = batch_of(dataset, range(2))
    words = torch.tensor([[0, 1, 2, 3], [0, 0, 1, 2]])
    pairs, relation = torch.tensor([[0, 2], [1, 1]]), torch.tensor([0, 3])
    p = model(batch, words, pairs).softmax(-1)
    parts = model.loss(batch, words, pairs, relation)
    expected = -(p[0, 0].log() + p[1, 3].log()) / 2
    torch.testing.assert_close(parts['loss'], expected)
    assert parts.keys() == {'loss', 'main'}
    # A batch may have no pair.
    none = torch.empty(2, 0, dtype=torch.long)
    assert model.loss(batch, none, none, relation[:0])['loss'] == 0


def test_a_fusion_adds_its_own_losses_with_their_weight(dataset):
    torch.manual_seed(0)
    reader = EEGA(ENCODER, dataset.tags.to_dict(), dataset.vocabularies.sizes, heads=4,
                  fusion='agban', channels=(), lambda_graph=0.25)
    batch = batch_of(dataset, range(2))
    parts = RelationClassifier(reader).loss(batch, torch.tensor([[0, 1], [0, 1]]),
                                            torch.tensor([[0], [1]]), torch.tensor([1]))
    torch.testing.assert_close(parts['loss'],
                               parts['main'] + 0.25 * parts['adversarial'])
