r"""Clients of a service, in processes of their own that import little."""
import asyncio
import json
import subprocess
import sys
import time
from collections import deque
from typing import Deque, List, NamedTuple, Sequence, Tuple

import httpx


class Answer(NamedTuple):
    r"""How a request was answered.

    Args:
        number (int): Which request it was.
        status (int): The status of the answer; 0 if there was none in time.
        body (bytes): Its body.
        seconds (float): From the first try to the answer.
        full (int): How often the service had no place (503).
        broken (tuple of str): Errors of the connection.
    """
    number: int
    status: int
    body: bytes
    seconds: float
    full: int
    broken: Tuple[str, ...]


def drive(address: str, bodies: Sequence[bytes], processes: int, connections: int,
          seconds: float) -> Tuple[List[Answer], float]:
    r"""Sends requests in any order, and gives their answers in their order, and the
    seconds from the first request to the last answer, in which all clients run.

    Args:
        address (str): Where the service is.
        bodies (list of bytes): The bodies of the requests.
        processes (int): Processes of clients.
        connections (int): Connections of all of them.
        seconds (float): After so many, nothing is sent any more.
    """
    numbered = [(i, body.decode('latin-1')) for i, body in enumerate(bodies)]
    started = [
        subprocess.Popen([
            sys.executable, '-m', __name__, address,
            str(connections // processes),
            str(seconds)
        ], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(processes)
    ]
    for i, process in enumerate(started):
        _tell(process, json.dumps(numbered[i::processes]))
    for process in started:  # Each has loaded what it needs, and read its requests.
        assert process.stdout is not None
        process.stdout.readline()
    start = time.monotonic()
    for process in started:
        _tell(process, 'go')
    found, end = [], start
    for process in started:
        text, _ = process.communicate()
        answers, last = json.loads(text)
        end = max(end, last)
        for number, status, body, *rest, broken in answers:
            found.append(
                Answer(number, status, body.encode('latin-1'), *rest, tuple(broken)))
    return sorted(found), end - start


def _tell(process: 'subprocess.Popen[str]', line: str) -> None:
    assert process.stdin is not None
    process.stdin.write(line + '\n')
    process.stdin.flush()


async def _send_all(address: str, requests: List[Tuple[int, str]], connections: int,
                    seconds: float) -> List[Answer]:
    end = time.monotonic() + seconds
    left: Deque[Tuple[int, str]] = deque(requests)
    found: List[Answer] = []
    limits = httpx.Limits(max_connections=connections,
                          max_keepalive_connections=connections)
    async with httpx.AsyncClient(base_url=address, timeout=120,
                                 limits=limits) as client:

        async def connection() -> None:
            while left:
                number, body = left.popleft()
                found.append(await _sent(client, number, body.encode('latin-1'), end))

        await asyncio.gather(*(connection() for _ in range(connections)))
    return found


async def _sent(client: httpx.AsyncClient, number: int, body: bytes,
                end: float) -> Answer:
    start, full = time.monotonic(), 0
    broken: List[str] = []
    while time.monotonic() < end:
        try:
            answer = await client.post('/v1/extract', content=body,
                                       headers={'Content-Type': 'application/json'})
        except httpx.TransportError as e:
            broken.append(type(e).__name__)
            await asyncio.sleep(0.2)
            continue
        if answer.status_code != 503:
            return Answer(number, answer.status_code, answer.content,
                          time.monotonic() - start, full, tuple(broken))
        full += 1
        await asyncio.sleep(float(answer.headers['Retry-After']))
    return Answer(number, 0, b'', time.monotonic() - start, full, tuple(broken))


def main() -> None:
    address, connections, seconds = sys.argv[1:]
    requests = json.loads(sys.stdin.readline())
    print('ready', flush=True)
    sys.stdin.readline()
    found = asyncio.run(_send_all(address, requests, int(connections), float(seconds)))
    end = time.monotonic()
    answers = [answer._replace(body=answer.body.decode('latin-1')) for answer in found]
    json.dump((answers, end), sys.stdout)


if __name__ == '__main__':
    main()
