import json
import pickle
import shutil
import sys
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch_geometric.data import Batch

from eega_pyg.extraction.extractor import Extractor
from eega_pyg.extraction.item import Item
from eega_pyg.nn.models.predict import Prediction
from eega_pyg.saving import Thresholds
from eega_pyg.schema import Entity, Quintuple, SceneGraph, SceneObject, ScenePredicate
from eega_pyg.tagging import Extraction
from eega_pyg.transforms import Pair

SENTENCES = [
    'Striker Marco Bellini joins Harbor City FC in Lisbon',
    'Sofia',
    'RT @news : singer Nora Blake and actor Tom Reed were seen in Paris , France',
]

GRAPH = SceneGraph((SceneObject('man'), SceneObject('ball')),
                   (ScenePredicate(0, 'kick', 1), ))


@pytest.fixture(scope='module')
def extractor(trained):
    return Extractor.from_pretrained(trained, device='cpu')


def close(a, b):
    """Equal results, probabilities within 1e-4."""
    left, right = a.to_dict(), b.to_dict()

    def compare(x, y):
        if isinstance(x, float):
            return x == pytest.approx(y, abs=1e-4)
        if isinstance(x, dict):
            return x.keys() == y.keys() and all(compare(x[k], y[k]) for k in x)
        if isinstance(x, list):
            return len(x) == len(y) and all(map(compare, x, y))
        return x == y

    return compare(left, right)


def test_batch_equals_one_by_one_in_the_given_order(extractor):
    items = [
        Item(SENTENCES[0], caption='a man kicking a ball'),
        Item(SENTENCES[1]),
        Item(SENTENCES[2], scene_graph=GRAPH, image_id='x.jpg'),
        Item(words=('Two', 'words'), caption=''),
    ] * 3
    together = extractor.batch(items, batch_size=5)
    for item, result in zip(items, together):
        assert result.text == item.text and result.image_id == item.image_id
        text = item.words or item.text
        assert close(result, extractor.batch([Item(**vars(item))])[0])
        if item.caption is None and item.scene_graph is None:
            assert close(result, extractor(text))


@pytest.mark.parametrize('between', ['\n\n', '\r\n \t\r\n', '\n\n\n'])
def test_paragraphs_are_read_like_texts_of_their_own(extractor, between):
    parts = [SENTENCES[0], 'Nora Blake lives in Paris.', SENTENCES[1]]
    alone = [extractor(part, align=True, pairs=True) for part in parts]
    whole = extractor(between.join(parts), align=True, pairs=True)
    assert whole.words == sum((r.words for r in alone), [])
    assert [(e.text, e.type) for e in whole.entities] == [(e.text, e.type)
                                                          for r in alone
                                                          for e in r.entities]
    assert [q.to_tuple() for q in whole.quintuples
            ] == [q.to_tuple() for r in alone for q in r.quintuples]
    first = len(alone[0].words)
    assert whole.pairs.table([first,
                              first + 1]) == pytest.approx(alone[1].pairs.table([0, 1]),
                                                           abs=1e-4)
    assert np.isnan(whole.pairs.table([0, first])[0, 1]).all()


@pytest.mark.parametrize('at', [0, 3, None])
def test_a_post_says_the_same_with_links_and_without(extractor, at):
    links = ['https://t.co/Ab1', 'www.acme.org']
    own = SENTENCES[0].split()
    at = len(own) if at is None else at
    text = [*own[:at], *links, *own[at:]]
    assert at == len(own) or at == 0 or own[at].islower()  # No new post begins.
    places = [i for i, word in enumerate(text) if word not in links]
    plain, linked = (extractor(words, scene_graph=GRAPH, align=True, pairs=True)
                     for words in (own, text))
    assert linked.words == text
    assert plain.entities and plain.quintuples
    for ours, theirs in ((plain.extraction.entities, linked.extraction.entities),
                         (plain.extraction.quintuples, linked.extraction.quintuples)):
        assert [x.probability for x in ours] == [x.probability for x in theirs]
    assert [(e.text, e.type) for e in plain.entities] == [(e.text, e.type)
                                                          for e in linked.entities]
    for with_links, without in zip(linked.alignment, plain.alignment):
        np.testing.assert_allclose(with_links[:, places], without)
        np.testing.assert_allclose(with_links[:, at:at + 2], 1 / len(with_links))
    table = linked.pairs.table(range(len(text)))
    np.testing.assert_array_equal(table[np.ix_(places, places)],
                                  plain.pairs.table(range(len(own))))
    assert np.isnan(table[at]).all() and np.isnan(table[:, at + 1]).all()


