r"""From labels of one's own to a model, and from its results to labels."""
import json
import shutil
from itertools import product

import pytest

from eega_pyg.config import Config
from eega_pyg.datasets import JSONLines, Record, open_dataset
from eega_pyg.datasets.further import read_further, read_held_out
from eega_pyg.json_yaml import read_yaml
from eega_pyg.nn.models import EEGA
from eega_pyg.saving import load_model
from eega_pyg.schema import PAIR, UNSTATED, Annotation, Entity, Quintuple
from eega_pyg.training import evaluate, fit
from eega_pyg.training.pretraining import marked_text

ANIMALS, PLANTS = ('fox', 'deer', 'owl', 'bee'), ('oak', 'fern', 'moss')
LONGER = ['train.epochs=24', 'train.patience=24', 'train.lr=1e-2', 'train.batch_size=4']


def text(animal, plant, stone):
    r"""Two related entities, and one that is alone."""
    words = ['the', animal, 'eats', 'the', plant, 'near', 'a', stone, '.']
    place = {w: ' '.join(words).index(w) for w in (animal, plant, stone)}
    kinds = {animal: 'animal', plant: 'plant', stone: 'stone'}
    return {
        'text':
        ' '.join(words),
        'entities': [{
            'start': place[w],
            'end': place[w] + len(w),
            'type': kinds[w]
        } for w in place],
        'relations': [{
            'head': 0,
            'tail': 1,
            'type': 'eats'
        }],
    }


TEXTS = [
    text(animal, plant, ('flint', 'slate')[i % 2])
    for i, (animal, plant) in enumerate(product(ANIMALS, PLANTS))
]


def write(path, texts):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text('\n'.join(map(json.dumps, texts)))
    return path


@pytest.fixture(scope='module')
def own(tmp_path_factory):
    root = tmp_path_factory.mktemp('own')
    write(root / 'raw' / 'train.jsonl', TEXTS)
    write(root / 'raw' / 'val.jsonl', TEXTS[::3])
    return root


@pytest.fixture(scope='module')
def own_run(own, tiny_overrides, tmp_path_factory):
    config = Config.load('default',
                         [*tiny_overrides, *LONGER, 'train.pretrain_epochs=1'])
    return fit(config, own, tmp_path_factory.mktemp('run') / 'model', progress=False)


@pytest.mark.slow
def test_entities_of_no_relation_are_learned_and_scored(own, own_run):
    assert own_run.scores['entity_f1'] > 0.85 < own_run.scores['quintuple_f1']
    found = own_run.sentences.extractions()
    assert sum(e.type == 'stone' for x in found for e in x.entities) >= 2
    given = [items for items in own_run.sentences.entities.values()]
    assert [len(items) for items in given] == [3] * 4
    saved = load_model(own_run.folder)
    val = open_dataset(own, 'val', saved.data, saved.model.tag_set, saved.vocabularies,
                       log=False)
    assert evaluate(saved.model, val, saved.signatures) == own_run.scores


@pytest.mark.slow
def test_a_saved_model_says_what_was_read_off_the_data(own_run):
    saved = load_model(own_run.folder)
    assert saved.model.tag_set.names == ('none', 'animal', 'plant', 'stone', 'eats')
    assert saved.data.entities == 'all'
    config = read_yaml(own_run.folder / 'training' / 'config.yaml')
    assert config['tags'] == {
        'types': ['animal', 'plant', 'stone'],
        'relations': ['eats']
    }
    card = (own_run.folder / 'README.md').read_text()
    assert '- entities: all, also those of no relation' in card


@pytest.mark.slow
def test_what_is_extracted_can_be_corrected_and_trained_on(eega, own, own_run, tmp_path,
                                                           tiny_overrides):
    source = write(tmp_path / 'texts.txt', [])
    source.write_text('\n'.join(t['text'] for t in TEXTS[:8]))
    found = tmp_path / 'found.jsonl'
    assert eega('extract', source, '-m', own_run.folder, '--output', found)[0] == 0
    lines = [json.loads(line) for line in found.read_text().splitlines()]
    assert len(lines) == 8 and sum(len(x['entities']) for x in lines) > 12
    for x, given in zip(lines, TEXTS):
        # A person adds what was not found, and calls the stones rocks.
        spans = [(e['start'], e['end']) for e in x['entities']]
        x['entities'] += [
            e for e in given['entities'] if (e['start'], e['end']) not in spans
        ]
        for e in x['entities']:
            e['type'] = {'stone': 'rock'}.get(e['type'], e['type'])
        if not x['quintuples']:
            head, tail, _ = given['entities']
            x['quintuples'] = [{'head': head, 'tail': tail, 'relation': 'eats'}]
    root = tmp_path / 'corrected'
    write(root / 'raw' / 'train.jsonl', lines)
    write(root / 'raw' / 'val.jsonl', lines[:2])
    sets = [x for s in (*tiny_overrides, 'train.epochs=1') for x in ('--set', s)]
    code, out, err = eega('train', root, '--output', tmp_path / 'run', *sets)
    assert code == 0, err
    rows = [[c.strip() for c in r.strip('│').split('│')] for r in err.splitlines()
            if r.startswith('│')]
    assert rows == [['animal', 'type', '8'], ['plant', 'type', '8'],
                    ['rock', 'type', '8'], ['eats', 'relation', '8']]
    data = JSONLines(str(root), log=False)
    assert [d.quintuples
            for d in data] == [[[1, 2, 'animal', 4, 5, 'plant', 'eats']]] * 8
    code, _, err = eega('evaluate', root, '-m', tmp_path / 'run')
    assert code == 0, err
    code, _, err = eega('evaluate', root, '-m', own_run.folder)
    assert code == 1
    assert "val.jsonl:1: entities[2]: unknown type 'rock' (known: animal, plant" in err


