import re
import warnings

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from eega_pyg.config import (
    Config,
    DataConfig,
    ModelConfig,
    TagsConfig,
    TrainConfig,
    presets,
)
from eega_pyg.json_yaml import parse_yaml
from eega_pyg.schema import JMERE_TAGS


def test_presets_load_and_survive_a_round_trip():
    assert presets() == ['default', 'finetune', 'paper']
    for name in presets():
        config = Config.load(name)
        assert Config.from_dict(yaml.safe_load(yaml.safe_dump(
            config.to_dict()))) == config
        assert config.tags.tag_set() == JMERE_TAGS


def test_paper_preset_states_the_papers_constants():
    config = Config.load('paper')
    assert (config.data.encoder, config.data.spacy_model) == ('bert-base-uncased',
                                                              'en_core_web_trf')
    assert (config.data.max_words, config.data.max_objects) == (70, 10)
    assert config.data.table == 'symmetric'
    assert (config.model.edge_dim, config.model.channel_dim) == (100, 100)
    assert (config.model.alpha, config.model.lambda_graph) == (0.4, 0.6)
    assert (config.model.num_iters, config.model.gw_loss) == (20, 'absolute')
    assert not config.model.normalize and not config.model.token_features
    assert config.model.reduction == 'sum'
    assert config.train.patience == 5


def test_overrides_replace_single_fields():
    config = Config.load('paper', [
        'train.lr=3e-5', 'train.epochs=2', 'model.channels=[pos]',
        'data.visual=[a.jsonl]', 'tags.types=[animal, plant]', 'tags.relations=[eats]'
    ])
    assert config.train.lr == 3e-5 and config.train.epochs == 2
    assert config.model.channels == ('pos', ) and config.data.visual == ('a.jsonl', )
    assert config.tags.tag_set().names == ('none', 'animal', 'plant', 'eats')
    assert Config.load('paper').train.lr_encoder == config.train.lr_encoder


def test_a_file_of_ones_own(tmp_path):
    path = tmp_path / 'mine.yaml'
    path.write_text('')
    assert Config.load(str(path)) == Config()
    path.write_text('train:\n  batch_size: 4\n')
    assert Config.load(str(path)).train.batch_size == 4


@pytest.mark.parametrize('override, message', [
    ('lr=3', "SECTION.FIELD=VALUE, e.g. train.lr=3e-5 (got 'lr=3')"),
    ('train.lr', 'SECTION.FIELD=VALUE'),
    ('train.lr.x=1', 'SECTION.FIELD=VALUE'),
    ('train.rate=3', "train: unknown field 'rate' (known: epochs, patience,"),
    ('optimizer.lr=3', "unknown field 'optimizer' (known: tags, data, model, train)"),
    ('train.epochs=many', "train.epochs: expected a whole number (got 'many')"),
    ('train.epochs=1.5', 'train.epochs: expected a whole number (got 1.5)'),
    ('train.epochs=true', 'train.epochs: expected a whole number (got True)'),
    ('train.epochs=0', 'train.epochs: expected a number >= 1 (got 0)'),
    ('train.epochs=' + '9' * 5000, 'train.epochs: expected a whole number (got inf)'),
    ('train.epochs=0x10', "train.epochs: expected a whole number (got '0x10')"),
    ('train.lr=fast', "train.lr: expected a number (got 'fast')"),
    ('train.lr=true', 'train.lr: expected a number (got True)'),
    ('train.lr=' + 'x' * 999, f"train.lr: expected a number (got '{'x' * 76}...)"),
    ('train.lr=-1', 'train.lr: expected a number >= 0 (got -1)'),
    ('train.lr=.nan', 'train.lr: expected a finite number (got nan)'),
    ('train.lr=.inf', 'train.lr: expected a finite number (got inf)'),
    ('train.warmup=2', 'train.warmup: expected a number <= 1 (got 2)'),
    ('train.seed=-1', 'train.seed: expected a number >= 0 (got -1)'),
    ('train.unlabelled=true', 'train.unlabelled: there are no train.teachers'),
    ('train.schedule=halving', "train: unknown field 'schedule'"),
    ('model.epsilon=0', 'model.epsilon: expected a number > 0 (got 0)'),
    ('model.image_dropout=1.5', 'model.image_dropout: expected a number <= 1'),
    ('model.channels=pos', "model.channels: expected a list (got 'pos')"),
    ('model.channels=[pos, hops]', "model.channels[1]: expected 'pos', 'sd' or 'co'"),
    ('model.conv=gat', "model.conv: expected 'attribute_transformer', 'transformer',"),
    ('model.visual=1', 'model.visual: expected true or false (got 1)'),
    ('data.encoder=null', 'data.encoder: expected a string (got None)'),
    ('data.table=round', "data.table: expected 'directed', 'symmetric' or 'triangle'"),
    ('data.version=v2', "data.version: expected 'v1' or 'merged' (got 'v2')"),
    ('tags.types=[per, per]', "tags: Repeated names in a TagSet: ['per']"),
    ('tags.types=[no, yes]', 'tags.types[0]: expected a string (got False)'),
    ('train.lr=[', '--set train.lr: not valid YAML: line 1: expected the node'),
])
def test_a_wrong_override_is_named(override, message):
    with pytest.raises(ValueError, match='^.{0,400}$') as error:
        Config.load('paper', [override])
    assert str(error.value).startswith(message) or message in str(error.value)


