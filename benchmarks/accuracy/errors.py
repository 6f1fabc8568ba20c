r"""Where a model loses quintuples, on the validation split.

    python -m benchmarks.accuracy.errors runs/default datasets/jmere --examples 30

Each given quintuple is either found, or lost for the first of these reasons: an entity
is not among the predicted ones at all, or only overlaps one; its type is another; the
two stand in no predicted relation; the relation is another; head and tail have changed
places. Spurious quintuples are told apart by whether their entities are given ones. The
interval is that of the F1 over samples of the sentences (bootstrap, 95 %). The counts
go to ``benchmarks/results/errors.json``.
"""
import argparse
import json
from collections import Counter
from pathlib import Path
from typing import Callable, Dict, List, NamedTuple, Sequence, Tuple

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks import bootstrap
from benchmarks.measure import machine
from benchmarks.runner import RESULTS
from eega_pyg.config import DataConfig
from eega_pyg.datasets import JMERE
from eega_pyg.files import write_text
from eega_pyg.saving.saved_model import SavedModel, load_model
from eega_pyg.schema import Entity, Quintuple
from eega_pyg.tagging import Extraction
from eega_pyg.training.evaluation import collect_scores

REASONS = ('found', 'direction', 'relation', 'no relation', 'type', 'overlap', 'missed')
SPURIOUS = ('correct', 'other relation or direction', 'entities given, not related',
            'an entity not given')
#: Upper bounds of the groups of sentences by words and by given entities.
WORDS, ENTITIES = (10, 15, 20, 70), (2, 3, 4, 20)


class Sentence(NamedTuple):
    words: List[str]
    given: List[Quintuple]
    found: Extraction


def reason(quintuple: Quintuple, found: Extraction) -> str:
    r"""Why a given quintuple is not among the predicted ones, out of
    :obj:`REASONS`."""
    ends = (quintuple.head, quintuple.tail)
    spans = {e.span for e in found.entities}
    lost = [e for e in ends if e.span not in spans]
    if lost:
        near = [any(_overlap(e, other) for other in found.entities) for e in lost]
        return 'overlap' if all(near) else 'missed'
    if not set(ends) <= set(found.entities):
        return 'type'
    between = [q for q in found.quintuples if {q.head, q.tail} == set(ends)]
    if not between:
        return 'no relation'
    if all(q.relation != quintuple.relation for q in between):
        return 'relation'
    return 'found' if quintuple in between else 'direction'


def spurious(quintuple: Quintuple, given: Sequence[Quintuple]) -> str:
    r"""What is wrong with a predicted quintuple, out of :obj:`SPURIOUS`."""
    if quintuple in given:
        return 'correct'
    entities = {e for q in given for e in (q.head, q.tail)}
    if not {quintuple.head, quintuple.tail} <= entities:
        return 'an entity not given'
    pairs = [{q.head, q.tail} for q in given]
    related = {quintuple.head, quintuple.tail} in pairs
    return SPURIOUS[1] if related else SPURIOUS[2]


def grouped(sentences: Sequence[Sentence], key: Callable[[Sentence, Quintuple],
                                                         str]) -> Dict[str, Counter]:
    r"""The reasons of the given quintuples of each group."""
    out: Dict[str, Counter] = {}
    for s in sentences:
        for q in s.given:
            out.setdefault(key(s, q), Counter())[reason(q, s.found)] += 1
    return out


def bucket(value: int, bounds: Sequence[int]) -> str:
    low = 0
    for bound in bounds:
        if value <= bound:
            return f'{low + 1} to {bound}' if low + 1 < bound else str(bound)
        low = bound
    return f'{low + 1} and more'


def read(saved: SavedModel, root: Path, data: DataConfig) -> List[Sentence]:
    dataset = JMERE(str(root), split='val', vocabularies=saved.vocabularies,
                    tags=saved.model.tag_set, **data.arguments())
    scores = collect_scores(saved.model, dataset, saved.signatures)
    words: Dict[Tuple[str, int], List[str]] = {}
    for window in dataset:
        known = words.setdefault((window.image_id, int(window.sentence)), [])
        known[int(window.offset):] = window.words  # Windows overlap.
    return [
        Sentence(words[key], given, found)
        for (key, given), found in zip(scores.targets.items(), scores.extractions())
    ]


def shown(quintuple: Quintuple, words: Sequence[str]) -> str:
    names = [' '.join(words[slice(*e.span)]) for e in (quintuple.head, quintuple.tail)]
    types = quintuple.head.type, quintuple.tail.type
    return f'{names[0]} ({types[0]}) {quintuple.relation} {names[1]} ({types[1]})'


def _overlap(a: Entity, b: Entity) -> bool:
    return a.start < b.end and b.start < a.end


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('model', type=Path, help='folder of the trained model')
    parser.add_argument('root', type=Path, help='folder of the data set')
    parser.add_argument('--examples', type=int, default=0, metavar='N',
                        help='print N sentences with errors, drawn at random')
    parser.add_argument('--results', type=Path, default=RESULTS / 'errors.json')
    args = parser.parse_args()
    saved = load_model(args.model)
    sentences = read(saved, args.root, saved.data)
    console = Console(width=120)

    given = grouped(sentences, lambda s, q: q.relation)
    total = sum(given.values(), Counter())
    found = Counter(spurious(q, s.given) for s in sentences for q in s.found.quintuples)
    counts = bootstrap.count([s.found for s in sentences], [s.given for s in sentences])
    low, high = bootstrap.interval([counts['quintuple']])
    record = {
        'model': args.model.name,
        'given': given,
        'predicted': found,
        'interval': [low, high],
        **machine(),
    }
    write_text(args.results, json.dumps(record, indent=1) + '\n')
    console.print(f'{sum(total.values())} given quintuples, {sum(found.values())} '
                  f'predicted; F1 in [{100 * low:.1f}, {100 * high:.1f}] %')
    console.print('Predicted: ' + ', '.join(f'{k} {found[k]}' for k in SPURIOUS))
    for title, groups in (
        ('relation', given),
        ('words', grouped(sentences, lambda s, q: bucket(len(s.words), WORDS))),
        ('entities', grouped(sentences, lambda s, q: bucket(_entities(s), ENTITIES))),
    ):
        table = Table(title, 'given', *REASONS, title=f'Given quintuples, by {title}')
        rows = sorted(groups.items(), key=lambda item: -sum(item[1].values()))
        for name, counts in [*rows, ('all', total)]:
            table.add_row(name, str(sum(counts.values())),
                          *(str(counts[r] or '') for r in REASONS))
        console.print(table)

    wrong = [s for s in sentences if set(s.given) != set(s.found.quintuples)]
    np.random.default_rng(0).shuffle(wrong)
    for s in wrong[:args.examples]:
        print('\n' + ' '.join(s.words))
        for q in s.given:
            print(f'  given: {shown(q, s.words)}  [{reason(q, s.found)}]')
        for q in s.found.quintuples:
            print(f'  found: {shown(q, s.words)}  [{spurious(q, s.given)}]')


def _entities(sentence: Sentence) -> int:
    return len({e for q in sentence.given for e in (q.head, q.tail)})


if __name__ == '__main__':
    main()
