r"""Trains the runs of a benchmark on JMERE one after the other, keeps their results in
a JSON file, and makes the table.

A finished run is a record: name, seed, configuration, data, validation scores, the
curve over the epochs, cost, machine and date. A run that has a record is not repeated,
and a stopped run is resumed.
"""
import itertools
import json
import time
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import (
    Any,
    Callable,
    Dict,
    Iterable,
    List,
    Mapping,
    NamedTuple,
    Optional,
    Sequence,
)

import pandas as pd
import torch
from filelock import FileLock
from rich.console import Console
from rich.table import Table
from torch import Tensor
from torch_geometric.data import HeteroData

from benchmarks import bootstrap
from benchmarks.measure import apart, in_turns, machine, peak_above, trainer
from eega_pyg.config import Config, TagsConfig
from eega_pyg.datasets import JMERE, PairDataset
from eega_pyg.files import write_text
from eega_pyg.identity import digest, file_sha256
from eega_pyg.nn import OwnConv, OwnFusion
from eega_pyg.nn.models import EEGA
from eega_pyg.training.loaders import loaders
from eega_pyg.training.optimizer import use_bf16
from eega_pyg.training.prepare import build_model
from eega_pyg.training.run import fit

RESULTS = Path(__file__).parent / 'results'
#: The number of batches, and of passes over them, for which a step is timed.
BATCHES, TURNS = 8, 3
SCORES = {
    'quintuple F1': 'quintuple_f1',
    'directed': 'directed_f1',
    'entity F1': 'entity_f1',
}
COSTS = {
    'million parameters': ('parameters', 1e-6, '.1f'),
    'ms a step': ('step_seconds', 1e3, '.0f'),
    'peak MB': ('step_megabytes', 1, '.0f'),
    'seconds an epoch': ('seconds_an_epoch', 1, '.0f'),
}
HEADER = ['name', 'seeds', *SCORES, *COSTS]
TITLE = 'Validation split, %, mean ± standard deviation over the seeds'


class Run(NamedTuple):
    r"""A training run: what the table calls it, its configuration, what makes its graph
    layer where that is no name of ``model.conv``, what the layer is called, and what
    makes its fusion where that is no name of ``model.fusion``."""
    name: str
    config: Config
    conv: Optional[OwnConv] = None
    layer: str = 'AttributeTransformerConv'
    fusion: Optional[OwnFusion] = None

    def model(self, data: PairDataset) -> EEGA:
        r"""The model that is trained."""
        return build_model(self.config, data, self.conv, fusion=self.fusion)


def parser(doc: str, results: str, epochs: Optional[int] = None, preset: str = 'paper',
           variants: Iterable[str] = ()) -> ArgumentParser:
    r"""The options of all these benchmarks, and ``--only`` if there are variants."""
    out = ArgumentParser(description=doc.splitlines()[0])
    out.add_argument('root', type=Path, help='folder of the data set')
    out.add_argument('--preset', default=preset)
    out.add_argument('--set', dest='overrides', action='append', default=[],
                     metavar='SECTION.FIELD=VALUE')
    out.add_argument('--epochs', type=int, default=epochs)
    out.add_argument('--seeds', type=int, nargs='+')
    if variants:
        out.add_argument('--only', nargs='+', choices=variants, default=variants)
    out.add_argument('--runs', type=Path, default=Path('runs') / results,
                     help='folder for the models')
    out.add_argument('--results', type=Path, default=RESULTS / f'{results}.json')
    out.add_argument(
        '--reuse', type=Path, nargs='+', default=[],
        help='other files of results with runs that need not be done again')
    out.add_argument('--markdown', action='store_true', help='print a Markdown table')
    return out


def configure(args: Namespace, seed: int, *overrides: str) -> Config:
    epochs = [] if args.epochs is None else [f'train.epochs={args.epochs}']
    config = Config.load(args.preset,
                         [*args.overrides, *epochs, *overrides, f'train.seed={seed}'])
    # A record names its tags.
    return config.model_copy(
        update={'tags': TagsConfig(**config.tags.tag_set().to_dict())})