@pytest.mark.parametrize('text, borders', [
    ('ann https://t.co/Ab1 lee wins', {1, 3}),
    ('ann\nlee wins!', {1}),
    ('ann lee wins', {3}),
])
def test_no_entity_goes_over_a_link_a_line_or_the_end(extractor, monkeypatch, text,
                                                      borders):
    decode, given = Prediction.decode, []

    def watched(self, signatures, temperature, borders):
        given.extend(borders)
        return decode(self, signatures, temperature, borders)

    monkeypatch.setattr(Prediction, 'decode', watched)
    extractor(text)
    assert given == [borders]


def test_the_lines_of_a_post_are_read_together(extractor):
    post = 'Marco Bellini joins\n\nHarbor City FC #sport'
    flat = extractor(post.replace('\n\n', ' '))
    assert [(e.text, e.probability) for e in extractor(post).entities
            ] == [(e.text, e.probability) for e in flat.entities]


def test_a_text_that_ends_in_a_word_is_read_with_a_full_stop(extractor):
    words = SENTENCES[0].split()
    kwargs = {'caption': 'a man kicking a ball', 'align': True, 'pairs': True}
    result = extractor(SENTENCES[0], **kwargs)
    marked = extractor([*words, '.'], **kwargs)
    assert result.words == words
    assert result.text == SENTENCES[0]
    kept = [e for e in marked.extraction.entities if e.end <= len(words)]
    assert result.extraction.entities == kept
    n = len(words)
    np.testing.assert_allclose(result.alignment.nodes, marked.alignment.nodes[:, :n],
                               atol=1e-5)
    table = marked.pairs.table(range(n))
    np.testing.assert_allclose(result.pairs.table(range(n)), table, atol=1e-5)
    assert result.pairs.windows[0][1].shape[:2] == (n, n)
    for text in (f'{SENTENCES[0]} !', words):
        assert len(extractor(text).offsets) == n + (text is not words)
    # Beyond the limit of 70 words, the mark is in a window of its own.
    long = extractor(' '.join(['word'] * 70), **kwargs)
    assert len(long.offsets) == long.alignment.nodes.shape[1] == 70


def test_offsets_cut_the_words_out_of_the_text(extractor):
    text = '  Marco   Bellini joins “Harbor City FC”!! 🎉 @someone #Lisbon'
    result = extractor(text)
    for start, end in result.offsets:
        assert text[start:end].strip() == text[start:end] != ''
    given = extractor(['Marco', 'Bellini', 'joins'])
    assert given.text == 'Marco Bellini joins'
    assert [given.text[a:b] for a, b in given.offsets] == ['Marco', 'Bellini', 'joins']


def test_a_result_says_what_and_where(extractor):
    result = extractor('Marco Bellini joins Harbor City FC', caption='a man')
    head, tail = Entity(0, 2, 'per', 0.75), Entity(3, 6, 'org', 0.5)
    found = Extraction([head, tail], [Quintuple(head, tail, 'member_of', 0.25)])
    result = type(result)(result.text, result.offsets, found, result.scene_graph)
    value = result.to_dict()
    assert value['quintuples'] == [{
        'head': {
            'text': 'Marco Bellini',
            'type': 'per',
            'start': 0,
            'end': 13,
            'probability': 0.75
        },
        'relation': 'member_of',
        'tail': {
            'text': 'Harbor City FC',
            'type': 'org',
            'start': 20,
            'end': 34,
            'probability': 0.5
        },
        'probability': 0.25,
        'directed': True,
    }]
    assert [o['label'] for o in value['scene_graph']['objects']] == ['man']
    quintuple, = result.quintuples
    assert quintuple.to_tuple() == ('Marco Bellini', 'per', 'Harbor City FC', 'org',
                                    'member_of')
    assert quintuple.head == result.entities[0]
    assert quintuple.tail.text == result.text[quintuple.tail.start:quintuple.tail.end]


