r"""Benchmarks that train: every run is kept, and none is done twice."""
import json
import shutil
from argparse import Namespace

import pytest
import torch

from benchmarks import measure, runner
from benchmarks.accuracy import ablation, jmere, sensitivity
from benchmarks.layers import gnn_variants
from eega_pyg.config import Config
from eega_pyg.datasets import JMERE
from eega_pyg.schema import DEP, REL
from eega_pyg.training.loaders import loaders

pytestmark = pytest.mark.slow


@pytest.fixture(scope='module')
def config(tiny_overrides):
    return Config.load('default', tiny_overrides)


@pytest.fixture(scope='module')
def args(tiny_overrides):
    return Namespace(preset='default', overrides=tiny_overrides, epochs=None)


@pytest.fixture(scope='module')
def data(small_root, config):
    return JMERE(str(small_root), tags=config.tags.tag_set(), **config.data.arguments())


def cells(out):
    lines = [line for line in out.splitlines() if line.startswith('| ')]
    return dict(line.strip('| ').split(' | ')[:2] for line in lines[2:])


def forbid_training(monkeypatch):
    def fit(*args, **kwargs):
        raise AssertionError('trained again')

    monkeypatch.setattr(runner, 'fit', fit)


def test_records_say_what_a_run_was_and_what_it_cost(script, results):
    rival = 'TransformerConv'
    out = cells(script(gnn_variants, '--only', rival, gnn_variants.OURS, '--seeds',
                       '0'))
    assert list(out) == list(gnn_variants.VARIANTS)
    assert [v for v in out if out[v] == '0'] == [gnn_variants.OURS, rival]
    assert out['GCNConv'] == 'not run'
    for record in json.loads(results.read_text()):
        assert record['step_seconds'] > 0
        assert record['seconds'] > record['seconds_an_epoch'] > 0
        assert {'quintuple_f1', 'directed_f1', 'entity_f1'} < record['scores'].keys()
        assert len(record['curve']) == 1 and record['machine'] and record['date']
        assert record['layer'] == record['name']


@pytest.mark.parametrize(
    'variant', [v for v in gnn_variants.VARIANTS if v != gnn_variants.UNTYPED])
def test_every_graph_layer_learns_on_both_graphs(variant, data, config, args):
    run = gnn_variants.variant_run(variant, args, 0)
    model = run.model(data)
    batch = next(iter(loaders(data, data, config.train)[0]))
    with torch.autocast('cpu', torch.bfloat16):
        model.loss(batch)['loss'].backward()
    convs = [layer.conv for g in (model.text_graph, model.visual_graph) for layer in g]
    assert len(convs) == (0 if variant == gnn_variants.NONE else 2)
    for conv in convs:
        grads = [p.grad.norm() for p in conv.parameters() if p.dim() > 1]
        assert torch.stack(grads).min() > 0
        typed = variant not in ('FiLMConv', 'GCNConv', gnn_variants.VANILLA)
        edges = batch[DEP] if conv is convs[0] else batch[REL]
        x = torch.randn(edges.edge_index.max() + 1, 24)
        conv.eval()
        a, b = (conv(x, edges.edge_index, edge_type=t)
                for t in (edges.edge_type.long(), 0 * edges.edge_type.long()))
        assert torch.equal(a, b) != typed


def test_what_was_not_run_says_so_and_what_was_is_not_run_again(
        script, results, monkeypatch, small_root, tmp_path):
    first = script(ablation, '--only', 'without the image')
    assert cells(first)['without the image'] == '0'
    assert cells(first)['full'] == 'not run'
    kept = results.read_bytes()
    forbid_training(monkeypatch)
    assert cells(script(ablation, '--only', 'without the image')) == cells(first)
    assert results.read_bytes() == kept
    with pytest.raises(AssertionError, match='trained again'):
        script(ablation, '--only', 'full')
    with pytest.raises(ValueError, match="'without the image' with seed 0 in another"):
        script(ablation, '--only', 'without the image', '--set', 'train.lr=1e-4')
    shutil.copytree(small_root / 'raw', tmp_path / 'raw')
    (tmp_path / 'raw' / 'mnre_test.txt').write_text('')  # Of no run.
    assert cells(script(ablation, '--only', 'without the image',
                        root=tmp_path)) == cells(first)
    (tmp_path / 'raw' / 'captions_val.jsonl').unlink()
    with pytest.raises(ValueError, match='or of other data'):
        script(ablation, '--only', 'without the image', root=tmp_path)
    with pytest.raises(AssertionError, match='trained again'):
        script(jmere, '--name', 'a', '--seeds', '0', '--set',
               'model.visual=false', '--reuse', str(results), '--results',
               str(tmp_path / 'other.json'), root=tmp_path)
    with pytest.raises(FileNotFoundError, match='no data set in'):
        script(ablation, '--only', 'without the image', root=tmp_path / 'none')


def test_a_stopped_run_goes_on(script, results, monkeypatch):
    seen = []
    fit = runner.fit

    def stopped(*args, **kwargs):
        seen.append(kwargs['resume'])
        result = fit(*args, **kwargs)
        if len(seen) == 1:
            raise KeyboardInterrupt
        return result

    monkeypatch.setattr(runner, 'fit', stopped)
    with pytest.raises(KeyboardInterrupt):
        script(jmere, '--name', 'a', '--seeds', '3')
    assert not results.exists()
    assert cells(script(jmere, '--name', 'a', '--seeds', '3')) == {'a': '3'}
    assert seen == [False, True]
    record, = json.loads(results.read_text())
    assert record['seed'] == 3 and len(record['curve']) == 1
    assert record['seconds'] is None  # They would be those since it was resumed.


def test_the_default_weights_are_one_run_and_there_is_a_picture(
        script, results, monkeypatch):
    script(sensitivity, '--only', 'alpha=0.4')
    forbid_training(monkeypatch)
    out = cells(script(sensitivity, '--only', 'lambda=0.6'))
    assert [name for name, seeds in out.items()
            if seeds == '0'] == ['alpha=0.4', 'lambda=0.6']
    assert results.with_suffix('.png').read_bytes().startswith(b'\x89PNG')


def test_a_field_that_was_not_there_yet_had_its_default(config):
    record = {'config': config.to_dict(), 'data': '0'}
    del record['config']['train']['pretrain_epochs']
    assert runner.same_run(record, runner.Run('a', config), '0')
    train = config.train.model_copy(update={'pretrain_epochs': 3})
    other = config.model_copy(update={'train': train})
    assert not runner.same_run(record, runner.Run('a', other), '0')


@pytest.mark.parametrize('variant', [gnn_variants.NONE, 'GATv2Conv'])
def test_paired_runs_start_from_the_same_weights(variant, data, args):
    states = []
    for name in (gnn_variants.OURS, variant):
        torch.manual_seed(0)
        run = gnn_variants.variant_run(name, args, 0)
        states.append(run.model(data).state_dict())
    others = ('text_encoder', 'multi_channel', 'tagger', 'image_to_text', 'lin_object')
    names = [k for k in states[0] if k.startswith(others)]
    assert names and all(torch.equal(states[0][k], states[1][k]) for k in names)


def test_a_fresh_process_holds_nothing_of_this_one():
    held = torch.ones(2**24)  # 64 MB
    assert measure.apart(measure.status, 'VmRSS') < measure.status('VmRSS')
    assert 60 < measure.peak_above(lambda: held + 1) < 80
