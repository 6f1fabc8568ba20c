import math

import pytest
import torch
from torch_geometric.nn import GCNConv

from eega_pyg.nn import (
    AttributeTransformer,
    EdgeChannel,
    ImageToTextAttention,
    MultiChannel,
    NodeChannel,
    PairTagger,
)
from eega_pyg.nn.conv import CompleteGraph
from eega_pyg.nn.pair_tagger import word_offset


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(3)


def image_to_text_loop(layer, x_text, batch_text, x_image, batch_image):
    """Eq. 8, word by word and head by head."""
    C = layer.channels // layer.heads
    rows = []
    for i in range(x_text.size(0)):
        objects = x_image[batch_image == batch_text[i]]
        out = torch.zeros_like(x_text[i])
        if len(objects):
            heads = []
            for h in range(layer.heads):
                part = slice(h * C, (h + 1) * C)
                q = layer.lin_query(x_text[i])[part]
                k = layer.lin_key(objects)[:, part]
                v = layer.lin_value(objects)[:, part]
                heads.append(((k @ q) / math.sqrt(C)).softmax(0) @ v)
            out = layer.lin_out(torch.cat(heads))
        rows.append(layer.norm(out + x_text[i]))
    return torch.stack(rows)


def attention():
    """The layer with an output that is not zero, as it is at the start."""
    layer = ImageToTextAttention(8, heads=2).eval()
    torch.nn.init.normal_(layer.lin_out.weight)
    torch.nn.init.normal_(layer.lin_out.bias)
    return layer


def test_image_to_text_attention_equals_the_equation():
    layer = attention().double()
    x_text, x_image = torch.randn(7, 8).double(), torch.randn(4, 8).double()
    batch_text = torch.tensor([0, 0, 1, 2, 2, 2, 3])
    batch_image = torch.tensor([0, 0, 0, 2])  # Pairs 1 and 3 have no object.
    out = layer(x_text, batch_text, x_image, batch_image, 4)
    expected = image_to_text_loop(layer, x_text, batch_text, x_image, batch_image)
    torch.testing.assert_close(out, expected, rtol=0, atol=1e-12)


def test_words_of_a_pair_without_objects_keep_their_features():
    layer = attention()
    x, batch = torch.randn(3, 8), torch.tensor([0, 0, 1])
    none = torch.empty(0, 8), torch.empty(0, dtype=torch.long)
    torch.testing.assert_close(layer(x, batch, *none, 2), layer.norm(x))
    one = torch.randn(1, 8), torch.tensor([0])
    torch.testing.assert_close(layer(x, batch, *one, 2)[2], layer.norm(x)[2])


def test_words_start_without_the_image():
    layer = ImageToTextAttention(8, heads=2).eval()
    x, batch = torch.randn(3, 8), torch.tensor([0, 0, 0])
    out = layer(x, batch, torch.randn(2, 8), torch.tensor([0, 0]), 1)
    torch.testing.assert_close(out, layer.norm(x))


def test_no_object_gives_finite_gradients():
    layer = attention().train()
    x = torch.randn(3, 8, requires_grad=True)
    layer(x, torch.tensor([0, 0, 1]), torch.randn(1, 8), torch.tensor([0]),
          2).sum().backward()
    assert x.grad.isfinite().all()
    assert all(p.grad.isfinite().all() for p in layer.parameters())


def channels():
    return {'pos': NodeChannel(4, 3), 'sd': EdgeChannel(5, 3), 'co': EdgeChannel(6, 3)}


def pair_inputs():
    graph = CompleteGraph.from_ptr(torch.tensor([0, 3, 5]))
    types = {
        'pos': torch.randint(0, 4, (5, )),
        'sd': torch.randint(0, 5, (13, ), dtype=torch.int8),
        'co': torch.randint(0, 6, (13, ), dtype=torch.uint8),
    }
    return graph, types


