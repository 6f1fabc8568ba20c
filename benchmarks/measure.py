r"""Measures time and memory, and describes the machine."""
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

#: Other work on the machine adds to the wall time of a measurement, not the CPU time.
CLOCKS = {'wall': time.perf_counter, 'cpu': time.process_time}


def machine() -> Dict[str, Any]:
    r"""The machine and the date of a measurement."""
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
    r"""A field of this process's ``/proc/self/status``, in kB (Linux)."""
    for line in Path('/proc/self/status').read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1])
    raise KeyError(field)


def peak_above(function: Callable[[], Any]) -> float:
    r"""The memory that a call adds to this process at its peak, in MB (Linux)."""
    # Freed memory that the process has kept would hide a growth.
    ctypes.CDLL(None).malloc_trim(0)
    Path('/proc/self/clear_refs').write_text('5')
    before = status('VmRSS')
    function()
    return (status('VmHWM') - before) / 1024


def apart(function: Callable, *args: Any) -> Any:
    r"""Calls a function in a process of its own, so that its memory is that of the call
    alone."""
    with multiprocessing.get_context('spawn').Pool(1) as pool:
        return pool.apply(function, args)


def trainer(loss: Callable[[HeteroData], Tensor], parameters: Iterable[Tensor],
            bf16: bool, fused: bool = True) -> Callable[[HeteroData], None]:
    r"""A training step like those of :func:`eega_pyg.training.run.fit`."""
    params = [p for p in parameters if p.requires_grad]
    optimizer = torch.optim.AdamW(params, lr=1e-5, fused=fused)

    def step(batch: HeteroData) -> None:
        optimizer.zero_grad()
        with torch.autocast(params[0].device.type, torch.bfloat16, enabled=bf16):
            value = loss(batch)
        value.backward()
        torch.nn.utils.clip_grad_norm_(params, 1.0)
        optimizer.step()

    return step


def in_turns(systems: Dict[str, Callable], batches: List[Any], turns: int,
             clock: str = 'cpu') -> Dict[str, float]:
    r"""The seconds of each system for all batches. The systems take turns, so that
    other work on the machine slows all of them alike, and the fastest turn of each
    batch counts."""
    now = CLOCKS[clock]
    best = {name: [float('inf')] * len(batches) for name in systems}
    for _ in range(turns + 1):  # One more, because the first is slow.
        for i, batch in enumerate(batches):
            for name, system in systems.items():
                start = now()
                system(batch)
                best[name][i] = min(best[name][i], now() - start)
    return {name: sum(seconds) for name, seconds in best.items()}
