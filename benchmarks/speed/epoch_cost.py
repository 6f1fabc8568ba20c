r"""What a training epoch costs, and what it would without each of its savings.

    python -m benchmarks.speed.epoch_cost datasets/jmere

Steps (forward, backward, clipping, optimiser) on batches from all over an epoch, in the
time of the processor. All settings take turns and start from the same weights; loading
and collating are timed by themselves. The record is kept in
``benchmarks/results/epoch_cost.json``.
"""
import argparse
import json
from functools import partial
from pathlib import Path
from typing import Any, Callable, Dict, List

import torch
from torch.utils.data import DataLoader as Indices
from torch_geometric.data import HeteroData
from torch_geometric.loader import DataLoader

from benchmarks.measure import CLOCKS, in_turns, machine, trainer
from benchmarks.runner import RESULTS, markdown
from eega_pyg.config import Config
from eega_pyg.datasets import JMERE
from eega_pyg.files import write_text
from eega_pyg.training.loaders import loaders
from eega_pyg.training.optimizer import use_bf16
from eega_pyg.training.prepare import build_model

NOW, SINGLE = 'as it is', 'single precision'
#: Overrides of the configuration, and whether the optimiser is fused and batches are
#: of similar length.
SETTINGS: Dict[str, Any] = {
    NOW: ((), True, True),
    'word-piece embeddings trained': (('model.freeze_embeddings=false', ), True, True),
    'optimiser not fused': ((), False, True),
    'batches in random order': ((), True, False),
    SINGLE: (('train.precision=float32', ), True, True),
    'without all of these':
    (('model.freeze_embeddings=false', 'train.precision=float32'), False, False),
}


def batches_of(data: JMERE, config: Config, num_batches: int,
               grouped: bool) -> List[HeteroData]:
    r"""Batches at equal distances in an epoch."""
    size = config.train.batch_size
    if grouped:
        order = list(loaders(data, data, config.train)[0].batch_sampler.sampler)
    else:
        generator = torch.Generator().manual_seed(config.train.seed)
        order = torch.randperm(len(data), generator=generator).tolist()
    chosen = list(Indices(order, size))[:-1]  # The last one is short.
    chosen = chosen[::max(len(chosen) // num_batches, 1)][:num_batches]
    indices = torch.cat(chosen).tolist()
    return list(DataLoader([data[i] for i in indices], size))


def measure(root: Path, preset: str, overrides: List[str], num_batches: int,
            turns: int) -> Dict[str, Any]:
    now = Config.load(preset, overrides)
    data = JMERE(str(root), tags=now.tags.tag_set(), **now.data.arguments())
    batches = {
        grouped: batches_of(data, now, num_batches, grouped)
        for grouped in (True, False)
    }
    systems: Dict[str, Callable[[int], None]] = {}
    for name, (changes, fused, grouped) in SETTINGS.items():
        config = Config.load(preset, [*overrides, *changes])
        torch.manual_seed(config.train.seed)
        model = build_model(config, data).train()
        step = trainer(lambda batch, model=model: model.loss(batch)['loss'],
                       model.parameters(), use_bf16(config.train), fused)
        systems[name] = partial(lambda step, own, i: step(own[i]), step,
                                batches[grouped])

    loader, _ = loaders(data, data, now.train)
    clock = CLOCKS['cpu']
    start = clock()
    steps = sum(1 for _ in loader)
    loading = clock() - start
    seconds = in_turns(systems, list(range(num_batches)), turns)
    return {
        'config': now.to_dict(),
        'bf16': use_bf16(now.train),
        'num_batches': num_batches,
        'turns': turns,
        'steps': steps,
        'loading_seconds': loading,
        'epoch_seconds': {
            k: v / num_batches * steps
            for k, v in seconds.items()
        },
        **machine(),
    }


def report(record: Dict[str, Any]) -> str:
    r"""The table of a run, in Markdown."""
    seconds = record['epoch_seconds']
    rows = [[name, f'{seconds[name] / seconds[NOW]:.2f}'] for name in seconds
            if record['bf16'] or name != SINGLE]
    rows.append(
        ['loading and collating', f"{record['loading_seconds'] / seconds[NOW]:.3f}"])
    precision = 'bfloat16' if record['bf16'] else 'single precision in all rows'
    return (f"{record['machine']}, {record['threads']} thread(s), {precision}, "
            f"{record['date']}.\n\n" +
            markdown(['an epoch', 'time, of that as it is'], rows))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('root', type=Path, help='folder of the data set')
    parser.add_argument('--preset', default='default')
    parser.add_argument('--set', dest='overrides', action='append', default=[])
    parser.add_argument('--num-batches', type=int, default=24)
    parser.add_argument('--turns', type=int, default=1)
    parser.add_argument('--results', type=Path, default=RESULTS / 'epoch_cost.json')
    args = parser.parse_args()
    record = measure(args.root, args.preset, args.overrides, args.num_batches,
                     args.turns)
    write_text(args.results, json.dumps(record, indent=1) + '\n')
    print(report(record))


if __name__ == '__main__':
    main()