@pytest.fixture
def near_sighted(extractor):
    r"""Does not read the parser's vectors, which know the words around a passage."""
    weight = extractor.model.word_features.lin.weight
    kept = weight.detach().clone()
    torch.nn.init.zeros_(weight)
    yield extractor
    with torch.no_grad():
        weight.copy_(kept)


def test_a_long_text_is_read_to_its_end(near_sighted):
    extractor = near_sighted
    filler = ['and', 'then', 'nothing', 'happened', '.'] * 40
    tail = SENTENCES[2].split()
    # Of a sentence that the parser reads alike whatever stands before it.
    parse, alone = extractor.parser.parse([[*filler, *tail], tail])
    assert (parse.upos[200:], parse.ner[200:]) == (alone.upos, alone.ner)

    long = extractor([*filler, *tail], pairs=True)
    assert len(long.offsets) == 200 + len(tail)
    windows = [(places[0], len(table)) for places, table in long.pairs.windows]
    assert windows == [*((i, 20) for i in range(0, 200, 20)), (200, len(tail))]
    last = extractor(tail).extraction
    assert last.entities and last.entities == [
        e.shifted(-200) for e in long.extraction.entities if e.start >= 200
    ]


def test_sentences_are_read_as_passages(near_sighted):
    extractor = near_sighted
    sentences = [
        f'Marco Bellini joins Harbor City FC in {city} today .'.split()
        for city in ('Lisbon', 'Oslo', 'Rome', 'Paris')
    ]
    text = [word for s in sentences for word in s]
    kwargs = {'caption': 'a man kicking a ball', 'align': True, 'pairs': True}
    whole = extractor(text, **kwargs)  # Two have 20 words, and three 30.
    assert [(p[0], len(t)) for p, t in whole.pairs.windows] == [(0, 20), (20, 20)]
    expected = [
        extractor([*a, *b], **kwargs) for a, b in (sentences[:2], sentences[2:])
    ]
    assert whole.extraction.entities and whole.extraction.entities == [
        e.shifted(o) for o, r in zip((0, 20), expected) for e in r.extraction.entities
    ]
    assert whole.extraction.quintuples == [
        q.shifted(o) for o, r in zip((0, 20), expected) for q in r.extraction.quintuples
    ]
    np.testing.assert_allclose(whole.alignment.nodes,
                               np.hstack([r.alignment.nodes for r in expected]),
                               atol=1e-5)
    extractor.passage_words = 40
    try:
        assert len(extractor(text, **kwargs).pairs.windows) == 1
    finally:
        extractor.passage_words = extractor.data.passage_words


def test_passages_are_as_long_as_the_model_says(trained, tmp_path):
    shutil.copytree(trained, tmp_path / 'model',
                    ignore=shutil.ignore_patterns('training'))
    path = tmp_path / 'model' / 'pipeline.json'
    pipeline = json.loads(path.read_text())
    pipeline['data']['passage_words'] = 12
    path.write_text(json.dumps(pipeline))
    extractor = Extractor.from_pretrained(tmp_path / 'model', 'cpu')
    text = 'Marco Bellini joins Harbor City FC in Lisbon today . '.split() * 2
    assert [len(t) for _, t in extractor(text, pairs=True).pairs.windows] == [10, 10]
    extractor = Extractor.from_pretrained(tmp_path / 'model', 'cpu', passage_words=20)
    assert [len(t) for _, t in extractor(text, pairs=True).pairs.windows] == [20]
    with pytest.raises(ValueError, match='passage_words >= 1 .got 0'):
        Extractor.from_pretrained(tmp_path / 'model', 'cpu', passage_words=0)