def variant_runs(args: Namespace, variants: Mapping[str, Sequence[str]],
                 seeds: Sequence[int]) -> List[Run]:
    r"""A run for each seed and each chosen variant. A variant is a list of
    overrides."""
    return [
        Run(name, configure(args, seed, *variants[name]))
        for seed in args.seeds or seeds for name in args.only
    ]


def read(path: Path) -> List[Dict[str, Any]]:
    return json.loads(path.read_text(encoding='utf-8')) if path.is_file() else []


def sweep(runs: Iterable[Run], args: Namespace,
          more: Optional[Callable[[Path], Any]] = None) -> List[Dict[str, Any]]:
    r"""Trains the runs that are not in the file of results, and adds each to it as soon
    as it is finished. A run that a file of ``--reuse`` holds in the same configuration
    is copied from there.

    Args:
        runs (iterable of Run): The runs.
        args (argparse.Namespace): The options of :func:`parser`.
        more (callable, optional): Gives further counts of the model in a
            folder, by their names. (default: :obj:`None`)

    Raises:
        ValueError: If a run of the same name and seed had another configuration or was
            of other data.
        FileNotFoundError: If there are no data.
    """
    results = args.results
    data = data_identity(args.root)
    for run in runs:
        if finished(run, results, data) is not None:
            continue
        other = [r for p in args.reuse for r in read(p) if same_run(r, run, data)]
        folder = args.runs / f'{run.name}-{run.config.train.seed}'
        if other:
            record = other[0]
        else:
            record = {**train(run, args.root, folder), 'data': data}
            if more is not None:
                record['counts'] |= more(folder)
        keep({**record, 'name': run.name}, args)
    return read(results)


def finished(run: Run, results: Path, data: str) -> Optional[Dict[str, Any]]:
    r"""The record of a run, or :obj:`None` if it was not done.

    Raises:
        ValueError: If one of the same name and seed is of another configuration or of
            other data.
    """
    seed = run.config.train.seed
    for record in read(results):
        if (record['name'], record['seed']) == (run.name, seed):
            if same_run(record, run, data):
                return record
            raise ValueError(f"'{results}' holds '{run.name}' with seed {seed} in "
                             f"another configuration or of other data: remove it, or "
                             f"choose another --results")
    return None


def keep(record: Dict[str, Any], args: Namespace) -> None:
    r"""Adds a record to the file of results."""
    args.runs.mkdir(parents=True, exist_ok=True)
    with FileLock(args.runs / 'lock'):  # Other processes may add their own runs.
        records = [*read(args.results), record]
        records.sort(key=lambda r: (r['name'], r['seed']))
        write_text(args.results, json.dumps(records, indent=1) + '\n')


def data_identity(root: Path) -> str:
    r"""A digest of the raw files of a data set, except those of its test split."""
    raw = root / 'raw'
    files = [
        p for p in sorted(raw.rglob('*')) if p.is_file() and not any(
            Path(part).stem.endswith('_test') for part in p.relative_to(raw).parts)
    ]
    if not files:
        raise FileNotFoundError(f"There is no data set in '{root}': run 'eega build "
                                f"{root}'")
    return digest({str(p.relative_to(raw)): file_sha256(str(p)) for p in files})


def same_run(record: Dict[str, Any], run: Run, data: str) -> bool:
    r"""Whether a record has the layer and the configuration of a run, and these data. A
    field that the record lacks had its default value; a field that exists no more does
    not count."""
    default = Config().to_dict()
    same = (record.get('layer', run.layer), record.get('data')) == (run.layer, data)
    return same and all(
        record['config'][section].get(name, default[section][name]) == value
        for section, fields in run.config.to_dict().items()
        for name, value in fields.items())


