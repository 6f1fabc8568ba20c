r"""The service itself: its routes."""
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, AsyncIterator, Dict

from fastapi import FastAPI, Request, Response
from fastapi.openapi.utils import get_openapi
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from eega_pyg import __version__
from eega_pyg.extraction.extractor import Extractor

from . import description
from .admission import Admission
from .asked import ExplainRequest, ExtractRequest, GraphRequest
from .graphs import check_format
from .limits import Limits
from .metrics import Counted
from .pages import HEADERS, pages
from .reading import Reader
from .refusal import Refusal
from .service import Service, Wish

#: What nobody reads any more, for the client has hung up.
_GONE = 499


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
    about = service.about(name or Path(extractor.data.encoder).name, images)
    files = pages(about)

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
        results = await service.results(request, asked.items, wish,
                                        asked.options.min_probability)
        return Response(await service.answer(results), media_type='application/json')

    @app.post('/v1/explain', summary='One item, and a page that shows how it was read',
              openapi_extra=description.request_body('ExplainRequest'),
              responses=description.answers(description.json_of('Explanation')))
    async def explain(request: Request) -> Response:
        asked = await reader(request, ExplainRequest)
        result, = await service.results(request, asked.items, Wish(True, True),
                                        asked.options.min_probability)
        content = await service.explanation(result)
        return Response(content, media_type='application/json')

    @app.post('/v1/graph', summary='Items or results as one knowledge graph',
              openapi_extra=description.request_body('GraphRequest'),
              responses=description.answers(description.graph_files()))
    async def graph(request: Request) -> Response:
        asked = await reader(request, GraphRequest)
        check_format(asked.options)
        results = await service.results(request, asked.items, Wish(align=True),
                                        asked.options.min_probability)
        file = await service.graph(asked.options, results)
        return Response(
            file.content, media_type=file.media_type,
            headers={'Content-Disposition': f'attachment; filename="{file.name}"'})

    @app.get('/v1/model', summary='Tags, versions and limits')
    async def model() -> Dict[str, Any]:
        return about

    @app.get('/', include_in_schema=False)
    async def page() -> Response:
        return await part('')

    @app.get('/page/{name}', include_in_schema=False)
    async def part(name: str) -> Response:
        if name not in files:
            raise HTTPException(404)
        return Response(files[name].content, headers=HEADERS,
                        media_type=files[name].media_type)

    @app.head('/healthz', include_in_schema=False)
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
            schema.setdefault('components', {}).setdefault('schemas', {}).update(
                description.schemas(limits, images))
            app.openapi_schema = schema
        return app.openapi_schema

    setattr(app, 'openapi', openapi)
    paths = frozenset(route.path for route in app.routes if hasattr(route, 'path'))
    app.add_middleware(Admission, limits=limits)
    app.add_middleware(Counted, metrics=service.metrics, paths=paths)
    return app
