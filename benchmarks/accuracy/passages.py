r"""How many words of a text's sentences a model should read together.

    python -m benchmarks.accuracy.passages datasets/jmere datasets/sample

The sentences of JMERE, and of the sample, which are cleaner, stand alone; here one, two
or four of the validation split, drawn at random, make a text, with the caption of the
first that has one. A text is read in passages of up to so many words, see
:class:`~eega_pyg.extraction.extractor.Extractor`, or as a whole. The scores go to
``benchmarks/results/passages.json``.
"""
import argparse
import json
from pathlib import Path
from typing import Any, Dict, List, Tuple

import numpy as np

from benchmarks.measure import machine
from benchmarks.runner import RESULTS, markdown
from eega_pyg.datasets.mnre import read_mnre
from eega_pyg.extraction.extractor import Extractor
from eega_pyg.extraction.item import MAX_CHARACTERS, Item
from eega_pyg.files import write_text
from eega_pyg.schema import Quintuple, TagSet
from eega_pyg.scoring import Content, total_scores
from eega_pyg.training.evaluation import VIEWS
from eega_pyg.vision import read_captions

SENTENCES = (1, 2, 4)
SIZES = {
    **{
        str(size): size
        for size in (12, 16, 20, 25, 40)
    },
    'the whole text': MAX_CHARACTERS,
}
SCORES = {'directed F1': 'directed_f1', 'entity F1': 'entity_f1'}


def texts(root: Path, tags: TagSet, num_sentences: int,
          seed: int) -> Tuple[List[Item], List[List[Quintuple]]]:
    r"""Texts of so many sentences and the quintuples of each."""
    records = read_mnre(root / 'raw' / 'mnre_val.txt', tags)
    captions = read_captions(root / 'raw' / 'captions_val.jsonl')
    order = np.random.default_rng(seed).permutation(len(records)).tolist()
    items, given = [], []
    for first in range(0, len(order), num_sentences):
        words: List[str] = []
        quintuples: List[Quintuple] = []
        chosen = [records[i] for i in order[first:first + num_sentences]]
        for record in chosen:
            quintuples += [q.shifted(len(words)) for q in record.quintuples]
            words += record.words
            if words[-1][-1].isalnum():
                words.append('.')
        seen = [captions[r.image_id] for r in chosen if r.image_id in captions]
        items.append(Item(words=tuple(words), caption=seen[0] if seen else None))
        given.append(quintuples)
    return items, given


def measure(extractor: Extractor, root: Path, seed: int) -> Dict[str, Any]:
    r"""The scores of each size and number of sentences."""
    results: Dict[str, Any] = {}
    for num_sentences in SENTENCES:
        items, given = texts(root, extractor.model.tag_set, num_sentences, seed)
        for name, size in SIZES.items():
            extractor.passage_words = size
            found = [r.extraction for r in extractor.batch(items, threshold=0.0)]
            results.setdefault(name, {})[num_sentences] = total_scores(
                found, map(Content.of_quintuples, given), VIEWS)
    return results


def report(record: Dict[str, Any]) -> str:
    r"""The table of a run, in Markdown."""
    cells = [(k, label) for k in SENTENCES for label in SCORES]
    header = ['data', 'words of a passage', *(f'{label}, {k}' for k, label in cells)]
    rows = [[
        data, name, *(f'{100 * found[str(k)][SCORES[label]]:.1f}' for k, label in cells)
    ] for data, results in record['results'].items() for name, found in results.items()]
    return (f"{record['model']}; {record['machine']}, {record['date']}; seed "
            f"{record['seed']}; for texts of {', '.join(map(str, SENTENCES))} "
            f"sentences.\n\n" + markdown(header, rows))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('roots', type=Path, nargs='+', help='folders of data sets')
    parser.add_argument('--model', default='jmere-minilm')
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--results', type=Path, default=RESULTS / 'passages.json')
    args = parser.parse_args()
    extractor = Extractor.from_pretrained(args.model)
    results = {root.name: measure(extractor, root, args.seed) for root in args.roots}
    record = {'model': args.model, 'seed': args.seed, 'results': results, **machine()}
    text = json.dumps(record, indent=1)
    write_text(args.results, text + '\n')
    print(report(json.loads(text)))


if __name__ == '__main__':
    main()
