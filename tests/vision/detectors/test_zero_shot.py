import pytest
import torch
from PIL import Image
from tiny_models import tiny

from eega_pyg.vision import SceneParser, from_transformers
from eega_pyg.vision.detectors.text_labels import MAX_LABELS, TextLabels

FAMILIES = ('grounding-dino', 'owlv2')
PICTURE = Image.effect_noise((96, 64), 80).convert('RGB')


@pytest.fixture(scope='module', params=FAMILIES)
def model(request, tmp_path_factory):
    return tiny(request.param, tmp_path_factory.mktemp('tokenizer'))


@pytest.fixture
def listening(model, offline_models):
    r"""A detector that looks for what a text names, and keeps whatever it finds."""
    return from_transformers(*model, score_threshold=0., nms_threshold=1., top_k=50,
                             device='cpu')


@pytest.mark.parametrize('text, expected', [
    ('Ana Lopez raises a red cup in Rome', ('person', 'red cup', 'city')),
    ('Two big dogs and the dog of Ana Lopez', ('big dog', 'dog', 'person')),
    ('The city bus is late this morning', ('city bus', )),
    ('He won. The importance of it!', ()),
    ('', ()),
])
def test_a_text_names_what_may_be_seen(text, expected, offline_models):
    labels, = TextLabels()([text])
    assert labels == expected


def test_of_a_long_text_the_first_labels_count(offline_models):
    nouns = ('dog cat cup bus car tree house ball shoe hat tie boat bird horse cow '
             'sheep bear chair table bed knife fork spoon plate')
    labels, = TextLabels()([' and '.join(f'a {noun}' for noun in nouns.split())])
    assert len(labels) == MAX_LABELS and labels[0] == 'dog'


def test_what_is_seen_depends_on_what_is_said(listening):
    texts = ['a dog', 'Ana Lopez raises a red cup', 'He won!', 'a dog']
    found = listening.batch([PICTURE] * 4, texts)
    assert set(found[0].labels) == {'dog'}
    assert set(found[1].labels) <= {'person', 'red cup'}
    assert found[2].boxes.shape == (0, 4) and found[2].labels == []
    assert torch.allclose(found[3].scores, found[0].scores, atol=1e-4)


def test_labels_of_a_text_are_found_as_if_they_were_given(listening, model):
    given = from_transformers(*model, labels=['person', 'red cup'], score_threshold=0.,
                              nms_threshold=1., top_k=50, device='cpu')
    told, = listening.batch([PICTURE], ['Ana Lopez raises a red cup'])
    assert told.labels == given(PICTURE).labels
    assert torch.allclose(told.scores, given(PICTURE).scores, atol=1e-4)
    assert listening.reads_text and not given.reads_text


def test_texts_are_asked_for(listening, predicate_model):
    with pytest.raises(ValueError, match='a text beside each of 1 images.*got none'):
        listening(PICTURE)
    parser = SceneParser(listening, predicate_model)
    with pytest.raises(ValueError, match='ZeroShotDetector.*a text for each of 2.*1'):
        parser([PICTURE, PICTURE], ['a dog'])
    graphs = parser([PICTURE, PICTURE], ['a dog', 'a red cup'])
    assert [{o.label for o in g.objects} for g in graphs] == [{'dog'}, {'red cup'}]


def test_texts_of_many_images_stay_with_them(predicate_model):
    class Echo:
        reads_text = True

        def batch(self, pictures, texts):
            return [(torch.ones(1, 4), [text], torch.ones(1)) for text in texts]

    words = [f'word{i}' for i in range(40)]
    graphs = SceneParser(Echo(), predicate_model)([PICTURE] * 40, words)
    assert [g.objects[0].label for g in graphs] == words


@pytest.mark.parametrize('labels', [[], 'person', [''], [1]])
def test_labels_are_words(model, labels):
    with pytest.raises(ValueError, match='Expected labels to look for'):
        from_transformers(*model, labels=labels)


def test_labels_that_do_not_fit_are_told(tmp_path, offline_models):
    model, processor = tiny('grounding-dino', tmp_path)
    labels = ['person', 'dog', 'cup', 'bus', *('red ' * i + 'cup' for i in range(1, 9))]
    with pytest.raises(ValueError, match='reads the first 9 of 12 labels'):
        from_transformers(model, processor, labels=labels)
    # Those of a text that do not fit are not looked for.
    listening = from_transformers(model, processor, device='cpu')
    assert len(listening._fitting(tuple(labels))) == 9


def test_a_full_stop_in_a_label_ends_no_phrase(tmp_path):
    model, processor = tiny('grounding-dino', tmp_path)
    dotted, plain = (from_transformers(model, processor, labels=[label, 'dog'],
                                       score_threshold=0., device='cpu')
                     for label in ('red. cup.', 'red cup'))
    assert torch.equal(dotted(PICTURE).scores, plain(PICTURE).scores)
