import json

import pytest

from eega_pyg.config import Config, DataConfig
from eega_pyg.datasets import JMERE, open_dataset
from eega_pyg.datasets.opening import kind_of, resolved, survey_of
from eega_pyg.schema import JMERE_TAGS

TEXTS = [{
    'text':
    'Ann eats soup',
    'entities': [{
        'start': 0,
        'end': 3,
        'type': 'guest'
    }, {
        'start': 9,
        'end': 13,
        'type': 'dish'
    }],
    'relations': [{
        'head': 0,
        'tail': 1,
        'type': 'eats'
    }]
}]


@pytest.fixture
def folder(tmp_path):
    def folder(*names):
        (tmp_path / 'raw').mkdir()
        for name in names:
            text = json.dumps(TEXTS[0]) if name.endswith('.jsonl') else 'Ann\tB-PER\n'
            (tmp_path / 'raw' / name).write_text(text)
        return tmp_path

    return folder


@pytest.mark.parametrize('names, kind', [
    (['mnre_train.txt', 'captions_train.jsonl'], 'mnre'),
    (['val.jsonl', 'captions_val.jsonl'], 'jsonl'),
    (['train.txt', 'valid.txt'], 'tweets'),
    (['captions_train.jsonl', 'texts.jsonl'], None),
])
def test_a_folder_is_what_its_files_are_called(folder, names, kind):
    assert kind_of(folder(*names)) == kind


def test_two_data_sets_in_a_folder_are_refused(folder):
    root = folder('mnre_val.txt', 'train.jsonl')
    with pytest.raises(
            ValueError, match="'mnre_val.txt' and 'train.jsonl', which are "
            "of two data sets"):
        open_dataset(root, 'train')


def test_a_validation_file_of_another_name_is_told(folder):
    with pytest.raises(ValueError, match="dev.jsonl' is not read: call it 'val.jsonl'"):
        open_dataset(folder('train.jsonl', 'dev.jsonl'), 'train')


def test_nothing_is_downloaded_into_a_folder_of_something_else(folder, monkeypatch):
    monkeypatch.setattr(JMERE, 'download', lambda self: pytest.fail('downloaded'))
    root = folder('texts.jsonl')
    with pytest.raises(FileNotFoundError, match='expected train.jsonl and val.jsonl'):
        open_dataset(root, 'train')
    assert sorted(p.name for p in root.rglob('*')) == ['raw', 'texts.jsonl']


def test_tags_are_read_off_json_lines_where_none_are_named(folder):
    root = folder('train.jsonl')
    config = resolved(Config.load('default'), root)
    assert config.tags.types == ('dish', 'guest')
    assert config.tags.relations == ('eats', )
    assert config.data.entities == 'related'
    assert resolved(config, root) == config
    assert survey_of(config, root) is None  # There is nothing left to be found.

    some = Config.load('default', ['tags.types=[guest, dish]', 'data.entities=all'])
    config = resolved(some, root)
    assert config.tags.types == ('guest', 'dish')
    assert config.tags.relations == ('eats', )
    assert config.data.entities == 'all'


def test_lines_of_mnre_have_the_tags_of_jmere(folder):
    root = folder('mnre_train.txt')
    config = resolved(Config.load('default'), root)
    assert config.tags.tag_set() == JMERE_TAGS
    assert config.data.entities == 'auto'
    with pytest.raises(ValueError, match='data.entities: lines of MNRE name only'):
        open_dataset(root, 'train', DataConfig(entities='all'))


def test_columns_have_types_alone(folder):
    config = resolved(Config.load('default'), folder('train.txt'))
    assert config.tags.tag_set().names == ('none', 'per', 'org', 'loc', 'misc')
