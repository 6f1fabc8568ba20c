import json
import os
from collections import Counter
from importlib import resources
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from eega_pyg.schema import SceneGraph, SceneObject
from eega_pyg.vision import PredicateModel
from eega_pyg.vision.predicates.geometry import GEOMETRY_SIZE
from eega_pyg.vision.predicates.ranking import SPATIAL

WHOLE = (0.2, 0.1, 0.6, 0.9)
HEAD = (0.33, 0.1, 0.45, 0.2)


def top(model, subject, target, k=3):
    objects = [SceneObject(*subject), SceneObject(*target)]
    scores, _ = model.predict(objects, [(0, 1)])
    return [model.predicates[i] for i in scores[0].topk(k).indices]


@pytest.mark.parametrize('subject, target, expected', [
    (('person', 1., WHOLE), ('hat', 1., HEAD), 'wear'),
    (('person', 1., (.3, .1, .5, .8)), ('horse', 1., (.2, .4, .7, 1.)), 'ride'),
    (('sky', 1., (0., 0., 1., .4)), ('road', 1., (0., .6, 1., 1.)), 'above'),
    (('road', 1., (0., .6, 1., 1.)), ('sky', 1., (0., 0., 1., .4)), 'below'),
    (('wheel', 1., (.2, .7, .3, .9)), ('bus', 1., (.1, .3, .9, .9)), 'on'),
])
def test_what_anybody_would_say_is_among_the_first_three(subject, target, expected,
                                                         predicate_model):
    assert expected in top(predicate_model, subject, target)


def test_labels_it_never_saw_go_by_their_meaning(predicate_model):
    # None of "race car", "bride" and "white dress" is a label of VRD.
    assert 'has' in top(predicate_model, ('race car', 1., (.12, .57, .82, .91)),
                        ('wheel', 1., (.17, .74, .31, .91)))
    assert 'wear' in top(predicate_model, ('bride', 1., WHOLE),
                         ('white dress', 1., (.25, .3, .6, .9)))


def test_geometry_decides_where_labels_do_not(predicate_model):
    left, right = (.1, .4, .3, .6), (.6, .4, .8, .6)
    objects = [SceneObject('cup', 1., left), SceneObject('cup', 1., right)]
    scores, _ = predicate_model.predict(objects, [(0, 1), (1, 0)])
    names = predicate_model.predicates
    where = names.index('on the left of')
    assert scores[0, where] > scores[1, where]


def test_a_distribution_is_the_mean_of_the_networks(predicate_model):
    generator = torch.Generator().manual_seed(0)
    s, o = (torch.nn.functional.normalize(torch.randn(3, 384, generator=generator),
                                          dim=1) for _ in range(2))
    geometry = torch.randn(3, GEOMETRY_SIZE, generator=generator)
    with torch.no_grad():
        scores, related = predicate_model(s, o, geometry)
        logits = [n(s, o, geometry) for n in predicate_model.networks]
    for p in range(3):
        for c in (0, 9, 69):
            each = [torch.softmax(z[p, :70], 0)[c].item() for z in logits]
            assert scores[p, c].item() == pytest.approx(sum(each) / len(each), rel=1e-4)
        each = [torch.sigmoid(z[p, 70]).item() for z in logits]
        assert related[p].item() == pytest.approx(sum(each) / len(each), rel=1e-4)
    assert torch.allclose(scores.sum(1), torch.ones(3))


def test_a_pair_alone_and_among_others_is_the_same(predicate_model):
    objects = [
        SceneObject(label, 1., (i / 10, .1, i / 10 + .3, .9))
        for i, label in enumerate(['man', 'a very long label of many words', 'tie'])
    ]
    pairs = [(0, 1), (2, 0), (1, 2)]
    together, related = predicate_model.predict(objects, pairs)
    for n, pair in enumerate(pairs):
        scores, alone = predicate_model.predict([objects[i] for i in pair], [(0, 1)])
        assert torch.allclose(scores[0], together[n], atol=1e-6)
        assert torch.allclose(alone[0], related[n], atol=1e-6)


@pytest.mark.parametrize('label', ['\u200b', '🙂', '\x00', 'x' * 5000])
def test_a_label_without_a_piece_of_its_own_has_a_distribution(label, predicate_model):
    scores, related = predicate_model.predict(
        [SceneObject(label, 1., WHOLE),
         SceneObject('hat', 1., HEAD)], [(0, 1)])
    assert torch.isfinite(scores).all() and torch.isfinite(related).all()


