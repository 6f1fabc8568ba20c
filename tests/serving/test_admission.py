import asyncio

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from eega_pyg.serving.admission import Admission
from eega_pyg.serving.limits import Limits
from eega_pyg.serving.refusal import Refusal

LIMITS = Limits(body=1000, memory=2500, patience=0.05)


def application(read=None) -> Admission:
    async def count(request):
        if read is not None:
            await read()
        return PlainTextResponse(str(len(await request.body())))

    async def refused(request, error):
        return error.response()

    app = Starlette(routes=[Route('/', count, methods=['GET', 'POST'])],
                    exception_handlers={Refusal: refused})
    return Admission(app, LIMITS)


@pytest.mark.parametrize('size, status', [(1000, 200), (1001, 413)])
@pytest.mark.parametrize('chunked', [False, True])
def test_a_body_has_a_largest_size(size, status, chunked):
    body = b'x' * size
    content = (body[i:i + 300] for i in range(0, size, 300)) if chunked else body
    answer = TestClient(application()).post('/', content=content)
    assert answer.status_code == status
    if status == 413:
        assert 'more than 1,000 bytes' in answer.json()['detail']
        assert answer.headers['connection'] == 'close'
    else:
        assert answer.text == '1000'


async def ask(app, *messages, length=None):
    r"""The status and the headers of an answer to a request in some messages."""
    left, sent = list(messages), []

    async def receive():
        if not left:
            await asyncio.sleep(30)
        return left.pop(0)

    async def send(message):
        sent.append(message)

    headers = [] if length is None else [(b'content-length', str(length).encode())]
    scope = {'type': 'http', 'method': 'POST', 'path': '/', 'headers': headers}
    await app(scope, receive, send)
    return sent[0]['status'], {k.decode(): v.decode() for k, v in sent[0]['headers']}


def message(size, more=False):
    return {'type': 'http.request', 'body': b'x' * size, 'more_body': more}


def test_what_is_not_done_when_the_server_ends_is_refused():
    async def test():
        asked = asyncio.ensure_future(
            ask(application(asyncio.Event().wait), message(10), length=10))
        await asyncio.sleep(0)
        asked.cancel()
        status, headers = await asked
        assert status == 503 and headers['retry-after'] == '1'
        assert headers['content-type'] == 'application/json'

    asyncio.run(test())


def test_all_requests_together_have_a_largest_size():
    async def test():
        free = asyncio.Event()
        app = application(free.wait)
        first = [
            asyncio.ensure_future(ask(app, message(1000), length=1000))
            for _ in range(2)
        ]
        await asyncio.sleep(0)
        status, headers = await ask(app, message(501), length=501)
        assert status == 503 and headers['retry-after'] == '1'
        free.set()
        assert [status for status, _ in await asyncio.gather(*first)] == [200, 200]
        status, _ = await ask(app, message(501), length=501)
        assert status == 200

    asyncio.run(test())


def test_a_body_that_does_not_come_is_not_waited_for():
    async def test():
        app = application()
        status, headers = await ask(app, message(1, True), length=1000)
        assert status == 408 and headers['connection'] == 'close'
        for _ in range(3):  # Its bytes are free again.
            status, _ = await ask(app, message(1000), length=1000)
            assert status == 200

    asyncio.run(test())


def test_limits_that_contradict_each_other_are_refused():
    with pytest.raises(ValueError, match='items: a request may have 9 items, and 8'):
        Limits(items=9, waiting=8)
    with pytest.raises(ValueError, match='body: a request may have 2,000 bytes'):
        Limits(body=2000, memory=1000)
    with pytest.raises(ValueError, match='characters: expected a number <= 20000'):
        Limits(characters=20_001)
