import pytest

from eega_pyg.datasets import read_gmner
from eega_pyg.schema import JMERE_TAGS, UNSTATED, Entity, TagSet

TEXT = '''IMGID:17
Ann\tB-PER
Lee\tI-PER
Bob\tB-PER
of\tO
Acme\tI-ORG
Oslo\tI-LOC

IMGID:O_18
no\tO
one\tO
'''


@pytest.fixture
def write(tmp_path):
    def write(text):
        path = tmp_path / 'train.txt'
        path.write_bytes(text.encode('utf-8'))
        return path

    return write


@pytest.mark.parametrize('change', [
    str, lambda t: t.replace('\n', '\r\n'), lambda t: t.replace('\n\n', '\n\n\n') + '\n'
])
def test_all_entities_are_read_and_relations_are_left_open(write, change):
    ann, none = read_gmner(write(change(TEXT)), JMERE_TAGS)
    assert ann.words == ('Ann', 'Lee', 'Bob', 'of', 'Acme', 'Oslo')
    assert (ann.image_id, none.image_id) == ('17', 'O_18')
    assert ann.annotation.entities == (Entity(0, 2, 'per'), Entity(2, 3, 'per'),
                                       Entity(4, 5, 'org'), Entity(5, 6, 'loc'))
    assert ann.quintuples == none.annotation.entities == ()
    assert ann.annotation.rest == UNSTATED
    assert ann.annotation.tags == {'per', 'org', 'loc', 'misc'}


@pytest.mark.parametrize('text, message', [
    ('Ann B-PER\n', ":1: expected a word and its tag .*got 'Ann B-PER'"),
    ('IMGID:1\n \tO\n', ':2: expected a word'),
    ('IMGID:1\nAnn\t\n', ':2: expected a word'),
    ('Ann\tB-DOG\n\n', ":1: unknown tag 'B-DOG'"),
    ('IMGID:1\nAnn\tE-PER\n', ":2: unknown tag 'E-PER'"),
    ('IMGID:1\n\n', ': holds no tweet'),
])
def test_a_wrong_line_is_named(write, text, message):
    with pytest.raises(ValueError, match=f'train.txt{message}'):
        read_gmner(write(text), JMERE_TAGS)


def test_bytes_that_are_no_utf_8_are_named_by_line(tmp_path):
    (tmp_path / 'a.txt').write_bytes(b'Ann\tB-PER\n\xff\tO\n')
    with pytest.raises(ValueError, match="a.txt:2: 'utf-8' codec"):
        read_gmner(tmp_path / 'a.txt', JMERE_TAGS)


def test_a_missing_type_is_named(write):
    with pytest.raises(ValueError, match="annotated with 'loc', which is not"):
        read_gmner(write(TEXT), TagSet(('per', 'org', 'misc'), ()))
