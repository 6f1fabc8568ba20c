r"""The systems that EEGA was compared with, as Table 1 of the paper has them.

    python -m benchmarks.accuracy.table1 datasets/jmere

Six word-pair taggers, each with the fusion of text and image of another paper in the
place of EEGA's graph layers, alignment and attention; four pipelines, each of the
entities of one of these taggers and of one classifier of relations (MEGA, on all lines
of MNRE); EEGA as the preset ``paper`` has it; and taggers that do not see the image.
All are trained for eight epochs by that preset with the models of the extra
``offline``, so that taggers differ by their fusion alone, and the best epoch on the
validation split is kept. The classifier has half as many epochs of twice as many texts.

The runs of a seed come one after the other, and each finished one is added to
``benchmarks/results/table1.json``; what is there is not run again, and a stopped run
goes on after its last epoch. Models are removed when they are needed no more.
"""
import shutil
from argparse import Namespace
from pathlib import Path
from typing import Any, Dict, List

import pandas as pd

from benchmarks import bootstrap
from benchmarks.accuracy.ingredients import difference
from benchmarks.measure import apart, machine
from benchmarks.runner import (
    COSTS,
    HEADER,
    Run,
    configure,
    cost_of_steps,
    costs,
    data_identity,
    finished,
    keep,
    markdown,
    parser,
    read,
    row,
    show,
    spread,
    sweep,
)
from eega_pyg.config import Config
from eega_pyg.datasets import JMERE
from eega_pyg.nn.models import RelationClassifier
from eega_pyg.saving.saved_model import load_model
from eega_pyg.training.loaders import loaders
from eega_pyg.training.optimizer import use_bf16
from eega_pyg.training.prepare import build_model
from eega_pyg.training.relations import (
    RelatedPairs,
    TrainedRelations,
    fit_relations,
    loss_of_pairs,
    pipeline_scores,
)
from eega_pyg.training.run import fit

OFFLINE = ('data.encoder=sentence-transformers/all-MiniLM-L6-v2',
           'data.spacy_model=en_core_web_sm')
#: As in the ablation; ten are no better, see the README.
EPOCHS = 8
TEXT_ONLY, PAPER = 'text only', 'paper'
#: What each tagger has in the place of the preset's.
TAGGERS = {
    'AdapCoAtt': ('model.fusion=adapcoatt', ),
    'OCSGA': ('model.fusion=ocsga', ),
    'AGBAN': ('model.fusion=agban', ),
    'UMGF': ('model.fusion=umgf', ),
    'MEGA': ('model.fusion=mega', ),
    'MAF': ('model.fusion=maf', ),
    # What the six are without their fusion, and what `paper` is without the image.
    TEXT_ONLY: ('model.visual=false', 'model.num_layers=0'),
    f'{TEXT_ONLY}, attribute transformer': ('model.visual=false', ),
    PAPER: (),
}
#: The tagger that finds the entities of each pipeline.
PIPELINES = {f'{name} + MEGA': name for name in list(TAGGERS)[:4]}
NAMES = (*PIPELINES, *TAGGERS)
CLASSIFIER = 'MEGA on given entities'
_CLASSIFIER = ('model.fusion=mega', 'model.channels=[]')
#: F1 of quintuples and of entities in the paper's Table 1, of JMERE's test split.
PUBLISHED = {
    'AdapCoAtt + MEGA': (47.74, 73.20),
    'OCSGA + MEGA': (48.10, 73.77),
    'AGBAN + MEGA': (48.57, 74.23),
    'UMGF + MEGA': (50.01, 75.88),
    'AdapCoAtt': (48.91, 75.25),
    'OCSGA': (49.64, 76.07),
    'AGBAN': (49.95, 76.19),
    'UMGF': (51.45, 76.75),
    'MEGA': (53.18, 77.22),
    'MAF': (53.62, 76.81),
    PAPER: (55.29, 78.59),
}
COLUMNS = [
    *HEADER[:5], '95 %', f'above {TEXT_ONLY}', f'above {PAPER}', 'above its tagger',
    'published F1', 'published entity F1', *COSTS
]
CLASSIFIER_COLUMNS = ('seeds', 'F1', 'precision', 'recall', 'directed', *COSTS)


def tag(args: Namespace, name: str, seed: int) -> Run:
    r"""Trains a tagger, if that was not done. Its model is kept for its pipeline."""
    run = Run(name, configure(args, seed, *TAGGERS[name]))
    sweep([run], args)
    folder = args.runs / f'{name}-{seed}'
    shutil.rmtree(folder / 'training' if name in PIPELINES.values() else folder,
                  ignore_errors=True)
    return run


