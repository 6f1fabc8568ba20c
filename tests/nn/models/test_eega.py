import json
from typing import get_args

import pytest
import torch
import torch.nn.functional as F
from torch_geometric.data import Batch
from torch_geometric.nn import GATConv
from torch_geometric.utils import scatter

from eega_pyg.config import ModelConfig
from eega_pyg.datasets import FakeJMERE
from eega_pyg.nn.conv import CompleteGraph, TypedConv
from eega_pyg.nn.models import EEGA
from eega_pyg.schema import DEP, LABEL_OF_OBJECT, OBJECT, PAIR, REL, TOKEN

from .conftest import ENCODER, batch_of, check_alone


def build(dataset, seed=0, encoder=ENCODER, **kwargs):
    torch.manual_seed(seed)
    kwargs = {'heads': 4, 'edge_dim': 6, 'channel_dim': 5, 'outer_iters': 5, **kwargs}
    model = EEGA(encoder, dataset.tags.to_dict(), dataset.vocabularies.sizes, **kwargs)
    if model.visual:  # It starts at zero: without the image.
        torch.nn.init.normal_(model.image_to_text.lin_out.weight, std=0.3)
    return model


@pytest.mark.parametrize('options', [
    {},
    {
        'pair_features': True,
        'token_features': True,
        'normalize': True
    },
    {
        'edge_dim': 0,
        'channels': []
    },
    {
        'gw_loss': 'square',
        'self_loops': True,
        'channels': ['sd']
    },
])
def test_a_pair_is_the_same_alone_and_in_any_batch(dataset, options):
    model = build(dataset, **options).double().eval()
    order = [5, 0, 17, 3, 11, 23, 8]
    batch = batch_of(dataset, order)
    out = model(batch, align=True)
    sizes = batch[TOKEN].ptr.diff()
    parts = out.logits.split((sizes * sizes).tolist())
    for position, i in enumerate(order):
        single = model(batch_of(dataset, [i]), align=True)
        torch.testing.assert_close(parts[position], single.logits, rtol=0, atol=1e-9)
        for name in ('wd', 'gwd'):
            torch.testing.assert_close(
                getattr(out.alignment, name)[position],
                getattr(single.alignment, name)[0], rtol=0, atol=1e-9)


def test_joint_loss_is_equations_7_12_and_13(dataset):
    model = build(dataset, table='triangle').double().eval()
    batch = batch_of(
        FakeJMERE(num_pairs=6, avg_words=5, num_piece_ids=200, seed=3,
                  table='triangle'), range(6))
    out, parts = model(batch, align=True), model.loss(batch)
    tags = batch[PAIR].tag.long()
    terms = [
        -F.log_softmax(row, -1)[tag] for row, tag in zip(out.logits, tags) if tag >= 0
    ]
    torch.testing.assert_close(parts['main'], torch.stack(terms).mean())
    has_objects = batch[OBJECT].batch.bincount(minlength=6) > 0
    wd, gwd = out.alignment.wd, out.alignment.gwd
    assert 0 < has_objects.sum() < 6
    graph = (0.4 * wd + 0.6 * gwd)[has_objects].mean()
    torch.testing.assert_close(parts['graph'], graph)
    torch.testing.assert_close(parts['loss'], parts['main'] + 0.6 * graph)
    torch.testing.assert_close(parts['wd'], wd[has_objects].mean())
    assert (wd[~has_objects] == 0).all() and (gwd[~has_objects] == 0).all()


@pytest.mark.parametrize('alpha, single', [(1.0, 'wd'), (0.0, 'gwd')])
def test_alpha_one_and_zero_are_the_single_distances(dataset, alpha, single):
    model = build(dataset, alpha=alpha).eval()
    reference = build(dataset, alpha=0.4).eval()
    batch = batch_of(dataset)
    loss = model.loss(batch)
    assert loss['graph'] == reference.loss(batch)[single]
    # Who asks for an alignment gets both plans of it.
    ours, others = (m(batch, align=True).alignment for m in (model, reference))
    for a, b in zip((*ours.nodes, *ours.edges), (*others.nodes, *others.edges)):
        assert torch.equal(a, b)


