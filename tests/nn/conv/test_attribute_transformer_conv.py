import math

import pytest
import torch

from eega_pyg.nn.conv import AttributeTransformerConv


def loop(conv, x, edge_index, z):
    """Eqs. 3 and 4, word by word."""
    H, C = conv.heads, conv.out_channels
    out = torch.zeros(x.size(0), H, C, dtype=x.dtype)
    for i in range(x.size(0)):
        edges = (edge_index[1] == i).nonzero().flatten().tolist()
        for h in range(H):
            rows = slice(h * C, (h + 1) * C)
            q = conv.lin_query(x[i])[rows]
            scores, values = [], []
            for e in edges:
                j = edge_index[0, e]
                k, v = conv.lin_key(x[j])[rows], conv.lin_value(x[j])[rows]
                if z is not None:
                    k = k + conv.lin_edge_key(z[e])[rows]
                    v = v + conv.lin_edge_value(z[e])[rows]
                scores.append((q @ k) / math.sqrt(C))
                values.append(v)
            if edges:
                weight = torch.stack(scores).softmax(0)
                out[i, h] = sum(w * v for w, v in zip(weight, values))
    return out


@pytest.fixture
def graph():
    torch.manual_seed(0)
    x = torch.randn(6, 8, dtype=torch.double)
    # Node 5 has no neighbour; two edges join 1 and 0.
    edge_index = torch.tensor([[0, 1, 1, 2, 3, 4, 4, 2], [1, 0, 0, 1, 2, 3, 4, 4]])
    return x, edge_index, torch.tensor([0, 1, 2, 0, 1, 2, 0, 1])


@pytest.mark.parametrize('concat', [True, False])
def test_equals_the_equation_with_edge_types(graph, concat):
    x, edge_index, edge_type = graph
    conv = AttributeTransformerConv(8, 4, heads=2, concat=concat, edge_dim=5,
                                    num_edge_types=3).double()
    expected = loop(conv, x, edge_index, conv.edge_emb.weight[edge_type])
    expected = expected.flatten(1) if concat else expected.mean(1)
    out = conv(x, edge_index, edge_type=edge_type)
    torch.testing.assert_close(out, expected, rtol=0, atol=1e-12)


def test_edge_types_equal_their_attributes(graph):
    x, edge_index, edge_type = graph
    typed = AttributeTransformerConv(8, 4, heads=2, edge_dim=5, num_edge_types=3)
    plain = AttributeTransformerConv(8, 4, heads=2, edge_dim=5)
    state = typed.state_dict()
    table = state.pop('edge_emb.weight')
    plain.load_state_dict(state)
    x = x.float()
    torch.testing.assert_close(typed(x, edge_index, edge_type=edge_type),
                               plain(x, edge_index, edge_attr=table[edge_type]))


def test_without_edges_is_a_vanilla_transformer(graph):
    x, edge_index, _ = graph
    conv = AttributeTransformerConv(-1, 4, heads=2).double()
    conv(x, edge_index)  # Fixes the lazy sizes.
    expected = loop(conv, x, edge_index, None).flatten(1)
    torch.testing.assert_close(conv(x, edge_index), expected, rtol=0, atol=1e-12)


def test_attention_weights_sum_to_one(graph):
    x, edge_index, edge_type = graph
    conv = AttributeTransformerConv(8, 4, heads=2, edge_dim=5,
                                    num_edge_types=3).double()
    out, (index, alpha) = conv(x, edge_index, edge_type=edge_type,
                               return_attention_weights=True)
    total = torch.zeros(6, 2, dtype=torch.double).index_add(0, index[1], alpha)
    expected = torch.tensor([1., 1., 1., 1., 1., 0.], dtype=torch.double)
    torch.testing.assert_close(total, expected.unsqueeze(1).expand(6, 2))
    torch.testing.assert_close(out, conv(x, edge_index, edge_type=edge_type))


def test_bipartite(graph):
    x, _, _ = graph
    y = torch.randn(2, 3, dtype=torch.double)
    edge_index = torch.tensor([[0, 1, 5], [1, 1, 0]])
    conv = AttributeTransformerConv((8, 3), 4, heads=2).double()
    out = conv((x, y), edge_index)
    # One neighbour: whatever the score, its value is taken.
    torch.testing.assert_close(out[0], conv.lin_value(x[5]))
    assert out.size(0) == 2


