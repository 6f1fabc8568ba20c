r"""What a CUDA machine makes of training, extraction and transport.

    python -m benchmarks.speed.gpu datasets/jmere --prepare
    python -m benchmarks.speed.gpu datasets/jmere

The first command builds the graphs of the validation split and of the training split,
where a parser is. The second one needs neither that nor a network: a copy of the
repository and of ``datasets/jmere``, and Python with pytest and the libraries of
``setup.cfg`` without spaCy. It begins nothing after 200 seconds; called again, it goes
on. In turn, it

- runs ``tests/test_second_device.py``, all layers, solvers and models, on the device;
- compares what the checkpoint that ships says of validation sentences with what it says
  on the processor: scores to 1e-4, and all that is extracted;
- trains: steps and examples a second and the peak memory of ``default`` and ``paper``,
  with an encoder of six layers of 384 channels and with one of BERT-base's size, from
  random weights, on which none of this depends;
- extracts: sentences a second of the graphs of the validation split;
- solves the transport problems of :mod:`benchmarks.transport.solvers` beside POT's
  batched solvers there and a loop over its solvers on the processor;
- profiles a step of each preset, by operators.

Each part is kept in ``benchmarks/results/gpu.json`` once it is measured.
"""
import argparse
import itertools
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Tuple

import torch
from torch import Tensor
from torch.utils._pytree import tree_map
from torch_geometric.data import Batch, HeteroData

from benchmarks.measure import machine, trainer
from benchmarks.runner import RESULTS, markdown
from eega_pyg.config import Config
from eega_pyg.datasets import JMERE
from eega_pyg.files import write_text
from eega_pyg.nn.models import EEGA, predict
from eega_pyg.saving import SavedModel, load_model
from eega_pyg.schema import OBJECT, TOKEN
from eega_pyg.training.evaluation import sorted_loader

CHECKPOINT = 'jmere-minilm'
PRESETS, SIZES = ('default', 'paper'), (16, 64, 256)
#: Of BERT's configuration; ``small`` is that of the checkpoint.
ENCODERS: Dict[str, Dict[str, int]] = {
    'small': {},
    'base': {
        'hidden_size': 768,
        'num_hidden_layers': 12,
        'intermediate_size': 3072
    }
}
SENTENCES = 500
#: (problem, pairs, nodes of each side), ragged.
TRANSPORT = [(problem, pairs, n, m) for problem in ('wasserstein', 'gromov')
             for pairs, n, m in ((64, 10, 40), (256, 40, 40), (16, 200, 200))]


class Setting(NamedTuple):
    root: Path
    device: torch.device
    turns: int


class Task(NamedTuple):
    r"""A measurement: its place in the file of results, and what makes it."""
    part: str
    key: str
    run: Callable[[], Any]


def graphs(root: Path, split: str, saved: SavedModel) -> JMERE:
    r"""A split as the checkpoint reads it: no parser is needed once it is built."""
    return JMERE(str(root), split, vocabularies=saved.vocabularies,
                 tags=saved.model.tag_set, log=False, **saved.data.arguments())


def wait(device: torch.device) -> None:
    if device.type == 'cuda':
        torch.cuda.synchronize(device)


def seconds(function: Callable[[], Any], setting: Setting) -> float:
    r"""The median of several calls, after two that are not counted."""
    times = []
    for _ in range(2 + setting.turns):
        wait(setting.device)
        start = time.perf_counter()
        function()
        wait(setting.device)
        times.append(time.perf_counter() - start)
    return float(torch.tensor(times[2:]).median())


def tests() -> Dict[str, Any]:
    run = subprocess.run([
        sys.executable, '-m', 'pytest', '-q', '-p', 'no:cacheprovider',
        'tests/test_second_device.py'
    ], capture_output=True, text=True)
    return {'passed': run.returncode == 0, 'says': run.stdout.splitlines()[-1:]}


def equality(setting: Setting) -> Dict[str, Any]:
    saved = load_model(CHECKPOINT)
    val = graphs(setting.root, 'val', saved)
    batches = list(sorted_loader(val, 32))
    worst, different, number = 0., 0, 0
    here = list(predict(saved.model, batches))
    there = predict(saved.model.to(setting.device), batches)
    for a, b in zip(here, there, strict=True):
        worst = max(worst, float((a.logits - b.logits).abs().max()))
        for x, y in zip(a.decode(saved.signatures), b.decode(saved.signatures)):
            number += 1
            different += [(e.start, e.end, e.type) for e in x.entities] != [
                (e.start, e.end, e.type) for e in y.entities
            ] or {str(q.to_list())
                  for q in x.quintuples} != {str(q.to_list())
                                             for q in y.quintuples}
    return {'largest_difference': worst, 'sentences': number, 'different': different}