@pytest.mark.slow
def test_without_lambda_training_is_bit_equal_to_training_without_alignment(dataset):
    def train(cut):
        model = build(dataset, lambda_graph=0.0)
        if cut:
            del model.alignment
        else:
            model.alignment.forward = None  # Calling it would be a TypeError.
        torch.manual_seed(7)
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
        for step in range(6):
            batch = batch_of(dataset, range(step % 4, step % 4 + 8))
            optimizer.zero_grad()
            model.loss(batch)['loss'].backward()
            optimizer.step()
        return model.state_dict()

    a, b = train(cut=False), train(cut=True)
    assert a.keys() == b.keys()
    assert all(torch.equal(a[k], b[k]) for k in a)


@pytest.mark.parametrize('same_image', [False, True])
def test_a_contrast_is_to_the_image_of_the_pair_before(dataset, same_image):
    own = [dataset[i] for i in range(8)]
    other = [data.clone() for data in own]
    for data, before in zip(other, own[-1:] + own):
        for kind in (OBJECT, 'label_piece', LABEL_OF_OBJECT, REL):
            data[kind].update(before[kind])
    model = build(dataset, contrast=0.2).double().eval()
    found = [
        model(Batch.from_data_list(pairs), align=True).alignment
        for pairs in (own, other)
    ]
    mine, theirs = (0.4 * x.wd + 0.6 * x.gwd for x in found)
    has = torch.tensor([data[OBJECT].num_nodes > 0 for data in own])
    counted = has & has.roll(1)
    assert 1 < counted.sum() < 8

    batch = batch_of(dataset)
    if same_image:
        pair = int(counted.nonzero()[0])
        batch.image_id[pair - 1] = batch.image_id[pair]
        counted[pair] = False
    expected = F.softplus((mine - theirs) / 0.2)[counted].mean()
    parts = model.loss(batch)
    torch.testing.assert_close(parts['graph'], expected)
    torch.testing.assert_close(parts['loss'], parts['main'] + 0.6 * expected)


def test_lambda_reaches_the_graph_encoder_and_the_image(dataset):
    model = build(dataset)
    model.loss(batch_of(dataset))['graph'].backward()
    for layer in (model.text_graph[0], model.visual_graph[0]):
        assert layer.conv.lin_value.weight.grad.abs().sum() > 0
        assert layer.conv.edge_emb.weight.grad.abs().sum() > 0
    assert model.tagger.lin_row.weight.grad is None


def test_the_edge_types_of_both_graphs_matter(dataset):
    model = build(dataset).eval()
    batch = batch_of(dataset)
    out = model(batch).logits
    for edges, size in ((DEP, 'dep'), (REL, 'predicate')):
        other = batch.clone()
        num_types = dataset.vocabularies.sizes[size]
        other[edges].edge_type = (other[edges].edge_type + 1) % num_types
        assert not torch.allclose(model(other).logits, out)
        vanilla = build(dataset, edge_dim=0).eval()
        assert torch.equal(vanilla(other).logits, vanilla(batch).logits)


def test_without_visual_the_image_is_not_looked_at(dataset):
    model = build(dataset, visual=False).eval()
    batch, other = batch_of(dataset), batch_of(dataset)
    other['label_piece'].input_ids = other['label_piece'].input_ids.flip(0)
    other[OBJECT].feat = torch.ones_like(other[OBJECT].feat)
    assert torch.equal(model(batch).logits, model(other).logits)
    assert 'graph' not in model.loss(batch)