def test_options_that_contradict_one_another_are_both_named():
    for other, message in (('conv=gcn', "model: conv='gcn' .* the fusion 'maf' "),
                           ('visual=false', "model: visual=false .* fusion='maf'")):
        with pytest.raises(ValueError, match=message):
            Config.load('default', ['model.fusion=maf', f'model.{other}'])


def test_a_wrong_file_is_named(tmp_path):
    with pytest.raises(ValueError, match="no preset or file 'papper'"):
        Config.load('papper')
    with pytest.raises(ValueError, match="no preset or file 'xxx"):
        Config.load('x' * 5000)
    path = tmp_path / 'broken.yaml'
    for text, message in (
        ('train: [', 'not valid YAML: line 1: '),
        ('a: 1\na: 2', 'not valid YAML: line 2: expected names, each of them once'),
        ('- 1', 'expected an object'),
        ('train: 3', 'train: expected an object'),
        ('train:', 'train: expected an object'),
        ('model: {alpha: 2}', 'model.alpha: expected a number <= 1'),
        ('model: {heds: 2}', "model: unknown field 'heds'"),
    ):
        path.write_text(text)
        with pytest.raises(ValueError, match=f'^{path}: {re.escape(message)}'):
            Config.load(str(path), ['train.lr=1'])


def test_an_error_of_an_override_is_not_one_of_the_file(tmp_path):
    path = tmp_path / 'mine.yaml'
    path.write_text('train: {unlabelled: true, lr: 1}')
    with pytest.raises(ValueError, match='^train.lr: expected a number >= 0'):
        Config.load(str(path), ['train.lr=-1'])
    # What is wrong in the file alone is right with the override.
    assert Config.load(str(path), ['train.teachers=[a]']).train.unlabelled


def test_files_of_version_0_1_are_read(tmp_path):
    path = tmp_path / 'old.yaml'
    path.write_text('data: {captions: true}\ntrain: {schedule: linear, epochs: 3}')
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        assert Config.load(str(path)).train.epochs == 3
    path.write_text('train: {schedule: halving}')
    with pytest.warns(UserWarning, match="option 'train.schedule' was removed"):
        assert Config.load(str(path)) == Config()


def test_a_configuration_is_a_value():
    config = Config()
    assert config == Config.from_dict({}) and hash(config) == hash(Config())
    with pytest.raises(ValueError, match='frozen'):
        config.train.lr = 1
    other = config.model_copy(
        update={'train': config.train.model_copy(update={'seed': 3})})
    assert other.train.seed == 3 and config.train.seed == 0