@pytest.mark.slow
def test_tweets_without_relations_are_trained_by_their_entities(
        tmp_path, tiny_overrides):
    names = [('Ida', 'PER'), ('Bob', 'PER'), ('Kiel', 'LOC'), ('Lima', 'LOC')]
    tweets = ''.join(
        f'IMGID:{i}\n{verb}\tO\n{name}\tB-{kind}\n\n'
        for i, (verb, (name,
                       kind)) in enumerate(product(('see', 'love', 'miss'), names)))
    (tmp_path / 'raw').mkdir()
    for name in ('train.txt', 'valid.txt'):
        (tmp_path / 'raw' / name).write_text(tweets)
    config = Config.load('default', [*tiny_overrides, *LONGER])
    result = fit(config, tmp_path, tmp_path / 'run', progress=False)
    assert result.scores['entity_f1'] == 1
    assert load_model(tmp_path / 'run').model.tag_set.relations == ()


@pytest.mark.slow
def test_json_lines_are_a_further_set(small_root, tiny_overrides, tmp_path,
                                      monkeypatch):
    further = write(tmp_path / 'more.jsonl',
                    [{
                        'text': 'Ida sleeps in Kiel',
                        'entities': [{
                            'start': 0,
                            'end': 3,
                            'type': 'per'
                        }]
                    }] * 3)
    seen = {}
    loss = EEGA.loss

    def spy(model, batch):
        seen.update((' '.join(d.words), d) for d in batch.to_data_list())
        return loss(model, batch)

    monkeypatch.setattr(EEGA, 'loss', spy)
    config = Config.load('default', [
        *tiny_overrides, 'train.epochs=1', f"train.also=['jsonl:{further}']",
        f"train.held_out=['jsonl:{further}']"
    ])
    assert fit(config, small_root, tmp_path / 'run', progress=False).scores
    data = seen['Ida sleeps in Kiel']
    # It has one type: of others and of relations it says nothing.
    assert data[PAIR].tag.tolist() == [1] + [UNSTATED] * 15
    assert data.annotated[0].tolist() == [True, True] + [False] * 24

    train = open_dataset(small_root, 'train', config.data, log=False)
    further.write_text(json.dumps(TEXTS[0]))
    for read in (lambda name: read_further(name, train),
                 lambda name: read_held_out([name], train)):
        with pytest.raises(
                ValueError, match=r"more.jsonl:1: entities\[0\]: unknown "
                r"type 'animal' \(known: per, org"):
            read(f'jsonl:{further}')


def test_a_validation_file_without_labels_is_named(own, tiny_overrides, tmp_path):
    root = tmp_path / 'data'
    shutil.copytree(own, root)
    (root / 'raw' /
     'val.jsonl').write_text('{"text": "Ann met Bo", "label": [[0, 3, "animal"]]}\n')
    config = Config.load('default', tiny_overrides)
    with pytest.raises(ValueError, match='val split .* holds no entity in 1 texts'):
        fit(config, root, tmp_path / 'run', progress=False)


@pytest.mark.slow
def test_a_model_without_its_run_is_not_replaced(own, own_run, tiny_overrides,
                                                 tmp_path):
    shutil.copytree(own_run.folder, tmp_path / 'model',
                    ignore=shutil.ignore_patterns('training'))
    config = Config.load('default', tiny_overrides)
    for resume in (False, True):
        with pytest.raises(ValueError, match='already holds a model, and no run'):
            fit(config, own, tmp_path / 'model', resume=resume, progress=False)


def test_pairs_without_a_relation_are_pretrained_on_where_all_are_annotated():
    a, b, c = Entity(0, 1, 'x'), Entity(2, 3, 'x'), Entity(4, 5, 'y')
    quintuples = (Quintuple(c, a, 'r'), )
    known = Record(('w', ) * 5, '', quintuples, '', Annotation((a, b, c)))
    assert marked_text(known).relations == {
        (c.span, a.span): 'r',
        (a.span, b.span): None,
        (b.span, c.span): None
    }
    left_open = Record(('w', ) * 5, '', quintuples, '',
                       Annotation((a, b, c), rest=UNSTATED))
    assert marked_text(left_open).relations == {(c.span, a.span): 'r'}
