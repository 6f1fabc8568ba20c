r"""How well a model reads texts of several sentences, and of other kinds than tweets.

    python -m benchmarks.accuracy.texts MODEL --jmere datasets/jmere \
        --conll04 conll04/valid.json --gmner gmner/txt/dev.txt

The sentences of each set are read one by one, and three or five at a time, drawn at
random and put one after another. On JMERE, quintuples and their entities are scored; on
CoNLL04 all entities, and the four relations that both know, in either direction and by
the spans alone; on GMNER all entities. The scores are added to
``benchmarks/results/texts.json``.
"""
import argparse
import json
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Set, Tuple

from benchmarks.accuracy.scored import Scored, either_way, pair
from benchmarks.measure import machine
from benchmarks.runner import RESULTS, markdown
from eega_pyg.datasets import Record, join_records, read_conll04, read_gmner, read_mnre
from eega_pyg.extraction.extractor import Extractor
from eega_pyg.extraction.item import Item
from eega_pyg.files import write_text
from eega_pyg.schema import Entity, Quintuple, TagSet
from eega_pyg.tagging import Extraction
from eega_pyg.vision import read_captions

#: How many sentences make a text.
SENTENCES = (1, 3, 5)


def cut_short(found: Sequence[Sequence[Entity]],
              given: Sequence[Sequence[Entity]]) -> float:
    r"""Of the found entities that overlap a given one, the share that is none itself
    but a proper part of one."""
    overlapping = parts = 0
    for ours, theirs in zip(found, given):
        spans = {g.span for g in theirs}
        for e in ours:
            others = [(a, z) for a, z in spans if a < e.end and e.start < z]
            overlapping += bool(others)
            parts += e.span not in spans and any(a <= e.start and e.end <= z
                                                 for a, z in others)
    return parts / max(overlapping, 1)


def entities_of(record: Record) -> Set[Entity]:
    return {e
            for q in record.quintuples
            for e in (q.head, q.tail)} | set(record.annotation.entities)


def annotated(found: Sequence[Quintuple], records: Sequence[Record]) -> List[Quintuple]:
    r"""Those whose relation is of the kinds that the texts are annotated with."""
    known = records[0].annotation.tags
    return [q for q in found if known is None or q.relation in known]


def score(records: Sequence[Record],
          extractions: Sequence[Extraction]) -> Dict[str, Any]:
    r"""Entities, and relations of the kinds that the texts are annotated with."""
    found = [annotated(x.quintuples, records) for x in extractions]
    entities = [x.entities for x in extractions]
    gold = [list(entities_of(r)) for r in records]
    given = [r.quintuples for r in records]
    return {
        'entity': Scored.of(entities, gold, lambda e: e).scores(),
        'span': Scored.of(entities, gold, lambda e: e.span).scores(),
        'relation': Scored.of(found, given, pair).scores(),
        'quintuple': Scored.of(found, given, either_way).scores(),
        'directed': Scored.of(found, given, lambda q: q).scores(),
        'cut short': cut_short(entities, gold),
    }


def measure(extractor: Extractor, records: Sequence[Record], captions: Dict[str, str],
            sentences: Sequence[int]) -> Dict[str, Any]:
    r"""The scores for each number of sentences."""
    results = {}
    for number in sentences:
        texts = list(records)
        if number > 1:
            texts = join_records(records, len(records) // number, number, number)
        items = [Item(words=r.words, caption=captions.get(r.image_id)) for r in texts]
        found = extractor.batch(items, threshold=0.0)
        results[str(number)] = score(texts, [r.extraction for r in found])
    return results


def report(runs: Dict[str, Any]) -> str:
    r"""The table of all runs, in Markdown."""
    rows = []
    for name, run in runs.items():
        for data, sizes in run['results'].items():
            kind = 'relation' if data == 'conll04' else 'quintuple'
            for number, found in sizes.items():
                relation = found[kind]
                rows.append([
                    name,
                    str(run['passage words']), data, number,
                    f"{100 * found['entity']['f1']:.1f}",
                    f"{100 * found['span']['f1']:.1f}",
                    f"{100 * relation['f1']:.1f}" if data != 'gmner' else '',
                    f"{100 * relation['precision']:.1f}" if data != 'gmner' else '',
                    f"{100 * found['directed']['f1']:.1f}" if data != 'gmner' else '',
                    f"{100 * found['cut short']:.1f}"
                ])
    made = sorted({f"{run['machine']}, {run['date']}" for run in runs.values()})
    return f"{'; '.join(made)}.\n\n" + markdown([
        'model', 'words of a passage', 'data', 'sentences', 'entity F1', 'spans',
        'relation F1', 'precision', 'directed', 'names cut short'
    ], rows)


def main(arguments: Optional[List[str]] = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('model', help='a saved model, or the name of a checkpoint')
    parser.add_argument('--name', help='what the row is called')
    parser.add_argument('--jmere', type=Path, help='folder of the data set')
    parser.add_argument('--conll04', type=Path)
    parser.add_argument('--gmner', type=Path)
    parser.add_argument('--sentences', type=int, nargs='+', default=SENTENCES)
    parser.add_argument('--passage-words', type=int,
                        help="the extractor's own where it is not given")
    parser.add_argument('--results', type=Path, default=RESULTS / 'texts.json')
    args = parser.parse_args(arguments)
    extractor = Extractor.from_pretrained(args.model)
    if args.passage_words is not None:
        extractor.passage_words = args.passage_words
    tags: TagSet = extractor.model.tag_set
    sets: Dict[str, Tuple[List[Record], Dict[str, str]]] = {}
    if args.conll04 is not None:
        sets['conll04'] = read_conll04(args.conll04, tags), {}
    if args.jmere is not None:
        path = args.jmere / 'raw' / 'mnre_val.txt'
        captions = read_captions(args.jmere / 'raw' / 'captions_val.jsonl')
        sets['jmere'] = read_mnre(path, tags), captions
    if args.gmner is not None:
        sets['gmner'] = read_gmner(args.gmner, tags), {}
    runs = {}
    if args.results.is_file():
        runs = json.loads(args.results.read_text(encoding='utf-8'))
    results: Dict[str, Any] = {}
    runs[args.name or Path(args.model).name] = {
        'results': results,
        'passage words': extractor.passage_words,
        **machine()
    }
    for name, given in sets.items():
        results[name] = measure(extractor, *given, args.sentences)
        write_text(args.results, json.dumps(runs, indent=1) + '\n')
    print(report(runs))


if __name__ == '__main__':
    main()
