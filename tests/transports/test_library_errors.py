"""Errors of HTTP libraries are known by their classes, not by names that other classes have too."""

from __future__ import annotations

import asyncio
import errno
import http.client
import socket
import ssl
import tarfile
import urllib.error
from collections import Counter
from contextlib import suppress
from email.message import Message
from typing import Any

import h2.config
import h2.connection
import h2.events
import h2.exceptions
import httpcore
import httpx
import httpx2
import pytest

from stepwell import AsyncClient, Timeouts
from stepwell.pipeline.http.library_errors import transport_error
from stepwell.pipeline.http.timeouts import Clock
from stepwell.schemas import errors

from loopback import completion


def typed(error: Exception) -> BaseException:
    return transport_error(error, Clock(Timeouts(), 0.0, lambda: 0.0), "host")


@pytest.mark.parametrize("library", [httpx, httpx2, httpcore], ids=lambda library: library.__name__)
def test_each_class_of_each_library_of_this_shape_has_its_meaning(library: Any) -> None:
    class Own(library.ReadError):  # type: ignore[misc, name-defined]
        """A class of the caller's, below one of the library's."""

    for kind, meaning in (
        (library.ReadTimeout, errors.FirstEventTimeout),
        (library.ConnectTimeout, errors.ConnectTimeout),
        (library.PoolTimeout, errors.PoolTimeout),
        (library.ConnectError, errors.ConnectError),
        (library.RemoteProtocolError, errors.StreamTruncated),
        (library.LocalProtocolError, errors.InvalidRequest),
        (Own, errors.StreamTruncated),
    ):
        assert type(typed(kind("x"))) is meaning, kind


def test_other_classes_of_the_same_names_stay_what_they_are() -> None:
    class ConnectError(Exception):
        """A class of somebody's program."""

    broken = UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid")
    for error in (tarfile.ReadError("not a tar file"), ConnectError(), broken, FileNotFoundError(2, "no such file")):
        assert typed(error) is error


def test_what_the_system_raises_is_typed() -> None:
    raised: list[tuple[OSError, type[errors.TransportError]]] = [
        (TimeoutError(), errors.FirstEventTimeout),
        (ConnectionResetError(104, "reset"), errors.StreamTruncated),
        (ConnectionRefusedError(111, "refused"), errors.ConnectError),
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), errors.ConnectError),
        (OSError(errno.ENETUNREACH, "Network is unreachable"), errors.ConnectError),
        (OSError(errno.EHOSTUNREACH, "No route to host"), errors.ConnectError),
        (ssl.SSLCertVerificationError(1, "[SSL: CERTIFICATE_VERIFY_FAILED]"), errors.ConnectError),
        (ssl.SSLEOFError(8, "EOF occurred in violation of protocol"), errors.StreamTruncated),
    ]
    for error, meaning in raised:
        assert type(typed(error)) is meaning, error
        assert type(typed(urllib.error.URLError(error))) is meaning, "as urllib.request raises it"
    for broken in (http.client.IncompleteRead(b""), http.client.BadStatusLine(""), asyncio.IncompleteReadError(b"", 3)):
        assert type(typed(broken)) is errors.StreamTruncated


def test_what_is_not_about_the_network_stays_what_it_is() -> None:
    answered = urllib.error.HTTPError("https://a", 401, "no", Message(), None)
    unreadable = urllib.error.URLError(FileNotFoundError(2, "no such file"))
    for error in (answered, urllib.error.URLError("unknown url type"), OSError(errno.EMFILE, "many"), EOFError()):
        assert typed(error) is error
    assert not isinstance(typed(unreadable), errors.StepwellError)


class Spoiling:
    """A server of HTTP/2 whose every fifth answer is longer than it says."""

    def __init__(self) -> None:
        self.answers = 0

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = h2.connection.H2Connection(config=h2.config.H2Configuration(client_side=False))
        connection.initiate_connection()
        with suppress(OSError, h2.exceptions.ProtocolError):
            writer.write(connection.data_to_send())
            while data := await reader.read(65536):
                for seen in connection.receive_data(data):
                    if isinstance(seen, h2.events.DataReceived):
                        connection.acknowledge_received_data(seen.flow_controlled_length, seen.stream_id)
                    if isinstance(seen, h2.events.StreamEnded):
                        self.answer(connection, seen.stream_id)
                writer.write(connection.data_to_send())
        writer.close()

    def answer(self, connection: Any, stream: int) -> None:
        self.answers += 1
        body = completion("yes")
        length = len(body) - (9 if self.answers % 5 == 0 else 0)
        head = [(":status", "200"), ("content-type", "application/json"), ("content-length", str(length))]
        connection.send_headers(stream, head)
        connection.send_data(stream, body, end_stream=True)


async def test_a_spoilt_connection_of_http2_fails_its_calls_by_errors_that_may_pass() -> None:
    """HTTP/2 comes with a client of the caller's own only; httpx raises its library's own errors there."""
    server = await asyncio.start_server(Spoiling(), "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    found: Counter[bool | None] = Counter()
    async with httpx.AsyncClient(http1=False, http2=True) as http:
        client = AsyncClient(http=http, base_urls={"openai": url}, api_keys={"openai": "k"}, retries=0)

        async def ask() -> None:
            try:
                await client.generate_text("openai:m", "hi", timeout=20)
            except errors.TransportError as error:
                found[error.retryable] += 1
            else:
                found[None] += 1

        await asyncio.gather(*(ask() for _ in range(20)))
    server.close()
    assert found[None] and found[True] and found[False] == 0


def test_libraries_that_functions_of_users_call_are_known_too() -> None:
    for package, name, meaning in (
        ("requests", "ConnectionError", errors.ConnectError),
        ("requests", "ReadTimeout", errors.FirstEventTimeout),
        ("requests", "ChunkedEncodingError", errors.StreamTruncated),
        ("urllib3", "NewConnectionError", errors.ConnectError),
        ("urllib3", "ProtocolError", errors.StreamTruncated),
        ("aiohttp", "ServerDisconnectedError", errors.StreamTruncated),
        ("idna", "IDNAError", errors.ConnectError),
        ("elsewhere", "ServerDisconnectedError", None),
    ):
        error = type(name, (OSError,), {"__module__": f"{package}.exceptions"})()
        assert type(typed(error)) is (meaning or type(error)), (package, name)
