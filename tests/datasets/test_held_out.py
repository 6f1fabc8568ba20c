from functools import partial

import pytest

from eega_pyg.datasets import JMERE
from eega_pyg.datasets.mnre import UNRELATED, read_marked_texts
from eega_pyg.schema import JMERE_TAGS

from .conftest import line

load = partial(JMERE, log=False, validation=0.2)


@pytest.fixture
def root(tmp_path):
    r"""Twenty texts with a relation, two of them in two lines far apart, and ten
    without one."""
    raw = tmp_path / 'root' / 'raw'
    raw.mkdir(parents=True)
    lines = [
        line(f'Ann Lee joins Acme {i}', (0, 2), (3, 4), '/per/org/member_of',
             f'{i}.jpg') for i in range(20)
    ]
    lines += [
        line(f'Bob Ray left Acme {i}', (0, 2), (3, 4), 'None', f'n{i}.jpg')
        for i in range(10)
    ]
    (raw / 'mnre_train.txt').write_text('\n'.join([*lines, *lines[:2]]))
    captions = ''.join(f'{{"img_id": "{i}.jpg", "caption": "a man"}}\n'
                       for i in range(20))
    (raw / 'captions_train.jsonl').write_text(captions)
    return tmp_path / 'root'


def texts(dataset):
    return {data.text for data in dataset}


def test_a_share_of_the_texts_is_held_out_where_there_is_no_validation_file(root):
    train, val = load(root), load(root, split='val')
    assert val.held_out and not train.held_out
    assert len(texts(val)) == 4 and len(texts(train)) == 16
    assert not texts(train) & texts(val)
    assert len(train) + len(val) == 22  # Two texts stand there twice.
    # Nothing of the others has been counted, and images are found in the same file.
    assert len(train.vocabularies.pmi.sentences) == 16
    assert all(data['object'].num_nodes == 1 for data in val)
    assert len(load(root, validation=0.0)) == 22


def test_the_order_of_the_lines_changes_nothing(root):
    before = texts(load(root, split='val'))
    path = root / 'raw' / 'mnre_train.txt'
    path.write_text('\n'.join(reversed(path.read_text().splitlines())))
    assert texts(load(root, split='val')) == before
    # More texts displace none that were chosen, unless they rank before them.
    assert before <= texts(load(root, split='val', validation=0.4))


def test_texts_without_a_relation_are_held_out_as_well(root):
    train, val = load(root), load(root, split='val')
    assert (len(train.records(UNRELATED)), len(val.records(UNRELATED))) == (8, 2)
    marked = read_marked_texts(train.raw_paths[0], JMERE_TAGS)
    held_out = {' '.join(t.words) for t in marked if t.words in train.held_out_texts()}
    assert held_out == texts(val) | {r.text for r in val.records(UNRELATED)}


def test_a_validation_file_is_taken_as_it_is(root):
    raw = root / 'raw'
    (raw / 'mnre_val.txt').write_text(
        line('Kim Poe joins Acme', (0, 2), (3, 4), '/per/org/member_of', 'k.jpg'))
    assert texts(load(root, split='val')) == {'Kim Poe joins Acme'}
    assert len(load(root)) == 22
    # It is then the file that was built without the option.
    assert load(root).processed_paths == load(root, validation=0.0).processed_paths


def test_of_one_text_none_can_be_held_out(root):
    path = root / 'raw' / 'mnre_train.txt'
    path.write_text(path.read_text().splitlines()[0])
    with pytest.raises(ValueError, match='of a single text none can be held out'):
        load(root, split='val')
