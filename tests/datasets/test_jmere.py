import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from torch_geometric.data import Data
from torch_geometric.loader import DataLoader

from eega_pyg.datasets import JMERE
from eega_pyg.datasets.cached import cached_parser, cached_pieces, encoder_identity
from eega_pyg.datasets.pairs import PairReader
from eega_pyg.schema import DEP, JMERE_TAGS, OBJECT, PAIR, REL, TOKEN, Quintuple, TagSet
from eega_pyg.tagging import encode

load = partial(JMERE, log=False)


def files(root):
    return [
        n for n in sorted(os.listdir(root / 'processed'))
        if n not in ('.lock', 'tools.json')
    ]


def test_both_splits_as_graphs(root):
    train, val = load(root), load(root, split='val')
    assert [d.words for d in train] == [
        'Ann Lee joins Acme in Oslo'.split(), 'Bob Ray was born in Lima'.split()
    ]
    assert [d.image_id for d in train] == ['ann.jpg', 'bob.jpg']
    assert train[0].quintuples == [[0, 2, 'per', 3, 4, 'org', 'member_of'],
                                   [3, 4, 'org', 5, 6, 'loc', 'locate_at']]
    assert val[0].text.startswith('Kim Poe sings')
    assert train.vocabularies.signatures == {('per', 'member_of', 'org'),
                                             ('org', 'locate_at', 'loc'),
                                             ('per', 'place_of_birth', 'loc')}
    # Only the first image has a caption: a woman, a cup, and one predicate.
    assert [d[OBJECT].num_nodes for d in train] == [2, 0]
    assert train[0][REL].edge_type.numel() == 2 * 1 + 2
    assert val[0][OBJECT].num_nodes == 0
    assert train[0][PAIR].tag.tolist() == encode(
        [Quintuple.from_list(q) for q in train[0].quintuples], 6,
        JMERE_TAGS).flatten().tolist()
    batch = next(iter(DataLoader(train, batch_size=2)))
    assert batch[TOKEN].ptr.tolist() == [0, 6, 12]


def test_building_val_builds_train_on_the_way_and_opening_builds_nothing(
        root, monkeypatch):
    val = load(root, split='val')
    names = files(root)
    assert [n.split('_')[0] for n in names] == ['train', 'val', 'vocabularies']
    monkeypatch.setattr(PairReader, 'pairs', lambda *args: pytest.fail('parsed again'))
    assert len(load(root, split='train')) == 2
    # Vocabularies that are handed over share the file with those that are read:
    again = load(root, split='val', vocabularies=val.vocabularies)
    assert [d.text for d in again] == [d.text for d in val]
    assert files(root) == names


def test_a_missing_test_file_hurts_only_who_asks_for_it(root, monkeypatch):
    monkeypatch.setattr(JMERE, 'url', 'http://127.0.0.1:9')
    assert len(load(root, split='val')) == 1
    with pytest.raises(
            FileNotFoundError, match="no '.*mnre_test.txt'. MNRE's would not"
            " fit to the 'mnre_train.txt'"):
        load(root, split='test')


def test_given_vocabularies_need_no_train_file(root):
    vocabularies = load(root).vocabularies
    os.remove(root / 'raw' / 'mnre_train.txt')
    os.remove(root / 'raw' / 'captions_train.jsonl')
    val = load(root, split='val', vocabularies=vocabularies)
    assert val.vocabularies is vocabularies
    assert len(val) == 1


def test_long_sentences_are_windows_of_one_sentence(root):
    val = load(root, split='val', max_words=8)
    assert [int(d.offset) for d in val] == [0, 4, 8]
    assert {int(d.sentence) for d in val} == {0}
    assert sum((d.words[:4] for d in val), []) == val[0].text.split()[:12]
    # Its two entities are in no common window, and its gold is still whole:
    assert all(d.quintuples == [[0, 2, 'per', 15, 16, 'loc', 'place_of_residence']]
               for d in val)
    assert all(int(d[PAIR].tag.abs().sum()) == 0 for d in val)
    counts = val.statistics()
    assert (counts['sentences'], counts['windows'], counts['words'],
            counts['quintuples'], counts['left out']) == (1, 3, 16, 1, 1)


def test_statistics_count_what_the_lines_say(root):
    assert load(root).statistics() == {
        'sentences': 2,
        'windows': 2,
        'words': 12,
        'quintuples': 3,
        'entities': 5,
        'objects': 2,
        'predicates': 1,
        'with objects': 0.5,
        'overlapping spans': 0,
        'left out': 0
    }
    assert load(root)[1:].statistics()['entities'] == 2
    assert load(root, split='val').statistics()['quintuples'] == 1


