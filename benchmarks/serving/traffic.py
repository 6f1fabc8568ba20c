r"""Requests to a service, made at random, and its answers, judged."""
import json
import random
from collections import Counter
from pathlib import Path
from typing import Any, Dict, Iterable, List, NamedTuple, Sequence, Tuple

from benchmarks.serving.clients import Answer
from eega_pyg.datasets import read_mnre
from eega_pyg.schema import JMERE_TAGS
from eega_pyg.vision import read_captions

#: How many items a request has, how many sentences a text has, and how often.
ITEMS = {1: 0.85, 2: 0.08, 4: 0.05, 12: 0.02}
SENTENCES = {1: 0.8, 2: 0.15, 5: 0.05}
#: Probabilities differ by so much at most when texts are read in other company.
CLOSE = 1e-4


class Request(NamedTuple):
    r"""A request.

    Args:
        body (bytes): Its body.
        items (tuple): The items in it; none if it is a bad one.
        status (int): The status that it should be answered with.
    """
    body: bytes
    items: Tuple[Dict[str, Any], ...] = ()
    status: int = 200


#: What a service must refuse.
BAD = (
    Request(b'{"items": [', status=422),
    Request(b'\xff\xfe\x00', status=422),
    Request(b'{"items": []}', status=422),
    Request(b'{"items": [{"text": "Ann", "captoin": "a man"}]}', status=422),
    Request(b'{"items": ["Ann", {"text": "Bob", "caption": 3}]}', status=422),
    Request(b'{"items": [{"text": "Ann", "image": "/etc/passwd"}]}', status=422),
    Request(b'{"items": ["Ann"], "min_probability": 7}', status=422),
    Request(json.dumps({
        'items': ['Ann'] * 65
    }).encode(), status=413),
    Request(json.dumps({
        'items': ['Ann ' * 5001]
    }).encode(), status=413),
)


def sentences(raw: Path, split: str = 'train') -> List[Tuple[str, str]]:
    r"""Sentences and captions of a folder in MNRE's form."""
    captions = read_captions(raw / f'captions_{split}.jsonl')
    records = read_mnre(raw / f'mnre_{split}.txt', JMERE_TAGS)
    return [(' '.join(r.words), captions.get(r.image_id, '')) for r in records]


def made(source: Sequence[Tuple[str, str]], number: int, bad: float,
         seed: int = 0) -> List[Request]:
    r"""Requests of mixed sizes, a share of which is bad; every other item has a
    caption."""
    rng = random.Random(seed)
    draw = lambda shares: rng.choices(list(shares), list(shares.values()))[0]
    found = []
    for _ in range(number):
        if rng.random() < bad:
            found.append(rng.choice(BAD))
            continue
        items = []
        for _ in range(draw(ITEMS)):
            parts = rng.choices(source, k=draw(SENTENCES))
            item = {'text': '. '.join(text for text, _ in parts)}
            if parts[0][1] and rng.random() < 0.5:
                item['caption'] = parts[0][1]
            items.append(item)
        found.append(Request(json.dumps({'items': items}).encode(), tuple(items)))
    return found


def judged(requests: Sequence[Request], answers: Sequence[Answer],
           results: Iterable[Dict[str, Any]]) -> Dict[str, Any]:
    r"""What is wrong with answers.

    Args:
        requests (list of Request): The requests.
        answers (list of Answer): An answer of each.
        results (iterable of dict): The right results of the items of all requests, one
            after the other.

    Returns:
        dict: How many answers have which status and which error of the connection, how
        often there was no place, and the numbers of requests that were lost, and whose
        answer is wrong.
    """
    right = iter(results)
    lost, wrong = [], []
    for number, request in enumerate(requests):
        expected = [next(right) for _ in request.items]
        answer = answers[number]
        if answer.number != number or answer.status == 0:
            lost.append(number)
        elif answer.status != request.status:
            wrong.append(number)
        elif request.items and not close(json.loads(answer.body)['results'], expected):
            wrong.append(number)
    return {
        'statuses': dict(Counter(a.status for a in answers)),
        'broken': dict(Counter(name for a in answers for name in a.broken)),
        'full': sum(a.full for a in answers),
        'lost': lost,
        'wrong': wrong,
    }


def close(a: Any, b: Any) -> bool:
    r"""Whether values of JSON are equal, and numbers nearly so."""
    if isinstance(a, float) and isinstance(b, float):
        return abs(a - b) <= CLOSE
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(close(a[k], b[k]) for k in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(close, a, b))
    return bool(a == b)
