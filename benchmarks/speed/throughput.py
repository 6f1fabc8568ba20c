r"""Speed and memory of EEGA beside its text encoder alone and two dense references.

    python -m benchmarks.speed.throughput datasets/jmere --threads 2

A training step (forward, backward, clipping, optimiser) and inference (forward), in
batches that :class:`~eega_pyg.training.sampler.LengthGroupedSampler` has grouped. The
text encoder is the floor; the references compute the same equations the obvious way
(see ``dense_reference.py``) and their scores must be the model's to 1e-4. All systems
take turns; each one's peak memory is that of a process of its own, above what model and
optimiser hold. Training is in bfloat16 where :func:`eega_pyg.training.run.fit` does
that, for all systems, and inference in float32.

Then how the cost grows: of four sentences of 16 to 512 words with edges in proportion,
and of images with 10 to 100 objects, with the slope in log-log of the three
largest and of the two largest.

Without a folder the data are random (:class:`~eega_pyg.datasets.FakeJMERE`). Results
are kept in ``benchmarks/results/throughput.json``. On a machine that has other work to
do, ``--threads 1 --clock cpu`` measures the time of the processor.
"""
import argparse
import itertools
import json
import sys
from pathlib import Path
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np
import torch
from torch import Tensor
from torch_geometric.data import Batch, HeteroData

from benchmarks.measure import CLOCKS, apart, in_turns, machine, peak_above, trainer
from benchmarks.runner import RESULTS, markdown
from benchmarks.speed.dense_reference import DenseEEGA
from eega_pyg.config import Config
from eega_pyg.datasets import JMERE, FakeJMERE
from eega_pyg.files import write_text
from eega_pyg.nn.models import EEGA
from eega_pyg.schema import DEP, PIECE, TOKEN
from eega_pyg.training.loaders import loaders
from eega_pyg.training.optimizer import use_bf16
from eega_pyg.training.prepare import build_model

ENCODER, FULL = 'text encoder', 'full model'
LONGEST, PADDED = 'dense, longest in the batch', 'dense, 70 words'
SYSTEMS = (ENCODER, FULL, LONGEST, PADDED)
MODES = ('training', 'inference')
WORDS, OBJECTS = (16, 32, 64, 128, 256, 512), (10, 20, 50, 100)


class Setting(NamedTuple):
    r"""What is run; ``root`` is :obj:`None` for random data."""
    root: Optional[Path]
    config: Config
    mode: str
    batch_size: int
    num_batches: int
    threads: int

    @property
    def bf16(self) -> bool:
        return self.mode == 'training' and use_bf16(self.config.train)


def prepare(setting: Setting) -> Tuple[EEGA, List[HeteroData]]:
    r"""The model and the batches; the shortest sentences come first."""
    torch.set_num_threads(setting.threads)
    torch.manual_seed(0)
    config, size = setting.config, setting.batch_size
    data: Any
    if setting.root is None:
        data = FakeJMERE(size * setting.num_batches, table=config.data.table)
    else:
        data = JMERE(str(setting.root), tags=config.tags.tag_set(),
                     **config.data.arguments())
    train = config.train.model_copy(update={'batch_size': size})
    loader, _ = loaders(data, data, train)
    batches = list(itertools.islice(loader, setting.num_batches))
    batches.sort(key=lambda batch: batch[PIECE].num_nodes)
    return build_model(config, data).train(setting.mode == 'training'), batches


def systems(setting: Setting, model: EEGA,
            max_words: int) -> Dict[str, Callable[[HeteroData], Any]]:
    r"""What each system does with a batch."""
    longest, padded = DenseEEGA(model), DenseEEGA(model, max_words)

    def encode(batch: HeteroData) -> Tensor:
        piece = batch[PIECE]
        return model.text_encoder.encode(piece.input_ids, piece.batch, batch.num_graphs)

    if setting.mode == 'inference':
        forward = {ENCODER: encode, FULL: model, LONGEST: longest, PADDED: padded}
        return {name: torch.no_grad()(f) for name, f in forward.items()}
    losses: Dict[str, Callable[[HeteroData], Tensor]] = {
        ENCODER: lambda batch: encode(batch).float().square().mean(),
        FULL: lambda batch: model.loss(batch)['loss'],
        LONGEST: longest.loss,
        PADDED: padded.loss,
    }
    return {
        name:
        trainer(loss, (model.text_encoder if name == ENCODER else model).parameters(),
                setting.bf16)
        for name, loss in losses.items()
    }