def model_of(preset: str, encoder: str, saved: SavedModel, data: JMERE) -> EEGA:
    config = Config.load(preset)
    shape = {**saved.model._hub_mixin_config['encoder'], **ENCODERS[encoder]}
    torch.manual_seed(0)
    return EEGA(shape, saved.model.tag_set.to_dict(), data.vocabularies.sizes,
                config.data.table, data[0][OBJECT].feat.size(1),
                data[0][TOKEN].vector.size(1),
                **config.to_dict()['model'])


def batch_of(data: JMERE, size: int, device: torch.device) -> HeteroData:
    examples = [data[i] for i in range(min(SENTENCES, len(data)))]
    return Batch.from_data_list(list(itertools.islice(itertools.cycle(examples),
                                                      size))).to(device)


def training(setting: Setting, preset: str, encoder: str, size: int,
             bf16: bool) -> Dict[str, Any]:
    saved = load_model(CHECKPOINT)
    data = graphs(setting.root, 'train', saved)
    model = model_of(preset, encoder, saved, data).to(setting.device).train()
    batch = batch_of(data, size, setting.device)
    if setting.device.type == 'cuda':
        torch.cuda.reset_peak_memory_stats(setting.device)
    step = trainer(lambda b: model.loss(b)['loss'], model.parameters(), bf16)
    taken = seconds(lambda: step(batch), setting)
    out = {'steps_a_second': 1 / taken, 'examples_a_second': size / taken}
    if setting.device.type == 'cuda':
        out['peak_megabytes'] = torch.cuda.max_memory_allocated(setting.device) / 2**20
    return out


def extraction(setting: Setting, size: int) -> Dict[str, Any]:
    r"""The model, the way to the device and decoding; parsing is left out."""
    saved = load_model(CHECKPOINT)
    model = saved.model.to(setting.device)
    val = graphs(setting.root, 'val', saved)
    batches = list(sorted_loader(val, size))

    def run() -> None:
        for prediction in predict(model, batches):
            prediction.decode(saved.signatures)

    return {'sentences_a_second': len(val) / seconds(run, setting)}


def transport(setting: Setting, problem: str, pairs: int, n: int,
              m: int) -> Dict[str, float]:
    from benchmarks.transport import solvers
    case = solvers.Case(problem, pairs, n, m, True)
    here = solvers.make(case)
    there = solvers.Data(
        *(tree_map(lambda x: x.to(setting.device)
                   if isinstance(x, Tensor) else x, field)
          for field in here[:-1]), here.pairs)
    out = {}
    for name, solve in solvers.solvers(case, there).items():
        if name != 'POT loop':
            out[name] = seconds(solve, setting)
    start = time.perf_counter()
    solvers.solvers(case, here)['POT loop']()
    return {**out, 'POT loop, processor': time.perf_counter() - start}


def profile(setting: Setting, preset: str) -> List[str]:
    r"""The ten dearest operators of a step, by the time of the device."""
    saved = load_model(CHECKPOINT)
    data = graphs(setting.root, 'train', saved)
    model = model_of(preset, 'small', saved, data).to(setting.device).train()
    batch = batch_of(data, 16, setting.device)
    step = trainer(lambda b: model.loss(b)['loss'], model.parameters(), True)
    step(batch)
    activities = [torch.profiler.ProfilerActivity.CPU]
    order = 'self_cpu_time_total'
    if setting.device.type == 'cuda':
        activities.append(torch.profiler.ProfilerActivity.CUDA)
        order = 'self_device_time_total'
    with torch.profiler.profile(activities=activities) as found:
        step(batch)
        wait(setting.device)
    averages = sorted(found.key_averages(), key=lambda e: -getattr(e, order))
    return [
        f'{e.key}: {e.count} calls, {getattr(e, order) / 1e3:.2f} ms' +
        (f', {e.self_cpu_time_total / 1e3:.2f} ms of the host'
         if order != 'self_cpu_time_total' else '') for e in averages[:10]
    ]


