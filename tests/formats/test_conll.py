r"""Columns as the tools write them that people have."""
import pytest

from eega_pyg.formats import read_texts

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


def test_prose_is_not_taken_for_columns(tmp_path):
    path = tmp_path / 'letter.txt'
    path.write_text('Vitamin O\nis not a vitamin\n')
    with pytest.raises(ValueError, match='looks like none of the known formats'):
        list(read_texts(path))
