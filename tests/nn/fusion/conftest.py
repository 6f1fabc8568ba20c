import pytest
import torch

from eega_pyg.nn.fusion import FusionInput

CHANNELS = 8
#: Words and objects of each pair, and the number of its image.
PAIRS = ((3, 2, 0), (1, 4, 1), (5, 0, 2), (2, 1, 3), (4, 3, 1))


def graph(num_nodes, generator):
    r"""Some edges in both directions, with types, and a self-loop at each node."""
    both = torch.combinations(torch.arange(num_nodes)).t()
    kept = torch.rand(both.size(1), generator=generator) < 0.5
    both = both[:, kept]
    kind = torch.randint(1, 4, (both.size(1), ), generator=generator)
    loop = torch.arange(num_nodes).expand(2, -1)
    return (torch.cat([both, both.flip(0), loop], 1),
            torch.cat([kind, kind, torch.zeros(num_nodes, dtype=torch.long)]))


@pytest.fixture(scope='session')
def pairs():
    r"""Words, objects, their graphs, and the image of a few pairs, the third without
    objects, and two with the same image."""
    generator = torch.Generator().manual_seed(0)
    out = []
    for num_words, num_objects, image in PAIRS:
        x, y = (torch.randn(n, CHANNELS, generator=generator, dtype=torch.double)
                for n in (num_words, num_objects))
        out.append((x, graph(num_words, generator), y, graph(num_objects,
                                                             generator), image))
    return out


@pytest.fixture(scope='session')
def batch_of():
    def collate(pairs, with_losses=True):
        r"""One batch of pairs."""
        sides = []
        for i in (0, 2):
            x = [p[i] for p in pairs]
            sizes = torch.tensor([len(nodes) for nodes in x])
            offset = sizes.cumsum(0) - sizes
            edges = [p[i + 1][0] + o for p, o in zip(pairs, offset)]
            sides += [
                torch.cat(x),
                sizes.new_tensor(range(len(x))).repeat_interleave(sizes),
                torch.cat(edges, 1),
                torch.cat([p[i + 1][1] for p in pairs])
            ]
        return FusionInput(*sides, torch.tensor([p[4] for p in pairs]), with_losses)

    return collate
