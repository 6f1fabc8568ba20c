r"""The general sentences and paragraphs, and how they are scored."""
import json
from collections import Counter
from pathlib import Path

import pytest

from benchmarks import report as reports
from benchmarks.accuracy import general
from benchmarks.accuracy.general import FOLDER, LabelledText, read_texts, stated
from eega_pyg.extraction.extractor import Extractor
from eega_pyg.parsing import Parser
from eega_pyg.saving.folder import CHECKPOINTS, DEFAULT_CHECKPOINT
from eega_pyg.schema import JMERE_TAGS, Entity, Quintuple
from eega_pyg.transforms import Vocabularies

pytestmark = pytest.mark.slow

SHIPPED = Path(__file__).parents[1] / 'data' / 'paragraphs.jsonl'
FILES = {
    'sentences': FOLDER / 'sentences.jsonl',
    'paragraphs': FOLDER / 'paragraphs.jsonl',
    'shipped': SHIPPED
}
TOPICS = {'news', 'companies', 'sport', 'science', 'history', 'politics'}

ANN, ACME, ROME = Entity(0, 1, 'per', 0.9), Entity(2, 3, 'org',
                                                   0.8), Entity(4, 5, 'loc', 0.4)
MEMBER = Quintuple(ANN, ACME, 'member_of', 0.6)


@pytest.fixture(scope='module', params=FILES)
def texts(request):
    return read_texts(FILES[request.param])


def test_tokens_are_those_that_the_extractor_reads(texts, offline_models):
    parser = Parser()
    for t in texts:
        assert parser.tokenize(t.text)[0] == list(t.tokens), t.id


def test_entities_are_of_known_types_and_lie_apart_in_order(texts):
    for t in texts:
        assert {e.type for e in t.entities} <= set(JMERE_TAGS.types), t.id
        assert all(a.end <= b.start for a, b in zip(t.entities, t.entities[1:])), t.id


def test_relations_have_signatures_of_jmere_and_no_two_are_alike(texts):
    known = Vocabularies.load(CHECKPOINTS / DEFAULT_CHECKPOINT).signatures
    for t in texts:
        labels = [*t.quintuples, *t.optional]
        assert {(q.head.type, q.relation, q.tail.type) for q in labels} <= known, t.id
        assert len(set(map(general.either_way, labels))) == len(labels), t.id
        assert t.quintuples or not t.optional, t.id


def test_no_two_texts_are_alike():
    texts = [t for path in FILES.values() for t in read_texts(path)]
    assert len({t.id for t in texts}) == len({t.text for t in texts}) == len(texts)


@pytest.mark.parametrize('name, number', [('sentences', 20), ('paragraphs', 5)])
def test_topics_have_equal_shares_and_half_of_the_texts_no_relation(name, number):
    texts = read_texts(FILES[name])
    assert Counter(t.topic for t in texts) == dict.fromkeys(TOPICS, number)
    assert 2 * sum(not t.quintuples for t in texts) == len(texts)
    # What is side by side tempts a model to invent a relation.
    assert all(len(t.entities) >= 2 for t in texts)


def test_the_readme_counts_them_right():
    page = (FOLDER / 'README.md').read_text(encoding='utf-8')
    for name in general.FILES:
        texts = read_texts(FILES[name])
        counts = (len(texts), sum(not t.quintuples
                                  for t in texts), sum(len(t.entities) for t in texts),
                  sum(len(t.quintuples) for t in texts))
        assert f"| `{name}.jsonl` | {' | '.join(map(str, counts))} |" in page


@pytest.mark.parametrize('change, message', [
    ({'tokens': ['a']}, r'x.jsonl:1: entities\[1\]: ends with word 3 of 1'),
    ({'relations': [[0, 2, 'peer']]},
     r'x.jsonl:1: relations\[0\]: expected the numbers of two of the 2 entities'),
    ({'relations': [[0, 0, 'peer']]}, r'relations\[0\].*got 0 and 0'),
    ({'entities': [[0, 1]]}, r'x.jsonl:1: entities\[0\]'),
    ({'note': 'x'}, r"x.jsonl:1: .*'?note"),
])  # yapf: disable
def test_a_wrong_label_is_named(tmp_path, change, message):
    line = {
        'id': 'a-01', 'topic': 'a', 'text': 'Ann joins Acme',
        'tokens': ['Ann', 'joins', 'Acme'],
        'entities': [[0, 1, 'per'], [2, 3, 'org']], 'relations': [[0, 1, 'member_of']]
    }  # yapf: disable
    path = tmp_path / 'x.jsonl'
    path.write_text(json.dumps(line))
    assert read_texts(path)[0].quintuples == (MEMBER, )
    path.write_text(json.dumps({**line, **change}))
    with pytest.raises(ValueError, match=message):
        read_texts(path)


def test_what_is_optional_is_neither_right_nor_wrong():
    lives = Quintuple(ROME, ANN, 'place_of_residence', 0.7)
    seat = Quintuple(ACME, ROME, 'locate_at', 0.5)
    text = LabelledText('a', 'a', '', ('a', ) * 5, (ANN, ACME, ROME), (MEMBER, ),
                        (Quintuple(ANN, ROME, 'place_of_residence'), ))
    assert stated([MEMBER, lives, seat], text) == [MEMBER, seat]


def test_false_statements_are_counted_from_each_probability_on():
    def scored(probability, right, given):
        return {'probability': probability, 'right': right, 'given': given}

    part = {
        'texts': 3,
        'entity': scored([0.9, 0.9], [True, False], 4),
        'invented': [[0.4, 0.6], []],
        **dict.fromkeys(general.VIEWS, scored([0.9, 0.6, 0.4], [True, False, False], 1))
    }
    table = general.report({
        'model': 'm', 'threshold': 0.55, 'machine': 'abacus', 'date': '1',
        'results': {'sentences': part}
    })  # yapf: disable
    assert '| sentences | 0 | 33.3 | 100.0 | 50.0 | 50.0 | 50.0 | 2 | 1 of 2 |' in table
    assert '| sentences | 0.55 | 50.0 | 100.0 | 66.7 |' in table
    assert '| sentences | 0.8 | 100.0 | 100.0 | 100.0 | 100.0 | 100.0 | 0 | 0 of 2 |' \
        in table
    assert '| sentences | 4 | 50.0 | 25.0 | 33.3 | 90.0 |' in table


def test_the_texts_are_read_by_a_saved_model(trained, tmp_path, capsys, offline_models):
    texts = {
        'sentences': read_texts(FILES['sentences'])[::40],
        'paragraphs': read_texts(FILES['paragraphs'])[4:6]
    }
    for name in texts:
        lines = FILES[name].read_text(encoding='utf-8').splitlines()
        chosen = [
            line for line in lines
            if json.loads(line)['id'] in {t.id
                                          for t in texts[name]}
        ]
        (tmp_path / f'{name}.jsonl').write_text('\n'.join(chosen), encoding='utf-8')
    path = tmp_path / 'general.json'
    general.main(
        ['--model',
         str(trained), '--texts',
         str(tmp_path), '--results',
         str(path)])
    record = json.loads(path.read_text())
    extractor = Extractor.from_pretrained(trained)
    for name, part in record['results'].items():
        assert part['texts'] == len(texts[name])
        assert part['entity']['given'] == sum(len(t.entities) for t in texts[name])
        found = [extractor(t.text, threshold=0.0).entities for t in texts[name]]
        assert len(part['entity']['probability']) == sum(map(len, found))
    assert reports.TABLES['general'](record) in capsys.readouterr().out
