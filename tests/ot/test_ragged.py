import pytest
import torch
import torch.nn.functional as F
from torch_geometric.utils import to_dense_batch

from eega_pyg.ot import node_layout
from eega_pyg.ot.ragged import layouts, single_layout


def test_padding_is_that_of_pyg() -> None:
    batch = torch.tensor([0, 0, 2, 2, 2, 4])
    x = torch.randn(6, 3)
    layout = single_layout(6, batch, 6)
    dense, mask = to_dense_batch(x, batch, batch_size=6)
    assert torch.equal(layout.pad(x), dense)
    assert torch.equal(layout.mask, mask)
    with pytest.raises(ValueError, match=r'values of 6 nodes \(got 5\)'):
        layout.pad(x[:5])


def test_layouts_of_ptr_are_those_of_batch_vectors() -> None:
    sizes = torch.tensor([[3, 0, 2], [0, 0, 0], [1, 4, 4]])
    for size, layout in zip(sizes, layouts(*F.pad(sizes.cumsum(1), (1, 0)))):
        batch = torch.arange(3).repeat_interleave(size)
        other = single_layout(len(batch), batch, 3)
        assert torch.equal(layout.position, other.position)
        assert torch.equal(layout.mask, other.mask)
        assert torch.equal(layout.batch, batch)
        assert single_layout(len(batch), layout, 3) is layout
        with pytest.raises(ValueError, match='of 99 nodes and 3 graphs'):
            single_layout(99, layout, 3)


def test_the_number_of_pairs_is_that_of_the_longer_side() -> None:
    s, t = node_layout(2, torch.tensor([0, 1]), 3, torch.tensor([0, 3, 3]), None,
                       torch.device('cpu'))
    assert s.batch_size == t.batch_size == 4
    s, t = node_layout(2, None, 0, None, None, torch.device('cpu'))
    assert s.mask.tolist() == [[True, True]] and t.mask.tolist() == [[False]]


@pytest.mark.parametrize('batch, size, message', [
    (torch.tensor([1, 0]), None, 'ascending'),
    (torch.tensor([0, 5]), 3, r'\[0, 3\) \(got values from 0 to 5\)'),
    (torch.tensor([-1, 0]), None, 'ascending'),
    (torch.tensor([0]), None, 'of 2 nodes'),
    (None, 2, 'for 2 graphs'),
])
def test_bad_batch_vectors_are_named(batch: torch.Tensor, size: int,
                                     message: str) -> None:
    with pytest.raises(ValueError, match=message):
        single_layout(2, batch, size)


def test_one_batch_vector_is_not_enough() -> None:
    with pytest.raises(ValueError, match='both sides or for none'):
        node_layout(2, torch.tensor([0, 1]), 3, None, None, torch.device('cpu'))
