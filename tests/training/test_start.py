import json
import math
import re
import shutil

import pytest
import torch
from safetensors.torch import load_file
from torch_geometric.data import Batch

from eega_pyg.config import Config
from eega_pyg.datasets import JMERE
from eega_pyg.identity import file_sha256
from eega_pyg.json_yaml import read_json
from eega_pyg.nn import graph_layer
from eega_pyg.saving.saved_model import load_model
from eega_pyg.saving.shrink import shrink
from eega_pyg.schema import TagSet
from eega_pyg.training.pair_tagging import PairTagging
from eega_pyg.training.prepare import build_model
from eega_pyg.training.run import fit
from eega_pyg.training.start import match_tags, mix_with_start, read_start, started_from

#: The data's own names: a type that the model has, two that it calls otherwise or has
#: not, and so with the relations.
TAGS = ['tags.types=[per, company, loc]', 'tags.relations=[employer, couple, lives]']
RENAMED = 'train.renamed={employer: member_of, company: org}'
NEW = {
    'org': 'company',
    'member_of': 'employer',
    'place_of_residence': 'lives',
}


def config_from(start, *overrides):
    return Config.load('finetune', [f'train.start={start}', *TAGS, *overrides])


@pytest.fixture(scope='module')
def own_root(small_root, tmp_path_factory):
    r"""A data set with names of its own and without a validation file."""
    root = tmp_path_factory.mktemp('own')
    (root / 'raw').mkdir()
    lines = []
    for line in (small_root / 'raw' / 'mnre_train.txt').read_text().splitlines():
        relation = re.search("'relation': '/(.*?)/(.*?)/(.*?)'", line)
        names = [NEW.get(name, name) for name in relation.groups()] if relation else []
        if relation and {*names} <= {'per', 'company', 'loc', *NEW.values(), 'couple'}:
            lines.append(line.replace(relation[0], f"'relation': '/{'/'.join(names)}'"))
    (root / 'raw' / 'mnre_train.txt').write_text('\n'.join(lines) + '\n')
    shutil.copy(small_root / 'raw' / 'captions_train.jsonl', root / 'raw')
    return root


@pytest.fixture(scope='module')
def begun(own_root, trained):
    r"""A model before its first step, its data, and the model it started from."""
    config = config_from(trained, RENAMED)
    start = read_start(config)
    config = started_from(config, start)
    train = JMERE(str(own_root), extends=start.saved.vocabularies, log=False,
                  tags=config.tags.tag_set(), **config.data.arguments())
    torch.manual_seed(0)
    return build_model(config, train, None, start).eval(), train, start


def test_every_weight_but_those_of_tags_is_the_saved_model_s(begun):
    model, _, start = begun
    old, new = start.saved.model.state_dict(), model.state_dict()
    assert old.keys() == new.keys()
    for name, tensor in new.items():
        if not name.startswith('tagger.'):
            assert torch.equal(tensor[:len(old[name])], old[name]), name
            for row in tensor[len(old[name]):]:  # Of names that are new.
                assert torch.equal(row, old[name][0])


def test_rows_of_shared_and_renamed_tags_are_taken_and_others_are_fresh(begun):
    model, _, start = begun
    theirs = ['none', 'per', 'org', 'loc', 'member_of', 'couple']
    ours = ['none', 'per', 'company', 'loc', 'employer', 'couple']
    new = [model.tag_set.names.index(name) for name in ours]
    old = [start.saved.model.tag_set.names.index(name) for name in theirs]
    tagger, other = model.tagger, start.saved.model.tagger
    lins = [(tagger.lin_row, other.lin_row), (tagger.lin_col, other.lin_col),
            *((lin, other.lin_channels[k]) for k, lin in tagger.lin_channels.items())]
    for lin, source in lins:
        assert torch.equal(lin.weight[new], source.weight[old])
        # The row of 'lives' is none of the model's.
        assert not (source.weight == lin.weight[-1]).all(1).any()
    assert torch.equal(tagger.lin_row.bias[new], other.lin_row.bias[old])
    # Beside a none that began for 25 other tags, as improbable as among 6 of its own.
    assert tagger.lin_row.bias[-1].item() == pytest.approx(math.log(25 / 6))