def test_captions_are_a_choice(root):
    none = load(root, visual=())
    assert [d[OBJECT].num_nodes for d in none] == [0, 0]
    other = {'img_id': 'bob.jpg', 'caption': 'a man, a dog and a cat'}
    (root / 'raw' / 'more_train.jsonl').write_text(json.dumps(other))
    more = load(root, visual=['more_{split}.jsonl'])
    assert [d[OBJECT].num_nodes for d in more] == [0, 3]


def test_types_and_relations_of_ones_own(root):
    tags = TagSet(('person', 'ship'), ('sails', 'owns', 'sees'))
    text = repr({
        'token': ['Ann', 'sails', 'Argo'],
        'h': {
            'name': 'Ann',
            'pos': [0, 1]
        },
        't': {
            'name': 'Argo',
            'pos': [2, 3]
        },
        'img_id': '',
        'relation': '/person/ship/sails'
    })
    (root / 'raw' / 'mnre_train.txt').write_text(text)
    data = load(root, tags=tags)[0]
    assert data[PAIR].tag.view(3, 3).tolist() == [[1, 0, 3], [0, 0, 0], [0, 0, 2]]
    with pytest.raises(ValueError, match="mnre_train.txt:1: unknown type 'person'"):
        load(root)


def never(data):
    return False


def marked(data):
    data.mark = 'x'
    return data


def marked_otherwise(data):
    data.mark = 'y'
    return data


def test_data_of_an_older_schema_are_built_anew(root, monkeypatch):
    with monkeypatch.context() as older:
        older.setattr('eega_pyg.datasets.processed.SCHEMA_VERSION', 2)
        path = load(root).processed_paths[0]
    Path(path).write_bytes(b'without what is stored now')
    assert load(root)[0].annotated.all()


def test_whatever_changes_the_result_changes_the_name(root):
    first = load(root)
    (root / 'raw' / 'mnre_test.txt').write_text('')  # Changes nothing.
    assert load(root).processed_paths == first.processed_paths
    paths = {first.processed_paths[0]}
    for change in ({
            'version': 'merged'
    }, {
            'table': 'symmetric'
    }, {
            'word_vectors': True
    }, {
            'max_words': 9
    }, {
            'max_objects': 1
    }, {
            'mask': True
    }, {
            'visual': ()
    }, {
            'pre_transform': marked
    }, {
            'pre_transform': marked_otherwise
    }, {
            'tags': TagSet(JMERE_TAGS.types, JMERE_TAGS.relations[::-1])
    }):
        paths.add(load(root, **change).processed_paths[0])
    text = (root / 'raw' / 'captions_train.jsonl').read_text()
    (root / 'raw' / 'captions_train.jsonl').write_text(text.replace('red', 'blue'))
    paths.add(load(root).processed_paths[0])
    text = (root / 'raw' / 'mnre_train.txt').read_text()
    (root / 'raw' / 'mnre_train.txt').write_text(text.replace('joins', 'leaves'))
    paths.add(load(root).processed_paths[0])
    assert len(paths) == 13
    assert load(root, pre_transform=marked)[0].mark == 'x'
    assert load(root, pre_transform=marked_otherwise)[0].mark == 'y'


def test_filters_and_transforms(root):
    assert len(load(root, pre_filter=lambda d: d.image_id == 'bob.jpg')) == 1
    assert load(root, transform=marked)[1].mark == 'x'
    with pytest.raises(ValueError, match="'pre_filter' left nothing of the train"):
        load(root, pre_filter=never)


def tokens(data):
    edges = data[DEP]
    return Data(edge_index=edges.edge_index, edge_type=edges.edge_type,
                num_nodes=data[TOKEN].num_nodes, words=data.words)


def with_array(data):
    data.array = np.ones(3)
    return data


def test_a_transform_to_another_class_works_before_and_after_saving(root):
    after, before = load(root, transform=tokens), load(root, pre_transform=tokens)
    for _ in range(2):
        assert [d.words for d in before] == [d.words for d in after]
        assert all(a.edge_index.equal(b.edge_index) for a, b in zip(before, after))
        assert type(before[1]) is Data and before[1].num_nodes == 6
        before = load(root, pre_transform=tokens)
    assert len(next(iter(DataLoader(before, batch_size=2))).edge_type) > 0
    with pytest.raises(ValueError, match="HeteroData to count .*made them Data"):
        before.statistics()


def test_what_cannot_be_stored_leaves_no_file(root):
    for _ in range(2):
        with pytest.raises(ValueError, match="'array' holds a numpy.ndarray"):
            load(root, pre_transform=with_array)
        assert not [n for n in files(root) if n.endswith(('.pt', '.tmp'))]
    assert len(load(root)) == 2


