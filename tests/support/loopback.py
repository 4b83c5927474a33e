"""A real HTTP server on loopback with scripted bytes, for what a mocked transport cannot show."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import orjson
from attrs import define, field

Script = Callable[["Seen"], Iterable["bytes | float"]]
"""What to do with a request: bytes are written, a float is slept; the connection is kept if the script ends well."""


@define
class Seen:
    """A received request."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes = field(repr=False)

    @property
    def json(self) -> dict[str, object]:
        data: dict[str, object] = orjson.loads(self.body)
        return data


LONG = 60.0
"""Seconds that no test waits for: what it shows is over long before."""

SOON = 20.0
"""A limit for what should take no time at all, which a busy machine keeps too, and far from LONG."""


class Hangup(Exception):
    """Raised in a script to close the connection without an answer."""


class Reset(Hangup):
    """Raised in a script to close the connection so that the client gets a reset."""


CERTIFICATES = Path(__file__).parent / "certificates"
"""`ca.pem` has signed good, expired and other_host; another authority has signed unknown_ca. They end with 2037."""


class Loopback:
    """A server that runs `script` for each request. `seen` are the requests so far, `open` the open connections.

    certificate: the name of one in CERTIFICATES, for a server that speaks TLS.
    """

    def __init__(self, script: Script, certificate: str = "") -> None:
        self._script = script
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER) if certificate else None
        if self._tls is not None:
            self._tls.load_cert_chain(CERTIFICATES / f"{certificate}.pem")
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self._sockets: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self.seen: list[Seen] = []
        self.connections = 0
        scheme = "https" if certificate else "http"
        self.url = f"{scheme}://127.0.0.1:{self._listener.getsockname()[1]}"
        self._start(self._accept)

    @property
    def open(self) -> int:
        return len(self._sockets)

    def wait_until_free(self, seconds: float = 5.0) -> bool:
        """Wait until the client has closed every connection; return False if it has not within that time."""
        deadline = time.monotonic() + seconds
        while self._sockets and time.monotonic() < deadline:
            time.sleep(0.01)
        return not self._sockets

    def stop(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for each in list(self._sockets):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)

    def _start(self, target: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._sockets.add(connection)
            self.connections += 1
            self._start(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        try:
            if self._tls is not None:
                plain, connection = connection, self._tls.wrap_socket(connection, server_side=True)
                self._sockets.add(connection)
                self._sockets.discard(plain)
            with connection.makefile("rb") as reader:
                while (request := _read(reader)) is not None:
                    self.seen.append(request)
                    for act in self._script(request):
                        if isinstance(act, float):
                            _sleep(connection, act)
                        else:
                            connection.sendall(act)
        except Reset:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        except (OSError, ValueError, Hangup):  # ValueError: this is no HTTP
            pass
        finally:
            connection.close()
            self._sockets.discard(connection)


def _sleep(connection: socket.socket, seconds: float) -> None:
    """Sleep, but wake up and stop when the client goes away."""
    connection.settimeout(seconds)
    try:
        flags = 0 if isinstance(connection, ssl.SSLSocket) else socket.MSG_PEEK
        if connection.recv(1, flags) == b"":
            raise Hangup
    except TimeoutError:
        pass
    finally:
        connection.settimeout(None)


def _read(reader: object) -> Seen | None:
    line = reader.readline()  # type: ignore[attr-defined]
    if not line.strip():
        return None
    method, path, _ = line.decode().split(" ", 2)
    headers: dict[str, str] = {}
    while line := reader.readline().strip():  # type: ignore[attr-defined]
        name, _, value = line.decode().partition(":")
        before = f"{headers[name.lower()]}, " if name.lower() in headers else ""
        headers[name.lower()] = before + value.strip()
    body = reader.read(int(headers.get("content-length", 0)))  # type: ignore[attr-defined]
    return Seen(method, path, headers, body)


@contextmanager
def serving(script: Script, certificate: str = "") -> Iterator[Loopback]:
    server = Loopback(script, certificate)
    try:
        yield server
    finally:
        server.stop()


def answer(body: bytes, status: str = "200 OK", headers: str = "content-type: application/json") -> bytes:
    """Write a complete response."""
    return f"HTTP/1.1 {status}\r\n{headers}\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body


def streaming(headers: str = "content-type: text/event-stream", status: str = "200 OK") -> bytes:
    """Write the head of a chunked response."""
    return f"HTTP/1.1 {status}\r\n{headers}\r\ntransfer-encoding: chunked\r\n\r\n".encode()


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


END = b"0\r\n\r\n"


def completion(text: str = "hello", **more: object) -> bytes:
    """Write an unstreamed chat completion."""
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
    usage = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    return orjson.dumps({"id": "chat-1", "model": "m", "choices": [choice], "usage": usage, **more})


def event(content: str | None = None, finish: str | None = None, **more: object) -> bytes:
    """Write one event of a streamed chat completion."""
    delta = {} if content is None else {"content": content}
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return b"data: " + orjson.dumps({"id": "chat-1", "model": "m", "choices": [choice], **more}) + b"\n\n"


DONE = b"data: [DONE]\n\n"


def whole_stream(text: str = "hello") -> bytes:
    """Write a streamed chat completion from head to end, one letter per event."""
    events = [event(letter) for letter in text]
    return streaming() + b"".join(map(chunk, [*events, event(None, "stop"), DONE])) + END
