r"""The command ``eega serve``."""
import signal
import socket
from pathlib import Path
from typing import Optional

import typer

from .console import note
from .options import Detector, Device, MinProbability, OptionalModel, Quiet

_MEGABYTE = 2**20


def serve(
    model: Optional[str] = OptionalModel,
    host: str = typer.Option(
        '127.0.0.1', help='The address to listen on. There is no '
        'sign-in: who reaches it can use it.'),
    port: int = typer.Option(8000, min=0, max=65535, help='The port; with 0, any that '
                             'is free.'),
    images: bool = typer.Option(
        True, '--images/--no-images', help='Whether images are looked at. If not, the '
        'detector is not loaded, and items need a caption or a scene graph.'),
    detector: Optional[str] = Detector,
    min_probability: Optional[float] = MinProbability,
    batch_size: int = typer.Option(32, min=1, help='Items that are read together.'),
    latency: float = typer.Option(
        10, min=0, help='Milliseconds that an item waits for others at most, while the '
        'model has nothing to do.'),
    waiting: int = typer.Option(
        256, min=1, help='Items that wait at most; more are refused with 503.'),
    max_items: int = typer.Option(64, min=1, help='Items of a request at most.'),
    max_characters: int = typer.Option(20_000, min=1, max=20_000,
                                       help='Characters of a text at most.'),
    max_megabytes: float = typer.Option(16, min=0.001, help='Size of a request at '
                                        'most.'),
    max_pixels: int = typer.Option(25_000_000, min=1, help='Pixels of an image at '
                                   'most.'),
    drain: int = typer.Option(
        30, min=0, help='Seconds in which requests are still answered after SIGTERM.'),
    device: Optional[str] = Device,
    quiet: bool = Quiet,
) -> None:
    r"""Serves a model over HTTP, until SIGTERM or Ctrl-C.

    It needs the extra "serve". GET /openapi.json describes what it answers.
    """
    if detector is not None and not images:
        raise ValueError('--detector looks at images, and --no-images says not to')
    from eega_pyg.resolve import require
    for name in ('fastapi', 'uvicorn', 'python_multipart', 'prometheus_client'):
        require(name, 'serve')
    from eega_pyg.serving.limits import Limits
    body = int(max_megabytes * _MEGABYTE)
    limits = Limits(batch_size=batch_size, latency=latency / 1000, waiting=waiting,
                    items=min(max_items, waiting), characters=max_characters,
                    pixels=max_pixels, body=body, memory=16 * body)
    listener = _bound(host, port)  # Before the model is loaded.
    import uvicorn

    from eega_pyg.extraction.extractor import Extractor
    from eega_pyg.serving.app import create_app
    extractor = Extractor.from_pretrained(model, device, threshold=min_probability)
    if images:
        from eega_pyg.vision.detectors.named import named_parser
        try:
            extractor.image_parser = named_parser(detector or 'mask-rcnn',
                                                  extractor.device)
        except (ImportError, OSError) as e:
            raise type(e)(f'{e}; or look at no images (--no-images)') from None
    extractor('The first sentence loads what all others need.')
    app = create_app(extractor, limits, images, Path(model).name if model else '')
    server = uvicorn.Server(
        uvicorn.Config(app, log_level='warning', access_log=False, server_header=False,
                       timeout_graceful_shutdown=drain))
    # When it is done, uvicorn raises the signal that ended it once more.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, frame: None)
    place = f'[{host}]' if ':' in host else host
    note(f'Serving on http://{place}:{listener.getsockname()[1]}')
    server.run(sockets=[listener])


def _bound(host: str, port: int) -> socket.socket:
    r"""A socket with an address, on which nobody listens yet."""
    listener = socket.socket(socket.AF_INET6 if ':' in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as e:
        listener.close()
        raise OSError(e.errno, e.strerror, f'{host}:{port}') from None
    return listener
