import json

import pytest

SENTENCES = [
    'Striker Marco Bellini joins Harbor City FC in Lisbon', 'Sofia meets Nora Blake',
    'RT @news : singer Nora Blake and actor Tom Reed were seen in Paris , France',
    'Ann Bob 🎉'
]


@pytest.fixture(scope='session')
def texts(tmp_path_factory):
    r"""Two files of 60 texts, the 13th and the 50th of which cannot be read."""
    folder = tmp_path_factory.mktemp('texts')
    lines = [
        json.dumps({
            'text': f'{SENTENCES[i % 4]} {i}',
            'id': f'id{i}'
        }) for i in range(60)
    ]
    lines[12] = '{"text": "no end'
    lines[49] = '{"text": "x", "caption": 5, "id": "id49"}'
    (folder / 'a.jsonl').write_text('\n'.join(lines[:40]) + '\n')
    (folder / 'b.jsonl').write_text('\n'.join(lines[40:]) + '\n')
    return folder
