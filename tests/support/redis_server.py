"""A real Redis server for tests, on a socket of its own."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis


@contextmanager
def redis_server(folder: Path) -> Iterator[str]:
    """Start a server whose files are in the folder, and give its URL. Fails where Redis is not installed."""
    program = shutil.which("redis-server")
    if program is None:
        raise RuntimeError("redis-server is not installed: `make test` installs Debian's package where it may")
    path = folder / "redis.sock"
    settings = ["--port", "0", "--unixsocket", str(path), "--save", "", "--appendonly", "no", "--dir", str(folder)]
    server = subprocess.Popen([program, *settings], stdout=subprocess.DEVNULL)
    url = f"unix://{path}"
    try:
        _wait(url, server)
        yield url
    finally:
        server.kill()
        server.wait()


def _wait(url: str, server: subprocess.Popen[bytes]) -> None:
    client, deadline = redis.Redis.from_url(url), time.monotonic() + 60
    while time.monotonic() < deadline and server.poll() is None:
        try:
            client.ping()
            client.close()
            return
        except redis.exceptions.ConnectionError:
            time.sleep(0.01)
    raise RuntimeError("redis-server did not start within a minute")
