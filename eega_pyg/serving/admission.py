r"""The size of requests, before and while they are read."""
import asyncio
from typing import Optional

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .limits import Limits
from .refusal import Refusal

# Of a request that is refused, so many bytes are read and thrown away: many clients
# read no answer before they have sent everything.
_DISCARDED = 64 * 2**20


class Admission:
    r"""Refuses requests that are too large (413), for which all others leave no memory
    (503), or that do not arrive in time (408), and answers those that are not done when
    the server ends (503). It wraps another application.

    Args:
        app (ASGI application): What answers.
        limits (Limits): The limits.
    """
    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        self.app = app
        self.limits = limits
        self._taken = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope['type'] != 'http':
            await self.app(scope, receive, send)
            return
        started = False

        async def sent(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._admit(scope, receive, sent)
        except asyncio.CancelledError:  # The server ends, and waits no longer.
            if started:
                raise
            refusal = Refusal(503, 'The service ends: try again later', retry_after=1)
            await refusal.response({'Connection': 'close'})(scope, receive, send)

    async def _admit(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope['method'] in ('GET', 'HEAD'):
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        length = headers.get('content-length', '')
        size = int(length) if length.isdecimal() else self.limits.body
        refusal: Optional[Refusal] = None
        if size > self.limits.body:
            refusal = _too_large(self.limits)
        elif self._taken + size > self.limits.memory:
            refusal = Refusal(503, 'There are too many requests at once: try again '
                              'later', retry_after=1)
        if refusal is not None:
            if headers.get('expect', '').lower() != '100-continue':
                await _discard(receive, self.limits.patience)
            await refusal.response({'Connection': 'close'})(scope, receive, send)
            return
        self._taken += size
        try:
            await self.app(scope, _Body(receive, self.limits), send)
        finally:
            self._taken -= size


class _Body:
    r"""Receives a body, and counts it."""
    def __init__(self, receive: Receive, limits: Limits) -> None:
        self.receive = receive
        self.limits = limits
        self.size = 0
        self.whole = False
        self.until = asyncio.get_running_loop().time() + limits.patience

    async def __call__(self) -> Message:
        if self.whole:
            return await self.receive()
        left = self.until - asyncio.get_running_loop().time()
        try:
            message = await asyncio.wait_for(self.receive(), left)
        except asyncio.TimeoutError:
            raise Refusal(
                408, f'The request has not arrived within '
                f'{self.limits.patience:g} seconds: send it again') from None
        self.size += len(message.get('body', b''))
        self.whole = not message.get('more_body', False)
        if self.size > self.limits.body:
            raise _too_large(self.limits)
        return message


def _too_large(limits: Limits) -> Refusal:
    return Refusal(
        413, f'The request has more than {limits.body:,} bytes: send fewer '
        f'items, or smaller images')


async def _discard(receive: Receive, seconds: float) -> None:
    async def read() -> None:
        size, more = 0, True
        while more and size < _DISCARDED:
            message = await receive()
            size += len(message.get('body', b''))
            more = message.get('more_body', False)

    try:
        await asyncio.wait_for(read(), seconds)
    except asyncio.TimeoutError:
        pass
