r"""The commands on a folder of JSON lines."""
import json

import pytest

LINE = {
    'text':
    'Ann eats soup',
    'entities': [{
        'start': 0,
        'end': 3,
        'type': 'guest'
    }, {
        'start': 9,
        'end': 13,
        'type': '[dish]'
    }],
    'relations': [{
        'head': 0,
        'tail': 1,
        'type': 'eats'
    }]
}


@pytest.fixture
def root(tmp_path):
    (tmp_path / 'own' / 'raw').mkdir(parents=True)
    write(tmp_path / 'own', 'train', LINE, {
        'text': 'Bob',
        'entities': [{
            'start': 0,
            'end': 3,
            'type': 'guest'
        }]
    })
    return tmp_path / 'own'


def write(root, split, *lines):
    path = root / 'raw' / f'{split}.jsonl'
    path.write_text('\n'.join(map(json.dumps, lines)))


def rows(text):
    return [[c.strip() for c in line.strip('│').split('│')]
            for line in text.splitlines() if line.startswith('│')]


def test_build_shows_the_tags_that_it_has_found(eega, root, tiny_encoder):
    command = ('build', root, '--split', 'train', '--set',
               f'data.encoder={tiny_encoder}')
    code, out, err = eega(*command)
    assert code == 0, err
    assert rows(err) == [['[dish]', 'type', '1'], ['guest', 'type', '2'],
                         ['eats', 'relation', '1']]
    assert '2 texts; 1 of 3 entities are in no relation (data.entities: all)' in err
    assert ['entities', '3'] in rows(out) and ['quintuples', '1'] in rows(out)
    assert rows(eega(*command, '--quiet')[2]) == []
    code, _, err = eega(*command, '--set', 'tags.types=[guest]')
    assert code == 1
    assert "train.jsonl:1: entities[1]: unknown type '[dish]' (known: guest)" in err


@pytest.mark.parametrize('command', ['build', 'train'])
@pytest.mark.parametrize('case, message', [
    ('one text', "train.jsonl: of a single text none can be held out for validation"),
    ('two', "holds 'mnre_val.txt' and 'train.jsonl', which are of two data sets"),
    ('a file', "is a file: a data set is a folder. Put the texts to learn from"),
    ('a wrong line', "train.jsonl:1: entities[0]: the span [0, 3) is not inside"),
    ('no data set', "holds no data set: expected train.jsonl and val.jsonl, or mnre_"),
])
def test_what_is_missing_or_wrong_is_one_line(eega, root, tmp_path, tiny_encoder,
                                              command, case, message):
    target = root
    if case == 'two':
        (root / 'raw' / 'mnre_val.txt').write_text('')
    if case == 'a file':
        target = root / 'raw' / 'train.jsonl'
    if case == 'one text':
        write(root, 'train', LINE)
    if case == 'a wrong line':
        write(root, 'train', {**LINE, 'text': 'A'})
    if case == 'no data set':
        (root / 'raw' / 'train.jsonl').rename(root / 'raw' / 'a.jsonl')
    more = ('--output', tmp_path / 'run') if command == 'train' else ()
    code, out, err = eega(command, target, *more, '--quiet', '--set',
                          f'data.encoder={tiny_encoder}')
    assert (code, out) == (1, '')
    assert message in err and len(err.splitlines()) == 1