def tasks(setting: Setting) -> Iterator[Task]:
    r"""All measurements, those first without which the others are worth nothing."""
    yield Task('tests', 'tests', tests)
    yield Task('equality', CHECKPOINT, lambda: equality(setting))
    kinds: List[Tuple[str, str, int, bool]] = [(preset, encoder, size, bf16)
                                               for encoder in ENCODERS
                                               for preset in PRESETS for size in SIZES
                                               for bf16 in (True, False)]
    for kind in kinds:
        preset, encoder, size, bf16 = kind
        yield Task('training', f"{preset}, {encoder}, {size}, "
                   f"{'bf16' if bf16 else 'float32'}",
                   lambda kind=kind: training(setting, *kind))  # type: ignore[misc]
    for size in SIZES:
        yield Task('extraction', str(size),
                   lambda size=size: extraction(setting, size))  # type: ignore[misc]
    for case in TRANSPORT:
        problem, pairs, n, m = case
        yield Task('transport', f'{problem}, {pairs} of up to {n} x {m}',
                   lambda case=case: transport(setting, *case))  # type: ignore[misc]
    for preset in PRESETS:
        yield Task('profile', preset,
                   lambda preset=preset: profile(setting, preset))  # type: ignore[misc]


def described(device: torch.device) -> Dict[str, Any]:
    name = (torch.cuda.get_device_name(device)
            if device.type == 'cuda' else str(device))
    return {**machine(), 'device': name, 'cuda': torch.version.cuda}


def measure(setting: Setting, path: Path, limit: float) -> Dict[str, Any]:
    r"""Makes what a file of results lacks, for some seconds, and keeps each at once."""
    begin = time.monotonic()
    about = described(setting.device)
    state = json.loads(path.read_text('utf-8')) if path.is_file() else about
    if state['device'] != about['device']:
        raise ValueError(f"'{path}' is of '{state['device']}', this is "
                         f"'{about['device']}': choose another --results")
    for task in tasks(setting):
        if task.key in state.get(task.part, {}):
            continue
        if time.monotonic() - begin > limit:
            print(f'Stopped after {limit:.0f} s: the same command goes on')
            break
        try:
            found = task.run()
        except torch.cuda.OutOfMemoryError:
            found = None
        print(task.part, task.key, found, flush=True)
        state.setdefault(task.part, {})[task.key] = found
        write_text(path, json.dumps(state, indent=1) + '\n')
        if setting.device.type == 'cuda':
            torch.cuda.empty_cache()
    return state


def report(state: Dict[str, Any]) -> str:
    r"""The tables, in Markdown."""
    out = [
        f"{state['device']}, {state['machine']}, CUDA {state['cuda']}, "
        f"{state['date']}."
    ]
    for same in state.get('equality', {}).values():
        out.append(f"Scores differ from the processor's by at most "
                   f"{same['largest_difference']:.1e}; {same['different']} of "
                   f"{same['sentences']} sentences are decoded otherwise.")
    rows = [[*key.split(', '), *(f'{x:,.1f}' for x in (value or {}).values())]
            for key, value in state.get('training', {}).items()]
    if rows:
        out.append(
            markdown([
                'preset', 'encoder', 'batch', 'precision', 'steps a second',
                'examples a second', 'peak, MB'
            ], rows))
    rows = [[key, f"{value['sentences_a_second']:,.0f}"]
            for key, value in state.get('extraction', {}).items()]
    if rows:
        out.append(markdown(['batch', 'sentences extracted a second'], rows))
    rows = []
    for key, value in state.get('transport', {}).items():
        ours = value['eega_pyg.ot']
        rows.append([
            key, f'{1e3 * ours:.1f}', '; '.join(f'{name} {time / ours:.2f}'
                                                for name, time in value.items()
                                                if name != 'eega_pyg.ot')
        ])
    if rows:
        out.append(markdown(['pairs', 'ours, ms', 'times ours'], rows))
    for preset, lines in state.get('profile', {}).items():
        out.append('\n'.join([
            f'A step of `{preset}`, 16 pairs, bf16:', '',
            *(f'- {line}' for line in lines)
        ]))
    return '\n\n'.join(out)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('root', type=Path, help='folder of the data set')
    parser.add_argument('--prepare', action='store_true',
                        help='build the graphs, and measure nothing')
    parser.add_argument('--device', type=torch.device, default=torch.device('cuda'))
    parser.add_argument('--turns', type=int, default=10, help='calls of each system')
    parser.add_argument('--seconds', type=float, default=200,
                        help='begin nothing new after that')
    parser.add_argument('--results', type=Path, default=RESULTS / 'gpu.json')
    args = parser.parse_args()
    saved = load_model(CHECKPOINT)
    if args.prepare:
        for split in ('train', 'val'):
            graphs(args.root, split, saved)
        return
    os.environ.setdefault('HF_HUB_OFFLINE', '1')
    setting = Setting(args.root, args.device, args.turns)
    print(report(measure(setting, args.results, args.seconds)))


if __name__ == '__main__':
    main()
