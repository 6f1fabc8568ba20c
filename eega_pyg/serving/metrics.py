r"""What a service counts, in the form of Prometheus."""
from time import perf_counter
from typing import Callable

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Metrics:
    r"""Counters of one service.

    Args:
        waiting (callable): How many items wait for the model.
        batch_size (int): The most items of a batch.
    """
    def __init__(self, waiting: Callable[[], float], batch_size: int) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.requests = Counter('eega_requests', 'Answered requests.',
                                ['path', 'status'], registry=self.registry)
        self.seconds = Histogram('eega_request_seconds', 'Seconds to an answer.',
                                 ['path'], registry=self.registry)
        self.open = Gauge('eega_requests_in_progress', 'Requests that are being '
                          'answered.', ['path'], registry=self.registry)
        self.items = Counter('eega_items', 'Items that the model has read.',
                             registry=self.registry)
        sizes = [2**i for i in range(batch_size.bit_length()) if 2**i < batch_size]
        self.batches = Histogram('eega_batch_items', 'Items that were read together.',
                                 buckets=[*sizes, batch_size], registry=self.registry)
        self.model = Histogram('eega_batch_seconds', 'Seconds that the model took.',
                               registry=self.registry)
        Gauge('eega_waiting_items', 'Items that wait for the model.',
              registry=self.registry).set_function(waiting)

    def batch(self, size: int, seconds: float) -> None:
        r"""Counts a batch."""
        self.items.inc(size)
        self.batches.observe(size)
        self.model.observe(seconds)

    def text(self) -> bytes:
        r"""All numbers, as Prometheus reads them."""
        return generate_latest(self.registry)


class Counted:
    r"""Counts the requests of an application that it wraps.

    Args:
        app (ASGI application): What answers.
        metrics (Metrics): The counters.
        paths (collection of str): The paths that are counted by their names; others,
            which anybody can make up, are counted together.
    """
    def __init__(self, app: ASGIApp, metrics: Metrics, paths: frozenset) -> None:
        self.app = app
        self.metrics = metrics
        self.paths = paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope['type'] != 'http':
            await self.app(scope, receive, send)
            return
        start = perf_counter()
        path = scope['path'] if scope['path'] in self.paths else 'other'

        async def counted(message: Message) -> None:
            if message['type'] == 'http.response.start':
                self.metrics.requests.labels(path, message['status']).inc()
                self.metrics.seconds.labels(path).observe(perf_counter() - start)
            await send(message)

        try:
            with self.metrics.open.labels(path).track_inprogress():
                await self.app(scope, receive, counted)
        except Exception:  # The answer is made outside.
            self.metrics.requests.labels(path, 500).inc()
            raise
