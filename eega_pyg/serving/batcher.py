r"""Answers to what comes one by one, made in batches."""
import asyncio
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import (
    Any,
    Callable,
    Deque,
    Generic,
    Hashable,
    List,
    Optional,
    Sequence,
    TypeVar,
)

Value = TypeVar('Value')
Key = TypeVar('Key', bound=Hashable)
Answer = TypeVar('Answer')


class Full(Exception):
    r"""Raised if there is no place for what was brought.

    Args:
        seconds (float): After how long there should be one.
    """
    def __init__(self, seconds: float) -> None:
        super().__init__('There is no place left')
        self.seconds = seconds


@dataclass(eq=False)
class _Job(Generic[Value, Key]):
    value: Value
    key: Key
    answer: 'asyncio.Future[Any]'
    since: float


class Batcher(Generic[Value, Key, Answer]):
    r"""Collects values from many tasks, and hands them in batches to a function that
    runs in one thread, the same for all batches.

    A batch holds the oldest value that waits, and of those with its key the ones whose
    size is closest: a batch costs what its largest value does. It is made as soon as
    the function is done with the last one, and either :obj:`batch_size` values wait or
    the oldest has waited for :obj:`latency` seconds. If the function fails for a batch,
    it is called again for each value alone, so that no value fails because of another.

    Args:
        run (callable): Takes a list of values and their key, and returns an answer for
            each.
        batch_size (int): The most values of a batch.
        latency (float): Seconds that a value waits for others at most.
        bound (int): The most values that wait.
        size (callable, optional): Gives the size of a value. By default all have the
            same.
    """
    def __init__(self, run: Callable[[List[Value], Key],
                                     Sequence[Answer]], batch_size: int, latency: float,
                 bound: int, size: Callable[[Value], int] = lambda value: 0) -> None:
        self.run = run
        self.batch_size = batch_size
        self.latency = latency
        self.bound = bound
        self.size = size
        self._waiting: Deque[_Job[Value, Key]] = deque()
        self._arrived = asyncio.Event()
        self._thread: Optional[ThreadPoolExecutor] = None
        self._task: Optional['asyncio.Task[None]'] = None
        self._each = 0.1  # Seconds of a value; the mean of the last batches.

    async def __aenter__(self) -> 'Batcher[Value, Key, Answer]':
        self._thread = ThreadPoolExecutor(1, 'model')
        self._task = asyncio.create_task(self._serve())
        return self

    async def __aexit__(self, *error: Any) -> None:
        assert self._task is not None and self._thread is not None
        self._task.cancel()
        for job in self._waiting:
            job.answer.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await asyncio.to_thread(self._thread.shutdown)

    @property
    def waiting(self) -> int:
        r"""How many values wait."""
        return len(self._waiting)

    @property
    def takes_more(self) -> bool:
        r"""Whether there is a place."""
        running = self._task is not None and not self._ended
        return running and self.waiting < self.bound

    @property
    def _ended(self) -> bool:
        return self._task is not None and self._task.done()

    @property
    def delay(self) -> float:
        r"""In how many seconds all that waits should be done."""
        return self._each * (self.waiting + self.batch_size)

    async def __call__(self, values: Sequence[Value], key: Key) -> List[Answer]:
        r"""The answers to some values. If the task that waits for them is cancelled,
        the values that are in no batch yet give their places back.

        Raises:
            Full: If not all of the values find a place; none of them takes one then.
            Exception: What the function raised for one of the values.
        """
        if self.waiting + len(values) > self.bound or self._ended:
            raise Full(self.delay)
        loop = asyncio.get_running_loop()
        jobs = [_Job(v, key, loop.create_future(), loop.time()) for v in values]
        self._waiting.extend(jobs)
        self._arrived.set()
        try:
            return await asyncio.gather(*(job.answer for job in jobs))
        finally:
            for job in jobs:
                job.answer.cancel()
            self._waiting = deque(j for j in self._waiting if not j.answer.done())

    async def _serve(self) -> None:
        while True:
            await self._collect()
            await self._answer(self._take())

    async def _collect(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            self._arrived.clear()
            left = None
            if self._waiting:
                left = self._waiting[0].since + self.latency - loop.time()
                if left <= 0 or self.waiting >= self.batch_size:
                    return
            try:
                await asyncio.wait_for(self._arrived.wait(), left)
            except asyncio.TimeoutError:
                pass

    def _take(self) -> List[_Job[Value, Key]]:
        oldest = self._waiting[0]
        size = self.size(oldest.value)
        batch = [job for job in self._waiting if job.key == oldest.key]
        # Of equal ones the oldest; so the oldest of all is in it.
        batch.sort(key=lambda job: abs(self.size(job.value) - size))
        batch = batch[:self.batch_size]
        taken = set(map(id, batch))
        self._waiting = deque(j for j in self._waiting if id(j) not in taken)
        return batch

    async def _answer(self, batch: List[_Job[Value, Key]]) -> None:
        loop = asyncio.get_running_loop()
        start = loop.time()
        try:
            answers = await loop.run_in_executor(self._thread, self.run,
                                                 [job.value for job in batch],
                                                 batch[0].key)
        except asyncio.CancelledError:  # Nobody is left to answer.
            for job in batch:
                job.answer.cancel()
            raise
        except Exception as e:
            if len(batch) == 1:
                if not batch[0].answer.done():
                    batch[0].answer.set_exception(e)
                return
            try:
                for job in batch:
                    if not job.answer.done():
                        await self._answer([job])
            finally:  # If it was cancelled on its way.
                for job in batch:
                    job.answer.cancel()
        else:
            each = (loop.time() - start) / len(batch)
            self._each = 0.8 * self._each + 0.2 * each
            for job, answer in zip(batch, answers):
                if not job.answer.done():
                    job.answer.set_result(answer)