def test_docstrings_name_every_option_with_its_default():
    for section in (TagsConfig, DataConfig, ModelConfig, TrainConfig):
        for name, field in section.model_fields.items():
            assert re.search(rf'    {name} \(.*, optional\): {field.description[:20]}',
                             section.__doc__)
            assert repr(field.default) in section.__doc__


#: Pieces of YAML, among them all that a loader can stumble over.
PIECES = st.sampled_from([
    'train', 'model', 'lr', 'epochs', 'channels', ': ', ':', '\n', '\n  ', '- ', '[',
    ']', '{', '}', ', ', '&a ', '*a', '!!int ', '!!python/object:os.system ', '!!set ',
    '! ', '<<: ', '? ', '| ', '> ', '"', "'", '#', '%YAML 1.1\n', '---\n', '...\n',
    '0x', '1e', '1_0', '.inf', '.nan', '12:30:45', '2001-99-99', '9' * 5000, '=', '~',
    'yes', '\t', '\\ud800', '\\UFFFFFFFF', '\x00', '\ufeff', '\u2028', '[' * 200,
    '{a: ' * 50
])


@given(st.lists(PIECES | st.text(max_size=3), max_size=30).map(''.join))
def test_any_text_is_a_configuration_or_one_clear_error(text):
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        for read in (lambda: parse_yaml(text, 'file.yaml'),
                     lambda: Config.from_dict(parse_yaml(text, 'file.yaml')),
                     lambda: Config.load('paper', [f'train.lr={text}']),
                     lambda: Config.load('paper', [text])):
            try:
                read()
            except ValueError as e:
                assert '\n' not in str(e) and 0 < len(str(e)) < 500


def is_number(text):
    try:
        return bool(float(text) or True)
    except ValueError:
        return False


# PyYAML writes YAML 1.1, where 1e5 is a string; it is read by the rules of YAML 1.2.
texts = st.text().filter(lambda text: not is_number(text))
scalars = st.none() | st.booleans() | st.integers(-10**17, 10**17) | st.floats(
    allow_nan=False, allow_infinity=False) | texts
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        texts, inner, max_size=3), max_leaves=8)


@given(values)
def test_values_survive_yaml(value):
    text = yaml.safe_dump(value)
    if depth(value) < 8:
        assert parse_yaml(text, 'file.yaml') == value


def depth(value):
    inner = value.values() if isinstance(value, dict) else value
    return 1 + max(map(depth, inner), default=0) if isinstance(value,
                                                               (list, dict)) else 0


def test_work_on_a_file_is_bounded(tmp_path):
    path = tmp_path / 'large.yaml'
    for text, message in (
        ('a: ' + 'x' * 10**6, 'longer than 65,536 bytes'),
        ('[' * 10**5, 'longer than'),
        ('a: &a [x, x]\nb: [*a, *a]', 'line 2: an alias'),
        ('[[[[[[[[[[1]]]]]]]]]]', 'more than 8 levels'),
        ('a: !!binary aaaa', 'line 1: a tag'),
    ):
        path.write_text(text)
        with pytest.raises(ValueError, match=f'^{path}: not valid YAML.*{message}'):
            Config.load(str(path))
    path.write_bytes(b'a: \xff')
    with pytest.raises(ValueError, match=f'^{path}: not valid YAML in UTF-8'):
        Config.load(str(path))


def test_a_mapping_is_read_from_yaml_and_written_as_one():
    config = Config.load('finetune',
                         ['train.start=m', 'train.renamed={boss: charges, a: b}'])
    assert config.train.renamed == (('boss', 'charges'), ('a', 'b'))
    assert config.to_dict()['train']['renamed'] == {'boss': 'charges', 'a': 'b'}
    assert Config.from_dict(config.to_dict()) == config and hash(config)
    with pytest.raises(ValueError, match='train.renamed'):
        Config.load('finetune', ['train.start=m', 'train.renamed={boss: 3}'])