def test_before_its_first_step_it_scores_shared_tags_as_the_saved_model_does(begun):
    model, train, start = begun
    old = JMERE(train.root, vocabularies=start.saved.vocabularies, tags=train.tags,
                log=False, **start.saved.data.arguments())
    with torch.no_grad():
        new = model(Batch.from_data_list(list(train[:4]))).logits
        # Its own vocabularies, in which the names that are new are unknown; but the
        # counts of words are of other texts.
        batch = Batch.from_data_list(list(old[:4]))
        batch['token', 'pair',
              'token'].pmi = Batch.from_data_list(list(train[:4]))['token', 'pair',
                                                                   'token'].pmi
        before = start.saved.model.eval()(batch).logits
    ours = [model.tag_set.id(n) for n in ('per', 'company', 'employer', 'couple')]
    theirs = [
        start.saved.model.tag_set.id(n) for n in ('per', 'org', 'member_of', 'couple')
    ]
    assert torch.allclose(new[:, [0, *ours]], before[:, [0, *theirs]], atol=1e-5)


def test_mixed_weights_lie_between_and_fresh_tags_stay_as_trained(begun):
    model, _, start = begun
    before = {name: w.clone() for name, w in model.state_dict().items()}
    try:
        with torch.no_grad():
            for weight in model.parameters():
                weight += 1
        mix_with_start(model, start, 0.75)
        after = model.state_dict()
        for name in ('text_encoder.encoder.embeddings.word_embeddings.weight',
                     'visual_graph.0.conv.lin_query.weight', 'tagger.lin_row.weight',
                     'tagger.lin_row.bias'):
            moved = after[name] - before[name]
            assert torch.allclose(moved[:-1], torch.full_like(moved[:-1], 0.25)), name
            # The last tag is 'lives', which the model to start from has not.
            last = 1.0 if name.startswith('tagger.') else 0.25
            assert torch.allclose(moved[-1], torch.full_like(moved[-1], last)), name
        mix_with_start(model, start, 1.0)
        assert torch.equal(after['tagger.lin_row.bias'][:-1],
                           before['tagger.lin_row.bias'][:-1])
    finally:
        model.load_state_dict(before)


def test_a_new_name_of_the_vocabularies_starts_as_an_unknown_one(
        begun, own_root, tmp_path):
    _, _, start = begun
    root = tmp_path / 'own'
    shutil.copytree(own_root / 'raw', root / 'raw')
    text = 'A man frobbing a dog.'
    rows = [
        json.loads(line)
        for line in (root / 'raw' / 'captions_train.jsonl').read_text().splitlines()
    ]
    (root / 'raw' / 'captions_train.jsonl').write_text(''.join(
        json.dumps({
            **row, 'caption': text
        }) + '\n' for row in rows))
    config = started_from(config_from(start.name), start)
    train = JMERE(str(root), extends=start.saved.vocabularies, log=False,
                  tags=config.tags.tag_set(), **config.data.arguments())
    old = start.saved.vocabularies.predicate.to_list()
    names = train.vocabularies.predicate.to_list()
    assert names[:len(old)] == old and len(names) > len(old)
    model = build_model(config, train, None, start)
    grown = [(new, start.saved.model.state_dict()[name])
             for name, new in model.state_dict().items()
             if name.startswith('visual_graph')
             and new.shape != start.saved.model.state_dict()[name].shape]
    assert grown
    for new, source in grown:
        assert torch.equal(new[:len(old)], source)
        assert (new[len(old):] == source[0]).all()


def test_tags_are_matched_by_name_and_kind():
    old = TagSet(('per', 'org', 'group'), ('member_of', 'couple'))
    new = TagSet(('per', 'firm', 'shop'), ('group', 'couple', 'works_for'))
    rows = match_tags(new, old, {'firm': 'org', 'shop': 'org'})
    assert rows.taken == {
        'per': 'per',
        'firm': 'org',
        'shop': 'org',
        'couple': 'couple'
    }
    assert rows.fresh == ('group', 'works_for')  # There 'group' is a type.
    assert rows.dropped == ('group', 'member_of')
    # A name that both have may stand for another one.
    assert match_tags(new, old, {'per': 'org'}).dropped == ('per', 'group', 'member_of')


@pytest.mark.parametrize('renamed, message', [
    ({
        'boss': 'member_of'
    }, "'boss' is no type or relation of the data"),
    ({
        'works_for': 'boss'
    }, "'boss' is no type or relation of the model to start"),
    ({
        'works_for': 'org'
    }, "'works_for' is a relation of the data and 'org' a type"),
])
def test_a_renamed_tag_that_one_side_lacks_is_named(renamed, message):
    old, new = TagSet(('org', ), ('member_of', )), TagSet(('org', ), ('works_for', ))
    with pytest.raises(ValueError, match=f'train.renamed: {message}'):
        match_tags(new, old, renamed)


@pytest.mark.parametrize('override, message', [
    ('model.heads=2', 'model.heads: the model .* has 4, which its weights .*got 2'),
    ('model.channels=[pos]', 'model.channels'),
    ('data.table=symmetric', "data.table: the model .* has 'directed'"),
    ('data.encoder=bert-base-uncased', 'data.encoder'),
    ('data.word_vectors=false', 'data.word_vectors'),
])
def test_an_option_that_contradicts_the_weights_is_named(trained, override, message):
    config = config_from(trained, override)
    with pytest.raises(ValueError, match=message):
        started_from(config, read_start(config))