def test_words_are_aligned_by_the_plans_of_the_model(extractor):
    text = 'Marco Bellini joins Harbor City FC'.split()
    result = extractor(text, scene_graph=GRAPH, align=True)
    pair = Pair(tuple(text), extractor.parser.parse([text])[0], GRAPH)
    with torch.no_grad():
        out = extractor.model(Batch.from_data_list([extractor.transform(pair)]), True)
    plans = out.alignment.node_plan, out.alignment.edge_plan
    for plan, found in zip(plans, result.alignment):
        for j in range(len(text)):
            column = plan[0, :, j]
            np.testing.assert_allclose(found[:, j], column / column.sum(), atol=1e-5)
    assert extractor(text, scene_graph=GRAPH).alignment is None
    assert extractor(text, align=True).alignment is None  # Nothing is seen.


def test_all_words_of_a_long_text_are_aligned(extractor):
    result = extractor('Marco Bellini joins Harbor City FC .'.split() * 30,
                       scene_graph=GRAPH, align=True, pairs=True)
    for plan in result.alignment:
        np.testing.assert_allclose(plan.sum(0), np.ones(210), atol=1e-5)
    table = result.pairs.table([0, 6, 209])
    np.testing.assert_allclose(table[0, 1].sum(), 1, atol=1e-5)
    assert np.isnan(table[0, 2]).all()


def test_an_image_alone_is_parsed_and_beside_a_caption_is_not(extractor, monkeypatch):
    asked = []

    def parse(images):
        asked.extend(images)
        return [GRAPH] * len(images)

    monkeypatch.setattr(extractor, 'image_parser', parse)
    picture = Image.new('RGB', (8, 8))
    results = extractor.batch([
        Item('One', image=picture),
        Item('Two', image='folder/2.jpg', caption='a dog'),
        Item('Three', image='folder/3.jpg'),
        Item('Four', image='folder/4.jpg', scene_graph=SceneGraph()),
    ])
    assert asked == [picture, 'folder/3.jpg']
    labels = [[o.label for o in r.scene_graph.objects] for r in results]
    assert labels == [['man', 'ball'], ['dog'], ['man', 'ball'], []]
    assert [r.image_id for r in results] == ['', '2.jpg', '3.jpg', '4.jpg']
    monkeypatch.setattr(extractor, 'image_parser', lambda images: [])
    with pytest.raises(ValueError, match='a scene graph of each of 1 images'):
        extractor('One', image=picture)


def test_only_the_objects_the_model_sees_are_in_the_result(extractor):
    many = SceneGraph(tuple(SceneObject(f'thing {i}', i / 20) for i in range(15)))
    result = extractor('Marco Bellini', scene_graph=many, align=True)
    assert result.scene_graph == many.top(10)
    assert len(result.alignment.nodes) == 10


def test_a_stream_takes_items_as_it_goes(extractor):
    taken = []

    def items():
        for i in range(40):
            taken.append(i)
            yield Item(f'Number {i} lives in Rome')

    stream = extractor.stream(items(), batch_size=2)
    index, result = next(stream)
    assert len(taken) == 32
    assert result.text == f'Number {index} lives in Rome'
    assert sorted([index, *(i for i, _ in stream)]) == list(range(40))