def test_multi_channel_equals_equations_9_and_10():
    graph, types = pair_inputs()
    layer = MultiChannel(8, 6, channels(), channel_dim=3).double().eval()
    x = torch.randn(5, 8).double()
    parts = []
    for name in ('pos', 'sd', 'co'):
        conv, emb = layer.convs[name], layer.channels[name].emb.weight
        s = torch.zeros(5, 6).double()
        for i in range(5):
            pairs = (graph.row == i).nonzero().flatten()
            scores = []
            for e in pairs:
                if name == 'pos':
                    r = emb[types['pos'][i]] + emb[types['pos'][graph.col[e]]]
                else:
                    r = emb[int(types[name][e])]
                scores.append(torch.relu(conv.lin_edge(r)).squeeze())
            weight = torch.stack(scores).softmax(0)
            for w, e in zip(weight, pairs):
                s[i] += w * conv.lin(x[graph.col[e]])
        parts.append(s)
    torch.testing.assert_close(layer(x, graph, types), layer.mlp(torch.cat(parts, 1)),
                               rtol=0, atol=1e-12)


def test_every_edge_score_starts_where_the_relu_has_a_gradient():
    graph, types = pair_inputs()
    layer = MultiChannel(8, 6, channels(), channel_dim=3)
    layer(torch.randn(5, 8), graph, types).sum().backward()
    for name in ('sd', 'co'):
        seen = types[name].long().unique()
        assert (layer.channels[name].emb.weight.grad[seen].abs().sum(1) > 0).all()


@pytest.mark.parametrize('reset', [False, True])
def test_a_word_starts_by_looking_at_itself(reset):
    graph, types = pair_inputs()
    types['sd'] = (graph.row != graph.col).to(torch.int8)
    scores = []
    for self_types in (None, {'sd': 0}):
        torch.manual_seed(0)
        layer = MultiChannel(8, 6, channels(), channel_dim=3, self_types=self_types)
        if reset:
            layer.reset_parameters()
        scores.append(layer.channels['sd'].project(layer.convs['sd'].lin_edge.weight,
                                                   types['sd'], graph)[:, 0])
    is_self = graph.row == graph.col
    torch.testing.assert_close(scores[1], scores[0] + 6 * is_self)


def test_pair_tagger_equals_equation_11():
    graph, types = pair_inputs()
    x = torch.randn(5, 8).double()
    plain = PairTagger(8, 4).double()
    weight = torch.cat([plain.lin_row.weight, plain.lin_col.weight], dim=1)
    for e, out in enumerate(plain(x, graph)):
        pair = torch.cat([x[graph.row[e]], x[graph.col[e]]])
        torch.testing.assert_close(out, weight @ pair + plain.lin_row.bias)

    made = {k: v.double() for k, v in channels().items()}
    tagger = PairTagger(8, 4, list(made), channel_dim=3).double()
    out = tagger(x, graph, made, types)
    for e in range(13):
        expected = tagger.lin_row(x[graph.row[e]]) + tagger.lin_col(x[graph.col[e]])
        for name, channel in made.items():
            r = channel(types[name], graph)[e]
            expected = expected + tagger.lin_channels[name](r)
        torch.testing.assert_close(out[e], expected)


def test_pair_tagger_adds_a_product_of_the_words_and_a_score_of_their_offset():
    graph, _ = pair_inputs()
    x = torch.randn(5, 8).double()
    tagger = PairTagger(8, 4, rank=3, offsets=True).double()
    plain = tagger.lin_row(x)[graph.row] + tagger.lin_col(x)[graph.col]
    assert tagger(x, graph).equal(plain)  # It starts as without them.
    torch.nn.init.normal_(tagger.lin_product.weight)
    torch.nn.init.normal_(tagger.offset.weight)
    for e, out in enumerate(tagger(x, graph)):
        i, j = int(graph.row[e]), int(graph.col[e])
        product = tagger.lin_head(x[i]) * tagger.lin_tail(x[j])
        expected = (tagger.lin_row(x[i]) + tagger.lin_col(x[j]) +
                    tagger.lin_product.weight @ product +
                    tagger.offset.weight[33 + j - i])
        torch.testing.assert_close(out, expected)