def test_labels_without_a_piece_are_the_unknown_piece(predicate_model):
    vectors = predicate_model.embedder(['\u200b', '\u200d', 'hat'])
    assert torch.equal(vectors[0], vectors[1])
    assert not torch.equal(vectors[0], vectors[2])


def test_zero_and_one_object_have_no_predicate(predicate_model):
    assert predicate_model.relate(SceneGraph()) == SceneGraph()
    one = SceneGraph((SceneObject('man', 1., WHOLE), SceneObject('idea')))
    assert predicate_model.relate(one) == one


def test_ten_thousand_boxes_relate_the_best_ones(predicate_model):
    objects = [SceneObject('box', i / 10_000, WHOLE) for i in range(10_000)]
    objects[3] = SceneObject('person', 1., WHOLE)
    objects[5] = SceneObject('hat', 1., HEAD)
    graph = predicate_model.relate(SceneGraph(tuple(objects)), max_objects=2)
    assert len(graph.objects) == 10_000
    predicate, = graph.predicates
    assert {predicate.subject, predicate.object} == {3, 5}
    many = predicate_model.relate(SceneGraph(tuple(objects)), min_score=0.)
    assert len(many.predicates) == 20
    best = sorted(range(10_000), key=lambda i: -objects[i].score)[:32]
    assert {p.subject for p in many.predicates} <= set(best)


def test_each_two_objects_have_one_predicate_of_the_better_direction(predicate_model):
    objects = (SceneObject('person', 1., WHOLE), SceneObject('hat', 1., HEAD),
               SceneObject('shirt', 1., (.22, .25, .58, .6)))
    graph = predicate_model.relate(SceneGraph(objects), min_score=0.)
    pairs = [frozenset((p.subject, p.object)) for p in graph.predicates]
    assert len(pairs) == len(set(pairs)) == 3
    scores, related = predicate_model.predict(objects, [(0, 1), (1, 0)])
    names = predicate_model.weighted(scores).argmax(1)
    worth = predicate_model.weighted(scores).max(1).values * related
    best = (scores.gather(1, names[:, None])[:, 0] * related)[worth.argmax()].item()
    found = next(p for p in graph.predicates if {p.subject, p.object} == {0, 1})
    assert found.score == pytest.approx(best, rel=1e-5)
    assert [p.score
            for p in graph.predicates] == sorted([p.score for p in graph.predicates],
                                                 reverse=True)


def test_the_largest_weight_has_the_most_expected_recall_and_mean_recall():
    # Of one pair, by the definition of both: each predicate's share of all triples.
    probabilities = torch.tensor([[0.5, 0.3, 0.2]])
    model = PredicateModel(['on', 'ride', 'pull'], num_networks=1, projection=2,
                           hidden=4, counts=[800, 100, 100], rarity=0.1)
    counts = torch.tensor([800., 100., 100.])
    total = counts.sum()
    expected = [(p / total + 0.1 * p / n).item()
                for p, n in zip(probabilities[0], counts)]
    found = model.weighted(probabilities)[0] / total
    assert found.tolist() == pytest.approx(expected)
    assert model.weighted(probabilities).argmax() == 1  # 0.5625 beside 0.6.
    model.config['rarity'] = 0.
    assert torch.equal(model.weighted(probabilities), probabilities)


def test_a_mirrored_picture_has_left_and_right_exchanged(predicate_model):
    boxes = [(.1, .4, .3, .6), (.5, .3, .8, .7)]
    mirrored = [(1 - x2, y1, 1 - x1, y2) for x1, y1, x2, y2 in boxes]
    there, here = (predicate_model.predict(
        [SceneObject('man', 1., b[0]),
         SceneObject('tree', 1., b[1])], [(0, 1)])[0][0] for b in (boxes, mirrored))
    names = predicate_model.predicates
    left, right = names.index('on the left of'), names.index('on the right of')
    order = list(range(len(names)))
    order[left], order[right] = right, left
    assert torch.allclose(there, here[order], atol=1e-5)
    assert there[left] > there[right]


