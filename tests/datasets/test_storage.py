import os
import pickle
import random
from pathlib import Path

import numpy as np
import pytest
import torch
from torch_geometric import EdgeIndex
from torch_geometric.data import Batch, Data, HeteroData
from torch_geometric.data.separate import separate

from eega_pyg.datasets import FakeJMERE
from eega_pyg.datasets.storage import load_graphs, save_graphs


class Bomb:
    def __reduce__(self):
        return os.mkdir, (os.environ['BOMB'], )


def graph(size: int) -> HeteroData:
    data = HeteroData()
    data['token'].x = torch.arange(size)
    data['token'].num_nodes = size
    data.words = ['w'] * size
    return data


@pytest.mark.parametrize('sizes', [[2, 0, 3], [2]])
def test_saved_and_loaded_they_are_the_same(tmp_path, sizes):
    path = str(tmp_path / 'processed' / 'a.pt')
    save_graphs([graph(n) for n in sizes], path)
    data, slices = load_graphs(path)
    assert data['token'].x.tolist() == [i for n in sizes for i in range(n)]
    if len(sizes) > 1:
        assert data.words == [['w'] * n for n in sizes]
        assert slices['token']['x'].tolist() == [0, 2, 2, 5]
    assert os.listdir(tmp_path / 'processed') == ['a.pt']


@pytest.mark.parametrize('legacy', [False, True])
def test_a_foreign_class_is_refused_and_not_run(tmp_path, monkeypatch, legacy):
    monkeypatch.setenv('BOMB', str(tmp_path / 'bomb'))
    path = str(tmp_path / 'a.pt')
    torch.save({
        'schema': 4,
        'data': {},
        'slices': Bomb()
    }, path, _use_new_zipfile_serialization=not legacy)
    with pytest.raises(ValueError, match='a.pt.* was not read: it may run code'):
        load_graphs(path)
    assert os.listdir(tmp_path) == ['a.pt']  # Neither run nor removed.
    torch.load(path, weights_only=False)
    assert os.path.isdir(tmp_path / 'bomb')  # The test is able to fail.


def test_a_plain_pickle_is_refused_and_not_run(tmp_path, monkeypatch):
    monkeypatch.setenv('BOMB', str(tmp_path / 'bomb'))
    path = tmp_path / 'a.pt'
    path.write_bytes(pickle.dumps(Bomb(), protocol=2))
    with pytest.raises(ValueError, match="a.pt' .*force_reload=True"):
        load_graphs(str(path))
    assert not (tmp_path / 'bomb').exists()


@pytest.mark.parametrize('keep', [0, 10, 0.5, 0.99])
def test_a_damaged_file_is_named(tmp_path, keep):
    path = tmp_path / 'a.pt'
    save_graphs([graph(2), graph(3)], str(path))
    whole = path.read_bytes()
    path.write_bytes(whole[:int(keep if keep > 1 else keep * len(whole))])
    with pytest.raises(ValueError, match="a.pt' .*force_reload=True"):
        load_graphs(str(path))


@pytest.mark.parametrize('content', [[1, 2], {}, {
    'schema': 0,
    'data': {},
    'slices': {}
}, {
    'schema': 5,
    'data': [],
    'slices': {}
}])
def test_other_content_is_refused(tmp_path, content):
    path = str(tmp_path / 'a.pt')
    torch.save(content, path)
    with pytest.raises(ValueError, match="a.pt' is not a data set of schema 5"):
        load_graphs(path)


def test_an_interrupted_write_leaves_nothing(tmp_path, monkeypatch):
    def killed(content, path):
        with open(path, 'wb') as f:
            f.write(b'half')
        raise KeyboardInterrupt

    monkeypatch.setattr(torch, 'save', killed)
    with pytest.raises(KeyboardInterrupt):
        save_graphs([graph(2), graph(3)], str(tmp_path / 'a.pt'))
    assert os.listdir(tmp_path) == []


