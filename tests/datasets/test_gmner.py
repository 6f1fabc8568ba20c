import shutil

import pytest

from eega_pyg.datasets import GMNER, Twitter, open_dataset, read_gmner
from eega_pyg.schema import (
    ENTITY,
    ENTITY_IN_BOX,
    JMERE_TAGS,
    PAIR,
    UNSTATED,
    Entity,
    TagSet,
)

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
    ('Ann\n', ":1: expected a word and its tag.*got 'Ann'"),
    ('IMGID:1\n \tO\n', ':2: expected a word'),
    ('IMGID:1\nAnn\t\n', ':2: expected a word'),
    ('Ann\tB-DOG\n\n', ":1: unknown tag 'B-DOG'"),
    ('IMGID:1\nAnn\tX-PER\n', ":2: unknown tag 'X-PER'"),
    ('IMGID:1\nAnn\tO\nLee\t_\tO\n', ':3: expected 2 columns, .*got 3'),
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


XML = '''<annotation><size><width>100</width><height>50</height></size>
<object><name>Ann Lee</name><bndbox><xmin>0</xmin><ymin>0</ymin><xmax>50</xmax>
<ymax>50</ymax></bndbox></object></annotation>'''


@pytest.fixture
def root(tmp_path):
    raw = tmp_path / 'root' / 'raw'
    (raw / 'xml').mkdir(parents=True)
    (raw / 'train.txt').write_text(TEXT)
    (raw / 'dev.txt').write_text(TEXT)
    (raw / 'xml' / '17.xml').write_text(XML)
    return tmp_path / 'root'


def test_boxes_are_those_of_the_entities_that_are_called_so(root):
    raw = root / 'raw'
    text = TEXT + '\nIMGID:17\nAnn\tB-PER\nLee\tI-PER\nAnn\tB-PER\nLee\tI-PER\n'
    (raw / 'train.txt').write_text(text)
    ann, none, twice = read_gmner(raw / 'train.txt', JMERE_TAGS, raw / 'xml')
    box = (0.0, 0.0, 0.5, 1.0)
    assert ann.boxes == (((0, 2), box), )
    assert none.boxes == ()  # Its image shows no entity.
    assert twice.boxes == (((0, 2), box), ((2, 4), box))
    assert read_gmner(raw / 'train.txt', JMERE_TAGS)[0].boxes is None
    (raw / 'xml' / '17.xml').write_text(XML.replace('Ann Lee', 'Lee'))
    with pytest.raises(
            ValueError, match="17.xml: 'Lee' is no entity of the tweet 'Ann "
            "Lee Bob of"):
        read_gmner(raw / 'train.txt', JMERE_TAGS, raw / 'xml')


def test_tweets_are_graphs_with_and_without_boxes(root):
    data = open_dataset(root, 'val', log=False)
    assert isinstance(data, GMNER) and data.tags.relations == ()
    assert data[0].grounded.tolist() == [True]
    assert data[0][ENTITY].type.tolist() == [1, 1, 2, 3]
    assert data[0][ENTITY_IN_BOX].edge_index.tolist() == [[0], [0]]
    assert data[0][PAIR].tag.view(6, 6).diagonal().tolist() == [1, 1, 1, -2, 2, 3]
    name = data.processed_file_names
    (root / 'raw' / 'xml' / '17.xml').write_text(XML.replace('<xmax>50', '<xmax>40'))
    assert open_dataset(root, 'val', log=False).processed_file_names != name
    shutil.rmtree(root / 'raw' / 'xml')
    data = open_dataset(root, 'train', log=False)
    assert type(data) is Twitter and data[0].grounded.tolist() == [False]
    with pytest.raises(FileNotFoundError, match="no folder '.*xml' of boxes"):
        GMNER(str(root))
    (root / 'raw' / 'dev.txt').unlink()
    with pytest.raises(FileNotFoundError, match='no val.txt or valid.txt or dev'):
        Twitter(str(root), 'val')


def test_the_real_tweets_have_the_published_counts(shared_data):
    folder = shared_data / 'gmner'
    if not folder.is_dir():
        pytest.skip(f"REAL DATA MISSING: there is no '{folder}'")
    for split, counts in (('train', (7000, 11779, 4733)), ('dev', (1500, 2450, 991))):
        records = read_gmner(folder / 'txt' / f'{split}.txt', JMERE_TAGS,
                             folder / 'xml')
        entities = sum(len(r.annotation.entities) for r in records)
        seen = sum(len({span for span, _ in r.boxes}) for r in records)
        assert (len(records), entities, seen) == counts
