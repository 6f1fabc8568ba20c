import csv
import io
import json
import sys

import pytest

from eega_pyg.extraction.item import Item
from eega_pyg.extraction.item_files import items_of, read_items

ANN, BOB = 'Ann, of "Rome"', 'Bob 🎉'


def write(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize('name, content, places', [
    ('a.txt', f'{ANN}\n\n  {BOB}\r\n', (1, 3)),
    ('a.txt', b'\xef\xbb\xbf' + f'{ANN}\n{BOB}'.encode(), (1, 2)),
    ('a.csv', 'text\n"Ann, of ""Rome"""\n\nBob 🎉\n', (2, 4)),
    ('a.csv', '\ufeff"Text";n\r\n"Ann, of ""Rome""";1\r\nBob 🎉;2\r\n', (2, 3)),
    ('a.tsv', 'n\ttext\n1\t"Ann, of ""Rome"""\n2\tBob 🎉\n', (2, 3)),
    ('a.tsv', f'text\tlikes, shares, views\n"Ann, of ""Rome"""\t3\n{BOB}\t4\n', (2, 3)),
    ('a.tsv', f'text\n"Ann, of ""Rome"""\n{BOB}\n', (2, 3)),
    ('a.csv', 'text;likes,shares,views\n"Ann, of ""Rome""";3\nBob 🎉;4\n', (2, 3)),
    ('a.jsonl', f'{json.dumps(ANN)}\n\n{json.dumps({"text": BOB})}\n', (1, 3)),
    ('a.json', f'{json.dumps({"text": ANN})}\n{json.dumps({"text": BOB})}', (1, 2)),
    ('names', f'{ANN}\n{BOB}\n', (1, 2)),
    ('names', f'{json.dumps({"text": ANN})}\n{json.dumps({"text": BOB})}\n', (1, 2)),
])
def test_texts_are_read_from_every_form(tmp_path, name, content, places):
    path = write(tmp_path / name, content)
    items = read_items(path)
    assert list(items) == [f'{path}:{number}' for number in places]
    assert [item.text for item in items.values()] == [ANN, BOB]


def test_a_json_list_and_an_object_over_several_lines_are_read(tmp_path):
    path = write(tmp_path / 'a.json', json.dumps([ANN, {'text': BOB}], indent=2))
    assert list(read_items(path)) == [f'{path}[0]', f'{path}[1]']
    path = write(tmp_path / 'b.json', json.dumps({'text': ANN}, indent=2))
    assert [item.text for item in read_items(path).values()] == [ANN]


def test_columns_have_their_meaning_and_others_are_metadata(tmp_path):
    path = write(
        tmp_path / 'a.csv', 'id,Text,img_id,caption,words,author\n'
        '7,Ann,1.jpg,a dog,,me\n8,,,,Bob sings,\n')
    first, second = read_items(path).values()
    assert first == Item('Ann', image_id='1.jpg', caption='a dog')
    assert first.metadata == {'id': '7', 'author': 'me'}
    assert second == Item(words=('Bob', 'sings')) and second.metadata == {'id': '8'}
    path = write(
        tmp_path / 'a.jsonl',
        json.dumps({
            'id': 7,
            'text': 'Ann',
            'user': {
                'name': 'me'
            },
            'metadata': {
                'n': None
            },
            'caption': None
        }))
    item, = read_items(path).values()
    assert item.metadata == {'id': 7, 'user': {'name': 'me'}, 'n': None}


def test_a_table_may_come_without_a_name_and_hold_words_alone(tmp_path, monkeypatch):
    content = 'words;n\n"Ann ""A"" sings";1\n'
    expected = Item(words=('Ann', '"A"', 'sings'))
    monkeypatch.setattr(sys, 'stdin', io.TextIOWrapper(io.BytesIO(content.encode())))
    paths = [write(tmp_path / name, content) for name in ('a.csv', 'a')]
    for path in (*paths, '-'):
        item, = read_items(path).values()
        assert item == expected and item.metadata == {'n': '1'}
    for text in ('text, words', 'The text, of course\nBob left',
                 f'{"x" * 150_000}\nBob'):
        items = read_items(write(tmp_path / 'a', text))
        assert [item.text for item in items.values()] == text.split('\n')


def test_a_cell_may_be_longer_than_a_text(tmp_path):
    path = write(tmp_path / 'a.csv', f"text,html\nAnn,{'x' * 200_000}\n")
    item, = read_items(path).values()
    assert item.text == 'Ann' and len(item.metadata['html']) == 200_000
    assert csv.field_size_limit() < 200_000  # It is that of the whole process.


WRAPPED = ' News\n \n\nTim Cook works at\r\nApple.\n\t\nThe end.'


@pytest.mark.parametrize('unit, expected', [
    ('line', {
        ':1': 'News',
        ':4': 'Tim Cook works at',
        ':5': 'Apple.',
        ':7': 'The end.'
    }),
    ('paragraph', {
        ':1': 'News',
        ':4': 'Tim Cook works at\nApple.',
        ':7': 'The end.'
    }),
    ('document', {
        '': WRAPPED.strip()
    }),
])
def test_what_a_text_of_a_plain_file_is(tmp_path, monkeypatch, unit, expected):
    for name in ('a.txt', 'a'):
        path = write(tmp_path / name, WRAPPED)
        found = {place: item.text for place, item in read_items(path, unit).items()}
        assert found == {f'{path}{place}': text for place, text in expected.items()}
    monkeypatch.setattr(sys, 'stdin', io.TextIOWrapper(io.BytesIO(WRAPPED.encode())))
    assert [x.text for x in read_items('-', unit).values()] == [*expected.values()]


def test_only_plain_text_is_read_by_paragraph(tmp_path):
    both, tables = tmp_path / 'both', tmp_path / 'tables'
    for folder in (both, tables):
        folder.mkdir()
        write(folder / 'b.csv', 'text\nfour\n')
    write(both / 'a.txt', 'one\ntwo\n\nthree')
    for paths in ([both], [both / 'a.txt', both / 'b.csv']):
        assert [x.text for x in items_of(paths, 'paragraph').values()
                ] == ['one\ntwo', 'three', 'four']
    for path in (tables, tables / 'b.csv'):
        with pytest.raises(ValueError, match=r"is of plain text \(.txt\): .* says its"):
            read_items(path, 'document')
    with pytest.raises(ValueError, match="sample_by: expected one of line, .*'page'"):
        read_items(both / 'a.txt', 'page')
    with pytest.raises(ValueError, match='holds no text'):
        read_items(write(tmp_path / 'd.txt', ' \n\n'), 'document')


@pytest.mark.parametrize('text', ['{Breaking} Ann\nsings', '[1]', '{"text": "Ann"}'])
def test_what_is_asked_to_be_plain_text_is(tmp_path, text):
    item, = read_items(write(tmp_path / 'a', text), 'document').values()
    assert item.text == text


def test_a_folder_is_its_files_in_the_order_of_their_names(tmp_path):
    write(tmp_path / 'b.txt', 'two\nthree\n')
    write(tmp_path / 'a.csv', 'text\none\n')
    write(tmp_path / 'c.jsonl', '{"text": "four"}')
    write(tmp_path / 'photo.jpg', b'\xff')
    write(tmp_path / '.hidden.txt', 'none')
    items = read_items(tmp_path)
    assert [item.text for item in items.values()] == ['one', 'two', 'three', 'four']
    assert [item.metadata['file']
            for item in items.values()] == ['a.csv', 'b.txt', 'b.txt', 'c.jsonl']


def test_a_tab_alone_parts_the_cells_of_tsv(tmp_path):
    path = write(tmp_path / 'a.tsv', 'text\nAnn lives in Rome, Italy\nBob left,\n')
    texts = [item.text for item in read_items(path).values()]
    assert texts == ['Ann lives in Rome, Italy', 'Bob left,']


@pytest.mark.parametrize('content, texts', [
    ('one\ntwo', ['one', 'two']),
    ('[Breaking] news\n', ['[Breaking] news']),
    ('["one", {"text": "two"}]', ['one', 'two']),
    ('\n {"text": "one"}\n"two"', ['one', 'two']),
])
def test_the_standard_input_is_read_as_it_looks(monkeypatch, content, texts):
    class Input:
        buffer = io.BytesIO(content.encode())

    monkeypatch.setattr(sys, 'stdin', Input())
    assert [item.text for item in read_items('-').values()] == texts


@pytest.mark.parametrize('name, content, message', [
    ('a.pdf', 'x', r'ends in no known format: expected \.txt, \.csv'),
    ('a.txt', '\n \n', 'holds no text'),
    ('a.txt', b'one\ncaf\xe9\n', r'a\.txt:2: not UTF-8'),
    ('a.csv', 'tweet,n\nx,1\n',
     r"a\.csv:1: there is no column 'text' .columns: tweet, n"),
    ('a.csv', 'text,n\none, two, three,1\n', r"a\.csv:2: 4 cells under 2 columns"),
    ('a.csv', 'text,n\n"one,1\ntwo,2\n', r'a\.csv:3: unexpected end of data'),
    ('a.csv', 'text,n\n,1\n', r'a\.csv:2: The text is empty'),
    ('a.csv', 'text,n,Text\na,1,b\n', r"a\.csv:1: there are two columns 'text'"),
    ('a.csv', 'text,url,url\na,1,b\n',
     r"a\.csv:1: there are two columns 'url'.*rename"),
    ('a.csv', 'text_number,text,head,head_type,relation,tail\n1,a,,,,\n',
     r"a\.csv:1: is a table of results.*write them as \.jsonl"),
    ('a.csv', 'text,scene_graph\na,{\n', r'a\.csv:2: scene_graph: not valid JSON'),
    ('a.jsonl', '{"text": "a"}\n{"text": \n', r'a\.jsonl:2: not valid JSON'),
    ('a.jsonl', '{"text": "a"}\n3\n', r'a\.jsonl:2: expected an object .got 3'),
    ('a.json', '[{"text": "a"}, {"id": 7}]', r"\[1\]: missing 'text' .fields: id"),
    ('a.json', '["a \\ud800"]', r'\[0\]: text: .* half of a surrogate pair'),
    ('a.json', '[' * 100_000, 'not valid JSON'),
    ('a.json', '[]', 'holds no text'),
])
def test_what_is_wrong_is_named_with_its_place(tmp_path, name, content, message):
    with pytest.raises(ValueError, match=message):
        read_items(write(tmp_path / name, content))


def test_a_folder_without_texts_and_a_file_that_is_not_there_are_named(tmp_path):
    with pytest.raises(ValueError, match='holds no text: expected files that end in'):
        read_items(tmp_path)
    with pytest.raises(OSError, match='none.txt'):
        read_items(tmp_path / 'none.txt')


def test_a_misspelt_field_is_warned_of():
    with pytest.warns(UserWarning, match="'captions' is passed on .* was 'caption'"):
        item = Item.from_dict({'text': 'a', 'captions': 'a dog'})
    assert item.metadata == {'captions': 'a dog'}