def plain(size):
    return Data(edge_index=torch.zeros(2, size, dtype=torch.long), num_nodes=size,
                name=f'of {size}')


def test_homogeneous_graphs_are_stored_too(tmp_path):
    path = str(tmp_path / 'a.pt')
    save_graphs([plain(2), plain(3)], path)
    data, slices = load_graphs(path)
    assert type(data) is Data and data.name == ['of 2', 'of 3']
    assert slices['edge_index'].tolist() == [0, 2, 5]


class Own(Data):
    pass


def with_(value):
    data = graph(2)
    data['token'].value = value
    return data


@pytest.mark.parametrize('graphs, message', [
    ([with_(np.ones(3))] * 2, "'token.value' holds a numpy.ndarray .torch.from_numpy"),
    ([with_([{
        'a': np.float32(1)
    }])], "'token.value.a' holds a numpy.float32"),
    ([with_(Path('x'))], "'token.value' holds a pathlib.PosixPath"),
    ([with_(lambda: 0)], "'token.value' holds a builtins.function"),
    ([Own(x=torch.ones(2))], r'all HeteroData, or all Data, .* \(got Own\)'),
    ([graph(2), plain(2)], r'\(got Data, HeteroData\)'),
    ([graph(2), None], r'\(got HeteroData, NoneType\)'),
    ([Batch.from_data_list([graph(2)])], 'got HeteroDataBatch'),
    ([with_(torch.ones(2)), with_(torch.ones(2, 2))], 'cannot be stored together'),
])
def test_what_could_not_be_read_again_is_not_stored(tmp_path, graphs, message):
    with pytest.raises(ValueError, match=message):
        save_graphs(graphs, str(tmp_path / 'a.pt'))
    assert os.listdir(tmp_path) == []


def test_lists_and_dicts_of_tensors_are_stored(tmp_path):
    graphs = []
    for data in FakeJMERE(3):
        data.paths = [torch.ones(2), torch.zeros(3)]
        data['token'].m = {'a': torch.ones(1), 'b': torch.zeros(2)}
        graphs.append(data)
    save_graphs(graphs, str(tmp_path / 'a.pt'))
    data, slices = load_graphs(str(tmp_path / 'a.pt'))
    for i in range(3):
        found = separate(data.__class__, data, i, slices, decrement=False)
        assert found.paths[1].tolist() == [0, 0, 0]
        assert found['token'].m['b'].tolist() == [0, 0]


def test_what_torch_reads_as_data_alone_is_stored(tmp_path):
    edges = EdgeIndex([[0, 1], [1, 0]], sparse_size=(2, 2))
    path = str(tmp_path / 'a.pt')
    try:
        save_graphs([with_(edges)], path)
    except ValueError as e:
        assert 'EdgeIndex' in str(e) and os.listdir(tmp_path) == []
    else:
        assert load_graphs(path)[0]['token'].value.tolist() == edges.tolist()


def test_whatever_was_changed_in_a_file_is_named(tmp_path):
    path = tmp_path / 'a.pt'
    save_graphs([graph(200), graph(300)], str(path))
    whole = path.read_bytes()
    want = load_graphs(str(path))[0].to_dict()
    generator, wrong = random.Random(0), 0
    for _ in range(300):
        content = bytearray(whole)
        for _ in range(generator.choice([1, 1, 4])):
            content[generator.randrange(len(content))] ^= 1 << generator.randrange(8)
        path.write_bytes(content[:generator.choice([None, None, len(content) - 9])])
        try:
            found = load_graphs(str(path))[0].to_dict()
        except ValueError as e:
            assert str(path) in str(e) and '\n' not in str(e)
            wrong += 1
        else:  # In what no reader looks at, *e.g.*, padding.
            assert found['token']['x'].equal(want['token']['x'])
            assert found['_global_store'] == want['_global_store']
    assert wrong > 100
