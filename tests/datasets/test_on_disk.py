import pickle
import sqlite3
from copy import deepcopy
from functools import partial

import pytest
import torch
from safetensors.torch import load_file
from torch_geometric.loader import DataLoader

from eega_pyg.config import Config, TrainConfig
from eega_pyg.datasets import JMERE, FakeJMERE, OnDiskPairs, open_dataset
from eega_pyg.datasets.graphs import lengths
from eega_pyg.datasets.on_disk import PART
from eega_pyg.schema import OBJECT, PIECE, num_pieces
from eega_pyg.training.evaluation import sorted_loader
from eega_pyg.training.loaders import loaders
from eega_pyg.training.run import fit


@pytest.fixture(scope='module')
def graphs():
    return list(FakeJMERE(30, avg_words=6, feature_size=3, vector_size=2))


def numbered(graphs, first):
    r"""Two graphs a record."""
    return ((i // 2, graphs[i]) for i in range(2 * first, len(graphs)))


@pytest.fixture
def path(graphs, tmp_path):
    path = str(tmp_path / 'graphs.db')
    assert OnDiskPairs.write(path, partial(numbered, graphs)) == len(graphs)
    return path


def plain(value):
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    return value


def assert_same(found, expected):
    found, expected = found.to_dict(), expected.to_dict()
    assert found.keys() == expected.keys()
    for store, values in expected.items():
        assert found[store].keys() == values.keys()
        for name, value in values.items():
            other = found[store][name]
            if isinstance(value, torch.Tensor):
                assert other.dtype == value.dtype and torch.equal(other, value)
            else:
                assert plain(other) == plain(value)


def test_what_is_written_is_read(graphs, path):
    dataset = OnDiskPairs(path)
    assert len(dataset) == len(graphs)
    for found, expected in zip(dataset, graphs):
        assert_same(found, expected)
    one, other = (next(iter(DataLoader(d, len(graphs)))) for d in (dataset, graphs))
    assert_same(one, other)


def test_lengths_are_known_without_a_graph(graphs, path, monkeypatch):
    def refused(*args):
        raise AssertionError('a graph was read')

    dataset = OnDiskPairs(path)
    monkeypatch.setattr(OnDiskPairs, 'get', refused)
    monkeypatch.setattr(OnDiskPairs, 'multi_get', refused)
    expected = [num_pieces(g) for g in graphs]
    assert lengths(dataset) == expected
    assert lengths(dataset[5:9]) == expected[5:9]
    train, val = loaders(dataset, dataset, TrainConfig(batch_size=4))
    assert sorted(sum(train.batch_sampler, [])) == list(range(30))
    assert [len(batch) for batch in val.batch_sampler] == [8, 8, 8, 6]


def marked(data):
    data.mark = int(data.sentence) + 100
    return data


def test_a_transform_sees_every_access_and_subsets_are_subsets(graphs, path):
    dataset = OnDiskPairs(path, transform=marked)
    part = dataset[[7, 3]]
    assert [d.mark for d in part] == [107, 103]
    batch = next(iter(DataLoader(part, 2)))
    assert batch.mark.tolist() == [107, 103]
    assert [d.mark for d in pickle.loads(pickle.dumps(part))] == [107, 103]


def test_an_interrupted_build_goes_on_behind_what_is_written(graphs, tmp_path,
                                                             monkeypatch):
    monkeypatch.setattr('eega_pyg.datasets.on_disk._BLOCK', 5)
    path, begun = str(tmp_path / 'graphs.db'), []

    def stopped(first):
        begun.append(first)
        for record, data in numbered(graphs, first):
            if record == (8 if len(begun) == 1 else 99):
                raise KeyboardInterrupt
            yield record, data

    with pytest.raises(KeyboardInterrupt):
        OnDiskPairs.write(path, stopped)
    assert [p.name for p in tmp_path.iterdir()] == [f'graphs.db{PART}']
    assert OnDiskPairs.write(path, stopped) == len(graphs)
    # A block ends with a record: six graphs are the first to be written at once.
    assert begun == [0, 6]
    assert [p.name for p in tmp_path.iterdir()] == ['graphs.db']
    for found, expected in zip(OnDiskPairs(path), graphs):
        assert_same(found, expected)


def test_what_cannot_be_stored_is_named(graphs, tmp_path):
    data = graphs[0].clone()
    data.extra = object()
    with pytest.raises(ValueError, match='no tensor, string, number, list or dict'):
        OnDiskPairs.write(str(tmp_path / 'graphs.db'), lambda first: [(0, data)])
    assert OnDiskPairs.write(str(tmp_path / 'none.db'), lambda first: []) == 0
    assert not (tmp_path / 'none.db').exists()


@pytest.mark.parametrize('content', [b'', b'no database', b'SQLite format 3\0' * 99])
def test_a_file_of_something_else_is_named(tmp_path, content):
    path = tmp_path / 'graphs.db'
    path.write_bytes(content)
    with pytest.raises(ValueError, match="graphs.db' holds no graphs, or is damaged"):
        OnDiskPairs(str(path))
    with pytest.raises(FileNotFoundError, match="There is no '.*none.db'"):
        OnDiskPairs(str(tmp_path / 'none.db'))


@pytest.fixture(scope='module')
def opened(small_root, tiny_overrides):
    r"""A data set in memory and on the disk, by split."""
    def both(split, vocabularies):
        return [
            open_dataset(small_root, split, config.data, None, vocabularies, log=False)
            for config in (Config.load('default', [*tiny_overrides, *own])
                           for own in ([], ['data.on_disk=true']))
        ]

    train = both('train', None)
    return {'train': train, 'val': both('val', train[0].vocabularies)}


@pytest.mark.parametrize('split', ['train', 'val'])
def test_a_data_set_on_the_disk_is_the_one_in_memory(opened, split):
    memory, disk = opened[split]
    assert disk.vocabularies.fingerprint == memory.vocabularies.fingerprint
    assert len(disk) == len(memory) > 10
    for found, expected in zip(disk, memory):
        assert_same(found, expected)
    assert disk.statistics() == memory.statistics()
    assert disk[3:7].statistics() == memory[3:7].statistics()
    assert list(sorted_loader(disk,
                              4).sampler) == list(sorted_loader(memory, 4).sampler)
    assert disk.processed_file_names[0].endswith('.db')


def test_a_copy_is_in_memory_and_has_what_was_chosen(opened):
    memory, disk = opened['train']
    for found in (disk[[7, 3]].copy(), disk.copy([7, 3])):
        assert len(found) == 2
        assert_same(found[0], memory[7])
        assert_same(found[1], memory[3])
    assert len(disk.copy()) == len(disk)
    with pytest.raises(ValueError, match="move its batches to 'cpu'"):
        disk.to('cpu')


def test_it_is_built_once(opened, small_root, monkeypatch):
    memory, disk = opened['val']
    monkeypatch.setattr('eega_pyg.datasets.pairs.PairReader.parsed', None)
    again = type(disk)(str(small_root), 'val', encoder=disk.encoder, on_disk=True,
                       vocabularies=disk.vocabularies, version=disk.version,
                       word_vectors=disk._reader.word_vectors, validation=0.2,
                       mask=disk._texts.mask, log=False)
    assert len(again) == len(disk) and again[2][OBJECT].num_nodes >= 0
    assert again[0][PIECE].num_nodes == again.num_pieces[0]


@pytest.mark.slow
def test_training_on_the_disk_gives_the_same_weights(small_root, tiny_overrides,
                                                     tmp_path):
    options = [*tiny_overrides, 'train.epochs=1', 'train.pretrain_epochs=1']
    weights, scores = [], []
    for name, own in (('memory', []), ('disk', ['data.on_disk=true'])):
        config = Config.load('default', [*options, *own])
        result = fit(config, small_root, tmp_path / name, progress=False)
        weights.append(load_file(result.folder / 'model.safetensors'))
        scores.append(result.scores)
    assert scores[0] == scores[1]
    assert all(torch.equal(weights[0][k], weights[1][k]) for k in weights[0])


def test_a_changed_byte_is_no_other_graph(graphs, path):
    with sqlite3.connect(path) as database:
        rest, = database.execute('SELECT COL_rest FROM OnDiskPairs WHERE id = 3'
                                 ).fetchone()  # yapf: disable
        changed = rest.replace('w', 'v', 1)
        assert changed != rest
        database.execute('UPDATE OnDiskPairs SET COL_rest = ? WHERE id = 3',
                         (changed, ))
    database.close()
    dataset = OnDiskPairs(path)
    assert_same(dataset[2], graphs[2])
    with pytest.raises(ValueError, match='graph 3 is damaged: its checksum'):
        dataset[3]


def test_a_file_without_checksums_is_read(graphs, path):
    with sqlite3.connect(path) as database:
        database.execute('UPDATE OnDiskPairs SET COL_rest = substr(COL_rest, 9)')
    database.close()
    for found, expected in zip(OnDiskPairs(path), graphs):
        assert_same(found, expected)


def with_more(data, **more):
    for name, value in more.items():
        data[name] = value
    return data


@pytest.mark.parametrize('change, message', [
    (lambda d: d.to_homogeneous(), 'that are HeteroData .got Data'),
    (lambda d: None, 'that are HeteroData .got NoneType'),
    (lambda d: with_more(d, heads={0: [1]}), 'no strings .* the key 0'),
    (lambda d: with_more(d, s=torch.eye(3).to_sparse()), "'s' is torch.sparse_coo"),
])
def test_what_the_disk_would_change_is_refused(graphs, tmp_path, change, message):
    given = change(deepcopy(graphs[0]))
    with pytest.raises(ValueError, match=message):
        OnDiskPairs.write(str(tmp_path / 'a.db'), lambda first: [(0, given)])


def test_a_transform_may_leave_out_the_objects(small_root):
    def text_alone(data):
        del data[OBJECT]
        return data

    for on_disk in (False, True):
        dataset = JMERE(small_root, 'val', on_disk=on_disk, pre_transform=text_alone,
                        log=False)
        assert OBJECT not in dataset[0].node_types and len(dataset) > 0