def longest_difference(setting: Setting) -> float:
    r"""How far the scores of the references are from the model's, at most."""
    model, batches = prepare(setting._replace(mode='inference'))
    max_words = setting.config.data.max_words
    worst = 0.0
    with torch.no_grad():
        for batch in batches[:1] + batches[-1:]:
            logits = model(batch).logits
            for reference in (DenseEEGA(model), DenseEEGA(model, max_words)):
                error = float((reference.logits(batch) - logits).abs().max())
                worst = max(worst, error)
    if not worst <= 1e-4:
        raise AssertionError(f'the dense references differ by {worst:.1e}')
    return worst


def times(setting: Setting, turns: int, clock: str) -> Dict[str, float]:
    r"""Examples a second of each system."""
    model, batches = prepare(setting)
    seconds = in_turns(systems(setting, model, setting.config.data.max_words), batches,
                       turns, clock)
    examples = sum(batch.num_graphs for batch in batches)
    return {name: examples / value for name, value in seconds.items()}


def memory(setting: Setting, name: str) -> float:
    r"""The peak of one system above what model and optimiser hold, in MB."""
    model, batches = prepare(setting)
    system = systems(setting, model, setting.config.data.max_words)[name]
    for _ in range(2):  # Gradients and moments are there from here on.
        system(batches[0])

    def each() -> None:
        for batch in batches:
            system(batch)

    return peak_above(each)


class GivenFeatures(torch.nn.Module):
    r"""Stands in for the text encoder, at no cost."""
    def __init__(self, channels: int, num_ids: int, num_words: int) -> None:
        super().__init__()
        self.labels = torch.nn.Embedding(num_ids, channels)
        self.words = torch.nn.Parameter(torch.randn(num_words, channels))

    def embed(self, input_ids: Tensor) -> Tensor:
        return self.labels(input_ids)

    def forward(self, input_ids: Tensor, batch: Tensor, edge_index: Tensor,
                num_words: int, batch_size: int,
                features: Optional[Tensor] = None) -> Tensor:
        return self.words[:num_words]


def cost(config: Config, num_words: int, num_objects: int, turns: int,
         clock: str) -> Dict[str, float]:
    r"""Seconds of a step of the attribute transformer on the words, and of all but the
    encoder, for four pairs; with the numbers of edges and words."""
    data: Any = FakeJMERE(4, num_words, num_objects, table=config.data.table,
                          vary=False)
    batch = Batch.from_data_list(list(data))
    model = build_model(config, data)
    channels = model.text_encoder.out_channels
    model.text_encoder = GivenFeatures(channels, data.num_piece_ids, 4 * num_words)
    x = model.text_encoder.words
    edges = batch[DEP]

    def block(batch: HeteroData) -> None:
        model._transform(model.text_graph, x, edges).sum().backward()

    def part(batch: HeteroData) -> None:
        model.loss(batch)['loss'].backward()

    with torch.autocast('cpu', torch.bfloat16, enabled=use_bf16(config.train)):
        seconds = in_turns({'block': block, 'part': part}, [batch], turns, clock)
    return {
        'words': num_words,
        'objects': num_objects,
        'edges': edges.num_edges,
        'tokens': batch[TOKEN].num_nodes,
        **seconds
    }


def exponents(x: Sequence[float], y: Sequence[float]) -> List[float]:
    r"""The slopes of the three and of the two largest points, log-log: below them, what
    every call costs makes the curve flat."""
    return [float(np.polyfit(np.log(x[-n:]), np.log(y[-n:]), 1)[0]) for n in (3, 2)]


def growth(config: Config, words: Sequence[int], objects: Sequence[int], turns: int,
           clock: str) -> Dict[str, Any]:
    return {
        'words': [cost(config, n, 5, turns, clock) for n in words],
        'objects': [cost(config, 30, k, turns, clock) for k in objects],
    }


def slopes(growth: Dict[str, List[Dict[str, float]]]) -> Dict[str, List[float]]:
    r"""How cost grows: by what, and the :func:`exponents`."""
    curves = {
        'attribute transformer, over edges': ('words', 'edges', 'block'),
        'all but the encoder, over words': ('words', 'words', 'part'),
        'all but the encoder, over objects': ('objects', 'objects', 'part'),
    }
    return {
        what: exponents([r[x] for r in growth[rows]], [r[y] for r in growth[rows]])
        for what, (rows, x, y) in curves.items()
    }


def targets(record: Dict[str, Any]) -> List[Tuple[str, float, str, bool]]:
    r"""What was to be reached: what, the figure, the target, and whether it is."""
    out = []

    def add(what: str, value: float, sign: str, bound: float) -> None:
        good = value <= bound if sign == '≤' else value >= bound
        out.append((what, value, f'{sign} {bound:g}', good))

    for row in record['speed']:
        speed, mega = row['examples_per_second'], row['megabytes']
        where = f"{row['mode']}, batch {row['batch_size']}"
        add(f'{where}: time, full model / text encoder', speed[ENCODER] / speed[FULL],
            '≤', 1.35)
        if row['mode'] != 'training' or row['batch_size'] != 16:
            continue
        for name, times, share in ((PADDED, 10, 0.25), (LONGEST, 2, 0.5)):
            add(f'{where}: examples a second, full model / {name}',
                speed[FULL] / speed[name], '≥', times)
            if mega:
                add(f'{where}: peak memory, full model / {name}',
                    mega[FULL] / mega[name], '≤', share)
    if 'growth' in record:
        for what, values in slopes(record['growth']).items():
            if what.startswith('attribute'):
                add(f'exponent of the {what}', values[0], '≤', 1.15)
    return out


