r"""What a model learns from few sentences, and from where it best starts.

    python -m benchmarks.accuracy.few_data datasets/jmere --base
    python -m benchmarks.accuracy.few_data datasets/jmere

Six relations of JMERE are held out. The texts that state no other ones are the data of
a user: their types and relations get other names, and 25 to 500 of the training texts
are drawn. The texts that state none of the six are what a model may have learned from
before. Texts that state both are left out.

The first command trains that model, as the preset ``default`` says, on the others
alone, and keeps its pretrained encoder, which has seen no line of the user's texts
either. The second fine-tunes on each draw:

- ``public encoder``: the preset ``default`` without pretraining;
- ``pretrained encoder``: the same from the encoder of that model;
- ``other relations``: from that model, of which no name is shared;
- ``other relations, types named``: from that model, and ``train.renamed`` says which
  types are which.

A fifth of each draw is held out and chooses the epoch. What is scored are all texts of
the validation file that state the six alone. Each finished run is added to
``benchmarks/results/few_data.json``; what is there is not run again.
"""
import argparse
import json
import shutil
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Tuple

import lightning as L
import pandas as pd
from filelock import FileLock

from benchmarks import bootstrap
from benchmarks.accuracy.held_out import HELD_OUT, OTHERS, TYPES, divide, drawn, write
from benchmarks.measure import machine
from benchmarks.runner import RESULTS, Run, data_identity, markdown, read, same_run
from eega_pyg.config import Config
from eega_pyg.datasets import JMERE
from eega_pyg.files import write_text
from eega_pyg.identity import digest, file_sha256
from eega_pyg.saving.saved_model import load_model, save_model
from eega_pyg.training.evaluation import collect_scores
from eega_pyg.training.prepare import build_model
from eega_pyg.training.pretraining import pretrain
from eega_pyg.training.run import fit

SIZES, DRAWS = (25, 50, 100, 200, 500), (0, 1, 2)
#: What the runs from an encoder have of ``default``; the loop is that of ``finetune``.
_RATES = ('train.lr=5e-4', 'train.lr_encoder=1e-4')
STARTS: Dict[str, Tuple[str, str, Sequence[str]]] = {
    'public encoder': ('default', '', ('train.pretrain_epochs=0', )),
    'pretrained encoder': ('finetune', 'encoder', _RATES),
    'other relations': ('finetune', 'others', ()),
    'other relations, types named':
    ('finetune', 'others', (f'train.renamed={json.dumps(TYPES)}', )),
}
VIEWS = {'quintuple F1': 'quintuple', 'entity F1': 'entity'}
NOTES = ('quintuple_f1', 'directed_f1', 'entity_f1')


def base_config(overrides: Sequence[str], **fields: str) -> Config:
    fixed = [f'train.{name}={value}' for name, value in fields.items()]
    return Config.load('default',
                       [f'tags.relations={json.dumps(OTHERS)}', *overrides, *fixed])


def train_base(root: Path, runs: Path, overrides: Sequence[str]) -> None:
    r"""Trains the model of the other relations, and keeps its pretrained encoder in a
    model that has learned nothing else."""
    raw = root / 'raw'
    data = write(runs / 'data' / 'others', raw,
                 train=divide(raw / 'mnre_train.txt')[1].lines,
                 val=divide(raw / 'mnre_val.txt')[1].lines)
    encoder = runs / 'encoder'
    if not (encoder / 'README.md').is_file():  # The last that is written.
        config = base_config(overrides)
        train = JMERE(str(data), tags=config.tags.tag_set(), **config.data.arguments())
        L.seed_everything(config.train.seed, verbose=False)
        model = build_model(config, train)
        pretrain(model, config, train, train, runs / 'encoder.safetensors', True)
        save_model(encoder, model, train.vocabularies, config)
    config = base_config(overrides, start=json.dumps(str(encoder)), pretrain_epochs='0')
    fit(config, data, runs / 'others', resume=True)


