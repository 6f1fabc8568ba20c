r"""Both layers as PyG's own: every form of the edges, every container, every tool."""
import sys
from pathlib import Path

import pytest
import torch
from torch_geometric import EdgeIndex
from torch_geometric.explain import AttentionExplainer, Explainer, GNNExplainer
from torch_geometric.nn import HeteroConv, Sequential, to_hetero

from eega_pyg.nn import AttributeTransformer
from eega_pyg.nn.conv import AttributeTransformerConv, CompleteGraph, WGCNConv

LAYERS = ['attribute_transformer', 'wgcn']
FORMS = ['typed', 'attributed']


def make(layer, form, in_channels=6, dtype=torch.double, **kwargs):
    torch.manual_seed(2)
    types = {'num_edge_types': 3} if form == 'typed' else {}
    if layer == 'wgcn':
        return WGCNConv(in_channels, 8, edge_dim=4, **types, **kwargs).to(dtype)
    return AttributeTransformerConv(in_channels, 4, heads=2, edge_dim=4, **types,
                                    **kwargs).to(dtype)


def graph(form, num_edges=14, num_source=7, num_target=7, dtype=torch.double):
    generator = torch.Generator().manual_seed(0)
    pairs = torch.randperm(num_source * (num_target - 1),
                           generator=generator)[:num_edges]  # The last has no edge.
    edge_index = torch.stack([pairs % num_source, pairs // num_source])
    x = torch.randn(num_source, 6, generator=generator, dtype=dtype)
    if form == 'typed':
        value = torch.randint(3, (num_edges, ), generator=generator)
        return x, edge_index, {'edge_type': value}
    value = 3 * torch.randn(num_edges, 4, generator=generator, dtype=dtype)
    return x, edge_index, {'edge_attr': value}


def sparse(layout, edge_index, value):
    shape = (7, 7, *value.shape[1:])
    if layout.startswith('coo'):
        adj = torch.sparse_coo_tensor(edge_index.flip(0), value, shape)
        return adj.coalesce() if layout == 'coo' else adj
    source, target = edge_index
    first, second = (target, source) if layout == 'csr' else (source, target)
    order = (first * 7 + second).argsort()
    ptr = torch.cat(
        [torch.zeros(1, dtype=torch.long),
         first.bincount(minlength=7).cumsum(0)])
    matrix = {'csr': torch.sparse_csr_tensor, 'csc': torch.sparse_csc_tensor}[layout]
    return matrix(ptr, second[order], value[order], shape)


def in_order(edge_index, edges, order):
    index = EdgeIndex(edge_index, sparse_size=(7, 7))
    if order is None:
        return index, edges
    index, perm = index.sort_by(order)
    return index, {k: v[perm] for k, v in edges.items()}


def gradients(conv, x, *args, **kwargs):
    x = x.clone().requires_grad_()
    out = conv(x, *args, **kwargs)
    weight = torch.linspace(-1, 1, out.numel(), dtype=out.dtype).view_as(out)
    params = [p for p in conv.parameters() if p.requires_grad]
    return [out, *torch.autograd.grad((out * weight).sum(), [x, *params])]


@pytest.mark.parametrize('form', FORMS)
@pytest.mark.parametrize('layer', LAYERS)
@pytest.mark.parametrize('order', [None, 'row', 'col'])
def test_an_edge_index_of_any_order_is_the_tensor(layer, form, order):
    conv, (x, edge_index, edges) = make(layer, form), graph(form)
    expected = gradients(conv, x, edge_index, **edges)
    index, edges = in_order(edge_index, edges, order)
    torch.testing.assert_close(gradients(conv, x, index, **edges), expected)
    # The last node has no edge: it is there nevertheless.
    index = EdgeIndex(index.as_tensor(), sort_order=order)
    torch.testing.assert_close(gradients(conv, x, index, **edges), expected)


@pytest.mark.parametrize('form', FORMS)
@pytest.mark.parametrize('layer', LAYERS)
@pytest.mark.parametrize('layout', ['coo', 'coo, not sorted', 'csr', 'csc'])
def test_a_sparse_matrix_carries_types_or_attributes_as_its_values(layer, form, layout):
    conv, (x, edge_index, edges) = make(layer, form), graph(form)
    expected = gradients(conv, x, edge_index, **edges)
    adj = sparse(layout, edge_index, *edges.values())
    torch.testing.assert_close(gradients(conv, x, adj), expected)
    with pytest.raises(ValueError, match='none beside it'):
        conv(x, adj, **edges)


@pytest.mark.parametrize('layer', LAYERS)
def test_wrong_uses_of_a_sparse_matrix_are_named(layer):
    x, edge_index, edges = graph('attributed')
    adj = torch.sparse_coo_tensor(edge_index, edges['edge_attr'], (7, 7, 4)).coalesce()
    with pytest.raises(ValueError, match='whole numbers'):
        make(layer, 'typed')(x, adj)
    with pytest.raises(ValueError, match='transpose it instead'):
        make(layer, 'attributed', flow='target_to_source')(x, adj)
    pairs = torch.tensor([[0, 0], [1, 1]])
    twice = torch.sparse_coo_tensor(pairs, torch.tensor([1, 1]), (2, 2))
    with pytest.raises(ValueError, match='an edge twice'):
        make(layer, 'typed')(x[:2], twice)


@pytest.mark.parametrize('layer', LAYERS)
@pytest.mark.parametrize('order', [None, 'row', 'col'])
def test_the_reverse_flow_is_the_flow_over_reversed_edges(layer, order):
    x, edge_index, edges = graph('typed')
    expected = make(layer, 'typed')(x, edge_index.flip(0), **edges)
    conv = make(layer, 'typed', flow='target_to_source')
    torch.testing.assert_close(conv(x, edge_index, **edges), expected)
    index, edges = in_order(edge_index, edges, order)
    torch.testing.assert_close(conv(x, index, **edges), expected)


@pytest.mark.parametrize('layer', LAYERS)
def test_types_of_any_width_and_one_number_an_edge_are_taken(layer):
    x, edge_index, edges = graph('typed')
    conv = make(layer, 'typed')
    expected = conv(x, edge_index, **edges)
    for dtype in (torch.uint8, torch.int8, torch.int32):
        out = conv(x, edge_index, edge_type=edges['edge_type'].to(dtype))
        assert torch.equal(out, expected)
    value = torch.linspace(-3, 3, 14, dtype=torch.double)
    conv = {
        'wgcn': lambda: WGCNConv(6, 8, edge_dim=1),
        'attribute_transformer': lambda: AttributeTransformerConv(6, 8, edge_dim=1)
    }[layer]().double()
    torch.testing.assert_close(conv(x, edge_index, value),
                               conv(x, edge_index, value.view(-1, 1)))


@pytest.mark.parametrize('form', FORMS)
@pytest.mark.parametrize('layer', LAYERS)
def test_bipartite_graphs_have_the_targets_that_size_says(layer, form):
    x, edge_index, edges = graph(form, num_source=7, num_target=5)
    conv = make(layer, form, in_channels=(6, 3))
    y = torch.randn(5, 3, dtype=torch.double)
    out = conv((x, y), edge_index, **edges)
    torch.testing.assert_close(conv((x, y), edge_index, size=(7, 5), **edges), out)
    if layer == 'wgcn':  # It does not read the targets.
        same = conv((x, None), edge_index, size=(7, 5), **edges)
        torch.testing.assert_close(same, out)
    # Who sends nothing changes nothing.
    more = torch.cat([x, x[:2]])
    torch.testing.assert_close(conv((more, y), edge_index, **edges), out)
    assert out.shape == (5, 8) and (out[4] == 0).all()


@pytest.mark.parametrize('layer', LAYERS)
def test_attention_weights_belong_to_the_edges_they_come_with(layer):
    x, edge_index, edges = graph('typed')
    conv = make(layer, 'typed')
    out, (index, weight) = conv(x, edge_index, **edges, return_attention_weights=True)
    assert torch.equal(index, edge_index)
    adj = torch.sparse_coo_tensor(edge_index.flip(0), edges['edge_type'],
                                  (7, 7)).coalesce()
    same, (sorted_index, same_weight) = conv(x, adj, return_attention_weights=True)
    torch.testing.assert_close(same, out)
    order = (index[1] * 7 + index[0]).argsort()
    assert torch.equal(sorted_index.as_tensor(), index[:, order])
    torch.testing.assert_close(same_weight, weight[order])


@pytest.mark.parametrize('layer', LAYERS)
def test_lazy_layers_in_pygs_containers_equal_the_layer(layer, monkeypatch):
    x, edge_index, edges = graph('typed', dtype=torch.float)
    conv = make(layer, 'typed', dtype=torch.float)
    expected = conv(x, edge_index, **edges)
    kind = ('word', 'to', 'word')

    lazy = make(layer, 'typed', in_channels=-1, dtype=torch.float)
    wrapped = HeteroConv({kind: lazy})
    call = wrapped, ({'word': x}, {kind: edge_index})
    types = {'edge_type_dict': {kind: edges['edge_type']}}
    call[0](*call[1], **types)  # Fixes the lazy sizes.
    lazy.load_state_dict(conv.state_dict())
    torch.testing.assert_close(call[0](*call[1], **types)['word'], expected)

    # Sequential imports the file that it is called in, by its bare name.
    monkeypatch.setitem(sys.modules, Path(__file__).stem, sys.modules[__name__])
    model = Sequential('x, edge_index, edge_type', [
        (conv, 'x, edge_index, edge_type=edge_type -> x'),
    ])
    torch.testing.assert_close(model(x, edge_index, edges['edge_type']), expected)


class Net(torch.nn.Module):
    def __init__(self, conv):
        super().__init__()
        self.conv = conv

    def forward(self, x, edge_index, edge_type):
        return self.conv(x, edge_index, edge_type=edge_type)


@pytest.mark.parametrize('layer', LAYERS)
def test_to_hetero_gives_every_edge_type_a_layer_of_its_own(layer):
    x, edge_index, edges = graph('typed', dtype=torch.float)
    y = torch.randn(7, 6)
    there, back = ('a', 'to', 'b'), ('b', 'of', 'a')
    net = to_hetero(Net(make(layer, 'typed', (-1, -1), torch.float)),
                    (['a', 'b'], [there, back]))
    types = {kind: edges['edge_type'] for kind in (there, back)}
    index = {there: edge_index, back: edge_index.flip(0)}
    out = net({'a': x, 'b': y}, index, types)
    for kind, pair in ((there, (x, y)), (back, (y, x))):
        own = getattr(net.conv, '__'.join(kind))
        expected = own(pair, index[kind], edge_type=types[kind])
        torch.testing.assert_close(out[kind[-1]], expected)


@pytest.mark.slow
@pytest.mark.parametrize('layer', LAYERS)
def test_compiled_whole_it_is_the_same_at_every_size(layer):
    conv = make(layer, 'typed', dtype=torch.float)
    # The whole layer is one graph for every size, backward too; what a compiler then
    # makes of PyTorch's own operations takes a minute and is not ours.
    compiled = torch.compile(conv, backend='aot_eager', fullgraph=True, dynamic=True)
    for num_edges in (14, 9, 20):
        x, edge_index, edges = graph('typed', num_edges, dtype=torch.float)
        torch.testing.assert_close(compiled(x, edge_index, **edges),
                                   conv(x, edge_index, **edges))


@pytest.mark.parametrize('order', [None, 'row', 'col'])
@pytest.mark.parametrize('layer', LAYERS)
def test_explainers_find_the_same_in_every_order_of_the_edges(layer, order):
    x, edge_index, edges = graph('typed', dtype=torch.float)
    net = Net(make(layer, 'typed', dtype=torch.float))
    config = {'mode': 'regression', 'task_level': 'node', 'return_type': 'raw'}
    for algorithm in (GNNExplainer(epochs=3), AttentionExplainer()):
        explainer = Explainer(net, algorithm, explanation_type='model',
                              edge_mask_type='object', model_config=config)
        torch.manual_seed(0)
        mask = explainer(x, edge_index, index=0, **edges).edge_mask
        reaching = edge_index[1] == 0
        assert (mask[reaching] > 0).all() and (mask[~reaching] == 0).all()
        index, values = in_order(edge_index, edges, order)
        same = explainer(x, index, index=0, **values).edge_mask
        reaching = index.as_tensor()[1] == 0
        assert (same[reaching] > 0).all() and (same[~reaching] == 0).all()
        if isinstance(algorithm, AttentionExplainer):  # The other is random.
            perm = (index.as_tensor().T[:,
                                        None] == edge_index.T).all(-1).int().argmax(1)
            torch.testing.assert_close(same, mask[perm])


@pytest.mark.parametrize('hook', [
    'message_forward_pre_hook', 'message_forward_hook', 'aggregate_forward_pre_hook',
    'aggregate_forward_hook', 'edge_update_forward_hook', 'propagate_forward_hook'
])
@pytest.mark.parametrize('form', ['plain', 'col', 'coo', 'complete'])
@pytest.mark.parametrize('layer', LAYERS)
def test_hooks_are_called_whatever_the_edges_are(layer, form, hook):
    conv = make(layer, 'typed')
    index, x = CompleteGraph.from_ptr(torch.tensor([0, 3, 7])), graph('typed')[0]
    edges = {'edge_type': torch.arange(25) % 3}
    given = index
    if form != 'complete' or layer != 'wgcn':
        index = given = index.edge_index
    if form == 'col':
        given, edges = in_order(index, edges, 'col')
    elif form == 'coo':
        given, edges = sparse('coo', index, edges['edge_type']), {}
    expected, called = conv(x, given, **edges), []
    handle = getattr(conv, f'register_{hook}')(lambda *args: called.append(args))
    torch.testing.assert_close(conv(x, given, **edges), expected)
    assert called
    handle.remove()
    torch.testing.assert_close(conv(x, given, **edges), expected)
    assert len(called) == 1


@pytest.mark.parametrize('sparse', [False, True])
@pytest.mark.parametrize('layer', LAYERS)
def test_bfloat16_autocast_is_close_and_has_gradients(layer, sparse):
    x, edge_index, edges = graph('typed', dtype=torch.float)
    conv = make(layer, 'typed', dtype=torch.float)
    expected = conv(x, edge_index, **edges)
    if sparse:
        edge_index = torch.sparse_coo_tensor(edge_index.flip(0), edges['edge_type'],
                                             (7, 7)).coalesce()
        edges = {}
    with torch.autocast('cpu', torch.bfloat16):
        out = conv(x, edge_index, **edges)
    torch.testing.assert_close(out.float(), expected, rtol=0.05, atol=0.05)
    out.float().square().sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all()
               for p in conv.parameters())


@pytest.mark.parametrize('order', [None, 'col'])
@pytest.mark.parametrize('layer', LAYERS)
def test_in_bfloat16_the_weights_of_a_thousand_edges_add_up_to_one(layer, order):
    conv = make(layer, 'typed', dtype=torch.float)
    source = torch.arange(1000)
    index = EdgeIndex([source.tolist(), [0] * 1000], sort_order=order)
    types = source % 3
    with torch.autocast('cpu', torch.bfloat16):
        _, (_, alpha) = conv(torch.randn(1000, 6), index, edge_type=types,
                             return_attention_weights=True)
    total = alpha.double().sum(0)
    torch.testing.assert_close(total, torch.ones_like(total), rtol=0.02, atol=0)


@pytest.mark.parametrize('edges', [{}, {'edge_dim': 4}])
def test_a_lazy_layer_starts_from_the_distribution_of_an_eager_one(edges):
    x, edge_index = torch.randn(4, 256), torch.tensor([[0, 1], [1, 2]])
    attr = {'edge_attr': torch.randn(2, 4)} if edges else {}
    for name in ('lin_query', 'lin_key', 'lin_value'):
        spread = []
        for size in (256, -1):
            conv = AttributeTransformerConv(size, 32, heads=8, **edges)
            conv(x, edge_index, **attr)
            spread.append(getattr(conv, name).weight.std().item())
        assert spread[1] == pytest.approx(spread[0], rel=0.05)


def test_the_block_around_a_layer_goes_where_the_layer_goes():
    x, edge_index, edges = graph('attributed', dtype=torch.float)
    y, there = torch.randn(7, 6), ('a', 'to', 'b')
    conv = AttributeTransformerConv((6, 6), 3, heads=2, edge_dim=4)
    block = AttributeTransformer(conv, 6).eval()
    h = block.norm1(y + conv((x, y), edge_index, **edges))
    expected = block.norm2(h + block.ffn(h))
    assert torch.equal(block((x, y), edge_index, **edges), expected)
    assert torch.equal(block((x, y), edge_index, edges['edge_attr']), expected)
    out, (_, alpha) = block((x, y), edge_index, **edges, return_attention_weights=True)
    assert torch.equal(out, expected) and alpha.shape == (14, 2)

    wrapped = HeteroConv({there: block})
    nodes, attrs = {'a': x, 'b': y}, {there: edges['edge_attr']}
    out = wrapped(nodes, {there: edge_index}, edge_attr_dict=attrs)
    assert torch.equal(out['b'], expected)


@pytest.mark.parametrize('sparse', [False, True])
@pytest.mark.parametrize('layer', LAYERS)
def test_a_node_without_neighbours_receives_nothing(layer, sparse):
    conv = make(layer, 'typed')
    for num_nodes in (0, 1, 3):
        x = torch.randn(num_nodes, 6, dtype=torch.double, requires_grad=True)
        edge_index, edges = torch.empty(2, 0, dtype=torch.long), {
            'edge_type': torch.empty(0, dtype=torch.long)
        }
        if sparse:
            edge_index = torch.sparse_coo_tensor(edge_index, edges['edge_type'],
                                                 (num_nodes, num_nodes)).coalesce()
            edges = {}
        out = conv(x, edge_index, **edges)
        assert out.shape == (num_nodes, 8) and not out.any()
        out.sum().backward()


def test_other_aggregations_are_not_taken_for_a_sum():
    x, edge_index, edges = graph('typed')
    conv = make('wgcn', 'typed', aggr='mean')
    index, perm = EdgeIndex(edge_index, sparse_size=(7, 7)).sort_by('col')
    torch.testing.assert_close(conv(x, index, edge_type=edges['edge_type'][perm]),
                               conv(x, edge_index, **edges))
