import json
from urllib.error import URLError

import pandas as pd
import pytest
from PIL import Image

from eega_pyg.bulk import BatchExtractor
from eega_pyg.extraction.extractor import Extractor
from eega_pyg.extraction.item import Item

TEXTS = ['Striker Marco Bellini joins Harbor City FC in Lisbon', 'Sofia', 'Nora Blake']


@pytest.fixture(scope='module')
def extractor(trained):
    return Extractor.from_pretrained(trained, device='cpu')


def test_a_frame_holds_what_the_extractor_finds(extractor):
    graph = {'objects': [{'label': 'man', 'box': [0.0, 0.1, 0.5, 1.0]}]}
    frame = pd.DataFrame({
        'id': [7, 8, 9],
        'text': [*TEXTS[:2], None],
        'words': [None, None, ['Nora', 'Blake']],
        'caption': ['a man kicking a ball', None, None],
        'scene_graph': [None, graph, None],
        'likes': [1.5, None, 2.0]
    })
    found = BatchExtractor(extractor, key='id', align=True)(frame)
    items = [
        Item(TEXTS[0], caption='a man kicking a ball'),
        Item(TEXTS[1], scene_graph=graph),
        Item(words=('Nora', 'Blake'))
    ]
    assert list(found['key']) == ['7', '8', '9'] and found['error'].isna().all()
    more = [{'id': 7, 'likes': 1.5}, {'id': 8}, {'id': 9, 'likes': 2.0}]
    for key, line, expected, more in zip(found['key'], found['result'],
                                         extractor.batch(items, align=True), more):
        value = json.loads(line)
        assert value.pop('key') == key and value.pop('metadata') == more
        assert value == json.loads(expected.to_json())


@pytest.mark.parametrize('number', [2, 3])
def test_without_any_image_their_folder_is_gone(extractor, tmp_path, number):
    rows = [{'text': TEXTS[0], 'image': str(tmp_path / f'{i}.png')}
            for i in range(number)] + [{'text': TEXTS[1]}]  # yapf: disable
    extract = BatchExtractor(extractor)
    if number < 3:
        assert extract(pd.DataFrame(rows))['error'].notna().sum() == number
    else:
        with pytest.raises(RuntimeError,
                           match='No image of 3 could be looked at .*png'):
            extract(pd.DataFrame(rows))
        for i in range(number):
            (tmp_path / f'{i}.png').write_bytes(b'no picture')
        assert extract(pd.DataFrame(rows))['error'].notna().sum() == number


def test_a_detector_that_cannot_be_loaded_is_no_fault_of_a_text(trained, tmp_path):
    def detector(images):
        raise URLError('Name or service not known')

    Image.new('RGB', (6, 4)).save(tmp_path / 'a.png')
    extractor = Extractor.from_pretrained(trained, device='cpu', image_parser=detector)
    rows = [{'text': TEXTS[0], 'image': str(tmp_path / 'a.png')}, {'text': TEXTS[1]}]
    with pytest.raises(RuntimeError, match='No image of 1 .*Name or service'):
        BatchExtractor(extractor)(pd.DataFrame(rows))
    assert BatchExtractor(extractor)(pd.DataFrame(rows[1:]))['error'].isna().all()


def test_a_wrong_row_stops_no_other(extractor, tmp_path):
    rows = [
        {'text': TEXTS[0], 'id': 'a'},
        {'text': '  ', 'id': 'b'},
        {'text': 'x', 'caption': 3, 'id': 'c'},
        {'text': 'no key'},
        {'text': 'x', 'image': str(tmp_path / 'none.png'), 'id': 'e'},
        {'text': 'word ' * 30000, 'id': 'f'},
        {'text': TEXTS[1], 'id': 'g'},
    ]  # yapf: disable
    found = BatchExtractor(extractor, key='id')(pd.DataFrame(rows))
    assert list(found['key']) == ['a', 'b', 'c', '3', 'e', 'f', 'g']
    assert list(found['result'].isna()) == [False, *[True] * 5, False]
    reasons = [
        'text is empty', 'caption: expected a string', "missing 'id'", 'none.png',
        '30000 words'
    ]
    for error, part in zip(found['error'][1:6], reasons):
        assert part in error
    assert str(found['error'].dtype) == str(found['result'].dtype) == 'string'


def test_what_is_no_record_is_told(extractor):
    given = [('a:1', ValueError('not valid JSON')), ('a:2', 'Sofia'), ('a:3', [1]),
             ('a:4', {'text': 'x', 'entities': [], 'quintuples': []})]  # yapf: disable
    found = BatchExtractor(extractor).extract(given)
    assert [o.key for o in found] == ['a:1', 'a:2', 'a:3', 'a:4']
    assert found[0].error == 'not valid JSON' and found[1].result['text'] == 'Sofia'
    assert 'expected an object' in found[2].error and 'result already' in found[3].error


def poisoned(extractor, monkeypatch, spoilt):
    r"""Makes the model fail where a window is of a text that is spoilt."""
    read = extractor._reader.read

    def fails(items, *args):
        if any(spoilt(item.text) for item in items):
            raise RuntimeError('the kernel has failed')
        return read(items, *args)

    monkeypatch.setattr(extractor._reader, 'read', fails)


def test_a_text_that_breaks_the_model_is_left_out(extractor, monkeypatch):
    expected = [o.result for o in BatchExtractor(extractor).extract(enumerated(TEXTS))]
    poisoned(extractor, monkeypatch, lambda text: text == TEXTS[1])
    found = BatchExtractor(extractor).extract(enumerated(TEXTS))
    assert found[1].error == 'RuntimeError: the kernel has failed'
    for i in (0, 2):
        assert spans(found[i].result) == spans(expected[i])


def test_a_broken_machine_is_no_fault_of_a_text(extractor, monkeypatch):
    poisoned(extractor, monkeypatch, lambda text: True)
    with pytest.raises(RuntimeError, match='the kernel has failed'):
        BatchExtractor(extractor).extract(enumerated(TEXTS))


def test_strings_that_cannot_be_written_are_mended(extractor):
    given = {'text': 'Sofia', 'id': 'a\ud800', 'author': '\udfff'}
    found = BatchExtractor(extractor, key='id').extract([('a:1', given)])
    json.dumps(found[0], ensure_ascii=False).encode()
    assert found[0].key == 'a?' and found[0].result['metadata']['author'] == '?'


def test_options_of_an_extractor_are_its_own(extractor):
    with pytest.raises(ValueError, match='has a device and a threshold already'):
        BatchExtractor(extractor, threshold=0.5)


def enumerated(texts):
    return [(str(i), text) for i, text in enumerate(texts)]


def spans(result):
    return [(e['start'], e['end'], e['type']) for e in result['entities']]
