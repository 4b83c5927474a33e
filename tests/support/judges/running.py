"""A judge as a process on a free loopback port, ended with the block that it is used in."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from .installed import FOLDER, NotInstalled


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@contextmanager
def server(command: list[str], port: int, ready: str, *, seconds: float = 30.0) -> Iterator[str]:
    """Run a server until the block ends, and yield its address once the path `ready` answers.

    Raises NotInstalled when it does not answer within `seconds`.
    """
    url, log = f"http://127.0.0.1:{port}", FOLDER / f"{port}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, cwd=FOLDER)
    try:
        deadline = time.monotonic() + seconds
        while not _answers(url + ready):
            if process.poll() is not None:
                raise NotInstalled(f"its server ended: {log.read_text(errors='replace').strip()[-200:]!r}")
            if time.monotonic() > deadline:
                raise NotInstalled(f"its server did not answer within {seconds:.0f} s")
            time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        log.unlink(missing_ok=True)


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2).status_code < 500
    except httpx.HTTPError:
        return False
