"""Bare sockets under two of the floors: a blocking one for sync calls, an `asyncio.BufferedProtocol` for async ones.

They differ in what reads an answer: a class with `feed(data)`, the `pieces` of the body that came since they were last
taken, and `done`; a new object for each answer. Connections are kept open. No wait has a limit, and nothing is checked
but the status.
"""

import child  # isort: skip
import asyncio
import socket
import ssl
import time
from functools import cache, partial
from urllib.parse import urlsplit

from least import DELTAS, HEADERS, PATHS, body_of, text_of_reply

READ = 65536  # bytes at most of one read
IDLE: dict[tuple, list] = {}
"""Open connections that wait for their next call, by whether they are async and by server."""


@cache
def head_of(url: str, wire: str) -> bytes:
    """Return the head of a request up to the number of its content-length."""
    parts, headers = urlsplit(url), [f"{name}: {value}" for name, value in HEADERS[wire].items()]
    lines = [f"POST {parts.path}{PATHS[wire]} HTTP/1.1", f"host: {parts.netloc}", *headers, "content-length: "]
    return "\r\n".join(lines).encode()


def request(task: child.Task, *, stream: bool) -> bytes:
    """Return the bytes of a request."""
    body = body_of(task, stream=stream)
    return b"%b%d\r\n\r\n%b" % (head_of(task.url, task.wire), len(body), body)


@cache
def server_of(url: str) -> tuple[str, int, bool]:
    """Return host, port, and whether it speaks TLS."""
    parts = urlsplit(url)
    return parts.hostname, parts.port, parts.scheme == "https"


@cache
def tls() -> ssl.SSLContext:
    return ssl.create_default_context()


def connect(server: tuple[str, int, bool]) -> socket.socket:
    """Return an idle connection to a server, or a new one."""
    if idle := IDLE.get((False, server)):
        return idle.pop()
    host, port, secure = server
    opened = socket.create_connection((host, port))
    opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return tls().wrap_socket(opened, server_hostname=host) if secure else opened


class Connection(asyncio.BufferedProtocol):
    """One async connection, used by one call at a time. A plain Protocol costs a new buffer of 256 kB for each read."""

    buffer = memoryview(bytearray(READ))

    def __init__(self) -> None:
        self.waiter = None
        self.answer = None

    def connection_made(self, transport) -> None:
        self.transport = transport

    def get_buffer(self, hint: int) -> memoryview:
        return self.buffer

    def buffer_updated(self, size: int) -> None:
        self.answer.feed(bytes(self.buffer[:size]))
        self._wake()

    def connection_lost(self, error: Exception | None) -> None:
        self._wake(error or ConnectionError("the server has closed the connection"))

    def _wake(self, error: Exception | None = None) -> None:
        if self.waiter and not self.waiter.done():
            self.waiter.set_exception(error) if error else self.waiter.set_result(None)

    def wait(self) -> asyncio.Future:
        """Return what is done when more has arrived."""
        self.waiter = asyncio.get_running_loop().create_future()
        return self.waiter


async def aconnect(server: tuple[str, int, bool]) -> Connection:
    """Async version of `connect`."""
    if idle := IDLE.get((True, server)):
        return idle.pop()
    host, port, secure = server
    context = tls() if secure else None
    _, connection = await asyncio.get_running_loop().create_connection(Connection, host, port, ssl=context)
    return connection


def keep(connection: socket.socket | Connection, server: tuple[str, int, bool]) -> None:
    IDLE.setdefault((isinstance(connection, Connection), server), []).append(connection)


def call(task: child.Task, answers: type) -> int:
    server, answer = server_of(task.url), answers()
    connection = connect(server)
    connection.sendall(request(task, stream=False))
    while not answer.done:
        answer.feed(connection.recv(READ))
    keep(connection, server)
    return len(text_of_reply(task, b"".join(answer.pieces)))


async def acall(task: child.Task, answers: type) -> int:
    server = server_of(task.url)
    connection = await aconnect(server)
    connection.answer = answer = answers()
    connection.transport.write(request(task, stream=False))
    while not answer.done:
        await connection.wait()
    keep(connection, server)
    return len(text_of_reply(task, b"".join(answer.pieces)))


def stream(task: child.Task, answers: type) -> int:
    total, rest, delta, waiting = 0, b"", DELTAS[task.wire], task.first_only
    server, answer = server_of(task.url), answers()
    connection = connect(server)
    connection.sendall(request(task, stream=True))
    while not answer.done:
        answer.feed(connection.recv(READ))
        *events, rest = b"".join([rest, *answer.pieces]).split(b"\n\n")
        answer.pieces.clear()
        for event in events:
            total += len(delta(event))
        if waiting and total:
            task.first_at, waiting = time.perf_counter(), False
    keep(connection, server)
    return total


async def astream(task: child.Task, answers: type) -> int:
    total, rest, delta, waiting = 0, b"", DELTAS[task.wire], task.first_only
    server = server_of(task.url)
    connection = await aconnect(server)
    connection.answer = answer = answers()
    connection.transport.write(request(task, stream=True))
    while not answer.done:
        await connection.wait()
        *events, rest = b"".join([rest, *answer.pieces]).split(b"\n\n")
        answer.pieces.clear()
        for event in events:
            total += len(delta(event))
        if waiting and total:
            task.first_at, waiting = time.perf_counter(), False
    keep(connection, server)
    return total


def serve(answers: type, packages: list[str]) -> None:
    """Run jobs with a class that reads answers."""
    functions = {f.__name__: partial(f, answers=answers) for f in (call, acall, stream, astream)}
    child.serve(packages=packages, wires=["openai", "anthropic"], **functions)
