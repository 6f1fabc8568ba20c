import pickle

import pytest
import torch
from PIL import Image
from recorded import DETR, OWL, SIZE, Recorded, owl, recorded
from tiny_models import tiny

from eega_pyg.vision import SceneParser, ZeroShotDetector, from_transformers
from eega_pyg.vision.detectors.families import FAMILIES

#: One of them is also that of MM Grounding DINO, which differs in its weights only.
TESTED = sorted(set(FAMILIES) - {'mm-grounding-dino'})
FIXED = [name for name in TESTED if not FAMILIES[name].prompt]
LOOKED_FOR = ['person', 'red cup', 'bus']
EVERYTHING = dict(score_threshold=0., nms_threshold=1., top_k=100)


@pytest.fixture(scope='session')
def models(tmp_path_factory):
    r"""A model and its processor by the name of their family."""
    made = {}

    def get(family):
        if family not in made:
            made[family] = tiny(family, tmp_path_factory.mktemp('tokenizer'))
        return made[family]

    return get


@pytest.fixture(scope='session')
def detector(models):
    def get(family, **kwargs):
        if FAMILIES[family].prompt:
            kwargs.setdefault('labels', LOOKED_FOR)
        return from_transformers(*models(family), device='cpu', **kwargs)

    return get


def close(first, second):
    assert list(first.labels) == list(second.labels)
    for a, b in zip((first.boxes, first.scores, first.features),
                    (second.boxes, second.scores, second.features)):
        assert torch.allclose(a, b, atol=1e-2, rtol=1e-3)


@torch.no_grad()
def expected(family, model, processor, picture):
    r"""What transformers itself makes of a picture: boxes, labels and scores."""
    if not FAMILIES[family].prompt:
        outputs = model(**processor(images=picture, return_tensors='pt'))
        found, = processor.post_process_object_detection(
            outputs, threshold=0., target_sizes=[picture.size[::-1]],
            **({
                'top_k': 1000
            } if family in ('conditional_detr', 'deformable_detr') else {}))
        names = [model.config.id2label[i] for i in found['labels'].tolist()]
        return found['boxes'], names, found['scores']
    texts = [f'a photo of a {label}' for label in LOOKED_FOR]
    outputs = model(**processor(images=picture, text=[texts], return_tensors='pt'))
    found, = processor.post_process_grounded_object_detection(
        outputs, threshold=0., target_sizes=[picture.size[::-1]])
    return (found['boxes'], [LOOKED_FOR[i]
                             for i in found['labels'].tolist()], found['scores'])


@pytest.mark.parametrize('family', [f for f in TESTED if f != 'grounding-dino'])
def test_it_finds_what_transformers_finds(family, detector, models, pictures):
    boxes, labels, scores = expected(family, *models(family), pictures[0])
    rows = list(zip(scores.tolist(), labels, boxes.tolist()))
    if family not in ('detr', 'yolos', 'owlv2', 'owlvit'):
        # These may name a query more than once: here it is its likeliest label. Its
        # names have the very same box.
        best = {}
        for row in rows:
            key = tuple(row[2])
            best[key] = max(best.get(key, row), row)
        rows = list(best.values())
    rows.sort(key=lambda row: -row[0])
    found = detector(family, **EVERYTHING)(pictures[0])
    # RT-DETR and D-FINE return as many names as there are queries, the likeliest ones.
    n = len(rows)
    assert n >= 4 and (n == len(found.labels) or family.startswith(('rt_', 'd_')))
    assert found.scores[:n].tolist() == pytest.approx([r[0] for r in rows], abs=1e-4)
    assert list(found.labels[:n]) == [r[1] for r in rows]
    assert torch.allclose(found.boxes[:n], torch.tensor([r[2] for r in rows]), atol=0.1)


@torch.no_grad()
def test_grounding_dino_scores_a_label_by_the_mean_of_its_pieces(
        detector, models, pictures):
    model, processor = models('grounding-dino')
    inputs = processor(images=pictures[0], text=[LOOKED_FOR], return_tensors='pt')
    probabilities = model(**inputs).logits[0].sigmoid()
    text = 'person. red cup. bus.'
    offsets = processor.tokenizer(text, return_offsets_mapping=True)['offset_mapping']
    rows = []
    for label in LOOKED_FOR:
        start, stop = text.index(label), text.index(label) + len(label)
        pieces = [i for i, (a, b) in enumerate(offsets) if start <= a < b <= stop]
        rows.append(probabilities[:, pieces].mean(1))
    scores, which = torch.stack(rows).max(0)
    found = detector('grounding-dino', **EVERYTHING)(pictures[0])
    order = scores.argsort(descending=True)
    assert torch.allclose(found.scores, scores[order], atol=1e-4)
    assert found.labels == [LOOKED_FOR[i] for i in which[order]]


