import pytest

from eega_pyg.extraction import origin
from eega_pyg.extraction.origin import Origin
from eega_pyg.saving.folder import CHECKPOINTS


def test_a_branch_of_the_hub_becomes_the_commit_that_was_loaded():
    found = Origin.of('me/model', 'main', '/cache/models--me--model/snapshots/abc',
                      None)
    assert (found.name, found.revision) == ('me/model', 'abc')


def test_a_checkpoint_of_the_package_is_found_by_name_elsewhere(monkeypatch, tmp_path):
    monkeypatch.setattr(origin, 'fingerprint', lambda saved: 'x')
    asked = []
    monkeypatch.setattr(origin, 'load_model',
                        lambda name, revision, **own: asked.append((name, revision)))
    folder = str(CHECKPOINTS / 'jmere-minilm')
    for name in (None, 'jmere-minilm'):
        found = Origin.of(name, None, folder, None)
        found.load('x')
        Origin(str(tmp_path / 'gone'), found.name).load('x')
    assert asked == [(folder, None), ('jmere-minilm', None)] * 2


def test_a_folder_has_no_other_name(tmp_path):
    found = Origin.of(tmp_path, None, str(tmp_path), None)
    assert found == Origin(str(tmp_path))
    tmp_path.rmdir()
    with pytest.raises(FileNotFoundError, match='pickled without its weights'):
        found.load('x')
