import asyncio
import threading
from typing import Any, List, Tuple

import pytest

from eega_pyg.serving.batcher import Batcher, Full


class Model:
    r"""Doubles numbers, remembers its batches, and can be held up."""
    def __init__(self) -> None:
        self.batches: List[Tuple[List[Any], str]] = []
        self.threads = set()
        self.free = threading.Event()
        self.free.set()

    def __call__(self, values: List[Any], key: str) -> List[Any]:
        self.batches.append((values, key))
        self.threads.add(threading.get_ident())
        assert self.free.wait(30)
        if 13 in values:
            raise ValueError('unlucky')
        return [2 * value for value in values]


async def until(condition) -> None:
    while not condition():
        await asyncio.sleep(0.001)


def served(test, batch_size: int = 4, latency: float = 0.0, bound: int = 8) -> Model:
    r"""Runs a test with a batcher and its model."""
    async def main() -> Model:
        model = Model()
        async with Batcher(model, batch_size, latency, bound) as batcher:
            await asyncio.wait_for(test(batcher, model), 30)
        return model

    return asyncio.run(main())


async def busy(batcher: Batcher, model: Model) -> 'asyncio.Task[Any]':
    r"""A task whose batch the model is held up with."""
    model.free.clear()
    task = asyncio.ensure_future(batcher([0], 'a'))
    await until(lambda: model.batches)
    return task


def test_what_comes_while_the_model_is_busy_is_read_together():
    async def test(batcher, model):
        first = await busy(batcher, model)
        others = [asyncio.ensure_future(batcher([i, i + 10], 'a')) for i in (1, 2, 4)]
        await until(lambda: batcher.waiting == 6)
        model.free.set()
        assert await first == [0]
        assert await asyncio.gather(*others) == [[2, 22], [4, 24], [8, 28]]

    model = served(test)
    assert [values for values, _ in model.batches] == [[0], [1, 11, 2, 12], [4, 14]]
    assert len(model.threads) == 1


def test_a_batch_has_one_key_and_the_oldest_value_comes_first():
    async def test(batcher, model):
        first = await busy(batcher, model)
        others = [
            asyncio.ensure_future(batcher([i], k)) for i, k in enumerate('babcab')
        ]
        await until(lambda: batcher.waiting == 6)
        model.free.set()
        await first
        assert [x for x, in await asyncio.gather(*others)] == [0, 2, 4, 6, 8, 10]

    assert served(test).batches[1:] == [([0, 2, 5], 'b'), ([1, 4], 'a'), ([3], 'c')]


def test_a_batch_has_the_oldest_value_and_those_of_about_its_size():
    async def test(batcher, model):
        batcher.size = abs
        first = await busy(batcher, model)
        sizes = (5, 90, 6, 91, 7, 4, 92)
        others = [asyncio.ensure_future(batcher([size], 'a')) for size in sizes]
        await until(lambda: batcher.waiting == len(sizes))
        model.free.set()
        await first
        assert [x for x, in await asyncio.gather(*others)] == [2 * s for s in sizes]

    batches = [values for values, _ in served(test, batch_size=3).batches]
    assert batches[1:] == [[5, 6, 4], [90, 91, 92], [7]]


def test_an_idle_model_waits_for_others_as_long_as_it_may():
    async def test(batcher, model):
        loop = asyncio.get_running_loop()
        start = loop.time()
        tasks = [asyncio.ensure_future(batcher([1], 'a'))]
        await asyncio.sleep(0.01)
        tasks.append(asyncio.ensure_future(batcher([2], 'a')))
        await asyncio.gather(*tasks)
        assert loop.time() - start >= 0.3
        start = loop.time()
        await batcher([1, 2, 3, 4], 'a')  # A full batch waits for nobody.
        assert loop.time() - start < 0.3

    model = served(test, latency=0.3)
    assert [values for values, _ in model.batches] == [[1, 2], [1, 2, 3, 4]]


def test_over_the_bound_nothing_takes_a_place():
    async def test(batcher, model):
        first = await busy(batcher, model)
        waiting = asyncio.ensure_future(batcher([1] * 6, 'a'))
        await until(lambda: batcher.waiting == 6)
        with pytest.raises(Full) as error:
            await batcher([2] * 3, 'a')
        assert error.value.seconds > 0
        assert batcher.waiting == 6 and batcher.takes_more
        last = asyncio.ensure_future(batcher([3] * 2, 'a'))
        await until(lambda: batcher.waiting == 8)
        assert not batcher.takes_more
        model.free.set()
        await asyncio.gather(first, waiting, last)

    model = served(test)
    assert 2 not in sum((values for values, _ in model.batches), [])


def test_a_task_that_is_cancelled_gives_its_places_back():
    async def test(batcher, model):
        first = await busy(batcher, model)
        gone = asyncio.ensure_future(batcher([5] * 8, 'a'))
        await until(lambda: batcher.waiting == 8)
        gone.cancel()
        await until(lambda: batcher.waiting == 0)
        stays = asyncio.ensure_future(batcher([1], 'a'))
        first.cancel()  # It is read already; nobody wants the answer.
        await asyncio.sleep(0)
        model.free.set()
        assert await stays == [2]

    assert [values for values, _ in served(test).batches] == [[0], [1]]


def test_a_value_that_fails_fails_alone():
    async def test(batcher, model):
        first = await busy(batcher, model)
        tasks = [asyncio.ensure_future(batcher([i], 'a')) for i in (1, 13, 3)]
        await until(lambda: batcher.waiting == 3)
        model.free.set()
        await first
        found = await asyncio.gather(*tasks, return_exceptions=True)
        assert found[0] == [2] and found[2] == [6]
        assert isinstance(found[1], ValueError) and str(found[1]) == 'unlucky'
        assert await batcher([4], 'a') == [8]

    served(test)


def test_what_is_read_again_one_by_one_is_cancelled_at_the_end():
    async def main() -> None:
        model = Model()
        async with Batcher(model, 4, 0.0, 8) as batcher:
            first = await busy(batcher, model)
            tasks = [asyncio.ensure_future(batcher([i], 'a')) for i in (13, 1, 2)]
            await until(lambda: batcher.waiting == 3)
            model.free.set()
            await first
            # The whole batch has failed, and its values are read one by one.
            await until(lambda: len(model.batches) > 2)
            model.free.clear()
            await until(lambda: len(model.batches) > 3 or tasks[-1].done())
            asyncio.get_running_loop().call_later(0.05, model.free.set)
        found = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True),
                                       10)
        assert len(found) == 3
        with pytest.raises(Full):
            await batcher([1], 'a')

    asyncio.run(main())


def test_what_waits_at_the_end_is_cancelled():
    async def main() -> None:
        model = Model()
        async with Batcher(model, 4, 0.0, 8) as batcher:
            first = await busy(batcher, model)
            waits = asyncio.ensure_future(batcher([1], 'a'))
            await until(lambda: batcher.waiting == 1)
            model.free.set()
        found = await asyncio.gather(first, waits, return_exceptions=True)
        assert isinstance(found[1], asyncio.CancelledError)
        assert not batcher.takes_more

    asyncio.run(main())
