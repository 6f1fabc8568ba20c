r"""The code on the pages of the guide runs as it stands there."""
import re
import shlex
import shutil
from pathlib import Path

import pytest
from torch_geometric.nn import GATConv

from eega_pyg import Config, Extractor, evaluate
from eega_pyg.nn.models import EEGA

GUIDE = Path(__file__).parents[1] / 'docs' / 'guide'


@pytest.fixture
def own_parts(small_root, tiny_overrides, tmp_path, monkeypatch):
    r"""The names that the code of a part of the page on one's own layers defines, on a
    part of the sample and with a small encoder."""
    def run(*numbers):
        shutil.copytree(small_root / 'raw', tmp_path / 'datasets' / 'sample' / 'raw')
        monkeypatch.chdir(tmp_path)
        load, tiny = Config.load, [*tiny_overrides, 'train.epochs=1']
        monkeypatch.setattr(
            Config, 'load',
            lambda preset, overrides=(): load(preset, [*tiny, *overrides]))
        text = (GUIDE / 'own-layer.md').read_text(encoding='utf-8')
        parts = re.findall(r'^```python\n(.*?)^```', text, re.M | re.S)
        assert len(parts) == 3
        names = {'__name__': 'guide'}
        for number in numbers:
            exec(parts[number], names)
        return names

    return run


@pytest.mark.slow
def test_a_layer_of_ones_own(own_parts, capsys):
    names = own_parts(0)
    # The layer was trained, and what was read again scores as what was saved.
    saved, scores = names['saved'], names['result'].scores
    for graph in (saved.model.text_graph, saved.model.visual_graph):
        assert isinstance(graph[0].conv.conv, GATConv)
        assert (graph[0].conv.gain - 0.1).abs() > 1e-4
    assert evaluate(saved.model, names['val'], saved.signatures) == scores
    assert capsys.readouterr().out.endswith(f"{scores['quintuple_f1']}\n")

    name = 'torch_geometric.nn.conv.gat_conv.GATConv'
    for read in (Extractor.from_pretrained, names['load_model']):
        with pytest.raises(ValueError, match=f"of the class '{name}', .* conv=my_fac"):
            read('runs/gat')
    extractor = Extractor.from_pretrained('runs/gat', 'cpu', conv=names['layer'])
    assert extractor('Ann meets Bob')


@pytest.mark.slow
def test_a_fusion_of_ones_own(own_parts, capsys):
    names = own_parts(1)
    saved, scores, kind = names['saved'], names['result'].scores, names['MeanObject']
    assert type(saved.model.fusion) is kind and len(saved.model.text_graph) == 0
    assert evaluate(saved.model, names['val'], saved.signatures) == scores
    assert capsys.readouterr().out.endswith(f"{scores['quintuple_f1']}\n")
    for read in (Extractor.from_pretrained, names['load_model']):
        with pytest.raises(ValueError, match="'guide.MeanObject', .* fusion=my_fac"):
            read('runs/mean')
    extractor = Extractor.from_pretrained('runs/mean', 'cpu', fusion=kind)
    assert extractor('Ann meets Bob')


@pytest.mark.slow
def test_entities_first(own_parts, capsys):
    names = own_parts(1, 2)
    trained, found = names['trained'], names['found']
    assert trained.model.reader.fusion.__class__.__name__ == 'MEGA'
    assert capsys.readouterr().out.endswith(f"{found.compute()['quintuple_f1']}\n")
    assert found.compute()['entity_f1'] == names['result'].scores['entity_f1']


@pytest.mark.slow
def test_more_than_tweets(small_root, tiny_overrides, tmp_path, monkeypatch, capsys):
    r"""With the files that the page shows, on a part of the sample."""
    shutil.copytree(small_root / 'raw', tmp_path / 'datasets' / 'jmere' / 'raw')
    monkeypatch.chdir(tmp_path)
    text = (GUIDE / 'more-texts.md').read_text(encoding='utf-8')
    blocks = dict(re.findall(r'^```(\w+)\n(.*?)^```', text, re.M | re.S))
    for name, kind in (('news/train.json', 'json'), ('tweets/train.txt', 'text')):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(blocks[kind], encoding='utf-8')

    load, seen = Config.load, set()
    monkeypatch.setattr(
        Config, 'load', lambda preset, overrides: load(
            preset, [*tiny_overrides, 'train.epochs=1', *overrides]))
    loss = EEGA.loss

    def spy(model, batch):
        seen.update(batch.text)
        return loss(model, batch)

    monkeypatch.setattr(EEGA, 'loss', spy)
    names = {'__name__': 'guide'}
    exec(blocks['python'], names)
    assert {'Ada Moss works for Zeta in Kiel .', 'Ida Blom visits Oslo'} <= seen
    scores = names['result'].scores
    assert capsys.readouterr().out.endswith(f"{scores['quintuple_f1']}\n")

    # The command says the same, and that of the shipped model has options that exist.
    command, = re.findall(r'^eega train (.*?)^```', text, re.M | re.S)
    common, = re.findall(r'^    eega train (.*?) "\$@"$', text, re.M | re.S)
    on, = re.findall(r'^    more (--set.*?) "\$@"$', text, re.M | re.S)
    last, = re.findall(r'^    on (--output runs/last.*?)^done', text, re.M | re.S)
    last = last.replace('$seed', '2')
    common = common.replace('$sets', 'unrelated')
    configs = []
    for options in map(shlex.split, (command, f'{common} {on} {last}')):
        overrides = [v for k, v in zip(options, options[1:]) if k == '--set']
        configs.append(load('default', overrides))
    train, shipped = configs[0].train, configs[1]
    made = {name.replace('$seed', seed) for seed in '012'
            for name in re.findall(r'--output (\S+)', text)}  # yapf: disable
    assert len(shipped.train.teachers) == 3
    assert {shipped.train.start, *shipped.train.teachers} <= made
    assert shipped.train.start_share == 0.5
    assert (train.also, train.joined) == (names['config'].train.also, 0.25)
    assert shipped.data.passage_words == Extractor.from_pretrained().passage_words


def test_predictions_are_scored(tmp_path, monkeypatch, capsys):
    from eega_pyg.formats import (
        AnnotatedEntity,
        AnnotatedRelation,
        AnnotatedText,
        write_texts,
    )
    monkeypatch.chdir(tmp_path)
    words = ('Ann', 'of', 'Acme')
    ends = AnnotatedEntity(0, 3, 'per'), AnnotatedEntity(7, 11, 'org')
    whole = AnnotatedText('Ann of Acme', ends, (AnnotatedRelation(0, 1, 'member_of'), ),
                          words)
    write_texts([whole], 'gold.jsonl')
    write_texts([whole], 'theirs.json', 'spert')
    write_texts([AnnotatedText(words=words)], 'ours.jsonl')
    text = (GUIDE / 'scoring.md').read_text(encoding='utf-8')
    code, = re.findall(r'^```python\n(.*?)^```', text, re.M | re.S)
    exec(code, {'__name__': 'guide'})
    scores, p, diff = capsys.readouterr().out.splitlines()
    assert scores == '1.0 (1.0, 1.0)' and float(p) > 0.4
    assert diff.startswith('Ann of Acme [JudgedItem(')
