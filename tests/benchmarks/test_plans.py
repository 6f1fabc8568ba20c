import json
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks.accuracy import plans
from benchmarks.measure import machine
from eega_pyg.extraction.extractor import Extractor
from eega_pyg.extraction.item import Item
from eega_pyg.extraction.result import Alignment
from eega_pyg.schema import JMERE_TAGS, SceneGraph, SceneObject

pytestmark = pytest.mark.slow

LABELS = ('old man', 'red ball', 'women')


@pytest.fixture
def root(tmp_path):
    words = ['Ann', 'of', 'Acme', 'in', 'Oslo']
    line = {'token': words, 'img_id': 'a.jpg', 'h': {'name': 'Ann', 'pos': [0, 1]}}
    raw = tmp_path / 'raw'
    raw.mkdir()
    with (raw / 'mnre_val.txt').open('w') as f:
        for at, relation in ((2, '/per/org/member_of'), (4, '/per/loc/place_of_birth')):
            tail = {'name': words[at], 'pos': [at, at + 1]}
            f.write(str({**line, 't': tail, 'relation': relation}) + '\n')
    caption = json.dumps({'img_id': 'a.jpg', 'caption': 'x'})
    (raw / 'captions_val.jsonl').write_text(caption + '\n')
    return tmp_path


@pytest.mark.parametrize('ann, acme, oslo, expected', [
    (0.9, 0.2, 0.4, 1.0),
    (0.3, 0.2, 0.4, 0.5),
    (0.1, 0.2, 0.4, 0.0),
    (0.2, 0.2, 0.4, 0.25),
])
def test_a_person_is_compared_with_everything_else(root, ann, acme, oslo, expected):
    people = np.array([ann, 0.5, acme, 0.5, oslo])
    plan = np.stack([people / 2, 1 - people, people / 2])

    def batch(items, align):
        scene = SceneGraph(tuple(map(SceneObject, LABELS)))
        return [
            SimpleNamespace(scene_graph=scene, alignment=Alignment(plan, plan / 2))
            for _ in items
        ]

    model = SimpleNamespace(tag_set=JMERE_TAGS, alignment=None)
    found = plans.compare(SimpleNamespace(model=model, batch=batch), root)
    assert found.pop('pairs') == 2
    assert {
        name: found[name]
        for name in found.keys() - machine().keys()
    } == {
        name: expected
        for name in ('nodes', 'edges', *(f'fused {w}' for w in plans.WEIGHTS))
    }


def test_models_are_compared(trained, small_root, tmp_path, monkeypatch, capsys):
    results = tmp_path / 'plans.json'
    results.write_text(json.dumps({'other': {'pairs': 3, 'nodes': 0.5, **machine()}}))
    monkeypatch.setattr(
        sys, 'argv',
        ['plans', str(small_root),
         str(trained), '--results',
         str(results)])
    plans.main()
    record = json.loads(results.read_text())
    assert list(record) == ['other', trained.name]
    found = record[trained.name]
    assert found == plans.compare(Extractor.from_pretrained(trained), small_root)
    assert found['pairs'] > 5 and 0 < found['nodes'] < 1
    out = capsys.readouterr().out
    assert f"| {trained.name} | {found['pairs']} | " in out
    assert '| other | 3 | 50.0 | not run | not run | ' in out


@pytest.mark.parametrize('weight', [0.0, 1.0])
def test_a_fused_plan_lies_between_those_of_nodes_and_of_edges(trained, weight):
    extractor = Extractor.from_pretrained(trained)
    item = Item(words='Ada Moss of Acme sings in Oslo'.split(),
                caption='a woman holds a red ball and a man sits on a bench')
    own = extractor.batch([item], align=True)[0].alignment
    alignment = extractor.model.alignment
    alignment.normalize = True
    extractor.model.alignment = plans.Fused(alignment, weight)
    fused = extractor.batch([item], align=True)[0].alignment
    assert np.abs(own.nodes - own.edges).max() > 1e-3
    np.testing.assert_allclose(fused.edges, own.edges if weight else own.nodes,
                               atol=2e-4)
    np.testing.assert_array_equal(fused.nodes, own.nodes)


def test_two_models_of_one_name_are_refused(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, 'argv', ['plans', str(tmp_path), 'a/default', 'b/default'])
    with pytest.raises(SystemExit):
        plans.main()
    assert 'two of the folders have the same name' in capsys.readouterr().err