def test_what_is_not_asked_for_is_the_saved_model_s(trained, tiny_encoder):
    config = config_from(trained, 'model.dropout=0.3', 'model.freeze_layers=1',
                         'data.mask=true')
    found = started_from(config, read_start(config))
    assert (found.model.dropout, found.model.freeze_layers) == (0.3, 1)
    assert (found.model.heads, found.model.contrast) == (4, 0.1)
    assert (found.data.encoder, found.data.mask) == (tiny_encoder, True)
    assert found.train == config.train and found.tags == config.tags
    # The result says the same of everything, so it can be compared and read again.
    again = Config.from_dict(found.to_dict())
    assert started_from(again, read_start(again)) == found


def test_a_tokenizer_that_is_elsewhere_now_is_read_from_the_model(trained, tmp_path):
    folder = tmp_path / 'model'
    shutil.copytree(trained, folder, ignore=shutil.ignore_patterns('training'))
    pipeline = read_json(folder / 'pipeline.json')
    pipeline['data']['encoder'] = str(tmp_path / 'gone')
    (folder / 'pipeline.json').write_text(json.dumps(pipeline))
    assert read_start(config_from(folder)).data.encoder == str(folder)


def test_there_is_nothing_renamed_without_a_start():
    with pytest.raises(ValueError, match='train.renamed: there is no model to start'):
        Config.load('default', ['train.renamed={per: org}'])


def test_without_a_start_no_weights_have_a_share():
    with pytest.raises(ValueError, match='train.start_share: there is no model to st'):
        Config.load('default', ['train.start_share=0.5'])


def test_a_layer_of_another_kind_cannot_be_started_with(trained):
    def own(channels, num_types):
        return graph_layer('gcn', channels, num_types, Config().model)

    with pytest.raises(ValueError, match="has conv='attribute_transformer': it can"):
        read_start(config_from(trained), own)
    with pytest.raises(ValueError, match="has fusion='eega': it cannot start with ano"):
        read_start(config_from(trained), fusion=torch.nn.Identity())
    with pytest.raises(ValueError, match='model.fusion: the model .* has \'eega\''):
        started_from(config_from(trained, 'model.fusion=maf'),
                     read_start(config_from(trained)))
    with pytest.raises(FileNotFoundError, match="no folder '.*nowhere'"):
        read_start(config_from('nowhere'))


@pytest.mark.slow
def test_a_run_says_what_it_started_from_and_is_resumed_from_the_same(
        own_root, trained, tmp_path, capsys):
    base = tmp_path / 'base'
    shutil.copytree(trained, base, ignore=shutil.ignore_patterns('training'))
    config = config_from(base, RENAMED, 'train.epochs=1', 'train.lr=1e-3')
    result = fit(config, own_root, tmp_path / 'run')
    told = ' '.join(capsys.readouterr().err.split())
    assert 'taken over' in told and 'company (was org)' in told
    assert 'no validation file' in told and 'held out' in result.caveat
    assert 'sentences are noisy' in result.caveat

    digest = file_sha256(base / 'model.safetensors')
    card = (tmp_path / 'run' / 'README.md').read_text()
    assert digest in card and 'employer (there member_of)' in card
    assert 'fresh lives' in card and 'awarded' in card and result.caveat in card
    pipeline = read_json(tmp_path / 'run' / 'pipeline.json')
    assert pipeline['start']['sha256'] == digest
    # It is a model as any other, and its validation split is found again.
    saved = load_model(tmp_path / 'run')
    assert saved.model.tag_set == config.tags.tag_set()
    val = JMERE(str(own_root), split='val', vocabularies=saved.vocabularies,
                tags=saved.model.tag_set, log=False, **saved.data.arguments())
    assert len(val) == len(result.sentences.targets)

    longer = config_from(base, RENAMED, 'train.epochs=2', 'train.lr=1e-3')
    (base / 'pipeline.json').write_text((base / 'pipeline.json').read_text() + ' ')
    fit(longer, own_root, tmp_path / 'run', resume=True, progress=False)
    shutil.copy(tmp_path / 'run' / 'model.safetensors', base)
    shutil.copy(tmp_path / 'run' / 'config.json', base)
    shutil.copy(tmp_path / 'run' / 'vocabularies.json', base)
    shutil.copy(tmp_path / 'run' / 'pipeline.json', base)
    again = config_from(base, 'train.epochs=3', 'train.lr=1e-3')
    with pytest.raises(ValueError, match='has another configuration|another model'):
        fit(again, own_root, tmp_path / 'run', resume=True, progress=False)
    with pytest.raises(ValueError, match='is the model to start from'):
        fit(again, own_root, base, progress=False)


