r"""Extraction from files of texts, spread over processes and machines by Ray."""
import logging
import os
import warnings
from contextlib import contextmanager
from itertools import chain
from math import ceil
from pathlib import Path
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Sequence, Union

from eega_pyg.extraction.extractor import Extractor
from eega_pyg.extraction.result_file import run_identity
from eega_pyg.files import check_apart, short_reason
from eega_pyg.identity import digest
from eega_pyg.resolve import require
from eega_pyg.vision.detectors.named import named_parser

from .job_folder import FORMS, JobFolder
from .partitions import Partition, find_files, plan
from .worker import Task, Worker

# How often a partition is given to another process after one has died of it.
_TRIES = 3
# So many tasks of Ray at most, of which each may have several partitions.
_MOST_TASKS = 10_000
# Bytes that Ray keeps in memory on this machine.
_MEMORY = 2**27


class Summary(NamedTuple):
    r"""What a job has done.

    Args:
        partitions (int): How many there are.
        kept (int): How many of them an earlier run had finished.
        items (int): The texts of the others.
        errors (int): How many of these could not be read.
        kept_errors (int): How many texts an earlier run could not read.
    """
    partitions: int
    kept: int
    items: int
    errors: int
    kept_errors: int


def extract_files(sources: Sequence[Union[str, Path]], folder: Union[str, Path],
                  model: Optional[Union[str, Path]] = None, form: str = 'jsonl',
                  workers: int = 1, cpus: float = 1, gpus: float = 0,
                  block_size: int = 1000, key: Optional[str] = None,
                  device: Optional[str] = None, threshold: Optional[float] = None,
                  align: bool = False, batch_size: int = 32,
                  address: Optional[str] = None, progress: bool = False,
                  detector: Optional[str] = None,
                  retry_errors: bool = False) -> Summary:
    r"""Extracts from files of texts with several processes.

    Ray Data hands parts of the files to a pool of workers. Each reads its part, runs
    the model, and writes a file of results. A file is there whole or not at all: the
    same call goes on where a stopped one has ended. A part whose worker dies is given
    to another one.

    Each result has a ``key``: the place of its text, ``'texts.jsonl:3'``, or one of its
    fields. A text that cannot be read stops nothing. Its key and the reason are in a
    file of the same name in ``folder/_errors``.

    Without an address, Ray is started on this machine for the time of the job. A
    running Ray, *e.g.*, of a notebook, is used and left as it is. On several machines,
    files, model and folder must have the same path on all of them.

    Args:
        sources (sequence of str or Path): Files of JSON lines or Parquet, folders of
            them, or patterns (``'texts/*.parquet'``).
        folder (str or Path): Where results go.
        model (str or Path, optional): The folder or the name of a model.
            (default: the checkpoint that comes with the package)
        form (str, optional): ``'jsonl'`` or ``'parquet'``. (default: :obj:`'jsonl'`)
        workers (int, optional): The number of processes. (default: :obj:`1`)
        cpus (float, optional): The CPUs of each, which are its threads.
            (default: :obj:`1`)
        gpus (float, optional): The GPUs of each. Several workers may share one.
            (default: :obj:`0`)
        block_size (int, optional): The most texts of a part. (default: :obj:`1000`)
        key (str, optional): The field that tells texts apart. (default: their place)
        device (str, optional): Where models run. (default: the CPU, and with
            :obj:`gpus` the first accelerator)
        threshold, align, batch_size (optional): As of
            :class:`~eega_pyg.bulk.BatchExtractor`.
        address (str, optional): The address of a Ray cluster, *e.g.*, ``'auto'``.
        progress (bool, optional): If set to :obj:`True`, shows a progress bar on the
            standard error. (default: :obj:`False`)
        detector (str, optional): What looks at images, see
            :func:`~eega_pyg.vision.detectors.named.named_detector`.
            (default: Mask R-CNN)
        retry_errors (bool, optional): If set to :obj:`True`, parts of which an earlier
            run could not read some texts are read again. (default: :obj:`False`)

    Raises:
        ImportError: If Ray is not installed.
        FileNotFoundError: If there are no such files, or there is no such model.
        ValueError: If a number is out of range, a file is of another kind, or what is
            in the folder belongs to another job.
        ChildProcessError: If some parts could not be finished; all others are.
    """
    _check(form, workers, cpus, gpus, block_size)
    paths = list(chain.from_iterable(map(find_files, sources)))
    for path in (*map(Path, sources), *paths, *(path.parent for path in paths)):
        check_apart(path, Path(folder) / 'part')
    require('ray', 'ray')
    device = device or (None if gpus else 'cpu')
    # Here the model runs nowhere, and there may be no GPU.
    extractor = Extractor.from_pretrained(model, 'cpu', threshold=threshold)
    if detector is not None:
        extractor.image_parser = named_parser(detector, 'cpu')
    run = digest([run_identity(extractor, [], align), key])
    with JobFolder(folder, form) as job:
        partitions = plan(paths, block_size, job.finished())
        if not partitions:
            raise ValueError(f"'{sources[0]}' holds no text")
        left = job.left(partitions, run, retry_errors)
        todo = {partition.name for partition in left}
        kept = [p for p in partitions if p.name not in todo]
        items = errors = 0
        if left:
            origin = extractor.origin
            task = Task(origin, origin.check(extractor.saved), os.path.abspath(folder),
                        form, device, extractor.thresholds, align, key, batch_size,
                        max(1, int(cpus)), os.getcwd(), detector)
            del extractor
            with _ray(address, workers, cpus, gpus):
                running = _run(left, task, workers, cpus, gpus)
                done = list(_shown(running, left, progress))
            _check_done(done, left)
            items = sum(int(row['items']) for row in done)
            errors = sum(int(row['errors']) for row in done)
        before = sum(map(job.count_errors, kept))
    return Summary(len(partitions), len(kept), items, errors, before)