def test_several_relations_of_a_pair_are_counted(root):
    tags = TagSet(('per', 'org'), ('founder', 'leader', 'led_by'))
    ann, acme = {'name': 'Ann', 'pos': [0, 1]}, {'name': 'Acme', 'pos': [4, 5]}
    rows = [{
        'token': 'Ann founded and leads Acme'.split(),
        'h': head,
        't': tail,
        'img_id': '',
        'relation': relation
    } for head, tail, relation in ((ann, acme, '/per/org/founder'),
                                   (ann, acme, '/per/org/leader'), (acme, ann,
                                                                    '/org/per/led_by'))]
    (root / 'raw' / 'mnre_train.txt').write_text('\n'.join(map(repr, rows)))
    dataset = load(root, tags=tags)
    table = dataset[0][PAIR].tag.view(5, 5)
    assert (table[0, 4], table[4, 0]) == (tags.id('founder'), tags.id('led_by'))
    assert dataset.statistics()['left out'] == 1
    assert load(root, tags=tags, table='symmetric').statistics()['left out'] == 2


# Opens a data set where nothing that parses or cuts words can be imported.
BLOCKED = '''
import sys
for name in ('spacy', 'thinc', 'transformers', 'tokenizers', 'sentencepiece',
             'en_core_web_sm', 'lightning', 'torchvision'):
    sys.modules[name] = None
import eega_pyg.resolve as resolve
if sys.argv[2] == 'gone':  # Their folders are gone, too.
    resolve._package_folder = lambda package: None
    resolve._cached_folder = lambda path: None
from eega_pyg.datasets import JMERE
from eega_pyg.datasets.pairs import PairReader
PairReader.pairs = None
for split in ('train', 'val'):
    data = JMERE(sys.argv[1], split=split, log=False)
    print(split, len(data), data.statistics()['words'])
'''


@pytest.mark.slow
@pytest.mark.parametrize('how', ['blocked', 'gone'])
def test_a_built_data_set_opens_without_parser_and_tokenizer(root, how):
    load(root, split='val')
    run = subprocess.run(
        [sys.executable, '-c', BLOCKED, str(root), how], capture_output=True, text=True)
    assert run.stdout.splitlines() == ['train 2 12', 'val 1 16'], run.stderr


def test_opening_loads_neither_parser_nor_tokenizer(root, monkeypatch):
    first = load(root)
    for name in ('load_spacy', 'load_tokenizer'):
        monkeypatch.setattr(f'eega_pyg.resolve.{name}',
                            lambda *args: pytest.fail('loaded'))
    cached_parser.cache_clear()
    cached_pieces.cache_clear()
    encoder_identity.cache_clear()
    monkeypatch.setattr('eega_pyg.datasets.cached.load_tokenizer',
                        lambda *args: pytest.fail('loaded'))
    assert load(root).processed_paths == first.processed_paths
    # A broken note is no note.
    (root / 'processed' / 'tools.json').write_text('[')
    with pytest.raises(pytest.fail.Exception):
        load(root)


@pytest.mark.parametrize('change, message', [
    ({
        'split': 'dev'
    }, "a split of train, val, test .got 'dev'."),
    ({
        'version': 'v2'
    }, "a version of v1, merged, unrelated .got 'v2'."),
    ({
        'table': 'full'
    }, "a table of directed, symmetric, triangle .got 'full'."),
])
def test_an_unknown_choice_is_named(tmp_path, change, message):
    with pytest.raises(ValueError, match=message):
        load(tmp_path / 'new', **change)
    assert not (tmp_path / 'new').exists()


@pytest.mark.real
@pytest.mark.slow
def test_the_real_data_set_holds_the_published_counts(shared_data, tmp_path):
    # Those of train are counted where its lines are read and where they are tagged:
    # here a part of them makes the vocabularies.
    raw = tmp_path / 'raw'
    raw.mkdir()
    for split, size in (('train', 100), ('val', None)):
        name = f'mnre_{split}.txt'
        lines = (shared_data / 'mnre' / name).read_bytes().splitlines(keepends=True)
        (raw / name).write_bytes(b''.join(lines[:size]))
    val = load(tmp_path, split='val')
    counts = val.statistics()
    assert (len(val), counts['quintuples'], counts['overlapping spans']) == (496, 624,
                                                                             1)
    # What encode() leaves out is in the sentence with overlapping spans:
    written = [set(data[PAIR].tag.tolist()) for data in val]
    wanted = [{JMERE_TAGS.id(q[6]) for q in data.quintuples} for data in val]
    assert sum(not b <= a for a, b in zip(written, wanted)) <= 1