@pytest.mark.parametrize('make, message', [
    (lambda: Item('a \ud800'),
     'text: expected a string without half of a surrogate pair'),
    (lambda: Item.from_dict({
        'text': 'a',
        'image': 3
    }), 'image: expected a path or a picture .got 3'),
    (lambda: Item(''), 'The text is empty'),
    (lambda: Item(' \n\t '), 'The text is empty'),
    (lambda: Item('a', caption='b', scene_graph=SceneGraph()), 'not both'),
    (lambda: Item.from_dict([]), r'^expected an object .got \[\]'),
    (lambda: Item.from_dict({'txt': 'a'}), "missing 'text' .fields: txt"),
    (lambda: Item.from_dict({'text': 3}), 'text: expected a string'),
    (lambda: Item.from_dict({'words': ['a', '']}),
     r'words\[1\]: expected a non-empty string'),
    (lambda: Item.from_dict({'words': []}), 'words: expected a length of at least 1'),
    (lambda: Item.from_dict({
        'text': 'a',
        'scene_graph': {
            'objects': [{}]
        }
    }), r"scene_graph.objects\[0\]: missing 'label'"),
    (lambda: Item(text=3), 'text: expected a string .got 3.'),
    (lambda: Item('a', caption=5), 'caption: expected a string .got 5.'),
    (lambda: Item('a', image_id='\ud800'), 'image_id: .* half of a surrogate pair'),
    (lambda: Item('a', scene_graph={'objects': 3}), 'scene_graph.objects: expected a'),
])
def test_a_wrong_item_is_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_items_are_values():
    item = Item('Ann', scene_graph=SceneGraph((SceneObject('woman'), )),
                image='a/b.jpg')
    other = pickle.loads(pickle.dumps(item))
    assert other == item and hash(other) == hash(item) and item.image_id == 'b.jpg'
    assert Item.from_dict({'words': ['a', 'b']}) == Item('a b', words=('a', 'b'))


def test_no_item_is_no_result_and_a_string_is_an_item(extractor):
    assert extractor.batch([]) == []
    found, = extractor.batch([SENTENCES[0]])
    assert close(found, extractor(SENTENCES[0]))
    found, = extractor.batch(text for text in SENTENCES[:1])
    assert close(found, extractor(SENTENCES[0]))


def test_a_broken_image_is_told_of_before_a_detector_is_fetched(extractor, monkeypatch):
    from eega_pyg import vision

    def fetch(**kwargs):
        raise AssertionError('fetched')

    monkeypatch.setattr(vision, 'SceneParser', fetch)
    with pytest.raises(OSError, match="'none.jpg': there is no such image file"):
        extractor('One', image='none.jpg')
    with pytest.raises(AssertionError, match='fetched'):
        extractor('One', image=Image.new('RGB', (8, 8)))


@pytest.mark.parametrize('text, message', [
    ('Marco Bellini joins Harbor City FC . ' * 30_000, 'has 1110000 characters'),
    ('a ' * 20_001, "begins with 'a a a .*' has 20001 words"),
    ('\x1c \x85 \u2003', 'The text is empty'),
])
def test_texts_that_are_too_much_or_too_little_are_refused(extractor, text, message):
    with pytest.raises(ValueError, match=message):
        extractor(text)


@pytest.mark.slow
@pytest.mark.parametrize('text', [
    ''.join(map(chr, range(1, 32))) + 'Marco\x00Bellini joins \x1b[31mHarbor City FC',
    '\u200b\ufeff',
    'محمد صلاح \u202e Marco Bellini \u202c joins Harbor City FC 👨‍👩‍👧🎉',
    '<script>alert(1)</script> joins <b>Harbor</b> & "City" FC',
    '!' * 1500,
])
def test_odd_texts_are_read_and_cut_where_they_say(extractor, text):
    result = extractor(text, caption=text)
    assert result.words and all(w.strip() for w in result.words)
    left = [i for start, end in result.offsets for i in range(start, end)]
    assert all(c.isspace() for i, c in enumerate(text) if i not in set(left))


def test_a_caption_that_is_none_is_refused(extractor):
    with pytest.raises(ValueError, match='caption: has 2001 characters'):
        extractor('Marco Bellini', caption='!' * 2001)


@pytest.mark.slow
def test_a_model_is_not_saved_over_itself(trained, tmp_path):
    copy = tmp_path / 'model'
    shutil.copytree(trained, copy, ignore=shutil.ignore_patterns('training'))
    extractor = Extractor.from_pretrained(copy)
    with pytest.raises(ValueError, match='is in .* already'):
        extractor.save_pretrained(copy)
    extractor.save_pretrained(tmp_path / 'other')
    for folder in (copy, tmp_path / 'other'):
        assert Extractor.from_pretrained(folder)