def configure(args: argparse.Namespace, name: str, draw: int) -> Config:
    r"""The configuration of a run."""
    preset, start, overrides = STARTS[name]
    loop = Config.load('finetune').train
    fields: Dict[str, Any] = {
        'epochs': loop.epochs,
        'patience': loop.patience,
        'tolerance': loop.tolerance,
        'batch_size': loop.batch_size,
        'seed': draw
    }
    if start:
        fields['start'] = json.dumps(str(args.runs / start))
    return Config.load(preset, [
        f'tags.types={json.dumps(list(TYPES))}',
        f'tags.relations={json.dumps(list(HELD_OUT))}', *overrides,
        *(f'train.{field}={value}' for field, value in fields.items()),
        *(args.overrides if not start else []), *args.loop
    ])


def named(config: Config) -> Config:
    r"""The configuration as it is kept: what a run starts from is in another folder on
    another machine, and is told apart by its weights."""
    start = Path(config.train.start).name
    return config.model_copy(
        update={'train': config.train.model_copy(update={'start': start})})


def run(args: argparse.Namespace, name: str, size: int, draw: int,
        config: Config) -> Dict[str, Any]:
    r"""Fine-tunes on a draw and scores the validation file."""
    raw = args.root / 'raw'
    data = write(args.runs / 'data' / f'{size}-{draw}', raw,
                 train=drawn(divide(raw / 'mnre_train.txt')[0], size, draw))
    place = args.runs / f'{name}-{size}-{draw}'
    result = fit(config, data, place, resume=True)
    curve = pd.read_csv(place / 'training' / 'metrics.csv')
    saved = load_model(place)
    whole = write(args.runs / 'data' / 'val', raw,
                  val=divide(raw / 'mnre_val.txt')[0].lines)
    val = JMERE(str(whole), split='val', vocabularies=saved.vocabularies,
                tags=saved.model.tag_set, **saved.data.arguments())
    found = collect_scores(saved.model, val, saved.signatures)
    scores = found.compute()
    shutil.rmtree(place)  # Sixty models are several gigabytes.
    return {
        'name': f'{name}, {size}',
        'start': name,
        'size': size,
        'seed': draw,
        'config': named(config).to_dict(),
        'scores': {
            note: scores[note]
            for note in NOTES
        },
        'counts': bootstrap.count(found.extractions(), list(found.targets.values())),
        'best_epoch': result.epoch + 1,
        'epochs': len(curve),
        'seconds': round(float(curve['seconds'].sum()), 1),
        **machine(),
    }


def sweep(args: argparse.Namespace) -> List[Dict[str, Any]]:
    r"""Makes the runs that the file of results lacks, the smallest draws first.

    Raises:
        ValueError: If it holds a run of another configuration, or of other data.
        FileNotFoundError: If there is no model of the other relations yet.
    """
    todo = [(size, draw, name) for size in args.sizes for draw in args.draws
            for name in args.only]
    for size, draw, name in todo:
        start = STARTS[name][1]
        weights = args.runs / start / 'model.safetensors'
        if start and not weights.is_file():
            raise FileNotFoundError(f"There is no '{weights}': run this with --base "
                                    f"first")
        data = digest(
            [data_identity(args.root), size,
             file_sha256(weights) if start else ''])
        config = configure(args, name, draw)
        planned = Run(f'{name}, {size}', named(config))
        done = [
            r for r in read(args.results)
            if (r['name'], r['seed']) == (planned.name, draw)
        ]
        if done and not same_run(done[0], planned, data):
            raise ValueError(
                f"'{args.results}' holds '{planned.name}' of draw {draw} "
                f"in another configuration, of other data, or from another "
                f"model: remove it, or choose another --results")
        if done:
            continue
        args.runs.mkdir(parents=True, exist_ok=True)
        record = {**run(args, name, size, draw, config), 'data': data}
        with FileLock(args.runs / 'lock'):  # Other processes may add their own.
            records = [*read(args.results), record]
            records.sort(key=lambda r: (r['start'], r['size'], r['seed']))
            write_text(args.results, json.dumps(records, indent=1) + '\n')
    return read(args.results)


def of(records: List[Dict[str, Any]], start: str, size: int) -> List[Dict[str, Any]]:
    return [r for r in records if (r['start'], r['size']) == (start, size)]


