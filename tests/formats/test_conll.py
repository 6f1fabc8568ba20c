r"""Columns as the tools write them that people have."""
import pytest

from eega_pyg.formats import AnnotatedText, read_texts, write_texts

NEWS = '''-DOCSTART- -X- -X- O

EU NNP B-NP {0}
rejects VBZ B-VP O
New NNP B-NP {1}
York NNP I-NP {2}
City NNP I-NP {3}
calls NNS I-NP O

-DOCSTART- -X- -X- O

Peter NNP B-NP O
'''


@pytest.mark.parametrize('form', [None, 'conll'])
@pytest.mark.parametrize('tags', [
    ('I-ORG', 'I-LOC', 'I-LOC', 'I-LOC'),
    ('B-ORG', 'B-LOC', 'I-LOC', 'I-LOC'),
    ('S-ORG', 'B-LOC', 'I-LOC', 'E-LOC'),
    ('U-ORG', 'B-LOC', 'I-LOC', 'L-LOC'),
])
def test_conll_2003_in_all_its_marks(tmp_path, tags, form):
    path = tmp_path / 'train.txt'
    path.write_text(NEWS.format(*tags))
    news, name = read_texts(path, form)
    assert news.text == 'EU rejects New York City calls'
    assert [(news.text[e.start:e.end], e.type)
            for e in news.entities] == [('EU', 'ORG'), ('New York City', 'LOC')]
    assert name.words == ('Peter', ) and not name.entities


def test_entities_that_touch_are_told_apart(tmp_path):
    path = tmp_path / 'a.conll'
    path.write_text('A S-X\nB S-X\nC B-X\nD E-X\nE I-X\nF I-X\nG B-X\nH I-Y\n')
    text, = read_texts(path)
    assert [text.text[e.start:e.end]
            for e in text.entities] == ['A', 'B', 'C D', 'E F', 'G', 'H']


def test_what_label_studio_exports(tmp_path):
    path = tmp_path / 'export.conll'
    path.write_text(
        '-DOCSTART- -X- O\nAnn -X- _ B-per\nLee -X- _ I-per\nsings -X- _ O\n\n')
    text, = read_texts(path)
    assert text.text == 'Ann Lee sings' and text.entities[0].end == 7


@pytest.mark.parametrize('words', [('[', 'Ann'), ('{', ), ('Ann', ), ('\ufeffAnn', ),
                                   ('-DOCSTART-ed', 'Ann')])
def test_what_is_written_is_recognized(tmp_path, words):
    texts = [
        AnnotatedText(' '.join(words), words=words),
        AnnotatedText('Bo', words=('Bo', ), image_id='7.jpg')
    ]
    for given in (texts, texts[::-1]):
        write_texts(given, tmp_path / 'a.conll')
        assert [(t.words, t.image_id) for t in read_texts(tmp_path / 'a.conll')
                ] == [(t.words, t.image_id) for t in given]


@pytest.mark.parametrize('content', [
    NEWS.replace('\n', '\r\n'), '\ufeff' + NEWS, NEWS.replace(' ', '\t'),
    NEWS.replace('{0}', '{0}  ').replace(' ', '   ')
])  # yapf: disable
def test_ends_of_lines_marks_and_columns_of_all_kinds(tmp_path, content):
    path = tmp_path / 'train.txt'
    path.write_bytes(content.format('B-A', 'O', 'B-B', 'I-B').encode())
    news, _ = read_texts(path)
    assert [e.type for e in news.entities] == ['A', 'B']


@pytest.mark.parametrize('content, message', [
    ('1\tAnn\tB-PER\tO\n2\tLee\tI-PER\tO\n3\tsings\tO\tO\n',
     ':1: the first column counts the words'),
    ('Ann B-X\nLee _ I-X\n', ":2: expected 2 columns, .*got 3: 'Lee _ I-X'"),
])
def test_columns_of_another_kind_are_named(tmp_path, content, message):
    path = tmp_path / 'a.conll'
    path.write_text(content)
    with pytest.raises(ValueError, match=message):
        list(read_texts(path, 'conll'))


@pytest.mark.parametrize(
    'text', ['Vitamin O\nis not a vitamin\n', 'Vitamin B-12\nVitamin B-6\n'])
def test_prose_is_not_taken_for_columns(tmp_path, text):
    path = tmp_path / 'letter.txt'
    path.write_text(text)
    with pytest.raises(ValueError, match='looks like none of the known formats'):
        list(read_texts(path))