@pytest.mark.parametrize('change', ['weights', 'scales', 'folder'])
def test_a_copy_is_the_model_in_memory_or_none(trained, tmp_path, change):
    folder = tmp_path / 'model'
    shutil.copytree(trained, folder, ignore=shutil.ignore_patterns('training'))
    extractor = Extractor.from_pretrained(folder, 'cpu', threshold=0.9)
    extractor.save_pretrained(tmp_path / 'copy')  # Its own options are not the model's.
    if change == 'weights':
        with torch.no_grad():
            next(extractor.model.parameters()).mul_(0.5)
    elif change == 'scales':
        saved = extractor.saved._replace(temperature=2.5)
        extractor = Extractor(saved, 'cpu')
    else:
        pipeline = json.loads((folder / 'pipeline.json').read_text())
        pipeline['threshold'] = 0.77
        (folder / 'pipeline.json').write_text(json.dumps(pipeline))
    with pytest.raises(ValueError, match='are not those of the folder .*model'):
        extractor.save_pretrained(tmp_path / 'other')
    assert not (tmp_path / 'other').exists()


def test_what_cannot_be_assigned_is_not_ignored(extractor):
    for name in ('model', 'saved', 'data', 'device'):
        with pytest.raises(AttributeError):
            setattr(extractor, name, None)
    before = extractor.thresholds
    extractor.thresholds = 0.4
    assert extractor.thresholds.quintuple == 0.4
    extractor.thresholds = before
    with pytest.raises(TypeError, match="from_pretrained takes a folder or a name"):
        Extractor('jmere-minilm')


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16])
def test_under_autocast_a_text_is_read(extractor, dtype):
    ask = partial(extractor, 'Nora Blake in Paris', caption='a man', align=True,
                  pairs=True)
    expected = ask()
    with torch.autocast('cpu', dtype):
        found = ask()
    assert found.offsets == expected.offsets
    np.testing.assert_allclose(found.pairs.windows[0][1], expected.pairs.windows[0][1],
                               atol=0.05)


@pytest.mark.parametrize('parser, message', [
    ('mask-rcnn', "an image parser, e.g. SceneParser.. .got 'mask-rcnn'"),
    (lambda images: [{} for _ in images], 'scene graphs .*SceneParser.detector.'),
    (lambda images: None, 'scene graphs from the image parser .got None'),
    (lambda images: iter([SceneGraph()] * 2), 'each of 1 images .* .got 2'),
])
def test_what_is_no_image_parser_is_named(trained, parser, message):
    extractor = Extractor.from_pretrained(trained, 'cpu', image_parser=parser)
    with pytest.raises(ValueError, match=message):
        extractor('Ann in Rome', image=Image.new('RGB', (9, 9)))


def test_a_model_is_copied_after_the_folder_was_changed(trained, tmp_path, monkeypatch):
    shutil.copytree(trained, tmp_path / 'model',
                    ignore=shutil.ignore_patterns('training'))
    (tmp_path / 'elsewhere').mkdir()
    monkeypatch.chdir(tmp_path)
    extractor = Extractor.from_pretrained('model', device='cpu')
    monkeypatch.chdir(tmp_path / 'elsewhere')
    extractor.save_pretrained('copy')
    files = {p.name: p.read_bytes() for p in (tmp_path / 'model').iterdir()}
    assert {p.name: p.read_bytes() for p in Path('copy').iterdir()} == files
    shutil.rmtree(tmp_path / 'model')
    with pytest.raises(FileNotFoundError, match='is gone'):
        extractor.save_pretrained('other')
    assert not Path('other').exists()


