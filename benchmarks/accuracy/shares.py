r"""How much of the weights a run started from its model is to have
(``train.start_share``), on validation texts of all kinds.

    python -m benchmarks.accuracy.shares datasets/jmere runs/student-0 runs/student-1

Each run started from a saved model and has none of its weights. What is scored are the
means of its weights and those of that model, with several shares; with 1 it is that
model itself. What ``benchmarks/results/shares.json`` has already is not measured again.
"""
import argparse
import json
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Tuple

from benchmarks import bootstrap
from benchmarks.accuracy import general
from benchmarks.accuracy.additions import VIEWS, add_sets, measure
from benchmarks.accuracy.ingredients import lost
from benchmarks.accuracy.scored import either_way
from benchmarks.measure import machine
from benchmarks.runner import RESULTS, markdown, read, spread
from eega_pyg.config import Config
from eega_pyg.datasets import open_dataset
from eega_pyg.extraction.extractor import Extractor
from eega_pyg.files import write_text
from eega_pyg.json_yaml import read_json, read_yaml
from eega_pyg.saving.saved_model import load_model
from eega_pyg.schema import located
from eega_pyg.training.evaluation import collect_scores
from eega_pyg.training.start import Start, mix_with_start, read_start

SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
PARAGRAPHS = 'general paragraphs'
SCORED = (*VIEWS, PARAGRAPHS)
COLUMNS = ('share of the start', 'seeds', VIEWS[0], 'directed', *SCORED[1:])


def checked(folders: Sequence[Path]) -> Dict[Path, Tuple[Config, Start]]:
    r"""The configurations of runs, and the model that all of them started from.

    Raises:
        ValueError: Naming the run, if it started from no model, from another one than
            the first, or from one that is no more what it was; or if it has some of its
            weights already.
    """
    out: Dict[Path, Tuple[Config, Start]] = {}
    for folder in folders:
        training = folder / 'training'
        with located(folder):
            config = Config.from_dict(read_yaml(training / 'config.yaml'))
            if not config.train.start:
                raise ValueError('started from no model (train.start)')
            if config.train.start_share > 0:
                raise ValueError('has a share of the weights of its start: resume it '
                                 'with train.start_share=0')
            start = read_start(config)
            if start.digests != read_json(training / 'start.json'):
                raise ValueError('started from another model than is there now')
            if any(start.digests != first.digests for _, first in out.values()):
                raise ValueError(f"started from another model than '{folders[0]}'")
            out[folder] = config, start
    return out


def score(folder: Path, config: Config, start: Start, share: float,
          args: argparse.Namespace) -> Dict[str, Any]:
    r"""The counts and the directed F1 of a run's weights, mixed with those of the model
    it started from."""
    saved = load_model(folder)
    mix_with_start(saved.model, start, share)
    extractor = Extractor(saved)
    val = open_dataset(args.root, 'val', saved.data, saved.model.tag_set,
                       saved.vocabularies)
    found = collect_scores(extractor.model, val, saved.signatures)
    texts = general.read_texts(general.FOLDER / 'paragraphs.jsonl')
    paragraphs = bootstrap.count_by(
        [x.quintuples for x in general.read(extractor, texts)],
        [t.quintuples for t in texts], either_way)
    return {
        'share': share,
        'seed': config.train.seed,
        'start': Path(config.train.start).name,
        'directed': found.compute()['directed_f1'],
        'counts': {
            **bootstrap.count(found.extractions(), list(found.targets.values())),
            **measure(extractor, args), PARAGRAPHS: paragraphs
        },
        **machine()
    }


def report(records: List[Dict[str, Any]]) -> str:
    r"""A row for each share, and what it lost against the start, in Markdown."""
    rows, against = [], []
    start = [r for r in records if r['share'] == 1]
    for share in sorted({r['share'] for r in records}):
        runs = [r for r in records if r['share'] == share]
        if start and share < 1:
            against.append([f'{share:g}', *(lost(start, runs, v) for v in SCORED)])
        f1 = {view: [bootstrap.f1(r['counts'][view]) for r in runs] for view in SCORED}
        f1['directed'] = [r['directed'] for r in runs]
        rows.append([
            f'{share:g}', ' '.join(str(r['seed']) for r in runs) if share < 1 else '',
            *(spread(100 * x for x in f1[view]) for view in COLUMNS[2:])
        ])
    made = sorted({f"{r['machine']}, {r['date']}" for r in records})
    return (f"{'; '.join(made)}.\n\n" + markdown(COLUMNS, rows) +
            '\n\nF1 lost against the start:\n\n' + markdown(
                (COLUMNS[0], *SCORED), against))


def main(arguments: Optional[List[str]] = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('root', type=Path, help='folder of the data set')
    parser.add_argument('runs', nargs='+', type=Path,
                        help='runs with train.start, of one seed each')
    parser.add_argument('--shares', nargs='+', type=float, default=SHARES)
    parser.add_argument('--results', type=Path, default=RESULTS / 'shares.json')
    add_sets(parser)
    args = parser.parse_args(arguments)
    if wrong := [share for share in args.shares if not 0 <= share <= 1]:
        raise ValueError(f'--shares: expected numbers in [0, 1] (got {wrong[0]})')
    records = read(args.results)
    for folder, (config, start) in checked(args.runs).items():
        for share in args.shares:
            seeds = [r['seed'] for r in records if r['share'] == share]
            if config.train.seed in seeds or share == 1 and seeds:
                continue
            records.append(score(folder, config, start, share, args))
            records.sort(key=lambda r: (r['share'], r['seed']))
            write_text(args.results, json.dumps(records, indent=1) + '\n')
    print(report(records))


if __name__ == '__main__':
    main()
