import json

import pytest

ANN = 'Ann Lee joins Acme in Oslo'
BOB = 'Bob Ray was born in Lima'
KIM = 'Kim Poe sings now with the choir of old Rome and then with that of Bonn'


def line(text, head, tail, relation, image) -> str:
    words = text.split()
    return repr({
        'token': words,
        'h': {
            'name': ' '.join(words[slice(*head)]),
            'pos': list(head)
        },
        't': {
            'name': ' '.join(words[slice(*tail)]),
            'pos': list(tail)
        },
        'img_id': image,
        'relation': relation,
    })


@pytest.fixture
def raw_files():
    r"""Two sentences of train, the first with a caption, and a long one of val."""
    train = [
        line(ANN, (0, 2), (3, 4), '/per/org/member_of', 'ann.jpg'),
        line(ANN, (3, 4), (5, 6), '/org/loc/locate_at', 'ann.jpg'),
        line(ANN, (0, 2), (5, 6), 'None', 'ann.jpg'),
        line(BOB, (0, 2), (5, 6), '/per/loc/place_of_birth', 'bob.jpg'),
    ]
    val = [line(KIM, (0, 2), (15, 16), '/per/loc/place_of_residence', 'kim.jpg')]
    captions = [{
        'img_id': 'ann.jpg',
        'caption': 'a woman holding a red cup'
    }, {
        'img_id': 'else.jpg',
        'caption': 'a dog on a mat'
    }]
    return {
        'mnre_train.txt': '\n'.join(train),
        'mnre_val.txt': '\n'.join(val),
        'captions_train.jsonl': '\n'.join(map(json.dumps, captions)),
    }


@pytest.fixture
def root(tmp_path, raw_files):
    raw = tmp_path / 'root' / 'raw'
    raw.mkdir(parents=True)
    for name, text in raw_files.items():
        (raw / name).write_text(text)
    return tmp_path / 'root'