def cells(records: List[Dict[str, Any]], view: str) -> List[List[str]]:
    r"""A row for each size: the mean F1 over the draws of each start, its standard
    deviation, and behind it how far that is above the public encoder (bootstrap over
    texts and draws, 95 %)."""
    first = next(iter(STARTS))
    rows = []
    for size in sorted({r['size'] for r in records}):
        row = [str(size)]
        public = [r['counts'][view] for r in of(records, first, size)]
        for start in STARTS:
            runs = of(records, start, size)
            if not runs:
                row.append('not run')
                continue
            f1 = pd.Series([100 * r['scores'][f'{view}_f1'] for r in runs])
            text = f'{f1.mean():.1f}'
            if len(f1) > 1:
                text += f' ± {f1.std():.1f}'
            if start != first and public:
                low, high = bootstrap.interval([r['counts'][view] for r in runs],
                                               public)
                text += f' ({100 * low:+.1f} to {100 * high:+.1f})'
            row.append(text)
        rows.append(row)
    return rows


def report(records: List[Dict[str, Any]]) -> str:
    r"""The tables, in Markdown."""
    made = sorted({f"{r['machine']}, {r['threads']} thread(s)" for r in records})
    dates = sorted({r['date'] for r in records})
    draws = sorted({r['seed'] for r in records})
    texts = len(records[0]['counts']['quintuple'].split())
    out = [
        f"{texts} validation sentences; draws {' '.join(map(str, draws))}; "
        f"{'; '.join(made)}; {' to '.join(dict.fromkeys((dates[0], dates[-1])))}.",
    ]
    for title, view in VIEWS.items():
        out.append(
            f'{title}, %, by the number of sentences drawn; in brackets, what it '
            f'is more than from the public encoder:')
        out.append(markdown(['sentences', *STARTS], cells(records, view)))
    # As seen from the README, into which this goes.
    out.append('![F1 over the number of sentences](../results/few_data.png)')
    return '\n\n'.join(out)


def plot(records: List[Dict[str, Any]], path: Path) -> None:
    r"""Draws the F1 of each start over the number of sentences, with a dot for each
    draw."""
    import matplotlib
    matplotlib.use('Agg')
    import matplotlib.pyplot as plt
    figure, axes = plt.subplots(1, 2, figsize=(9, 4))
    for axis, (title, view) in zip(axes, VIEWS.items()):
        for start in STARTS:
            points = pd.DataFrame([[r['size'], 100 * r['scores'][f'{view}_f1']]
                                   for r in records if r['start'] == start],
                                  columns=['size', 'f1'])
            if len(points):
                mean = points.groupby('size')['f1'].mean()
                line, = axis.plot(mean.index, mean, label=start)
                axis.plot(points['size'], points['f1'], '.', color=line.get_color())
        axis.set(xscale='log', xlabel='sentences', ylabel=f'{title}, %')
        axis.set_xticks(SIZES, map(str, SIZES))
        axis.minorticks_off()
        axis.grid(alpha=0.3)
    axes[0].legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(path, dpi=120)
    plt.close(figure)


def main(arguments: Optional[List[str]] = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('root', type=Path, help='folder of the data set')
    parser.add_argument('--base', action='store_true',
                        help='train the model of the other relations')
    parser.add_argument('--only', nargs='+', choices=STARTS, default=list(STARTS))
    parser.add_argument('--sizes', type=int, nargs='+', default=SIZES)
    parser.add_argument('--draws', type=int, nargs='+', default=DRAWS)
    parser.add_argument('--set', dest='overrides', action='append', default=[],
                        metavar='SECTION.FIELD=VALUE', help='for what starts from no '
                        'saved model')
    parser.add_argument('--loop', action='append', default=[],
                        metavar='SECTION.FIELD=VALUE', help='for all but the model of '
                        'the other relations')
    parser.add_argument('--runs', type=Path, default=Path('runs/few_data'),
                        help='folder for data and models')
    parser.add_argument('--results', type=Path, default=RESULTS / 'few_data.json')
    args = parser.parse_args(arguments)
    if args.base:
        train_base(args.root, args.runs, args.overrides)
        return
    records = sweep(args)
    plot(records, args.results.with_suffix('.png'))
    print(report(records))


if __name__ == '__main__':
    main()
