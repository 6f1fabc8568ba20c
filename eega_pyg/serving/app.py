r"""The service itself: its routes, and the model behind them."""
import asyncio
import json
from contextlib import asynccontextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from time import perf_counter
from typing import Any, AsyncIterator, Awaitable, Dict, List, NamedTuple, Optional

from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from fastapi import FastAPI, Request, Response
from fastapi.openapi.utils import get_openapi
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from eega_pyg import __version__
from eega_pyg.extraction.certainty import rated
from eega_pyg.extraction.extractor import Extractor
from eega_pyg.extraction.item import Item
from eega_pyg.extraction.result import Result

from . import description
from .admission import Admission
from .asked import ExtractRequest, GraphRequest
from .batcher import Batcher, Full
from .graphs import GraphFile, check_format, formats, graph_file
from .limits import Limits
from .metrics import Counted, Metrics
from .reading import Reader
from .refusal import Refusal

#: What nobody reads any more, for the client has hung up.
_GONE = 499


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
                                                limits.latency, limits.waiting)
        self.metrics = Metrics(lambda: self.batcher.waiting, limits.batch_size)
        self._answers, self._graphs = CapacityLimiter(2), CapacityLimiter(1)

    def _run(self, items: List[Item], wish: Wish) -> List[Result]:
        start = perf_counter()
        results = self.extractor.batch(items, self.limits.batch_size, wish.align,
                                       wish.pairs, threshold=0.0)
        self.metrics.batch(len(items), perf_counter() - start)
        return results

    async def results(self, request: Request, items: List[Item],
                      wish: Wish) -> List[Result]:
        r"""What is found in the items, unless the client hangs up before.

        Raises:
            Refusal: If too many wait.
            ClientDisconnect: If the client hangs up.
        """
        try:
            return await _unless_gone(request, self.batcher(items, wish))
        except Full as e:
            raise Refusal(
                503, f'{self.batcher.waiting} items wait already: try again '
                f'later', retry_after=e.seconds) from None

    async def graph(self, asked: GraphRequest, results: List[Result]) -> GraphFile:
        r"""Results as a graph. Graphs are made one at a time, for drawing one may take
        long."""
        def make() -> GraphFile:
            return graph_file(asked, self._values(results, asked.min_probability))

        return await run_sync(make, limiter=self._graphs)

    async def answer(self, results: List[Result], threshold: Optional[float]) -> bytes:
        r"""Results as JSON."""
        return await run_sync(self._answer, results, threshold, limiter=self._answers)

    def _values(self, results: List[Result],
                threshold: Optional[float]) -> List[Dict[str, Any]]:
        least = self.extractor.threshold if threshold is None else threshold
        return [rated(result.to_dict(), least).result for result in results]

    def _answer(self, results: List[Result], threshold: Optional[float]) -> bytes:
        r"""The JSON of results."""
        values = self._values(results, threshold)
        for value, result in zip(values, results):
            if result.pairs is not None:
                value['pairs'] = {
                    'tags':
                    list(result.pairs.tags.names),
                    'words':
                    result.offsets,
                    'windows': [{
                        'first': first,
                        'probabilities': table.tolist()
                    } for first, table in result.pairs.windows]
                }
        return _json({'results': values})

    def about(self, name: str) -> Dict[str, Any]:
        r"""What a client may want to know of the model."""
        return {
            'model': name,
            'tags': self.extractor.model.tag_set.to_dict(),
            'threshold': self.extractor.threshold,
            'versions': {
                'eega_pyg': __version__,
                'torch': _version('torch'),
                'parser': self.extractor.parser.version
            },
            'limits': self.limits.to_dict(),
            'graph_formats': formats(),
        }


