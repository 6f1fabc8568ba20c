r"""The model behind the routes: it reads the items of all requests together."""
import asyncio
import json
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from time import perf_counter
from typing import Any, Awaitable, Dict, List, NamedTuple, Optional

from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from starlette.requests import ClientDisconnect, Request

from eega_pyg import __version__
from eega_pyg.extraction.extractor import Extractor
from eega_pyg.extraction.item import Item
from eega_pyg.extraction.result import Result
from eega_pyg.saving.thresholds import Thresholds
from eega_pyg.visualize.explain_page import explain_page

from .asked import GraphRequest
from .batcher import Batcher, Full
from .graphs import GraphFile, formats, graph_file
from .limits import Limits
from .memory import give_back
from .metrics import Metrics
from .refusal import Refusal

#: After how many batches free memory is given back.
_BATCHES = 8


class Wish(NamedTuple):
    r"""What is asked for of an item beside entities and relations. Items with one wish
    share a batch; a lowest probability is applied to the results."""
    align: bool = False
    pairs: bool = False


class Service:
    r"""A model that reads the items of all requests.

    Args:
        extractor (Extractor): The model.
        limits (Limits): The limits.
    """
    def __init__(self, extractor: Extractor, limits: Limits) -> None:
        self.extractor = extractor
        self.limits = limits
        self.batcher: Batcher[Item, Wish,
                              Result] = Batcher(self._run, limits.batch_size,
                                                limits.latency, limits.waiting,
                                                lambda item: len(item.text))
        self.metrics = Metrics(lambda: self.batcher.waiting, limits.batch_size)
        self._batches = 0
        self._answers, self._graphs = CapacityLimiter(2), CapacityLimiter(1)

    def _run(self, items: List[Item], wish: Wish) -> List[Result]:
        start = perf_counter()
        results = self.extractor.batch(items, self.limits.batch_size, wish.align,
                                       wish.pairs, threshold=0.0)
        self.metrics.batch(len(items), perf_counter() - start)
        self._batches += 1
        if self._batches % _BATCHES == 0:
            give_back()
        return results

    async def results(self, request: Request, items: List[Item], wish: Wish,
                      threshold: Optional[float]) -> List[Result]:
        r"""What is found in the items, unless the client hangs up before; objects are
        without their features.

        Raises:
            Refusal: If too many wait.
            ClientDisconnect: If the client hangs up.
        """
        try:
            found = await _unless_gone(request, self.batcher(items, wish))
        except Full as e:
            raise Refusal(
                503, f'{self.batcher.waiting} items wait already: try again '
                f'later', retry_after=e.seconds) from None
        thresholds = (self.extractor.thresholds
                      if threshold is None else Thresholds.of(threshold))
        # Features of objects are a hundred times as long as all else in an answer.
        return [
            replace(result, extraction=thresholds.keep(result.extraction),
                    scene_graph=result.scene_graph.without_features())
            for result in found
        ]

    async def answer(self, results: List[Result]) -> bytes:
        r"""Results as JSON."""
        return await run_sync(
            lambda: _json({'results': [_value(result) for result in results]}),
            limiter=self._answers)

    async def explanation(self, result: Result) -> bytes:
        r"""A result and the page that shows it, as JSON."""
        return await run_sync(
            lambda: _json({
                'result': result.to_dict(),
                'page': explain_page(result)
            }), limiter=self._answers)

    async def graph(self, asked: GraphRequest, results: List[Result]) -> GraphFile:
        r"""Results as a graph. Graphs are made one at a time, for drawing one may take
        long."""
        return await run_sync(
            lambda: graph_file(asked, [result.to_dict() for result in results]),
            limiter=self._graphs)

    def about(self, name: str, images: bool) -> Dict[str, Any]:
        r"""What a client may want to know of the model."""
        return {
            'model': name,
            'images': images,
            'tags': self.extractor.model.tag_set.to_dict(),
            'threshold': self.extractor.thresholds.quintuple,
            'entity_threshold': self.extractor.thresholds.entity,
            'versions': {
                'eega_pyg': __version__,
                'torch': _version('torch'),
                'parser': self.extractor.parser.version
            },
            'limits': self.limits.to_dict(),
            'graph_formats': formats(),
        }


def _value(result: Result) -> Dict[str, Any]:
    value = result.to_dict()
    if result.pairs is not None:
        value['pairs'] = {
            'tags':
            list(result.pairs.tags.names),
            'words':
            result.offsets,
            'windows': [{
                'places': places,
                'probabilities': table.tolist()
            } for places, table in result.pairs.windows]
        }
    return value


async def _unless_gone(request: Request, work: Awaitable[Any]) -> Any:
    r"""Waits for a work, and cancels it if the client hangs up before it is done."""
    done = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(_hangs_up(request))
    try:
        await asyncio.wait({done, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not done.done():
            raise ClientDisconnect()
        return done.result()
    finally:
        gone.cancel()
        done.cancel()


async def _hangs_up(request: Request) -> None:
    while (await request.receive())['type'] != 'http.disconnect':
        pass


def _json(value: Any) -> bytes:
    # As a result's own JSON: half of a surrogate pair becomes a question mark.
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    return text.encode('utf-8', 'replace')


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:  # It was built without its metadata.
        return ''