HEADS = {
    'conditional_detr': lambda m: m.class_labels_classifier,
    'deformable_detr': lambda m: m.class_embed[-1],
    'detr': lambda m: m.class_labels_classifier,
    'rt_detr': lambda m: m.model.decoder.class_embed[-1],
    'rt_detr_v2': lambda m: m.model.decoder.class_embed[-1],
    'yolos': lambda m: m.class_labels_classifier,
}


@torch.no_grad()
@pytest.mark.parametrize('family', sorted(HEADS))
def test_from_a_feature_the_model_itself_tells_the_class(family, detector, models,
                                                         pictures):
    found = detector(family, **EVERYTHING)(pictures[0])
    logits = HEADS[family](models(family)[0])(found.features)
    softmax = family in ('detr', 'yolos')
    told = logits.softmax(-1)[:, :-1] if softmax else logits.sigmoid()
    assert torch.allclose(told.max(-1).values, found.scores, atol=1e-4)


@torch.no_grad()
def test_the_feature_of_owl_is_what_is_compared_with_the_labels(
        detector, models, pictures):
    model, processor = models('owlv2')
    inputs = processor(images=pictures[0], text=[['a photo of a bus']],
                       return_tensors='pt')
    outputs = model(**inputs)
    found = detector('owlv2', labels=['bus'], **EVERYTHING)(pictures[0])
    order = outputs.logits[0, :, 0].argsort(descending=True)
    assert torch.allclose(found.features, outputs.class_embeds[0, order], atol=1e-4)


@pytest.mark.parametrize('family', TESTED)
def test_a_batch_gives_what_each_picture_gives_alone(family, detector, pictures):
    found = detector(family, score_threshold=0., batch_size=2)
    for picture, together in zip(pictures, found.batch(pictures)):
        close(found(picture), together)
    assert found.batch([]) == []


@pytest.mark.parametrize('family', TESTED)
def test_strange_shapes_are_no_error(family, detector):
    for size in ((1, 1), (3, 3), (1, 900), (900, 1)):
        found = detector(family)(Image.new('RGB', size, 'green'))
        assert len(found.labels) == len(found.boxes) == len(found.features)


@pytest.mark.parametrize('family', TESTED)
def test_nothing_found_has_features_too(family, detector, pictures):
    found = detector(family, score_threshold=1.)(pictures[0])
    assert found.boxes.shape == (0, 4) and found.features.shape[1] in (16, 32)


def test_what_is_documented_of_detr_is_found():
    found = recorded(DETR, score_threshold=0.9)(Image.new('RGB', SIZE))
    by_score = sorted(DETR, key=lambda row: -row[1])
    assert found.labels == [label for label, *_ in by_score]
    assert torch.allclose(found.boxes, torch.tensor([box for *_, box in by_score]),
                          atol=0.01)
    assert found.scores.tolist() == pytest.approx([s for _, s, _ in by_score], abs=1e-5)
    # The queries of the first two cats are the fourth and the fifth.
    assert found.features[:2].tolist() == [[6., 7.], [8., 9.]]


def test_a_box_beyond_the_border_is_cut(predicate_model):
    parser = SceneParser(recorded(DETR), predicate_model)
    graph, = parser([Image.new('RGB', SIZE)])
    couch, = (o for o in graph.objects if o.label == 'couch')
    assert couch.box[0] == 0 and couch.feature == (4., 5.)


def test_boxes_of_owl_are_fractions_of_a_square(models, monkeypatch):
    model, processor = models('owlv2')
    found = from_transformers(model, processor, ['cat', 'couch'], device='cpu')
    monkeypatch.setattr(model, 'forward', lambda **kwargs: owl(OWL, ['cat', 'couch']))
    boxes = found(Image.new('RGB', SIZE)).boxes.tolist()
    assert boxes == [pytest.approx(box, abs=0.01) for _, _, box in reversed(OWL)]


