import json
from types import SimpleNamespace

from benchmarks.accuracy import stream
from eega_pyg.schema import JMERE_TAGS, Entity, Quintuple


def line(words, head, tail, relation):
    return repr({
        'token': words,
        'h': {
            'name': words[head],
            'pos': [head, head + 1]
        },
        't': {
            'name': words[tail],
            'pos': [tail, tail + 1]
        },
        'img_id': f'{words[0]}.jpg',
        'relation': relation
    })


def test_texts_with_and_without_relations_are_counted(tmp_path):
    raw = tmp_path / 'raw'
    raw.mkdir()
    lines = [
        line(['Ann', 'joins', 'Acme'], 0, 2, '/per/org/member_of'),
        line(['Bob', 'sees', 'Rome'], 0, 2, 'None'),
    ]
    (raw / 'mnre_val.txt').write_text('\n'.join(lines))
    (raw / 'captions_val.jsonl').write_text(
        json.dumps({
            'img_id': 'Bob.jpg',
            'caption': 'a man'
        }))
    seen = []

    def batch(items):
        seen.extend(items)
        tail_first = Quintuple(Entity(2, 3, 'org'), Entity(0, 1, 'per'), 'member_of',
                               0.9)
        invented = Quintuple(Entity(0, 1, 'per'), Entity(2, 3, 'loc'),
                             'place_of_residence', 0.4)
        return [
            SimpleNamespace(extraction=SimpleNamespace(quintuples=[q]))
            for q in (tail_first, invented)
        ]

    extractor = SimpleNamespace(model=SimpleNamespace(tag_set=JMERE_TAGS), batch=batch)
    record = stream.measure(extractor, tmp_path)
    assert [i.caption for i in seen] == [None, 'a man']
    assert (record['texts'], record['related'], record['given']) == (2, 1, 1)
    assert record['right'] == [True, False]

    table = stream.report({**record, 'model': 'm', 'machine': 'abacus', 'date': '1'})
    assert '| 0.0 | 2 | 50.0 | 65.0 | 100.0 | 66.7 |' in table
    assert '| 0.5 | 1 | 100.0 | 90.0 | 100.0 | 100.0 |' in table
