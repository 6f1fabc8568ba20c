r"""What a model states in a stream of texts that nobody has filtered.

    python -m benchmarks.accuracy.stream datasets/jmere --gmner gmner/txt/dev.txt

JMERE keeps the texts of MNRE that state a relation. This reads all texts of the
validation file, with and without one, and counts how many of the quintuples that it
finds are the annotators', in either direction, from several probabilities on; and how
many of the entities it finds are only a part of one that a line names. The entities of
GMNER, all of which are annotated, show whether their probabilities are right as well.
The result goes to ``benchmarks/results/stream.json``, with a picture beside it.
"""
import argparse
import json
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence

from benchmarks.accuracy.scored import COLUMNS, Scored, draw, either_way, rows
from benchmarks.accuracy.texts import cut_short
from benchmarks.measure import machine
from benchmarks.runner import RESULTS, markdown
from eega_pyg.datasets import Record, read_gmner
from eega_pyg.datasets.mnre import UNRELATED, read_marked_texts, read_mnre
from eega_pyg.extraction.extractor import Extractor
from eega_pyg.extraction.item import Item
from eega_pyg.extraction.result import Result
from eega_pyg.files import write_text
from eega_pyg.schema import Entity, TagSet
from eega_pyg.training.threshold import best_threshold
from eega_pyg.vision import read_captions

#: The least probabilities.
FROM = (0.0, 0.3, 0.5, 0.8)
#: The precision that the best threshold is to have.
PRECISION = 0.5


def read(extractor: Extractor, records: Sequence[Record],
         captions: Dict[str, str]) -> List[Result]:
    return extractor.batch(
        [Item(words=tuple(r.words), caption=captions.get(r.image_id)) for r in records],
        threshold=0.0)


def unfiltered(path: Path, tags: TagSet) -> List[Record]:
    r"""All texts of a file of MNRE, first those that state a relation."""
    return [*read_mnre(path, tags, 'merged'), *read_mnre(path, tags, UNRELATED)]


def measure(extractor: Extractor, root: Path) -> Dict[str, Any]:
    path, tags = root / 'raw' / 'mnre_val.txt', extractor.model.tag_set
    records = unfiltered(path, tags)
    results = read(extractor, records,
                   read_captions(path.parent / 'captions_val.jsonl'))
    found = Scored.of((r.extraction.quintuples for r in results),
                      (r.quintuples for r in records), either_way)
    named: Dict[Any, List[Entity]] = {}
    for text in read_marked_texts(path, tags):
        named.setdefault(text.words,
                         []).extend(Entity(*span, '') for span in text.types)
    return {
        'texts':
        len(records),
        'related':
        sum(bool(r.quintuples) for r in records),
        **found.to_dict(),
        'cut short':
        cut_short([r.extraction.entities for r in results],
                  [named[r.words] for r in records]),
    }


def entities(extractor: Extractor, path: Path) -> Dict[str, Any]:
    r"""The entities that are found in the texts of GMNER."""
    records = read_gmner(path, extractor.model.tag_set)
    results = read(extractor, records, {})
    found = Scored.of((r.extraction.entities for r in results),
                      (r.annotation.entities for r in records), lambda e: e)
    return {
        'texts': len(records),
        'threshold': extractor.thresholds.entity,
        **found.to_dict()
    }


def report(record: Dict[str, Any]) -> str:
    r"""The tables of a run, in Markdown."""
    found, precision = Scored.from_dict(record), record.get('precision', PRECISION)
    best = best_threshold(*found, precision)
    parts = [
        f"{record['model']}; {record['texts']} texts, {record['related']} of which "
        f"state {record['given']} quintuples; {record['machine']}, {record['date']}.",
        markdown(COLUMNS, rows(found, _least(best, record.get('threshold', 0.0)))),
        f'The F1 is highest from {best:.3g} on, if {100 * precision:.0f} % are to be '
        f'right.'
    ]
    if 'cut short' in record:
        parts[-1] += (
            f" Of the entities that overlap one that a line of the file "
            f"names, {100 * record['cut short']:.1f} % are only a part of it.")
    if 'entities' in record:
        named = record['entities']
        parts += [
            f"Entities, {named['texts']} texts of GMNER with {named['given']}:",
            markdown(COLUMNS,
                     rows(Scored.from_dict(named), _least(named.get('threshold', 0.0))))
        ]
    return '\n\n'.join(parts)


def _least(*thresholds: float) -> List[float]:
    return sorted({*FROM, *(round(t, 4) for t in thresholds)})


def plot(record: Dict[str, Any], path: Path) -> None:
    r"""Draws precision over recall, with a dot at the best threshold."""
    name, found = 'quintuples, all texts of MNRE', Scored.from_dict(record)
    curves = {name: found}
    if 'entities' in record:
        curves['entities, GMNER'] = Scored.from_dict(record['entities'])
    best = best_threshold(*found, record.get('precision', PRECISION))
    draw(curves, {name: best}).savefig(path, dpi=120)


def main(arguments: Optional[List[str]] = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('root', type=Path, help='folder of the data set')
    parser.add_argument('--model', default='jmere-minilm')
    parser.add_argument('--gmner', type=Path, help='texts with all their entities')
    parser.add_argument('--precision', type=float, default=PRECISION,
                        help='what the best threshold is to reach at least')
    parser.add_argument('--results', type=Path, default=RESULTS / 'stream.json')
    args = parser.parse_args(arguments)
    extractor = Extractor.from_pretrained(args.model)
    record = {
        'model': Path(args.model).name,
        'precision': args.precision,
        'threshold': extractor.thresholds.quintuple,
        **measure(extractor, args.root),
        **({} if args.gmner is None else {
               'entities': entities(extractor, args.gmner)
           }),
        **machine()
    }
    write_text(args.results, json.dumps(record) + '\n')
    plot(record, args.results.with_suffix('.png'))
    print(report(record))


if __name__ == '__main__':
    main()
