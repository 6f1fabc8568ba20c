r"""What is measured, and of what machine: clocks, memory, a training step."""
import ctypes
import datetime
import multiprocessing
import os
import platform
import time
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, List

import torch
from torch import Tensor
from torch_geometric.data import HeteroData

#: Other work on the machine takes wall time from what is measured, but no CPU time.
CLOCKS = {'wall': time.perf_counter, 'cpu': time.process_time}


def machine() -> Dict[str, Any]:
    r"""Where and when something was measured."""
    return {
        'machine': f'{cpu()}, {os.cpu_count()} cores, torch {torch.__version__}',
        'threads': torch.get_num_threads(),
        'date': datetime.date.today().isoformat(),
    }


def cpu() -> str:
    info = Path('/proc/cpuinfo')
    lines = info.read_text(encoding='utf-8').splitlines() if info.is_file() else []
    names = [line.split(':')[1].strip() for line in lines if 'model name' in line]
    return names[0] if names else platform.processor() or platform.machine()


def status(field: str) -> int:
    r"""A field of what Linux says about this process, in kB."""
    for line in Path('/proc/self/status').read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1])
    raise KeyError(field)


def peak_above(function: Callable[[], Any]) -> float:
    r"""What a call adds to the memory of this process at its peak, in MB (Linux)."""
    ctypes.CDLL(None).malloc_trim(0)  # Freed, but not given back: it would hide growth.
    Path('/proc/self/clear_refs').write_text('5')
    before = status('VmRSS')
    function()
    return (status('VmHWM') - before) / 1024


def apart(function: Callable, *args: Any) -> Any:
    r"""Calls a function in a fresh process, whose memory is that of this call alone."""
    with multiprocessing.get_context('spawn').Pool(1) as pool:
        return pool.apply(function, args)


def trainer(loss: Callable[[HeteroData], Tensor], parameters: Iterable[Tensor],
            bf16: bool, fused: bool = True) -> Callable[[HeteroData], None]:
    r"""A training step as :func:`eega_pyg.training.run.fit` does it."""
    params = [p for p in parameters if p.requires_grad]
    optimizer = torch.optim.AdamW(params, lr=1e-5, fused=fused)

    def step(batch: HeteroData) -> None:
        optimizer.zero_grad()
        with torch.autocast('cpu', torch.bfloat16, enabled=bf16):
            value = loss(batch)
        value.backward()
        torch.nn.utils.clip_grad_norm_(params, 1.0)
        optimizer.step()

    return step


def in_turns(systems: Dict[str, Callable], batches: List[Any], turns: int,
             clock: str = 'cpu') -> Dict[str, float]:
    r"""Seconds of each system for all batches. They take turns, so that other work on
    the machine meets them alike, and of each batch the fastest turn counts."""
    now = CLOCKS[clock]
    best = {name: [float('inf')] * len(batches) for name in systems}
    for _ in range(turns + 1):  # The first warms up, and may well not be the fastest.
        for i, batch in enumerate(batches):
            for name, system in systems.items():
                start = now()
                system(batch)
                best[name][i] = min(best[name][i], now() - start)
    return {name: sum(seconds) for name, seconds in best.items()}
