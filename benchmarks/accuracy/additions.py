r"""Takes what was added to the training of the checkpoint that ships away, one thing at
a time: further sets, joined texts, masks, options of the model, teachers.

    python -m benchmarks.accuracy.prose prose.jsonl --number 6000
    python -m benchmarks.accuracy.additions datasets/jmere

The recipe is that of the checkpoint, shortened: an epoch of pretraining and three of
training. Each run is scored on validation texts of all kinds. What it costs to leave
something out is the difference of the mean F1, and its interval is that over samples of
the texts and of the runs (bootstrap, 95 %). The rows ``taught`` and ``trained as much
longer`` start from the runs of the whole recipe, and ask whether teachers are worth
more than the epochs they cost. Finished runs are kept in
``benchmarks/results/additions.json``.
"""
import json
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any, Callable, Dict, List, Sequence, Tuple

from benchmarks import bootstrap
from benchmarks.accuracy import general, stream
from benchmarks.accuracy.ingredients import lost
from benchmarks.accuracy.scored import either_way, pair
from benchmarks.accuracy.texts import annotated, entities_of
from benchmarks.runner import Run, configure, markdown, parser, spread, sweep
from eega_pyg.datasets import Record, join_records, read_conll04, read_gmner, read_mnre
from eega_pyg.extraction.extractor import Extractor
from eega_pyg.tagging import Extraction
from eega_pyg.vision import read_captions

SEEDS = (0, 1, 2)
WHOLE, ALONE = 'the whole recipe', 'JMERE alone'
TAUGHT, LONGER = 'taught', 'trained as much longer'
#: What the checkpoint that ships has of options, but for its sets and its epochs.
RECIPE = ('model.skip=true', 'model.pair_rank=64', 'model.offsets=true',
          'model.within_trees=true', 'data.mask=true', 'data.max_words=80',
          'data.passage_words=40', 'train.joined=0.3', 'train.drawn=1.2',
          'train.pretrain_epochs=1')
#: The rates with which a trained model learns on.
ON = ('train.epochs=2', 'train.pretrain_epochs=0', 'train.lr=5e-4',
      'train.lr_encoder=3e-5')
#: Which of the further sets a variant does without.
LEFT_OUT: Dict[str, Tuple[str, ...]] = {
    ALONE: ('unrelated', 'conll04', 'gmner', 'jsonl'),
    'without texts without a relation': ('unrelated', ),
    'without CoNLL04': ('conll04', ),
    'without GMNER': ('gmner', ),
    'without prose': ('jsonl', ),
}
VARIANTS: Dict[str, Tuple[str, ...]] = {
    WHOLE: (),
    **dict.fromkeys(LEFT_OUT, ()),
    ALONE: ('train.joined=0', 'train.drawn=0'),
    'without joined texts': ('train.joined=0', ),
    'without masks': ('data.mask=false', ),
    'without skip and trees': ('model.skip=false', 'model.within_trees=false'),
    'without products and offsets': ('model.pair_rank=0', 'model.offsets=false'),
    LONGER: ON,
    TAUGHT: ON,
}
#: What is scored, beside both scores of JMERE's sentences.
VIEWS = (*bootstrap.VIEWS, 'three joined', 'all of MNRE', 'CoNLL04, relations',
         'CoNLL04, entities', 'CoNLL04, three joined', 'GMNER, entities',
         'general sentences')
COLUMNS = ('name', 'seeds', *VIEWS)


def variant_run(args: Namespace, name: str, seed: int) -> Run:
    files = {
        'unrelated': 'unrelated',
        'conll04': f"conll04:{args.conll04 / 'train.json'}",
        'gmner': f"gmner:{args.gmner / 'train.txt'}",
        'jsonl': f'jsonl:{args.prose}',
    }
    for left_out in LEFT_OUT.get(name, ()):
        del files[left_out]
    starts = [str(args.runs / f'{WHOLE}-{s}') for s in args.seeds or SEEDS]
    overrides = [f'train.also={json.dumps(list(files.values()))}', *VARIANTS[name]]
    if name in (TAUGHT, LONGER):
        overrides.append(f"train.start={json.dumps(f'{args.runs / WHOLE}-{seed}')}")
    if name == TAUGHT:
        overrides.append(f'train.teachers={json.dumps(starts)}')
    return Run(name, configure(args, seed, *RECIPE, *overrides))