def create_app(extractor: Extractor, limits: Limits = Limits(), images: bool = True,
               name: str = '') -> FastAPI:
    r"""A service, as an application of ASGI.

    Its results are those of :meth:`Extractor.batch
    <eega_pyg.extraction.Extractor.batch>`, whatever is read together: probabilities
    differ by what floating-point numbers give in batches of another size. It opens no
    path and no address that a client names.

    Args:
        extractor (Extractor): The model; nothing else may use it at the same time.
        limits (Limits, optional): How much is taken at once.
        images (bool, optional): If set to :obj:`False`, items with an image are
            refused. (default: :obj:`True`)
        name (str, optional): What the model is called; by default as its folder.
    """
    service = Service(extractor, limits)
    reader = Reader(limits, images)
    about = service.about(name or Path(extractor.data.encoder).name)
    about['images'] = images

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with service.batcher:
            yield

    # The pages of FastAPI's own documentation load scripts from elsewhere.
    app = FastAPI(title='eega', version=__version__, lifespan=lifespan, docs_url=None,
                  redoc_url=None, summary='Knowledge graphs from texts with pictures.')

    @app.post('/v1/extract', summary='Entities and relations of items',
              openapi_extra=description.request_body('ExtractRequest'),
              responses=description.answers(description.json_of('Results')))
    async def extract(request: Request) -> Response:
        asked = await reader(request, ExtractRequest)
        wish = Wish(asked.options.align, asked.options.pairs)
        results = await service.results(request, asked.items, wish)
        content = await service.answer(results, asked.options.min_probability)
        return Response(content, media_type='application/json')

    @app.post('/v1/graph', summary='Items or results as one knowledge graph',
              openapi_extra=description.request_body('GraphRequest'),
              responses=description.answers(description.graph_files()))
    async def graph(request: Request) -> Response:
        asked = await reader(request, GraphRequest)
        check_format(asked.options)
        results: List[Result] = []
        if asked.items:
            results = await service.results(request, asked.items, Wish(align=True))
        file = await service.graph(asked.options, results)
        return Response(
            file.content, media_type=file.media_type,
            headers={'Content-Disposition': f'attachment; filename="{file.name}"'})

    @app.get('/v1/model', summary='Tags, versions and limits')
    async def model() -> Dict[str, Any]:
        return about

    @app.get('/healthz', summary='Whether the process lives')
    async def alive() -> Dict[str, str]:
        return {'status': 'alive'}

    @app.get('/readyz', summary='Whether an item would find a place',
             responses=description.answers({}, 503))
    async def ready() -> Dict[str, str]:
        if not service.batcher.takes_more:
            raise Refusal(503, 'No place is left', retry_after=service.batcher.delay)
        return {'status': 'ready'}

    @app.get('/metrics', summary='Numbers for Prometheus', response_class=Response,
             responses={200: {
                 'content': {
                     'text/plain': {}
                 }
             }})
    async def metrics() -> Response:
        return Response(service.metrics.text(),
                        media_type='text/plain; version=0.0.4; charset=utf-8')

    @app.exception_handler(Refusal)
    async def refused(request: Request, error: Refusal) -> Response:
        return error.response()

    @app.exception_handler(HTTPException)
    async def failed(request: Request, error: HTTPException) -> Response:
        return Refusal(error.status_code, str(error.detail)).response(error.headers)

    @app.exception_handler(ClientDisconnect)
    async def gone(request: Request, error: ClientDisconnect) -> Response:
        return Response(status_code=_GONE)

    def openapi() -> Dict[str, Any]:
        if app.openapi_schema is None:
            schema = get_openapi(title=app.title, version=app.version,
                                 summary=app.summary, routes=app.routes)
            schema.setdefault('components',
                              {}).setdefault('schemas',
                                             {}).update(description.schemas(limits))
            app.openapi_schema = schema
        return app.openapi_schema

    setattr(app, 'openapi', openapi)
    paths = frozenset(route.path for route in app.routes if hasattr(route, 'path'))
    app.add_middleware(Admission, limits=limits)
    app.add_middleware(Counted, metrics=service.metrics, paths=paths)
    return app


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
