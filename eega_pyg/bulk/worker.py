r"""What a process of its own does with partitions."""
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple, Optional

import torch

from eega_pyg.extraction.extractor import Extractor
from eega_pyg.extraction.origin import Origin
from eega_pyg.saving.thresholds import Thresholds
from eega_pyg.vision.detectors.named import named_parser

from .batches import BatchExtractor
from .job_folder import JobFolder
from .partitions import Partition, read

if TYPE_CHECKING:
    import pandas as pd


class Task(NamedTuple):
    r"""What workers of a job have in common.

    Args:
        origin (Origin): Where the model is.
        model (str): Its fingerprint.
        folder (str): Where results go.
        form (str): The form of results.
        device (str, optional): Where the model runs.
        thresholds (Thresholds): What is less probable is left out.
        align (bool): Whether entities are aligned with objects.
        key (str, optional): The field that tells texts apart.
        batch_size (int): Texts that the model reads at once.
        threads (int): Threads of a worker.
        start (str): The folder from which paths of images go.
        detector (str, optional): What looks at images.
    """
    origin: Origin
    model: str
    folder: str
    form: str
    device: Optional[str]
    thresholds: Thresholds
    align: bool
    key: Optional[str]
    batch_size: int
    threads: int
    start: str
    detector: Optional[str] = None


class Worker:
    r"""Reads partitions, extracts and writes, so that neither texts nor results travel
    between processes.

    Args:
        task (Task): What is to be done.
    """
    def __init__(self, task: Task) -> None:
        torch.set_num_threads(task.threads)
        with suppress(OSError):  # Ray's processes are where the cluster was started.
            os.chdir(task.start)
        extractor = Extractor(task.origin.load(task.model), task.device,
                              threshold=task.thresholds)
        if task.detector is not None:
            extractor.image_parser = named_parser(task.detector, extractor.device)
        self.extract = BatchExtractor(extractor, task.key, align=task.align,
                                      batch_size=task.batch_size)
        self.folder = JobFolder(task.folder, task.form)

    def __call__(self, partitions: 'pd.DataFrame') -> 'pd.DataFrame':
        r"""Does some partitions, given by the fields of
        :class:`~eega_pyg.bulk.partitions.Partition`.

        Returns:
            DataFrame: For each its ``name``, the number of its ``items`` and of those
            that could not be read (``errors``), and, if it is not done, the reason in
            ``failed``.
        """
        import pandas as pd
        rows = partitions[list(Partition._fields)].itertuples(index=False, name=None)
        return pd.DataFrame([self._do(Partition(*row)) for row in rows])

    def _do(self, partition: Partition) -> Any:
        done = {'name': partition.name, 'items': partition.items, 'errors': 0}
        try:
            outcomes = self.extract.extract(read(partition))
            errors = self.folder.write(partition, outcomes)
        except Exception as e:  # Other partitions may still be done.
            return {**done, 'failed': f'{type(e).__name__}: {e}'}
        return {**done, 'errors': errors, 'failed': ''}