def train(run: Run, root: Path, folder: Path) -> Dict[str, Any]:
    cost = apart(step_cost, run, root)
    resume = (folder / 'training').is_dir()
    start = time.perf_counter()
    result = fit(run.config, root, folder, resume=resume, conv=run.conv,
                 fusion=run.fusion)
    seconds = time.perf_counter() - start
    curve = pd.read_csv(folder / 'training' / 'metrics.csv')
    found, given = result.sentences.extractions(), result.sentences.targets
    return {
        'name': run.name,
        'seed': run.config.train.seed,
        'layer': run.layer,
        'config': run.config.to_dict(),
        'scores': result.scores,
        'counts': bootstrap.count(found, list(given.values())),
        'best_epoch': result.epoch + 1,
        'seconds_an_epoch': round(float(curve['seconds'].median()), 1),
        # Of a resumed run this is not the whole time.
        'seconds': None if resume else round(seconds, 1),
        **cost,
        'curve': json.loads(curve.round(4).to_json(orient='records')),
        **machine(),
        'precision': 'bf16' if use_bf16(run.config.train) else 'float32',
    }


def step_cost(run: Run, root: Path, num_batches: Optional[int] = None,
              turns: Optional[int] = None) -> Dict[str, Any]:
    r"""The CPU time of a training step, and the memory that model, optimiser and steps
    add to a process; on the same batches for every run with the same seed."""
    config = run.config
    data = JMERE(str(root), tags=config.tags.tag_set(), **config.data.arguments())
    loader, _ = loaders(data, data, config.train)
    return cost_of_steps(lambda: run.model(data),
                         lambda model, batch: model.loss(batch)['loss'], loader,
                         use_bf16(config.train), num_batches, turns)


def cost_of_steps(make_model: Callable[[], torch.nn.Module],
                  loss: Callable[[Any, HeteroData],
                                 Tensor], loader: Iterable[HeteroData], bf16: bool,
                  num_batches: Optional[int] = None,
                  turns: Optional[int] = None) -> Dict[str, Any]:
    r"""The same of any model and its loss on the first batches of a loader."""
    batches = list(itertools.islice(loader, num_batches or BATCHES))
    out: Dict[str, Any] = {}

    def measure() -> None:
        model = make_model().train()
        step = trainer(lambda batch: loss(model, batch), model.parameters(), bf16)
        seconds = in_turns({'step': step}, batches, turns or TURNS)['step']
        out['step_seconds'] = seconds / len(batches)
        out['parameters'] = sum(p.numel() for p in model.parameters()
                                if p.requires_grad)

    out['step_megabytes'] = peak_above(measure)
    return out


def table(records: List[Dict[str, Any]], names: Iterable[str]) -> List[List[str]]:
    r"""A row for each name; a name without records is 'not run'."""
    return [row(name, [r for r in records if r['name'] == name]) for name in names]


def row(name: str, records: List[Dict[str, Any]]) -> List[str]:
    if not records:
        return [name, 'not run', *[''] * (len(HEADER) - 2)]
    return [
        name, ' '.join(str(r['seed']) for r in records),
        *(spread(100 * r['scores'][score] for r in records)
          for score in SCORES.values()), *costs(records)
    ]


def spread(values: Iterable[float]) -> str:
    r"""The mean, and the standard deviation of several."""
    series = pd.Series(list(values))
    return f'{series.mean():.2f}' + (f' ± {series.std():.2f}'
                                     if len(series) > 1 else '')


def costs(records: List[Dict[str, Any]]) -> List[str]:
    r"""The cells of :obj:`COSTS`; what no record says is empty."""
    cells = []
    for name, scale, style in COSTS.values():
        values = pd.Series([r[name] for r in records if name in r])
        cells.append(format(values.mean() * scale, style) if len(values) else '')
    return cells


def show(rows: List[List[str]], as_markdown: bool,
         header: Sequence[str] = HEADER) -> None:
    if as_markdown:
        print(markdown(header, rows))
        return
    out = Table(*header, title=TITLE)
    for cells in rows:
        out.add_row(*cells)
    Console(width=160).print(out)


def markdown(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ['---'] * len(header), *rows]
    return '\n'.join('| ' + ' | '.join(cells) + ' |' for cells in lines)
