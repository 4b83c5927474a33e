"""A server of bare sockets that goes as far with a call as a test wants, and says whether the client lets go of it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from loopback import SOON, chunk, event, streaming

LONG_PROMPT = "0123456789abcdef" * 2**20  # more than the system takes for a server that does not read


class RawServer:
    """A listener whose connections `serve` handles, one after another, in a thread."""

    def __init__(self, serve: Callable[[socket.socket], None], *, full: bool = False) -> None:
        self._listener = socket.socket()
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(0 if full else 10)
        self.address = self._listener.getsockname()
        self.url = f"http://127.0.0.1:{self.address[1]}"
        self.reached = threading.Event()
        self._resume, self._left = threading.Event(), threading.Event()
        self._serve = serve
        self._fillers = []
        if full:
            for _ in range(4):
                self._fillers.append(socket.socket())
                self._fillers[-1].setblocking(False)
                self._fillers[-1].connect_ex(self.address)
            self.reached.set()
            self._left.set()
        else:
            threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            connection, _ = self._listener.accept()
            with connection:
                self._serve(connection)
                self.reached.set()
                self._resume.wait(SOON)
                with suppress(OSError):
                    while connection.recv(2**20):
                        pass
            self._left.set()

    def sees_end(self) -> bool:
        """Read what is left, and return whether the client closes the connection."""
        self._resume.set()
        return self._left.wait(SOON)

    def stop(self) -> None:
        self._resume.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        for each in (self._listener, *self._fillers):
            each.close()


def nothing(connection: socket.socket) -> None:
    """Accept, and say nothing."""


def read_head(connection: socket.socket) -> None:
    data = b""
    while b"\r\n\r\n" not in data:
        data += connection.recv(100)


def start_a_stream(connection: socket.socket) -> None:
    read_head(connection)
    connection.sendall(streaming() + chunk(event("a")))


PHASES: dict[str, Any] = {
    "connecting": (nothing, True, "hi"),
    "in the handshake": (nothing, False, "hi"),
    "uploading": (read_head, False, LONG_PROMPT),
    "waiting for the head": (read_head, False, "hi"),
    "in the body": (start_a_stream, False, "hi"),
}


@contextmanager
def server_in(phase: str) -> Iterator[tuple[RawServer, str]]:
    serve, full, prompt = PHASES[phase]
    server = RawServer(serve, full=full)
    if "handshake" in phase:
        server.url = server.url.replace("http:", "https:")
    try:
        yield server, prompt
    finally:
        server.stop()