def test_suppression_is_within_a_label():
    box, near = [0, 0, 100, 100], [0, 0, 100, 90]
    rows = [('cat', 0.9, box), ('cat', 0.8, near), ('couch', 0.7, near)]
    picture = Image.new('RGB', SIZE)
    assert recorded(rows)(picture).labels == ['cat', 'couch']
    assert recorded(rows, nms_threshold=0.95)(picture).labels == ['cat', 'cat', 'couch']
    assert recorded(rows, top_k=1)(picture).labels == ['cat']
    assert recorded(rows, score_threshold=0.95)(picture).labels == []


def test_ten_thousand_queries_are_a_few_objects(predicate_model):
    rows = [('cat', 0.5 + i / 4e4, [i % 500, i % 400, i % 500 + 60, i % 400 + 60])
            for i in range(10_000)]
    graph, = SceneParser(recorded(rows), predicate_model)([Image.new('RGB', SIZE)])
    assert len(graph.objects) == 10
    assert graph.objects[0].score == pytest.approx(0.749975, abs=1e-4)


@pytest.mark.parametrize('part', ['logits', 'pred_boxes'])
def test_numbers_that_are_none_are_an_error(part, monkeypatch):
    broken = recorded(DETR)

    def forward(*args, **kwargs):
        outputs = Recorded.forward(broken.model, *args, **kwargs)
        getattr(outputs, part)[0, 3] = float('nan')
        return outputs

    monkeypatch.setattr(broken.model, 'forward', forward)
    with pytest.raises(ValueError, match='no numbers: its weights are damaged'):
        broken(Image.new('RGB', SIZE))


def test_the_least_score_is_that_of_the_family(detector):
    least = {name: detector(name).score_threshold for name in TESTED}
    assert least['grounding-dino'] == 0.25 and least['owlv2'] == 0.1
    assert {least[name] for name in FIXED} == {0.3}
    assert detector('owlv2', score_threshold=0.).score_threshold == 0


def test_pictures_of_one_size_share_a_batch():
    found = recorded(DETR, batch_size=2)
    found.batch([Image.new('RGB', SIZE)] * 5)
    assert found.model.sizes == [2, 2, 1]


def test_the_classes_can_be_named(detector, models):
    named = detector('detr', labels=['a', 'b', 'c'], **EVERYTHING)
    assert set(named(Image.new('RGB', (64, 64))).labels) <= {'a', 'b', 'c'}
    with pytest.raises(ValueError, match="each of the model's 3 classes .got 1"):
        detector('detr', labels=['a'])


def test_bad_arguments_are_named(models):
    model, processor = models('yolos')
    with pytest.raises(ValueError, match='top_k and batch_size >= 1 .got 0'):
        from_transformers(model, processor, top_k=0)
    with pytest.raises(ValueError, match='needs its processor beside it'):
        from_transformers(model)
    with pytest.raises(ValueError, match='brings its own processor'):
        from_transformers('some/model', processor)
    with pytest.raises(ValueError, match='a processor with a tokenizer for a Owlv2'):
        from_transformers(models('owlv2')[0], processor)
    with pytest.raises(ValueError, match="'ViTModel' is no detector.*'vit', expected"):
        import transformers as hf
        from_transformers(
            hf.ViTModel(
                hf.ViTConfig(hidden_size=8, num_hidden_layers=1, num_attention_heads=1,
                             intermediate_size=8)), processor)


@pytest.mark.parametrize('family', ['detr', 'grounding-dino', 'owlv2'])
def test_it_can_be_sent_to_another_process(family, detector, pictures):
    found = detector(family, score_threshold=0.)
    again = pickle.loads(pickle.dumps(found))
    close(found(pictures[0]), again(pictures[0]))
    assert again.identity() == found.identity()


def test_what_detections_depend_on_is_its_identity(detector, models):
    names = [
        detector('detr').identity(),
        detector('detr', top_k=3).identity(),
        detector('detr', score_threshold=0.1).identity(),
        detector('detr', nms_threshold=0.1).identity(),
        detector('detr', labels=['a', 'b', 'c']).identity(),
        detector('yolos').identity(),
        detector('owlv2').identity(),
        detector('owlv2', labels=['bus']).identity(),
        ZeroShotDetector(*models('owlv2')).identity(),
    ]
    assert all(a != b for i, a in enumerate(names) for b in names[:i])
    assert detector('detr', batch_size=1).identity() == names[0]
