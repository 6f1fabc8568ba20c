import os
import pickle

import pytest
import torch
from torch_geometric.data import HeteroData

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
        'schema': 3,
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
    'schema': 3,
    'data': [],
    'slices': {}
}])
def test_other_content_is_refused(tmp_path, content):
    path = str(tmp_path / 'a.pt')
    torch.save(content, path)
    with pytest.raises(ValueError, match="a.pt' is not a data set of schema 3"):
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
