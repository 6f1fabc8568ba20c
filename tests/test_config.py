import pytest
import yaml

from eega_pyg.config import Config, presets
from eega_pyg.schema import JMERE_TAGS


def test_presets_load_and_survive_a_round_trip():
    assert presets() == ['default', 'paper']
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
        'data.captions=false', 'tags.types=[animal, plant]', 'tags.relations=[eats]'
    ])
    assert config.train.lr == 3e-5 and config.train.epochs == 2
    assert config.model.channels == ('pos', ) and not config.data.captions
    assert config.tags.tag_set().names == ('none', 'animal', 'plant', 'eats')
    assert Config.load('paper').train.lr_encoder == config.train.lr_encoder


def test_a_file_of_ones_own(tmp_path):
    path = tmp_path / 'mine.yaml'
    path.write_text('train:\n  batch_size: 4\n')
    assert Config.load(str(path)).train.batch_size == 4


@pytest.mark.parametrize('override, message', [
    ('lr=3', 'SECTION.FIELD=VALUE'),
    ('train.lr', 'SECTION.FIELD=VALUE'),
    ('train.rate=3', "Unknown field 'train.rate'"),
    ('optimizer.lr=3', "Unknown field 'optimizer'"),
    ('train.epochs=many', 'train.epochs: expected int'),
    ('train.epochs=1.5', 'train.epochs: expected int'),
    ('train.epochs=true', 'train.epochs: expected int'),
    ('train.epochs=0', 'train.epochs: expected at least 1'),
    ('train.lr=fast', 'train.lr: expected float'),
    ('train.lr=-1', 'train.lr: expected at least 0'),
    ('train.lr=.nan', 'train.lr: expected at least 0'),
    ('train.lr=.inf', 'train.lr: expected at least 0'),
    ('train.warmup=2', 'train.warmup: expected at least 0 and at most 1'),
    ('train.clip=-1', 'train.clip: expected at least 0'),
    ('train.pretrain_epochs=-1', 'train.pretrain_epochs: expected at least 0'),
    ('train.distillation=1.1', 'train.distillation: expected at least 0 and at most'),
    ('train.unlabelled=true', 'train.unlabelled: there are no train.teachers'),
    ('model.contrast=-1', 'model.contrast: expected at least 0'),
    ('model.epsilon=0', 'model.epsilon: expected more than 0'),
    ('model.heads=0', 'model.heads: expected at least 1'),
    ('model.image_dropout=1.5', 'model.image_dropout: expected at least 0 and at most'),
    ('data.feature_size=-1', 'data.feature_size: expected at least 0'),
    ('model.channels=pos', 'model.channels: expected a list'),
    ('model.visual=1', 'model.visual: expected bool'),
    ('data.table=round', 'data.table: expected one of directed'),
    ('data.version=v2', 'data.version: expected one of v1'),
    ('tags.types=[per, per]', 'Repeated names'),
    ('train.lr=[', "cannot read the value"),
])
def test_a_wrong_override_is_named(override, message):
    with pytest.raises(ValueError, match=message):
        Config.load('paper', [override])


def test_a_wrong_file_is_named(tmp_path):
    with pytest.raises(ValueError, match="no preset or file 'papper'"):
        Config.load('papper')
    path = tmp_path / 'broken.yaml'
    path.write_text('train: [')
    with pytest.raises(ValueError, match='broken.yaml: not valid YAML'):
        Config.load(str(path))
    path.write_text('- 1')
    with pytest.raises(ValueError, match='expected a mapping'):
        Config.load(str(path), ['train.lr=1'])
    path.write_text('train: 3')
    with pytest.raises(ValueError, match='train: expected a mapping'):
        Config.load(str(path), ['train.lr=1'])
