import itertools
import math

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from eega_pyg.extraction import Extractor, Grounding, GroundingHead, Item
from eega_pyg.extraction.grounding import assigned, by_plan, names_of
from eega_pyg.extraction.grounding_features import choices, is_person_label, kind_of
from eega_pyg.extraction.result import Alignment
from eega_pyg.schema import Entity, SceneGraph, SceneObject

ANN, ACME, BOB = Entity(0, 2, 'per'), Entity(3, 4, 'org'), Entity(5, 6, 'PERSON')
SMALL = SceneObject('person', 0.5, (0.6, 0.5, 0.8, 1.0))
LARGE = SceneObject('woman', 0.9, (0.1, 0.0, 0.5, 1.0))
SIGN = SceneObject('stop sign', 0.7, (0.0, 0.0, 0.1, 0.1))
OBJECTS = (SMALL, SIGN, LARGE)
WORDS = [*'abcdefghij']


@pytest.fixture(scope='module')
def head():
    return GroundingHead.pretrained()


def test_persons_are_told_by_their_usual_names():
    assert [kind_of(t) for t in ('per', ' People', 'ORG', 'gpe', 'misc', 'dish')
            ] == [0, 0, 1, 2, 3, 3]
    assert is_person_label('person') and is_person_label('Tennis Player')
    assert not is_person_label('stop sign') and not is_person_label('')


def test_ranks_are_those_within_the_kind():
    pairs, nothing = choices([ANN, ACME, BOB], OBJECTS, 10)
    # Behind the type and the counts: a person, and the kinds agree.
    assert pairs[:, :, 11].tolist() == [[1, 0, 1]] * 3
    assert pairs[0, :, 12].tolist() == [1, 0, 1]
    assert pairs[1, :, 13].tolist() == [0, 1, 0]
    # Two persons are seen: the larger one is the first, and stands left.
    assert torch.allclose(pairs[0, :, 16].exp() - 1, torch.tensor([1., 0., 0.]))
    assert torch.allclose(pairs[0, :, 17].exp() - 1, torch.tensor([1., 0., 0.]))
    # Ann is the first person that is named, and Bob the second.
    assert pairs[0, :, 18].tolist() == [0, 1, 1] and pairs[2, :,
                                                           18].tolist() == [1, 0, 0]
    assert math.isclose(pairs[0, 0, 21], 0.1 / 0.4, rel_tol=1e-6)
    assert nothing[2, 8:11].tolist() == pytest.approx([0, math.log(3), math.log(2)])


def test_the_choices_are_the_likeliest_ones_by_the_equation(head):
    entities = [ANN, ACME, BOB]
    found = head.ground(entities, (*OBJECTS, SceneObject('cup')), WORDS)
    pairs, nothing = (x.double() for x in choices(entities, OBJECTS, 10))
    state = {k: v.double() for k, v in head.state_dict().items()}

    def network(name, x):
        x = ((x - state[f'{name}_mean']) / state[f'{name}_std']).clamp(-5, 5)
        layers = [k for k in state if k.startswith(f'{name}.') and k.endswith('weight')]
        for i, layer in enumerate(layers):
            x = state[layer] @ x + state[layer.replace('weight', 'bias')]
            if i < len(layers) - 1:
                x = x * 0.5 * (1 + torch.erf(x / math.sqrt(2)))
        return math.exp(x)

    shares = []
    for i in range(3):
        worth = [network('pair', pairs[i, j]) for j in range(3)]
        worth.append(network('nothing', nothing[i]))
        shares.append([w / sum(worth) for w in worth])
    # All ways in which no two entities are one object.
    ways = [
        way for way in itertools.product(range(4), repeat=3) if all(
            way.count(j) < 2 for j in range(3))
    ]
    best = max(ways, key=lambda way: math.prod(p[j] for p, j in zip(shares, way)))
    for e, j, p in zip(entities, best, shares):
        assert found[e].object == (None if j == 3 else j)
        assert found[e].score == pytest.approx(p[j], abs=1e-4)
        assert found[e].box == (None if j == 3 else OBJECTS[j].box)


def test_two_mentions_of_one_name_are_one_object():
    shares = torch.tensor([[.9, .06, .04], [.5, .3, .2], [.4, .1, .5]]).log()
    assert assigned(shares, ['ann', 'bob', 'ann']) == [0, 1, 0]
    assert assigned(shares, ['ann', 'bob', 'cem']) == [0, 1, 2]
    assert names_of([ANN, BOB], ['Ann', 'LEE', '', '', '', 'bob']) == ['ann lee', 'bob']
    assert assigned(shares[:1, 2:], ['ann']) == [0]  # There is no object.


def test_one_who_is_named_is_the_one_who_is_seen(head):
    found = head.ground([ANN], (LARGE, ), WORDS[:6])
    assert found == {ANN: Grounding(0, pytest.approx(1, abs=0.2), LARGE.box)}
    # A place is not the person in front of it.
    assert head.ground([ANN, Entity(4, 5, 'loc')], (LARGE, ),
                       WORDS[:6])[Entity(4, 5, 'loc')].object is None