@pytest.mark.slow
def test_a_stopped_run_ends_with_the_weights_of_one_that_was_not(
        own_root, trained, tmp_path, monkeypatch):
    config = config_from(trained, RENAMED, 'train.epochs=2', 'train.lr=1e-3')
    fit(config, own_root, tmp_path / 'whole', progress=False)

    class Killed(Exception):
        pass

    def step(module, batch, index, call=PairTagging.training_step):
        if module.current_epoch == 1:
            raise Killed
        return call(module, batch, index)

    with monkeypatch.context() as patch:
        patch.setattr(PairTagging, 'training_step', step)
        with pytest.raises(Killed):
            fit(config, own_root, tmp_path / 'cut', progress=False)
    fit(config, own_root, tmp_path / 'cut', resume=True, progress=False)
    whole, cut = (load_file(tmp_path / name / 'model.safetensors')
                  for name in ('whole', 'cut'))
    assert all(torch.equal(whole[name], cut[name]) for name in whole)

    # It has ended, and goes on to nothing but another share.
    shared = config_from(trained, RENAMED, 'train.epochs=2', 'train.lr=1e-3',
                         'train.start_share=0.5')
    fit(shared, own_root, tmp_path / 'cut', resume=True, progress=False)
    mixed, start = (load_file(folder / 'model.safetensors')
                    for folder in (tmp_path / 'cut', trained))
    name = 'text_encoder.encoder.embeddings.LayerNorm.weight'
    assert not torch.equal(whole[name], start[name])
    assert torch.allclose(mixed[name], (whole[name] + start[name]) / 2)
    assert '0.5 of what it was' in (tmp_path / 'cut' / 'README.md').read_text()
    pipeline = read_json(tmp_path / 'cut' / 'pipeline.json')
    assert pipeline['start']['share'] == 0.5


@pytest.mark.slow
def test_the_command_starts_from_a_model_and_names_what_is_wrong(
        eega, own_root, trained, tmp_path):
    command = ['train', own_root, '--output', tmp_path / 'run', '--from', trained]
    for override in [*TAGS, 'train.epochs=1']:
        command += ['--set', override]
    code, out, err = eega(*command)
    assert code == 0 and 'best epoch: 1' in out, err
    assert 'taken over' in err and 'left behind' in err
    assert 'held out of the training file' in err
    for wrong, message in (
        (['--set', 'model.heads=2'], 'error: model.heads: the model'),
        (['--set', 'train.renamed={boss: per}'], "train.renamed: 'boss' is no type"),
        (['--preset', 'paper'], 'error: model.'),
    ):
        code, out, err = eega(*command, '--quiet', *wrong)
        assert code == 1 and out == '' and err.count('\n') == 1
        assert message in err
    command[-len(TAGS) * 2 - 3] = tmp_path / 'nowhere'
    code, _, err = eega(*command)
    assert code == 1 and "error: There is no folder '" in err


def broken(folder, how):
    if how == 'of another width':
        value = read_json(folder / 'config.json')
        (folder / 'config.json').write_text(json.dumps({**value, 'channel_dim': 9}))
    elif how == 'without its weights':
        (folder / 'model.safetensors').unlink()
    elif how == 'with an own layer':
        value = read_json(folder / 'config.json')
        value['conv'] = {'own': 'my.Layer'}
        (folder / 'config.json').write_text(json.dumps(value))
    elif how == 'with other vocabularies':
        (folder / 'vocabularies.json').write_text('{}')


@pytest.mark.parametrize('how, message', [
    ('of another width', "train.start: .*'config.json' and 'model.safetensors' do not"),
    ('without its weights', "there is no 'model.safetensors' in it"),
    ('with an own layer', "are of the class 'my.Layer'.*load_model.folder, conv"),
    ('with other vocabularies', "vocabularies.json: missing"),
])
def test_a_folder_that_is_no_whole_model_is_named(trained, tmp_path, how, message):
    folder = tmp_path / 'model'
    shutil.copytree(trained, folder, ignore=shutil.ignore_patterns('training'))
    broken(folder, how)
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        read_start(config_from(folder))


def test_a_shrunk_model_starts_with_the_weights_it_has(trained, tmp_path):
    shrink(trained, tmp_path / 'small', 'float32')
    whole, small = (read_start(config_from(f)) for f in (trained, tmp_path / 'small'))
    assert small.data == whole.data and small.options == whole.options
    states = [s.saved.model.state_dict() for s in (whole, small)]
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