@pytest.mark.slow
def test_an_extractor_is_loaded_again_from_its_folder(extractor, monkeypatch, tmp_path,
                                                      trained):
    content = pickle.dumps(extractor)
    assert len(content) < 2000
    other = pickle.loads(content)
    items = [Item(text, caption='a man kicking a ball') for text in SENTENCES]
    for a, b in zip(extractor.batch(items), other.batch(items)):
        assert a == b
    weight = extractor.model.word_features.lin.weight
    kept = weight.detach().clone()
    torch.nn.init.zeros_(weight)
    with pytest.raises(pickle.PicklingError,
                       match='weights, or .* are not those of the'):
        pickle.dumps(extractor)
    with torch.no_grad():
        weight.copy_(kept)
    shutil.copytree(trained, tmp_path / 'model',
                    ignore=shutil.ignore_patterns('training'))
    content = pickle.dumps(Extractor.from_pretrained(tmp_path / 'model', device='cpu'))
    monkeypatch.setattr(torch.nn.Module, 'state_dict', lambda self: {})
    with pytest.raises(ValueError, match='is not the one that was pickled'):
        pickle.loads(content)


@pytest.mark.slow
def test_changed_weights_are_pickled_when_asked(trained, tmp_path):
    shutil.copytree(trained, tmp_path / 'model',
                    ignore=shutil.ignore_patterns('training'))
    extractor = Extractor.from_pretrained(tmp_path / 'model', 'cpu', threshold=0.1,
                                          passage_words=30)
    content = pickle.dumps(extractor)
    extractor.pickle_weights = True
    torch.nn.init.zeros_(extractor.model.word_features.lin.weight)
    shutil.rmtree(tmp_path / 'model')
    other = pickle.loads(pickle.dumps(extractor))
    assert other.batch(SENTENCES) == extractor.batch(SENTENCES)
    assert (other.thresholds, other.passage_words) == ((0.1, 0.1), 30)
    again = pickle.loads(pickle.dumps(other))
    assert again.batch(SENTENCES) == extractor.batch(SENTENCES)
    other.pickle_weights = False
    with pytest.raises(pickle.PicklingError, match="is gone.*set 'pickle_weights'"):
        pickle.dumps(other)
    with pytest.raises(FileNotFoundError, match="no folder '.*model' here to load it"):
        pickle.loads(content)


def test_what_cannot_be_sent_is_named(extractor, monkeypatch):
    monkeypatch.setattr(extractor, 'image_parser', lambda images: [])
    with pytest.raises(pickle.PicklingError, match='The image parser cannot be pick'):
        pickle.dumps(extractor)
    monkeypatch.setattr(extractor, 'image_parser', None)
    monkeypatch.setattr(extractor, 'origin',
                        replace(extractor.origin, conv=lambda *sizes: None))
    with pytest.raises(pickle.PicklingError, match='The graph layer cannot be pickled'):
        pickle.dumps(extractor)
    monkeypatch.setattr(extractor, 'origin',
                        replace(extractor.origin, conv=None, fusion=lambda *sizes: 0))
    with pytest.raises(pickle.PicklingError, match='The fusion cannot be pickled'):
        pickle.dumps(extractor)


@pytest.mark.slow
def test_threads_give_the_results_of_one_thread(extractor):
    items = [
        Item(f'{text} {i}', caption=f'a man kicking {i} balls of {text.split()[0]}')
        for i, text in enumerate(SENTENCES * 8)
    ]
    parts = [items[i:i + 6] for i in range(0, len(items), 6)]
    expected = [extractor.batch(part, 4, align=True) for part in parts]
    # Threads take turns two hundred times as often as usual.
    interval = sys.getswitchinterval()
    sys.setswitchinterval(interval / 200)
    try:
        with ThreadPoolExecutor(8) as pool:
            found = list(
                pool.map(lambda part: extractor.batch(part, 4, align=True), parts * 4))
    finally:
        sys.setswitchinterval(interval)
    assert found == expected * 4
    for a, b in zip(found, expected * 4):
        for x, y in zip(a, b):
            np.testing.assert_array_equal(x.alignment.nodes, y.alignment.nodes)


