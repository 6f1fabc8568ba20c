r"""Scores the caption parser on captions labelled by hand.

    python -m benchmarks.vision.captions CAPTIONS_FOLDER

``CAPTIONS_FOLDER`` holds the files of captions that
``tests/vision/captions/caption_labels.json`` names; the captions of our own stand in
there. An object matches by the lemma of its head noun, a triple by its two objects and
its predicate, a predicate by itself. The figures go to
``benchmarks/results/captions.json``, beside those of earlier versions of the rules.
"""
import argparse
import datetime
import json
import platform
from collections import Counter
from pathlib import Path
from typing import Any, Dict, Hashable, List, Sequence

from eega_pyg.files import write_text
from eega_pyg.json_yaml import read_json
from eega_pyg.parsing import Parser
from eega_pyg.vision import CAPTION_RULES, CaptionParser, read_captions

ROOT = Path(__file__).parents[2]
LABELS = ROOT / 'tests' / 'vision' / 'captions' / 'caption_labels.json'
RESULTS = ROOT / 'benchmarks' / 'results' / 'captions.json'
SETS = {'first 60': ('tune', 'report'), '40 new': ('new', ), 'own 16': ('own', )}
COLUMNS = [
    'captions, rules', *(f'{kind}, {score}' for kind in ('objects', 'predicates',
                                                         'triples')
                         for score in ('P', 'R', 'F1'))
]  # yapf: disable


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('folder', type=Path)
    parser.add_argument('--json', type=Path, default=RESULTS,
                        help='where the figures go')
    args = parser.parse_args()

    labels = read_json(LABELS)
    labelled = labels['real'] + [{**r, 'half': 'own'} for r in labels['own']]
    files = {
        name: read_captions(args.folder / f'{name}.jsonl')
        for name in sorted({r['file']
                            for r in labels['real']})
    }
    captions = CaptionParser(Parser().nlp)
    record = read_json(args.json) if args.json.is_file() else {'versions': {}}
    figures = record['versions'][str(CAPTION_RULES)] = {}
    for name, halves in SETS.items():
        rows = [r for r in labelled if r['half'] in halves]
        texts = [r.get('caption') or files[r['file']][r['img_id']] for r in rows]
        figures[name] = scores(captions, texts, rows)
    record.update(date=datetime.date.today().isoformat(), machine=platform.platform())
    print(report(record))
    write_text(args.json, json.dumps(record, indent=1) + '\n')


def scores(parser: CaptionParser, captions: Sequence[str],
           labels: Sequence[Dict[str, Any]]) -> List[float]:
    r"""Precision, recall and F1 of objects, predicates and triples, in %."""
    pairs: List[List[List[List[Hashable]]]] = [[], [], []]
    for graph, row in zip(parser.parse(captions), labels):
        heads = [o.label.split()[-1] for o in graph.objects]
        found = sorted({(heads[p.subject], p.predicate, heads[p.object])
                        for p in graph.predicates})
        gold = sorted({tuple(t) for t in row['triples']})
        pairs[0].append([list(heads), row['objects']])
        pairs[1].append([[t[1] for t in found], [t[1] for t in gold]])
        pairs[2].append([list(found), list(gold)])
    return [100 * x for both in pairs for x in precision_recall_f1(both)]


def precision_recall_f1(both: List[List[List[Hashable]]]) -> List[float]:
    hits = sum(sum((Counter(f) & Counter(g)).values()) for f, g in both)
    found, gold = (sum(len(pair[n]) for pair in both) for n in (0, 1))
    return [hits / max(1, found), hits / max(1, gold), 2 * hits / max(1, found + gold)]


def report(record: Dict[str, Any]) -> str:
    rows = [[f'{name}, version {version}'] + [f'{x:.1f}' for x in figures[name]]
            for name in SETS for version, figures in record['versions'].items()]
    table = '\n'.join('| ' + ' | '.join(row) + ' |'
                      for row in (COLUMNS, ['---'] * len(COLUMNS), *rows))
    return f"{record['machine']}, {record['date']}.\n\n{table}"


if __name__ == '__main__':
    main()
