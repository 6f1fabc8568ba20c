r"""Every layer, every form of the edges, odd shapes and sizes of every argument: a cell
gives what the plain edges give, or an error that names the argument."""
from functools import lru_cache

import pytest
import torch
from torch_geometric import EdgeIndex
from torch_geometric.nn import GATv2Conv, HeteroConv, RGCNConv, to_hetero

from eega_pyg.nn import (
    AttributeTransformer,
    EdgeChannel,
    MultiChannel,
    NodeChannel,
    PairTagger,
    WordFeatures,
)
from eega_pyg.nn.conv import (
    AttributeTransformerConv,
    CompleteGraph,
    TypedConv,
    WGCNConv,
)

N, F, T, D = 6, 8, 3, 4
LAYERS = {
    'transformer, typed':
    lambda: AttributeTransformerConv(F, 4, 2, edge_dim=D, num_edge_types=T),
    'transformer, attributed':
    lambda: AttributeTransformerConv(F, 4, 2, edge_dim=D),
    'transformer, plain':
    lambda: AttributeTransformerConv(F, 4, 2),
    'wgcn, typed':
    lambda: WGCNConv(F, F, D, num_edge_types=T),
    'wgcn, attributed':
    lambda: WGCNConv(F, F, D),
    'block':
    lambda: AttributeTransformer(
        AttributeTransformerConv(F, 4, 2, edge_dim=D, num_edge_types=T), F, dropout=0),
    'typed rgcn':
    lambda: TypedConv(RGCNConv(F, F, T), T),
    'typed gatv2':
    lambda: TypedConv(GATv2Conv(F, F, edge_dim=D, add_self_loops=False), T),
    'typed wgcn':
    lambda: TypedConv(WGCNConv(F, F, D, num_edge_types=T), T),
}
TYPED = [k for k in LAYERS if 'plain' not in k and 'attributed' not in k]
OWN = [
    'transformer, typed', 'transformer, attributed', 'wgcn, typed', 'wgcn, attributed',
    'transformer, plain', 'block'
]
REFUSED = (ValueError, TypeError, IndexError)


@lru_cache(maxsize=None)
def layer(name):
    torch.manual_seed(0)
    return LAYERS[name]().eval()