def test_object_features_enter(dataset):
    data = FakeJMERE(num_pairs=4, avg_words=5, num_piece_ids=200, feature_size=3)
    model = build(data, feature_dim=3).eval()
    batch = batch_of(data, range(4))
    out = model(batch).logits
    batch[OBJECT].feat = batch[OBJECT].feat + 1
    assert not torch.allclose(model(batch).logits, out)


@pytest.mark.parametrize('encoder', [
    {
        'model_type': 'albert',
        'embedding_size': 16
    },
    {
        'model_type': 'electra',
        'embedding_size': 16
    },
    {
        'model_type': 'roberta',
        'pad_token_id': 0
    },
    {
        'model_type': 'deberta-v2'
    },
])
def test_every_kind_of_encoder_fits_and_is_trained_whole(encoder):
    data = FakeJMERE(num_pairs=4, avg_words=5, num_piece_ids=200, feature_size=3,
                     vector_size=3)
    model = build(data, encoder={
        **ENCODER,
        **encoder
    }, feature_dim=3, vector_dim=3, token_features=True, freeze_embeddings=False)
    model.loss(batch_of(data, range(4)))['loss'].backward()
    idle = {n for n, p in model.text_encoder.named_parameters() if p.grad is None}
    assert not idle


def test_names_that_training_does_not_know_say_nothing(dataset):
    model = build(dataset)
    assert not model.text_graph[0].conv.edge_emb.weight[0].any()
    assert not model.multi_channel.channels['pos'].emb.weight[0].any()


@pytest.mark.parametrize('name', ['vector', 'upos', 'ner', 'shape'])
def test_features_of_words_enter_where_the_encoder_reads_them(name):
    data = FakeJMERE(num_pairs=4, avg_words=5, num_piece_ids=200, vector_size=3)
    model = build(data, vector_dim=3, token_features=True).eval()
    batch = batch_of(data, range(4))
    out = model.encode_words(batch)
    plain = build(data).eval().encode_words(batch)
    assert torch.equal(out, plain)  # They start at zero.
    for param in model.word_features.parameters():
        torch.nn.init.normal_(param)
    out = model.encode_words(batch)
    first = batch[TOKEN].batch == 0
    value = batch[TOKEN][name].clone()
    size = data.vocabularies.sizes.get(name)
    value[0] = (value[0] + 1) % size if size else value[0].flip(0)
    batch[TOKEN][name] = value
    changed = (model.encode_words(batch) - out).abs().amax(-1) > 1e-4
    assert torch.equal(changed, first)  # The word and all its neighbours.


def test_a_saved_model_gives_the_same_scores(dataset, tmp_path):
    model = build(dataset, pair_features=True, token_features=True).eval()
    model.save_pretrained(tmp_path)
    loaded = EEGA.from_pretrained(tmp_path).eval()
    batch = batch_of(dataset)
    assert torch.equal(loaded(batch).logits, model(batch).logits)
    assert loaded.tag_set == model.tag_set and loaded.table == model.table


CONVS = get_args(ModelConfig.model_fields['conv'].annotation)


class Own(torch.nn.Module):
    r"""The mean of a node's neighbours, a matrix a type of edge."""
    def __init__(self, channels, num_edge_types):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.randn(num_edge_types, channels))

    def forward(self, x, edge_index, edge_type):
        source, target = edge_index
        message = x[source] * self.weight[edge_type]
        return scatter(message, target, dim_size=len(x), reduce='mean')


@pytest.mark.parametrize('conv', CONVS)
def test_a_reloaded_model_has_its_graph_layer(dataset, conv, tmp_path):
    model = build(dataset, conv=conv, num_layers=2).eval()
    model.save_pretrained(tmp_path)
    assert json.loads((tmp_path / 'config.json').read_text())['conv'] == conv
    batch = batch_of(dataset)
    out = EEGA.from_pretrained(tmp_path).eval()(batch, align=True)
    expected = model(batch, align=True)
    assert torch.equal(out.logits, expected.logits)
    assert torch.equal(out.alignment.edge_plan, expected.alignment.edge_plan)
    other = build(dataset, conv='gcn' if conv == 'none' else 'none', num_layers=2)
    assert not torch.equal(other.eval()(batch).logits, expected.logits)