def measure(extractor: Extractor, args: Namespace) -> Dict[str, str]:
    r"""The counts of what a model finds in texts of all kinds."""
    tags, raw = extractor.model.tag_set, args.root / 'raw'
    path, captions = raw / 'mnre_val.txt', read_captions(raw / 'captions_val.jsonl')

    def read(records: Sequence[Record]) -> List[Extraction]:
        return [r.extraction for r in stream.read(extractor, records, captions)]

    def related(records: Sequence[Record], found: Sequence[Extraction],
                key: Callable[[Any], Any]) -> str:
        return bootstrap.count_by([annotated(x.quintuples, records) for x in found],
                                  [r.quintuples for r in records], key)

    def named(records: Sequence[Record], found: Sequence[Extraction]) -> str:
        return bootstrap.count_by([x.entities for x in found],
                                  list(map(entities_of, records)), lambda e: e)

    def joined(records: Sequence[Record]) -> List[Record]:
        return join_records(records, len(records) // 3, 3, 3)

    jmere, every = joined(read_mnre(path, tags)), stream.unfiltered(path, tags)
    news = read_conll04(args.conll04 / 'valid.json', tags)
    tweets = read_gmner(args.gmner / 'dev.txt', tags)
    texts = general.read_texts(general.FOLDER / 'sentences.jsonl')
    of_news, long_news = read(news), joined(news)
    return {
        'three joined':
        related(jmere, read(jmere), either_way),
        'all of MNRE':
        related(every, read(every), either_way),
        'CoNLL04, relations':
        related(news, of_news, pair),
        'CoNLL04, entities':
        named(news, of_news),
        'CoNLL04, three joined':
        related(long_news, read(long_news), pair),
        'GMNER, entities':
        named(tweets, read(tweets)),
        'general sentences':
        bootstrap.count_by([x.quintuples for x in general.read(extractor, texts)],
                           [t.quintuples for t in texts], either_way),
    }


def rows(records: List[Dict[str, Any]]) -> List[List[str]]:
    r"""A row for each variant: the F1 of each view."""
    out = []
    for name in VARIANTS:
        runs = [r for r in records if r['name'] == name]
        cells = [
            spread(100 * bootstrap.f1(r['counts'][view]) for r in runs) if runs else ''
            for view in VIEWS
        ]
        out.append([name, ' '.join(str(r['seed']) for r in runs) or 'not run', *cells])
    return out


def losses(records: List[Dict[str, Any]]) -> List[List[str]]:
    r"""A row for each variant that was run: what it lost against the runs with the same
    seeds of the whole recipe, or, if it is taught, of those that trained as long."""
    out = []
    for name in VARIANTS:
        against = {TAUGHT: LONGER}.get(name, WHOLE)
        runs = [r for r in records if r['name'] == name]
        whole = [r for r in records if r['name'] == against]
        seeds = {r['seed'] for r in runs} & {r['seed'] for r in whole}
        if name == WHOLE or not seeds:
            continue
        whole, runs = ([r for r in side if r['seed'] in seeds]
                       for side in (whole, runs))
        out.append([
            f'{name}, against {against}' if name == TAUGHT else name,
            ' '.join(map(str, sorted(seeds))), *(lost(whole, runs, v) for v in VIEWS)
        ])
    return out


def report(records: List[Dict[str, Any]]) -> str:
    r"""Both tables, in Markdown."""
    return (markdown(COLUMNS, rows(records)) + '\n\nF1 lost:\n\n' +
            markdown(COLUMNS, losses(records)))


def add_sets(options: ArgumentParser) -> None:
    r"""Adds where the further sets are."""
    options.add_argument('--conll04', type=Path, default=Path('conll04'),
                         help='folder of train.json and valid.json')
    options.add_argument('--gmner', type=Path, default=Path('gmner/txt'),
                         help='folder of train.txt and dev.txt')


def main() -> None:
    options = parser(__doc__, 'additions', epochs=3, preset='default',
                     variants=VARIANTS)
    add_sets(options)
    options.add_argument('--prose', type=Path, default=Path('prose.jsonl'))
    args = options.parse_args()
    runs = [variant_run(args, n, s) for s in args.seeds or SEEDS for n in args.only]
    print(
        report(
            sweep(runs, args,
                  lambda folder: measure(Extractor.from_pretrained(folder), args))))


if __name__ == '__main__':
    main()