def test_threads_that_bring_the_first_image_make_one_parser(extractor, monkeypatch):
    from eega_pyg import vision
    made = []

    def make(**kwargs):
        made.append(kwargs)
        time.sleep(0.02)
        return lambda images: [GRAPH] * len(images)

    monkeypatch.setattr(vision, 'SceneParser', make)
    monkeypatch.setattr(extractor._sight, '_own', None)
    picture = Image.new('RGB', (8, 8))
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda text: extractor(text, image=picture), 'abcd'))
    assert len(made) == 1 and all(len(r.scene_graph.objects) == 2 for r in found)


@pytest.mark.slow
def test_extractors_work_in_processes(extractor):
    with ProcessPoolExecutor(1, get_context('spawn')) as pool:
        results = list(pool.map(extractor, SENTENCES))
    assert results == [extractor(text) for text in SENTENCES]


def test_several_texts_at_once_are_told_where_to_go(extractor):
    for texts in (['text one', 'text two'], ('Ann\nlives', ), ['Ann', ' in Rome']):
        with pytest.raises(TypeError, match=r'call extractor\.batch\(texts\)'):
            extractor(texts)
    with pytest.raises(TypeError, match=r'call extractor\.batch\(\[item\]\)'):
        extractor(Item('Ann'))
    for nothing in (None, 3, {'text': 'Ann'}):
        with pytest.raises(TypeError, match='Expected a text or its words .got'):
            extractor(nothing)


def test_metadata_goes_from_the_item_to_the_result(extractor):
    result, = extractor.batch([Item('Ann', metadata={'id': 7})])
    assert result.metadata == {'id': 7} == result.to_dict()['metadata']
    assert 'metadata' not in extractor('Ann').to_dict()


def test_what_is_no_text_is_named(extractor):
    with pytest.raises(TypeError, match=r'items\[1\]: expected an Item'):
        extractor.batch(['a', {'text': 'b'}])
    with pytest.raises(TypeError, match='put it in a list'):
        extractor.batch('Ann lives')
    with pytest.raises(ValueError, match=r'items\[1\]: .*[Tt]ext is empty'):
        extractor.batch(['a', '', 'b'])
    with pytest.raises(ValueError, match='caption: expected a string .got 5'):
        extractor('Ann', caption=5)
    with pytest.raises(ValueError, match='batch size'):
        extractor.batch(['a'], batch_size=-1)


@pytest.mark.parametrize('threshold', [0.0, 0.2, 0.3, 1.0])
def test_less_probable_quintuples_are_left_out(extractor, monkeypatch, threshold):
    everything = extractor.batch(SENTENCES, threshold=0.0)
    kept = [[q for q in r.quintuples if q.probability >= threshold] for r in everything]
    found = extractor.batch(SENTENCES, threshold=Thresholds(threshold))
    assert [r.quintuples for r in found] == kept
    assert [r.entities for r in found] == [r.entities for r in everything]
    monkeypatch.setattr(extractor, 'thresholds', Thresholds(threshold))
    assert [r.quintuples for r in extractor.batch(SENTENCES)] == kept


@pytest.mark.parametrize('threshold', [0.3, 0.45, 1.0])
def test_a_number_holds_for_entities_of_no_stated_quintuple_too(extractor, threshold):
    everything = extractor.batch(SENTENCES, threshold=0.0)
    for all_, found in zip(everything, extractor.batch(SENTENCES, threshold=threshold)):
        ends = {(e.start, e.end) for q in found.quintuples for e in (q.head, q.tail)}
        assert found.entities == [
            e for e in all_.entities
            if e.probability >= threshold or (e.start, e.end) in ends
        ]


@pytest.mark.parametrize('threshold', [-0.1, 1.5, float('nan'), 'high'])
def test_a_threshold_that_is_no_probability_is_refused(extractor, threshold):
    with pytest.raises(ValueError, match='^threshold: expected a '):
        extractor(SENTENCES[0], threshold=threshold)
    with pytest.raises(ValueError, match='^threshold: expected a '):
        Extractor(extractor.saved, threshold=threshold)
