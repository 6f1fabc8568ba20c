r"""A data set whose relations stand in the types of the scene graphs' edges alone."""
import json
from collections import defaultdict

import pytest

from benchmarks.accuracy import synthetic
from eega_pyg.datasets import read_mnre
from eega_pyg.schema import JMERE_TAGS, SceneGraph

pytestmark = pytest.mark.slow


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp('synthetic') / 'data'
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(synthetic, 'SIZES', {'train': 400, 'val': 20})
        synthetic.write(root)
    return root


def rows(root, split):
    for row in read_mnre(root / 'raw' / f'mnre_{split}.txt', JMERE_TAGS):
        path = root / 'raw' / f'scenes_{split}' / f'{row.image_id}.json'
        quintuple, = row.quintuples
        yield row.words, quintuple.relation, SceneGraph.from_json(path.read_text())


def test_the_edge_between_the_people_tells_the_relation(root):
    for _, relation, graph in rows(root, 'val'):
        people = {i for i, o in enumerate(graph.objects) if o.label in ('man', 'woman')}
        verb, = [
            p.predicate for p in graph.predicates if {p.subject, p.object} == people
        ]
        assert synthetic.RELATIONS[verb] == relation
        assert len(graph.objects) == 4 and len(graph.predicates) == 2


def test_nothing_else_tells_the_relation(root):
    counts = defaultdict(lambda: defaultdict(int))
    for words, relation, graph in rows(root, 'train'):
        subject = graph.objects[graph.predicates[0].subject].label
        features = [words[0], words[2], words[3:], subject, graph.objects[0].label]
        for i, feature in enumerate(features):
            counts[i, str(feature)][relation] += 1
    common = [c for c in counts.values() if sum(c.values()) >= 50]
    assert len(common) > 8
    assert all(max(c.values()) < 0.45 * sum(c.values()) for c in common)


def test_names_of_validation_are_new(root):
    names = {
        split: {w
                for words, *_ in rows(root, split)
                for w in (words[0], words[2])}
        for split in ('train', 'val')
    }
    assert names['train'] and names['val'] and not names['train'] & names['val']


def test_it_is_a_benchmark_like_the_others(script, results, tmp_path, monkeypatch):
    root = tmp_path / 'data'
    monkeypatch.setattr(synthetic, 'SIZES', {'train': 40, 'val': 20})
    synthetic.write(root)
    script(synthetic, '--only', 'full', '--seeds', '0', '--set',
           'model.freeze_layers=1', root=root)
    record, = json.loads(results.read_text())
    assert record['name'] == 'full'
    assert record['config']['data']['visual'] == ['scenes_{split}']
