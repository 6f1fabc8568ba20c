import pytest

from eega_pyg.extractor import Extractor, Item
from eega_pyg.schema import Entity, Quintuple, SceneGraph, SceneObject, ScenePredicate
from eega_pyg.tagging import Extraction

SENTENCES = [
    'Striker Marco Bellini joins Harbor City FC in Lisbon',
    'Sofia',
    'RT @news : singer Nora Blake and actor Tom Reed were seen in Paris , France',
]


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
    graph = SceneGraph((SceneObject('man'), SceneObject('ball')),
                       (ScenePredicate(0, 'kick', 1), ))
    items = [
        Item(SENTENCES[0], caption='a man kicking a ball'),
        Item(SENTENCES[1]),
        Item(SENTENCES[2], scene_graph=graph, image_id='x.jpg'),
        Item(words=('Two', 'words'), caption=''),
    ] * 3
    together = extractor.batch(items, batch_size=5)
    for item, result in zip(items, together):
        assert result.text == item.text and result.image_id == item.image_id
        text = item.words or item.text
        assert close(result, extractor.batch([Item(**vars(item))])[0])
        if item.caption is None and item.scene_graph is None:
            assert close(result, extractor(text))


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
    assert result.quintuples() == [('Marco Bellini', 'per', 'Harbor City FC', 'org',
                                    'member_of')]


def test_a_long_text_is_read_to_its_end(extractor):
    filler = ['and', 'then', 'nothing', 'happened', '.'] * 40
    tail = SENTENCES[0].split()
    long = extractor([*filler, *tail])
    assert len(long.offsets) == 209
    windows = extractor.batch(
        [Item(words=tuple([*filler, *tail][i:i + 70])) for i in range(0, 175, 35)])
    expected = {(e.start + 35 * i, e.end + 35 * i, e.type)
                for i, w in enumerate(windows)
                for e in w.extraction.entities}
    found = {(e.start, e.end, e.type) for e in long.extraction.entities}
    assert found <= expected
    assert any(
        e.start >= 200
        for e in windows[-1].extraction.entities) or not any(start >= 200
                                                             for start, _, _ in found)


@pytest.mark.parametrize('make, message', [
    (lambda: Item(''), 'The text is empty'),
    (lambda: Item(' \n\t '), 'The text is empty'),
    (lambda: Item('a', caption='b', scene_graph=SceneGraph()), 'not both'),
    (lambda: Item.from_dict([]), "Expected an object with 'text' or 'words'"),
    (lambda: Item.from_dict({'txt': 'a'}), "Unknown field 'txt'"),
    (lambda: Item.from_dict({'text': 3}), 'text: expected a string'),
    (lambda: Item.from_dict({'words': ['a', '']}),
     'words: expected a list of non-empty'),
    (lambda: Item.from_dict({'words': []}), 'words: expected a list of non-empty'),
    (lambda: Item.from_dict({
        'text': 'a',
        'scene_graph': {
            'objects': [{}]
        }
    }), r"objects\[0\]: missing 'label'"),
])
def test_a_wrong_item_is_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_no_item_is_no_result(extractor):
    assert extractor.batch([]) == []