def test_without_spatial_predicates_others_take_their_place(predicate_model):
    people = tuple(
        SceneObject('person', 1., (i / 10, .2, i / 10 + .2, .9)) for i in range(8))
    hat = SceneObject('hat', 1., (.02, .15, .12, .25))
    graph = SceneGraph((*people, hat))
    everything = predicate_model.relate(graph)
    rest = predicate_model.relate(graph, spatial=False)
    assert {p.predicate for p in everything.predicates} & SPATIAL
    assert not {p.predicate for p in rest.predicates} & SPATIAL
    assert 'wear' in {p.predicate for p in rest.predicates}


def test_ten_people_are_not_related_in_one_way_alone(predicate_model):
    people = tuple(
        SceneObject('person', 1., (i / 12, .2 + .03 * (i % 3), i / 12 + .15, .95))
        for i in range(10))
    graph = predicate_model.relate(SceneGraph(people))
    kinds = Counter(p.predicate for p in graph.predicates)
    assert len(kinds) >= 3 and max(kinds.values()) <= 4
    before = predicate_model.relate(SceneGraph(people), repeat=1.)
    assert max(Counter(p.predicate for p in before.predicates).values()) > 10


@pytest.mark.parametrize('counts, rarity, message', [
    ([1, 2, 3], 0.1, 'counts to be 2 positive'),
    ([1, 0], 0.1, 'counts to be 2 positive'),
    ([1, 2], -1., 'rarity >= 0'),
])
def test_wrong_weights_are_named(counts, rarity, message):
    with pytest.raises(ValueError, match=message):
        PredicateModel(['on', 'under'], counts=counts, rarity=rarity)


def test_an_object_without_a_box_is_named(predicate_model):
    with pytest.raises(ValueError, match=r'objects\[1\].box: .* needs a box'):
        predicate_model.predict([SceneObject('man', 1., WHOLE),
                                 SceneObject('hat')], [(0, 1)])


def test_saving_keeps_half_precision(tmp_path):
    torch.manual_seed(0)
    model = PredicateModel(['on', 'under'], num_networks=2, projection=4, hidden=8)
    model.save(tmp_path / 'model.safetensors')
    again = PredicateModel.load(tmp_path / 'model.safetensors')
    assert again.config == model.config and not again.training
    for name, value in model.state_dict().items():
        assert torch.equal(again.state_dict()[name], value.half().float())
    assert os.listdir(tmp_path) == ['model.safetensors']


def test_a_wrong_file_is_an_os_error_that_names_it(tmp_path):
    path = tmp_path / 'model.safetensors'
    with pytest.raises(FileNotFoundError, match='no such predicate model'):
        PredicateModel.load(path)
    path.write_bytes(b'no weights')
    with pytest.raises(OSError, match='model.safetensors. is no safetensors file'):
        PredicateModel.load(path)
    save_file({'a': torch.zeros(1)}, path)
    with pytest.raises(OSError, match='no predicate model of this library'):
        PredicateModel.load(path)
    good = {'format': 'eega_pyg.predicate_model.1'}
    for config in ('{}', '[', '{"predicates": 3}', '{"predicates": ["on"]}'):
        save_file({'a': torch.zeros(1)}, path, {**good, 'config': config})
        with pytest.raises(OSError, match='damaged predicate model'):
            PredicateModel.load(path)


def test_the_shipped_weights_are_small_and_have_a_card():
    folder = resources.files('eega_pyg.vision.predicates') / 'weights'
    with resources.as_file(folder / 'vrd_predicates.safetensors') as path:
        assert os.path.getsize(path) < 2_000_000
    card = (folder / 'vrd_predicates.md').read_text(encoding='utf-8')
    assert 'VRD' in card and 'Recall@50' in card


@pytest.mark.real
def test_hand_given_boxes_of_real_images_have_sensible_predicates(
        shared_data, predicate_model):
    # Boxes and acceptable predicates were written down by hand, from the pictures.
    given = json.loads((Path(__file__).parent / 'boxes.json').read_text())
    assert len(given) == 10
    hits = total = 0
    for name, item in given.items():
        assert (shared_data / 'images' / name).is_file()
        objects = [
            SceneObject(o['label'], 1., tuple(o['box'])) for o in item['objects']
        ]
        scores, _ = predicate_model.predict(objects,
                                            [(s, o) for s, o, _ in item['pairs']])
        for row, (_, _, accepted) in zip(scores, item['pairs']):
            names = {predicate_model.predicates[i] for i in row.topk(3).indices}
            hits += bool(names & set(accepted))
            total += 1
    assert total == 45 and hits / total >= 0.8