def without_encoder(row: Dict[str, Any], name: str) -> float:
    r"""How many times longer than the full model a reference takes, with the time of
    the text encoder taken out on both sides."""
    seconds = {k: 1 / v for k, v in row['examples_per_second'].items()}
    return (seconds[name] - seconds[ENCODER]) / (seconds[FULL] - seconds[ENCODER])


def report(record: Dict[str, Any]) -> str:
    r"""All tables of a run, in Markdown."""
    rows = []
    for row in record['speed']:
        cells = [row['mode'], str(row['batch_size']), row['precision']]
        for name in SYSTEMS:
            mega = row['megabytes'].get(name)
            cells.append(f"{row['examples_per_second'][name]:.1f}" +
                         ('' if mega is None else f' ({mega:.0f} MB)'))
        rows.append(cells + [
            f'{without_encoder(row, PADDED):.1f}, {without_encoder(row, LONGEST):.1f}'
        ])
    header = ['', 'batch', 'precision', *(f'{s}, examples/s (peak)' for s in SYSTEMS)]
    header.append('times the full model without the encoder: 70 words, longest')
    parts = [markdown(header, rows)]
    parts.append(
        markdown(['', 'figure', 'target', 'reached'],
                 [[what, f'{value:.2f}', bound, 'yes' if good else 'no']
                  for what, value, bound, good in targets(record)]))
    if 'growth' in record:
        parts.append(
            markdown([
                'words', 'objects', 'edges', 'attribute transformer, ms',
                'all but the encoder, ms'
            ], [[
                str(r['words']),
                str(r['objects']),
                str(r['edges']), f"{1e3 * r['block']:.1f}", f"{1e3 * r['part']:.1f}"
            ] for r in record['growth']['words'] + record['growth']['objects']]))
        parts.append(
            markdown(['exponent of', 'three largest', 'two largest'],
                     [[k, *(f'{v:.2f}' for v in values)]
                      for k, values in slopes(record['growth']).items()]))
    return '\n\n'.join(parts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('root', type=Path, nargs='?', help='folder of the data set')
    parser.add_argument('--preset', default='paper')
    parser.add_argument('--set', dest='overrides', action='append', default=[])
    parser.add_argument('--batch-sizes', type=int, nargs='+', default=[16, 64])
    parser.add_argument('--num-batches', type=int, default=8)
    parser.add_argument('--turns', type=int, default=5)
    parser.add_argument('--threads', type=int, default=torch.get_num_threads())
    parser.add_argument('--clock', choices=list(CLOCKS), default='wall')
    parser.add_argument('--no-memory', action='store_true')
    parser.add_argument('--words', type=int, nargs='*', default=WORDS)
    parser.add_argument('--objects', type=int, nargs='*', default=OBJECTS)
    parser.add_argument('--results', type=Path, default=RESULTS / 'throughput.json')
    args = parser.parse_args()

    config = Config.load(args.preset, args.overrides)
    record: Dict[str, Any] = {
        'config': config.to_dict(),
        'clock': args.clock,
        'num_batches': args.num_batches,
        'turns': args.turns,
        'speed': []
    }
    for batch_size, mode in itertools.product(args.batch_sizes, MODES):
        setting = Setting(args.root, config, mode, batch_size, args.num_batches,
                          args.threads)
        print(f'{mode}, batch {batch_size}', file=sys.stderr, flush=True)
        record['speed'].append({
            'mode':
            mode,
            'batch_size':
            batch_size,
            'precision':
            'bf16' if setting.bf16 else 'float32',
            'difference':
            longest_difference(setting),
            'examples_per_second':
            times(setting, args.turns, args.clock),
            'megabytes': {} if args.no_memory else {
                name: apart(memory, setting, name)
                for name in SYSTEMS
            },
        })
    if args.words and args.objects:
        record['growth'] = growth(config, args.words, args.objects, args.turns,
                                  args.clock)
    record.update(machine())
    data = 'FakeJMERE' if args.root is None else f'JMERE {config.data.version}'
    kept = json.loads(args.results.read_text()) if args.results.is_file() else {}
    write_text(args.results, json.dumps({**kept, data: record}, indent=1) + '\n')
    print(report(record))


if __name__ == '__main__':
    main()