@pytest.mark.parametrize('conv', CONVS)
def test_a_pair_is_the_same_alone_with_every_layer(dataset, conv):
    model = build(dataset, conv=conv).double().eval()
    check_alone(model, dataset)


@pytest.mark.parametrize('conv', [*CONVS[1:], Own])
def test_all_but_the_layers_starts_from_the_same_weights(dataset, conv):
    own, other = (build(dataset, conv=c).state_dict()
                  for c in ('attribute_transformer', conv))
    # What 'build' draws itself comes after the layers.
    shared = {k for k in own if '.conv.' not in k and 'lin_out' not in k} & other.keys()
    assert {k.split('.')[0] for k in shared} >= {'text_encoder', 'tagger', 'lin_object'}
    assert all(torch.equal(own[k], other[k]) for k in shared)


@pytest.mark.parametrize('make', [
    lambda: Own,
    lambda: GATConv(24, 24, edge_dim=3),
    lambda: lambda channels, num_edge_types: TypedConv(Own(channels, num_edge_types),
                                                       num_edge_types, gain=1.0),
])
def test_a_layer_of_ones_own(dataset, make, tmp_path):
    conv = make()
    model = build(dataset, conv=conv)
    batch = batch_of(dataset)
    model.loss(batch)['loss'].backward()
    for layer in (model.text_graph[0], model.visual_graph[0]):
        assert all(p.grad.abs().sum() > 0 for p in layer.conv.parameters())
    model.eval().save_pretrained(tmp_path)
    name = f'{type(model.text_graph[0].conv.conv).__module__}.' + (
        'GATConv' if isinstance(conv, torch.nn.Module) else 'Own')
    with pytest.raises(ValueError, match=f"of the class '{name}', .* conv=my_factory"):
        EEGA.from_pretrained(tmp_path)
    loaded = EEGA.from_pretrained(tmp_path, conv=conv).eval()
    assert torch.equal(loaded(batch).logits, model(batch).logits)
    with pytest.raises(RuntimeError, match='not hold the weights .*conv.conv'):
        EEGA.from_pretrained(tmp_path, conv='gcn')


def test_a_layer_is_copied_for_each_place(dataset):
    conv = GATConv(24, 24)
    model = build(dataset, conv=conv, num_layers=2)
    layers = [
        layer.conv.conv for g in (model.text_graph, model.visual_graph) for layer in g
    ]
    weights = [conv.lin.weight, *(layer.lin.weight for layer in layers)]
    assert len({w.data_ptr() for w in weights}) == 5
    assert len({w.sum().item() for w in weights}) == 5  # Each is drawn anew.


def test_what_is_no_option_of_the_layers_is_kept_in_the_file(dataset, tmp_path):
    build(dataset, conv=Own, num_layers=0).save_pretrained(tmp_path)
    config = json.loads((tmp_path / 'config.json').read_text())
    options = {k: config[k] for k in ModelConfig.model_fields}
    expected = ModelConfig(num_layers=0, heads=4, edge_dim=6, channel_dim=5,
                           outer_iters=5)
    assert ModelConfig.model_validate(options) == expected
    assert EEGA.from_pretrained(tmp_path)


def test_a_config_file_of_version_0_1_is_read(dataset, tmp_path):
    model = build(dataset).eval()
    model.save_pretrained(tmp_path)
    path = tmp_path / 'config.json'
    config = json.loads(path.read_text())
    del config['conv']
    path.write_text(json.dumps(config))
    batch = batch_of(dataset)
    loaded = EEGA.from_pretrained(tmp_path).eval()
    assert torch.equal(loaded(batch).logits, model(batch).logits)