def test_a_missing_or_superfluous_edge_input_is_named(graph):
    x, edge_index, edge_type = graph
    attr = torch.randn(8, 5, dtype=torch.double)
    typed = AttributeTransformerConv(8, 4, edge_dim=5, num_edge_types=3).double()
    with pytest.raises(ValueError, match="Expected 'edge_type'"):
        typed(x, edge_index, edge_attr=attr)
    with pytest.raises(ValueError, match="Expected 'edge_attr'"):
        AttributeTransformerConv(8, 4, edge_dim=5).double()(x, edge_index)
    with pytest.raises(ValueError, match="without 'edge_dim'"):
        AttributeTransformerConv(8, 4).double()(x, edge_index, edge_type=edge_type)
    with pytest.raises(ValueError, match="'edge_dim' beside 'num_edge_types'"):
        AttributeTransformerConv(8, 4, num_edge_types=3)
    with pytest.raises(ValueError, match="'heads' >= 1"):
        AttributeTransformerConv(8, 4, heads=0)


@pytest.mark.parametrize('lazy', [False, True])
def test_the_gain_scales_the_initial_values_alone(graph, lazy):
    x, edge_index, edge_type = graph
    states = []
    for gain in (1.0, 0.1):
        torch.manual_seed(1)
        conv = AttributeTransformerConv(-1 if lazy else 8, 4, heads=2, edge_dim=5,
                                        num_edge_types=3, value_gain=gain).double()
        conv(x, edge_index, edge_type=edge_type)  # Fixes the lazy sizes.
        states.append(conv.state_dict())
    for name, weight in states[0].items():
        scaled = name in ('lin_value.weight', 'lin_edge_value.weight')
        expected = 0.1 * weight if scaled else weight
        torch.testing.assert_close(states[1][name], expected)
    other = AttributeTransformerConv(-1, 4, heads=2, edge_dim=5, num_edge_types=3,
                                     value_gain=0.1).double()
    other.load_state_dict(states[1])  # What is loaded is not scaled again.
    torch.testing.assert_close(other(x, edge_index, edge_type=edge_type),
                               conv(x, edge_index, edge_type=edge_type))


def test_the_attributes_of_a_type_may_start_at_zero():
    conv = AttributeTransformerConv(8, 4, edge_dim=5, num_edge_types=3, zero_type=1)
    for _ in range(2):
        assert (conv.edge_emb.weight == 0).all(dim=1).tolist() == [False, True, False]
        conv.reset_parameters()


@pytest.mark.parametrize('flow', ['source_to_target', 'target_to_source'])
@pytest.mark.parametrize(
    'form',
    [torch.clone, lambda edge_index: edge_index[:, edge_index[1].argsort(stable=True)]])
def test_many_edges_of_few_types_are_those_of_their_attributes(flow, form):
    torch.manual_seed(0)
    x = (torch.randn(5, 8, dtype=torch.double), torch.randn(4, 6, dtype=torch.double))
    edge_index = form(torch.stack([torch.randint(n, (60, )) for n in (5, 4)]))
    if flow == 'target_to_source':
        edge_index, x = edge_index.flip(0), x
    edge_type = torch.randint(3, (60, ))
    options = dict(heads=2, edge_dim=5, flow=flow)
    typed = AttributeTransformerConv((8, 6), 4, num_edge_types=3, **options).double()
    plain = AttributeTransformerConv((8, 6), 4, **options).double()
    state = typed.state_dict()
    table = state.pop('edge_emb.weight')
    plain.load_state_dict(state)
    out = typed(x, edge_index, edge_type=edge_type)
    expected = plain(x, edge_index, table[edge_type])
    torch.testing.assert_close(out, expected, rtol=0, atol=1e-12)
    out.sin().sum().backward()
    expected.sin().sum().backward()
    for name, weight in plain.named_parameters():
        torch.testing.assert_close(
            typed.get_parameter(name).grad, weight.grad, rtol=0, atol=1e-12)
    # A hook sees what the types add to each message, and the sum is the same.
    seen = []
    typed.register_message_forward_hook(lambda *args: seen.append(args[-1]))
    watched = typed(x, edge_index, edge_type=edge_type)
    torch.testing.assert_close(watched, expected, rtol=0, atol=1e-12)
    into = edge_index[1 if flow == 'source_to_target' else 0]
    total = torch.zeros(4, 2, 4, dtype=torch.double).index_add(0, into, seen[0])
    torch.testing.assert_close(total.flatten(1), expected, rtol=0, atol=1e-12)
