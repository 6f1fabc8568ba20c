import pytest
import torch

from eega_pyg.nn.fusion import all_pairs


@pytest.mark.parametrize('shuffled', [False, True])
def test_every_source_is_joined_with_every_target_of_its_graph(shuffled):
    source = torch.tensor([0, 0, 2, 3, 3, 3])
    target = torch.tensor([0, 1, 1, 2, 3, 3, 4])
    if shuffled:
        target = target.flip(0)
    edges = all_pairs(source, target, 5)
    expected = [(i, j) for j, b in enumerate(target) for i, a in enumerate(source)
                if a == b]
    assert list(map(tuple, edges.t().tolist())) == expected


def test_there_may_be_no_sources_or_no_targets():
    none, some = torch.empty(0, dtype=torch.long), torch.tensor([0, 1, 1])
    for pair in ((none, some), (some, none), (none, none)):
        assert all_pairs(*pair, 2).shape == (2, 0)