@pytest.mark.slow
def test_it_overfits_a_tiny_data_set(dataset):
    model = build(dataset, dropout=0.0, pair_features=True)
    batch = batch_of(dataset, range(6))
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    for _ in range(200):
        optimizer.zero_grad()
        model.loss(batch)['loss'].backward()
        optimizer.step()
    model.eval()
    tags = batch[PAIR].tag.long()
    assert (model(batch).logits.argmax(-1) == tags).double().mean() > 0.99


def test_wrong_options_are_named(dataset):
    with pytest.raises(ValueError, match=r"EEGA: channels\[0\]: .* \(got 'hops'\)"):
        build(dataset, channels=['hops'])
    with pytest.raises(ValueError, match="EEGA: unknown field 'hops' .known: conv, he"):
        build(dataset, hops=3)
    with pytest.raises(ValueError, match="EEGA: conv: .* 'gcn' or 'none' .got 'gat'"):
        build(dataset, conv='gat')
    with pytest.raises(ValueError, match="'edge_dim' above 0 with the layer 'gine'"):
        build(dataset, conv='gine', edge_dim=0)
    with pytest.raises(ValueError, match="'heads' to divide the encoder's 24"):
        build(dataset, heads=5)


def test_pairs_are_in_the_order_of_the_store(dataset):
    batch = batch_of(dataset)
    graph = CompleteGraph.from_ptr(batch[TOKEN].ptr)
    words = [w for sentence in batch.words for w in sentence]
    diagonal = graph.row == graph.col
    # A word is no hops from itself.
    assert (batch[PAIR].distance[diagonal] == 0).all()
    assert (batch[PAIR].distance[~diagonal] > 0).all()
    assert graph.row.max() + 1 == len(words)


@pytest.mark.parametrize('options', [
    {},
    {
        'pair_features': True,
        'token_features': True,
        'contrast': 0.1,
        'reduction': 'sum'
    },
    {
        'conv': 'gatv2',
        'normalize': True,
        'self_loops': True
    },
    {
        'conv': 'none',
        'image_dropout': 0.5,
        'lambda_graph': 0.0
    },
])
def test_a_batch_without_objects_has_a_gradient_of_every_parameter(dataset, options):
    # Data-parallel training waits for the gradient of each.
    def with_gradient(data):
        model = build(dataset, **options).train()
        model.loss(Batch.from_data_list(list(data)))['loss'].backward()
        grads = {n: p.grad for n, p in model.named_parameters() if p.requires_grad}
        assert all(g.isfinite().all() for g in grads.values() if g is not None)
        return {name for name, grad in grads.items() if grad is not None}

    empty = FakeJMERE(num_pairs=3, avg_words=8, avg_objects=0, num_piece_ids=200)
    assert sum(d[OBJECT].num_nodes for d in empty) == 0
    assert with_gradient(empty) == with_gradient([dataset[i] for i in range(8)])


@pytest.mark.parametrize('options', [{
    'channels': []
}, {
    'pair_features': True,
    'pair_rank': 4,
    'offsets': True
}])
def test_scores_and_loss_are_in_single_precision_under_autocast(dataset, options):
    model, batch = build(dataset, **options).eval(), batch_of(dataset)
    seen = []

    def hook(tagger, args, out):
        graph, rest = args[1], args[2:]
        if not rest:  # The same words, in double precision.
            exact = F.linear(args[0].double(), tagger.lin_row.weight.double(),
                             tagger.lin_row.bias.double())[graph.row]
            exact = exact + F.linear(args[0].double(),
                                     tagger.lin_col.weight.double())[graph.col]
            torch.testing.assert_close(out.double(), exact, rtol=1e-5, atol=1e-5)
        seen.append((args[0].dtype, out.dtype))

    model.tagger.register_forward_hook(hook)
    with torch.autocast('cpu', torch.bfloat16):
        loss = model.loss(batch)['main']
    assert loss.dtype == torch.float32 and seen[0][1] == torch.float32