def edges(name, count=9):
    generator = torch.Generator().manual_seed(1)
    pairs = torch.randperm(N * N, generator=generator)[:count]
    index = torch.stack([pairs // N, pairs % N])
    if name in TYPED:
        values = {'edge_type': torch.randint(T, (count, ), generator=generator)}
    elif 'attributed' in name:
        values = {'edge_attr': torch.randn(count, D, generator=generator)}
    else:
        values = {}
    return index, values


def features():
    return torch.randn(N, F, generator=torch.Generator().manual_seed(2))


FORMS = [
    'int32', 'EdgeIndex', 'EdgeIndex, no size', 'row', 'col', 'undirected', 'coo',
    'csr', 'csc'
]


def in_form(form, index, values):
    r"""The same edges, their values in the same order or within a matrix."""
    if form == 'int32':
        return index.int(), values
    if form == 'EdgeIndex, no size':
        return EdgeIndex(index), values
    if form in ('EdgeIndex', 'row', 'col', 'undirected'):
        out = EdgeIndex(index, sparse_size=(N, N))
        if form in ('row', 'col'):
            out, perm = out.sort_by(form)
            values = {k: v[perm] for k, v in values.items()}
        return out, values
    value = next(iter(values.values())) if values else torch.ones(index.size(1))
    adj = torch.sparse_coo_tensor(index.flip(0), value,
                                  (N, N, *value.shape[1:])).coalesce()
    if form == 'csr':
        adj = adj.to_sparse_csr() if value.dim() == 1 else adj
    elif form == 'csc':
        adj = adj.to_sparse_csc() if value.dim() == 1 else adj
    return adj, {}


@pytest.mark.parametrize('form', FORMS)
@pytest.mark.parametrize('count', [0, 1, 9])
@pytest.mark.parametrize('name', LAYERS)
def test_every_form_of_the_edges_is_the_plain_one(name, count, form):
    conv, x, (index, values) = layer(name), features(), edges(name, count)
    expected = conv(x, index, **values)
    given, values = in_form(form, index, values)
    if 'typed ' in name and form in ('coo', 'csr', 'csc'):
        with pytest.raises(ValueError, match='edge_index'):
            conv(x, given, edges(name, count)[1]['edge_type'])
        return
    if form == 'int32' and name in ('typed rgcn', 'typed gatv2'):
        given = given.long()  # PyG's own take no others.
    torch.testing.assert_close(conv(x, given, **values), expected)


@pytest.mark.parametrize('form', ['plain', 'EdgeIndex', 'row', 'col'])
@pytest.mark.parametrize('name', OWN)
def test_two_sides_and_their_sizes(name, form):
    conv, x, (index, values) = layer(name), features(), edges(name)
    if form != 'plain':
        index, values = in_form(form, index, values)
    y = features().flip(0)
    expected = conv((x, y), index, **values)
    size = {'size': (N, N)}
    torch.testing.assert_close(conv((x, y), index, **values, **size), expected)
    for wrong in ((N + 1, N), (N, N - 1), (N, ), 'size', (N, N, N)):
        with pytest.raises(REFUSED, match='size'):
            conv((x, y), index, **values, size=wrong)
    if 'wgcn' not in name:
        with pytest.raises(REFUSED, match='x'):
            conv((x, None), index, **values)


BAD_X = [
    torch.ones(N, F, dtype=torch.long),
    torch.ones(N, F + 1),
    torch.ones(N),
    torch.ones(N, F, 1),
    torch.ones(N, 0), None, [[1.] * F] * N, (torch.ones(N, F), ),
    torch.ones(N, F).bool()
]


@pytest.mark.parametrize('bad', range(len(BAD_X)))
@pytest.mark.parametrize('name', LAYERS)
def test_features_that_do_not_fit_are_named(name, bad):
    if name.startswith('typed') and bad in (1, 4):
        pytest.skip('The width is known to the layer within alone')
    index, values = edges(name)
    with pytest.raises(REFUSED, match="'?x"):
        layer(name)(BAD_X[bad], index, **values)


BAD_INDEX = [
    torch.tensor([[0, N], [1, 2]]),
    torch.tensor([[0, 1], [1, N]]),
    torch.tensor([[0, -1], [1, 2]]),
    torch.tensor([[0, 1], [1, -2]]),
    torch.tensor([[0., 1.], [1., 2.]]),
    torch.tensor([0, 1]),
    torch.tensor([[0, 1, 2]]),
    torch.tensor([[0, 1], [1, 2], [0, 1]]), None, [[0, 1], [1, 2]]
]


@pytest.mark.parametrize('bad', range(len(BAD_INDEX)))
@pytest.mark.parametrize('name', LAYERS)
def test_edges_that_do_not_fit_are_named(name, bad):
    _, values = edges(name, 2)
    with pytest.raises(REFUSED, match='edge_index'):
        layer(name)(features(), BAD_INDEX[bad], **values)


@pytest.mark.parametrize('name', OWN[:4])
def test_a_matrix_of_another_size_is_named(name):
    adj, _ = in_form('coo', *edges(name))
    for x in (features()[:-1], torch.cat([features(), features()])):
        with pytest.raises(REFUSED, match='edge_index'):
            layer(name)(x, adj)


BAD_TYPES = [
    torch.zeros(8).long(),
    torch.zeros(10).long(),
    torch.zeros(9),
    torch.zeros(9, 1).long(),
    torch.full((9, ), T),
    torch.full((9, ), -1),
    torch.zeros(9).bool(),
    torch.tensor(1),
    torch.zeros(0).long(), None, [0] * 9
]


@pytest.mark.parametrize('form', ['plain', 'col'])
@pytest.mark.parametrize('bad', range(len(BAD_TYPES)))
@pytest.mark.parametrize('name', TYPED)
def test_types_that_do_not_fit_are_named(name, bad, form):
    index, values = edges(name)
    if form == 'col':
        index, _ = in_form('col', index, values)
    with pytest.raises(REFUSED, match='edge_type'):
        layer(name)(features(), index, edge_type=BAD_TYPES[bad])


@pytest.mark.parametrize('bad', [
    torch.zeros(8, D),
    torch.zeros(9, D + 1),
    torch.zeros(9),
    torch.zeros(9, D).long(),
    torch.zeros(0, D),
    torch.zeros(9, D, 1),
    torch.tensor(1.), None
])
@pytest.mark.parametrize('name', ['transformer, attributed', 'wgcn, attributed'])
def test_attributes_that_do_not_fit_are_named(name, bad):
    with pytest.raises(REFUSED, match='edge_attr'):
        layer(name)(features(), edges(name)[0], edge_attr=bad)


@pytest.mark.parametrize('graph', ['plain', 'complete'])
def test_scores_and_masks_that_do_not_fit_are_named(graph):
    index = edges('wgcn, typed')[0]
    if graph == 'complete':
        index = CompleteGraph.from_ptr(torch.tensor([0, 3]))
    conv, x = layer(
        'wgcn, typed'), features()[:3] if graph == 'complete' else features()
    for bad in (torch.zeros(8), torch.zeros(9, 1), torch.zeros(9).long()):
        with pytest.raises(REFUSED, match='edge_score'):
            conv(x, index, edge_score=bad)
    for bad in (torch.ones(8).bool(), torch.ones(9)):
        with pytest.raises(REFUSED, match='edge_mask'):
            conv(x, index, edge_score=torch.zeros(9), edge_mask=bad)
    with pytest.raises(REFUSED, match='edge_type'):
        conv(x, index, edge_type=torch.full((9, ), T))
    if graph == 'complete':
        with pytest.raises(REFUSED, match='x'):
            conv(features(), index, edge_score=torch.zeros(9))


@pytest.mark.parametrize('name', ['transformer, typed', 'wgcn, typed', 'block'])
@pytest.mark.parametrize('form', ['plain', 'col'])
def test_pygs_containers_give_what_the_layer_gives(name, form):
    conv, x, (index, values) = layer(name), features(), edges(name)
    if form == 'col':
        index, values = in_form('col', index, values)
    kind = ('a', 'to', 'a')
    out = HeteroConv({kind: conv})({
        'a': x
    }, {
        kind: index
    }, edge_type_dict={
        kind: values['edge_type']
    })
    expected = conv(x, index, **values)
    torch.testing.assert_close(out['a'], expected)

    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = conv

        def forward(self, x, edge_index, edge_type):
            return self.conv(x, edge_index, edge_type=edge_type)

    if name != 'block':  # To PyG, a layer is what passes messages itself.
        net = to_hetero(Net(), (['a'], [kind])).eval()
        net.conv['__'.join(kind)].load_state_dict(conv.state_dict())
        out = net({'a': x}, {kind: index}, {kind: values['edge_type']})
        torch.testing.assert_close(out['a'], expected)


def test_the_layers_over_pairs_name_what_does_not_fit():
    graph = CompleteGraph.from_ptr(torch.tensor([0, 2, 5]))  # 13 pairs of 5 words.
    channels = {'sd': EdgeChannel(T, D), 'pos': NodeChannel(T, D)}
    types = {'sd': torch.zeros(13).long(), 'pos': torch.zeros(5).long()}
    multi = MultiChannel(F, F, channels, D)
    tagger = PairTagger(F, 7, list(channels), D)
    x = torch.randn(5, F)
    assert tagger(multi(x, graph, types), graph, channels, types).shape == (13, 7)
    high, low = torch.full((13, ), T), torch.full((13, ), -1)
    for bad in (torch.zeros(12).long(), torch.zeros(13), high, low, None):
        for call in (lambda t: multi(x, graph, t),
                     lambda t: tagger(x, graph, channels, t)):
            with pytest.raises(REFUSED, match='types'):
                call({**types, 'sd': bad})
            with pytest.raises(REFUSED, match='types'):
                call({**types, 'pos': bad})
            with pytest.raises(REFUSED, match='types'):
                call({'sd': types['sd']})
    for bad in (x[:4], x[:, :-1], x.long(), x[0]):
        with pytest.raises(REFUSED, match='x'):
            multi(bad, graph, types)
        with pytest.raises(REFUSED, match='x'):
            tagger(bad, graph, channels, types)
    with pytest.raises(REFUSED, match='channels'):
        tagger(x, graph, {}, types)


def test_features_of_words_that_do_not_fit_are_named():
    layer = WordFeatures({'upos': T}, 5, F)
    good = {'upos': torch.zeros(4).long(), 'vector': torch.randn(4, 5)}
    assert layer(good).shape == (4, F)
    for name, bad in (('upos', torch.full((4, ), T)), ('upos', torch.zeros(4)),
                      ('vector', torch.randn(3, 5)), ('vector', torch.randn(4, 6))):
        with pytest.raises(REFUSED, match=name):
            layer({**good, name: bad})
    for name in good:
        with pytest.raises(REFUSED, match=name):
            layer({k: v for k, v in good.items() if k != name})