def test_word_offsets_are_told_apart_up_to_16_and_then_by_quarters_of_octaves():
    n = 400
    bucket = word_offset(CompleteGraph.from_ptr(torch.tensor([0, n]))).view(n, n)
    assert bucket[0, :17].tolist() == list(range(33, 50))
    for size in (17, 19, 22, 40, 150, 305, 399):
        octaves = 16 + math.floor(4 * math.log2(size / 16))
        assert bucket[0, size] == 33 + min(octaves, 33)
        assert bucket[size, 0] == 33 - min(octaves, 33)
    assert bucket[0, 304] < bucket[0, 305] == bucket.max() == 66
    assert bucket[5:105, 5:105].equal(bucket[:100, :100])


def test_words_that_do_not_look_at_one_another_are_as_in_texts_of_their_own():
    graph, types = pair_inputs()
    layer = MultiChannel(8, 6, channels(), channel_dim=3).double().eval()
    x = torch.randn(5, 8).double()
    whole = CompleteGraph.from_ptr(torch.tensor([0, 5]))
    parts = torch.tensor([0, 0, 0, 1, 1])
    together = parts[whole.row] == parts[whole.col]
    spread = {'pos': types['pos']}
    for name in ('sd', 'co'):
        spread[name] = torch.ones(25, dtype=torch.int8)
        spread[name][together] = types[name].to(torch.int8)
    out = layer(x, whole, spread, together)
    torch.testing.assert_close(out, layer(x, graph, types))
    assert not layer(x, whole, spread).allclose(out)


def test_with_a_skip_connection_the_channels_add_to_the_words():
    graph, types = pair_inputs()
    x = torch.randn(5, 8)
    outs = []
    for skip in (False, True):
        torch.manual_seed(0)
        layer = MultiChannel(8, 8, channels(), channel_dim=3, skip=skip).eval()
        outs.append(layer(x, graph, types))
    assert outs[1].equal(outs[0] + x)
    with pytest.raises(ValueError, match='as many channels out as in'):
        MultiChannel(8, 6, channels(), channel_dim=3, skip=True)


def test_transformer_layer_is_residual_norm_feed_forward_norm():
    edge_index = torch.tensor([[0, 1, 2], [1, 2, 0]])
    x = torch.randn(3, 8)
    layer = AttributeTransformer(GCNConv(8, 8), 8).eval()
    h = layer.norm1(x + layer.conv(x, edge_index))
    torch.testing.assert_close(layer(x, edge_index), layer.norm2(h + layer.ffn(h)))
    wider = AttributeTransformer(GCNConv(8, 8), 8, out_channels=12).eval()
    h = wider.norm1(x + wider.conv(x, edge_index))
    torch.testing.assert_close(wider(x, edge_index), wider.norm2(wider.ffn(h)))


def test_image_dropout_hides_all_objects_of_some_pairs_in_training_alone():
    torch.manual_seed(3)
    layer = ImageToTextAttention(8, heads=2, dropout=0.0, image_dropout=0.5)
    torch.nn.init.normal_(layer.lin_out.weight)
    x_text, x_image = torch.randn(80, 8), torch.randn(120, 8)
    batch_text = torch.arange(40).repeat_interleave(2)
    batch_image = torch.arange(40).repeat_interleave(3)
    args = (x_text, batch_text, x_image, batch_image, 40)
    full, blind = layer.eval()(*args), layer.norm(x_text)
    out = layer.train()(*args)
    hidden = (out == blind).all(-1)
    assert torch.equal(hidden[0::2], hidden[1::2]) and 8 < hidden[0::2].sum() < 32
    torch.testing.assert_close(out[~hidden], full[~hidden])
    assert not (full == blind).all(-1).any()