def test_two_who_are_named_are_two_who_are_seen(head):
    other = SceneObject('man', 0.9, (0.55, 0.0, 0.95, 1.0))
    found = head.ground([ANN, BOB], (LARGE, other), WORDS[:8])
    assert {found[ANN].object, found[BOB].object} == {0, 1}


def test_without_boxes_nothing_is_said(head):
    assert head.ground([ANN], (SceneObject('woman'), ), WORDS) == {}
    assert head.ground([], OBJECTS, WORDS) == {}


def test_objects_have_no_order_of_their_own(head):
    a = head.ground([ANN, ACME, BOB], OBJECTS, WORDS)
    b = head.ground([ANN, ACME, BOB], OBJECTS[::-1], WORDS)
    for e in a:
        assert a[e].box == b[e].box and a[e].score == pytest.approx(
            b[e].score, abs=1e-5)


def test_the_plan_chooses_the_box_with_most_of_the_mass():
    nodes = np.array([[0.2, 0.4], [0.5, 0.5], [0.3, 0.1]])
    graph = SceneGraph((LARGE, SceneObject('hat'), SMALL))
    found = by_plan([Entity(0, 2, 'per'), Entity(1, 2, 'misc')], graph,
                    Alignment(nodes, nodes))
    assert found[Entity(0, 2, 'per')] == Grounding(0, pytest.approx(0.3), LARGE.box)
    assert found[Entity(1, 2, 'misc')] == Grounding(0, 0.4, LARGE.box)
    assert by_plan([ANN], SceneGraph((SceneObject('hat'), )),
                   Alignment(nodes[:1], nodes[:1])) == {}


def test_a_head_is_saved_and_read(head, tmp_path):
    path = tmp_path / 'head.safetensors'
    head.save(path)
    again = GroundingHead.load(path)
    assert again.identity() == head.identity() and not again.training
    assert again.ground([ANN], OBJECTS, WORDS) == head.ground([ANN], OBJECTS, WORDS)


@pytest.mark.parametrize('break_it, message', [
    (lambda p: p.unlink(), 'there is no such grounding head'),
    (lambda p: p.write_bytes(b'junk'), 'is no safetensors file'),
    (lambda p: save_file(load_file(p), p), 'is no grounding head of this library'),
    (lambda p: save_file(load_file(p), p, {
        'format': 'eega_pyg.grounding.1',
        'config': '{"hidden": 3, "pair_size": 29}'
    }), 'is a damaged grounding head'),
    (lambda p: GroundingHead(64, 31).save(p), 'it reads 31 numbers of a pair'),
    (lambda p: save_file({}, p, {
        'format': 'eega_pyg.grounding.1',
        'config': '{"hidden": 64}'
    }), 'is a damaged grounding head'),
])
def test_a_broken_file_is_named(head, tmp_path, break_it, message):
    path = tmp_path / 'head.safetensors'
    head.save(path)
    break_it(path)
    with pytest.raises(OSError, match=message) as error:
        GroundingHead.load(path)
    assert str(path) in str(error.value)


@pytest.fixture(scope='module')
def items():
    text = 'Ana Lopez plays for United FC in Rome'
    return [
        Item(text, scene_graph=SceneGraph(OBJECTS)),
        Item(text, scene_graph=SceneGraph((SceneObject('woman'), ))),
        Item(text)
    ]


def test_entities_are_grounded_where_objects_have_boxes(trained, items):
    extractor = Extractor.from_pretrained(trained, 'cpu')
    boxed, *others = extractor.batch(items)
    assert boxed.entities and boxed.alignment is None
    expected = extractor.grounding.ground(boxed.extraction.entities, OBJECTS,
                                          boxed.words)
    for e, found in zip(boxed.extraction.entities, boxed.entities):
        assert found.grounding == expected[e] and found.box == expected[e].box
        value = found.to_dict()
        assert value['object'] == expected[e].object
        assert value['object_score'] == expected[e].score
        assert value.get('box') == (None if found.box is None else list(found.box))
    for result in others:
        assert all(e.grounding is None and 'object' not in e.to_dict()
                   for e in result.entities)


def test_without_a_head_the_plan_says_it(trained, items):
    extractor = Extractor.from_pretrained(trained, 'cpu', grounding='plan')
    found, aligned = extractor.batch(items[:1])[0], extractor.batch(
        items[:1], align=True)[0]
    assert found.alignment is None and found.entities[0].objects is None
    for a, b in zip(found.entities, aligned.entities):
        assert a.grounding == b.grounding
        assert b.grounding.object == b.objects[0].object
        assert b.grounding.score == pytest.approx(b.objects[0].strength)


def test_another_grounding_is_refused(trained):
    with pytest.raises(ValueError, match="'head' or 'plan' as the grounding"):
        Extractor.from_pretrained(trained, 'cpu', grounding='best')