def classifier_config(args: Namespace, seed: int) -> Config:
    config = configure(args, seed, *_CLASSIFIER)
    epochs = max(config.train.epochs // 2, 1)
    return config.model_copy(
        update={'train': config.train.model_copy(update={'epochs': epochs})})


def classify(args: Namespace, seed: int, data: str) -> TrainedRelations:
    r"""Trains the classifier of a seed, or reads it."""
    run = Run(CLASSIFIER, classifier_config(args, seed))
    done = finished(run, args.results, data)
    step = apart(classifier_cost, run.config, args.root) if done is None else {}
    folder = args.runs / f'{CLASSIFIER}-{seed}'
    trained = fit_relations(run.config, args.root, folder)
    if done is None:
        curve = pd.read_csv(folder / 'training' / 'metrics.csv')
        keep(
            {
                **described(run, data),
                'scores': trained.scores,
                'best_epoch': trained.epoch + 1,
                'texts': trained.num_texts,
                'pairs': trained.num_pairs,
                'seconds_an_epoch': round(float(curve['seconds'].median()), 1),
                **step,
            }, args)
    return trained


def described(run: Run, data: str) -> Dict[str, Any]:
    return {
        'name': run.name,
        'seed': run.config.train.seed,
        'layer': run.layer,
        'config': run.config.to_dict(),
        'data': data,
        **machine(),
        'precision': 'bf16' if use_bf16(run.config.train) else 'float32',
    }


def classifier_cost(config: Config, root: Path) -> Dict[str, Any]:
    r"""What a step of the classifier costs, see :func:`benchmarks.runner.step_cost`."""
    train = JMERE(str(root), tags=config.tags.tag_set(), **config.data.arguments())
    pairs: Any = RelatedPairs(train)
    return cost_of_steps(lambda: RelationClassifier(build_model(config, train)),
                         lambda model, batch: loss_of_pairs(model, batch)['loss'],
                         loaders(pairs, pairs, config.train)[0], use_bf16(config.train))


def pipe(args: Namespace, name: str, seed: int) -> None:
    r"""Scores a pipeline, if that was not done, and removes its tagger."""
    data = data_identity(args.root)
    run = Run(name, configure(args, seed, *TAGGERS[PIPELINES[name]]))
    if finished(run, args.results, data) is not None:
        return
    tagger = tag(args, PIPELINES[name], seed)
    folder = args.runs / f'{tagger.name}-{seed}'
    if not (folder / 'README.md').is_file():  # It was removed, or is of --reuse.
        fit(tagger.config, args.root, folder, resume=True)
    saved = load_model(folder)
    classifier = classify(args, seed, data).model
    val = JMERE(str(args.root), 'val', vocabularies=saved.vocabularies,
                tags=saved.model.tag_set, **run.config.data.arguments())
    found = pipeline_scores(saved.model, classifier, val, saved.signatures)
    models = [saved.model, classifier]
    keep(
        {
            **described(run, data),
            'scores':
            found.compute(),
            'counts':
            bootstrap.count(found.extractions(), list(found.targets.values())),
            'parameters':
            sum(p.numel() for m in models for p in m.parameters() if p.requires_grad),
        }, args)
    shutil.rmtree(folder)


def rows(records: List[Dict[str, Any]]) -> List[List[str]]:
    r"""A row for each system. Differences are of runs with the same seeds; those that
    chance hardly explains are bold."""
    of = {name: [r for r in records if r['name'] == name] for name in NAMES}
    out = []
    for name in NAMES:
        cells = row(name, of[name])
        published = [f'{f1:.2f}' for f1 in PUBLISHED.get(name, ())] or ['', '']
        if not of[name]:
            out.append([*cells[:5], *[''] * 4, *published, *cells[5:]])
            continue
        low, high = bootstrap.interval([r['counts']['quintuple'] for r in of[name]])
        beside = [
            above(of[name], of[base]) if base not in (name, '') else ''
            for base in (TEXT_ONLY, PAPER, PIPELINES.get(name, ''))
        ]
        out.append([
            *cells[:5], f'{100 * low:.1f} to {100 * high:.1f}', *beside, *published,
            *cells[5:]
        ])
    return out


def above(runs: List[Dict[str, Any]], others: List[Dict[str, Any]]) -> str:
    seeds = {r['seed'] for r in runs} & {r['seed'] for r in others}
    if not seeds:
        return 'not run'
    mean, low, high = difference([r for r in runs if r['seed'] in seeds],
                                 [r for r in others if r['seed'] in seeds], 'quintuple')
    mark = '**' if low > 0 or high < 0 else ''
    return f'{mark}{100 * mean:+.2f}{mark} [{100 * low:+.2f}, {100 * high:+.2f}]'


def classifiers(records: List[Dict[str, Any]]) -> str:
    r"""The table of the classifier of relations, in Markdown."""
    runs = [r for r in records if r['name'] == CLASSIFIER]
    if not runs:
        return 'The classifier of relations was not run.'
    names = ('f1', 'precision', 'recall', 'directed_f1')
    cells = [spread(100 * r['scores'][f'relation_{n}'] for r in runs) for n in names]
    seeds = ' '.join(str(r['seed']) for r in runs)
    return (f"The classifier of relations, of {runs[0]['pairs']:,} pairs in "
            f"{runs[0]['texts']:,} texts, on the lines of MNRE's validation file:\n\n" +
            markdown(CLASSIFIER_COLUMNS, [[seeds, *cells, *costs(runs)]]))


def main() -> None:
    args = parser(__doc__, 'table1', epochs=EPOCHS, variants=NAMES).parse_args()
    args.overrides = [*OFFLINE, *args.overrides]
    for seed in args.seeds or (0, 1, 2):
        for name in TAGGERS:
            if name in args.only:
                tag(args, name, seed)
            for pipeline in (p for p in PIPELINES if PIPELINES[p] == name):
                if pipeline in args.only:
                    pipe(args, pipeline, seed)
        done = {r['name'] for r in read(args.results) if r['seed'] == seed}
        if done.issuperset(PIPELINES):
            shutil.rmtree(args.runs / f'{CLASSIFIER}-{seed}', ignore_errors=True)
    records = read(args.results)
    show(rows(records), args.markdown, COLUMNS)
    print(classifiers(records))


if __name__ == '__main__':
    main()