def _check(form: str, workers: int, cpus: float, gpus: float, block_size: int) -> None:
    if form not in FORMS:
        raise ValueError(f"Expected {' or '.join(FORMS)} (got '{form}')")
    for name, value, least in (('workers', workers, 1), ('block_size', block_size, 1),
                               ('cpus', cpus, 0), ('gpus', gpus, 0)):
        if value < least:
            raise ValueError(f"{name}: expected a number >= {least} (got {value})")


@contextmanager
def _ray(address: Optional[str], workers: int, cpus: float,
         gpus: float) -> Iterator[None]:
    # Ray reports what it is used for, unless it is told not to.
    os.environ.setdefault('RAY_USAGE_STATS_ENABLED', '0')
    if address is None:  # What it calls a machine without a cluster: loopback alone.
        os.environ.setdefault('RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER', '0')
    import ray.data
    if ray.is_initialized():
        yield
        return
    quiet: Dict[str, Any] = {'log_to_driver': False, 'logging_level': 'ERROR'}
    if address is None:  # All that goes through its memory is names of partitions.
        quiet.update(num_cpus=max(1, ceil(workers * cpus)), include_dashboard=False,
                     object_store_memory=_MEMORY)
    try:
        ray.init(address or 'local', **quiet)
    except (ValueError, OSError):
        raise
    except Exception as e:  # Ray has no class for what ends its start.
        raise ChildProcessError(f'Ray could not be started ({short_reason(e, 300)}): '
                                f'repeat the command to go on') from None
    # Its plans and hints; there is a progress bar of ours.
    logging.getLogger('ray.data').setLevel(logging.ERROR)
    try:
        there = ray.cluster_resources().get('GPU', 0)
        if address is None and workers * gpus > there:  # Or they would wait for ever.
            raise ValueError(f"Expected {workers * gpus:g} GPUs for {workers} workers "
                             f"(there are {there:g})")
        yield
    finally:
        ray.shutdown()


def _run(partitions: List[Partition], task: Task, workers: int, cpus: float,
         gpus: float) -> Iterator[Any]:
    r"""Yields what :class:`Worker` returns of each partition, as it is done."""
    import ray
    from ray.data import ActorPoolStrategy, DataContext
    context = DataContext.get_current()
    before = context.enable_progress_bars, context.max_errored_blocks
    context.enable_progress_bars, context.max_errored_blocks = False, -1
    try:
        dataset = ray.data.from_items([p._asdict() for p in partitions],
                                      override_num_blocks=min(
                                          len(partitions), _MOST_TASKS))
        with warnings.catch_warnings():  # Of how options of an actor will be given.
            warnings.simplefilter('ignore', DeprecationWarning)
            done = dataset.map_batches(Worker, fn_constructor_args=(task, ),
                                       batch_size=1, batch_format='pandas',
                                       compute=ActorPoolStrategy(size=workers),
                                       num_cpus=cpus, num_gpus=gpus, max_restarts=-1,
                                       max_task_retries=_TRIES)
        yield from done.iter_rows()
    except ray.exceptions.RayError as e:
        raise ChildProcessError(f'Ray has given up ({short_reason(e, 300)}): repeat '
                                f'the command to go on') from None
    finally:
        context.enable_progress_bars, context.max_errored_blocks = before


def _shown(done: Iterator[Any], partitions: List[Partition],
           progress: bool) -> Iterator[Any]:
    from rich.console import Console
    from rich.progress import Progress
    with Progress(console=Console(stderr=True), disable=not progress) as bar:
        task = bar.add_task('Extracting', total=sum(p.items for p in partitions))
        for row in done:
            bar.advance(task, row['items'])
            yield row


def _check_done(done: List[Any], left: List[Partition]) -> None:
    reasons = [row['failed'] for row in done if row['failed']]
    missing = len(left) - len(done) + len(reasons)
    if missing:
        why = short_reason(Exception(reasons[0]),
                           300) if reasons else ('their workers have died of them')
        raise ChildProcessError(f'{missing} of {len(left)} partitions are not finished '
                                f'({why}): repeat the command to go on')
