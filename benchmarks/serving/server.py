r"""A service in a process of its own."""
import re
import signal
import socket
import subprocess
import sys
import time
from typing import Any

import httpx


class Server:
    r"""``eega serve`` on a free port of this machine, from entering to leaving.

    Args:
        options (str): Further options of the command.
    """
    def __init__(self, *options: str) -> None:
        with socket.create_server(('127.0.0.1', 0)) as free:
            self.port: int = free.getsockname()[1]
        self.address = f'http://127.0.0.1:{self.port}'
        self.options = options

    def start(self) -> None:
        r"""Starts it, and waits until it answers."""
        self.process = subprocess.Popen([
            sys.executable, '-m', 'eega_pyg.cli', 'serve', '--port',
            str(self.port), '--quiet', *self.options
        ])
        while True:
            try:
                httpx.get(f'{self.address}/readyz').raise_for_status()
                return
            except httpx.TransportError:
                if self.process.poll() is not None:
                    raise RuntimeError(f'The service ended with '
                                       f'{self.process.returncode}') from None
                time.sleep(0.05)

    def kill(self) -> None:
        r"""Ends it at once."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        r"""Ends it by SIGTERM, and gives its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(120)

    def number(self, name: str) -> float:
        r"""One of the numbers that it counts."""
        text = httpx.get(f'{self.address}/metrics').text
        found = re.search(rf'^{re.escape(name)} (\S+)$', text, re.M)
        if found is None:
            raise KeyError(name)
        return float(found[1])

    def __enter__(self) -> 'Server':
        self.start()
        return self

    def __exit__(self, *error: Any) -> None:
        self.kill()
