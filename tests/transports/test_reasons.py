"""Errors of connecting tell the reason, whichever library and event loop wraps it, and no other."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import anyio
import pytest
from carriers import MODEL, aclient_of, client_of

from stepwell import network_settings
from stepwell.schemas import errors

from loopback import CERTIFICATES, Loopback, answer, completion, serving

BACKENDS = ("asyncio", "trio")
WRONG = {"expired": "has expired", "other_host": "is not valid for", "unknown_ca": "unable to get local issuer"}


def failed(url: str, backend: str, **settings: object) -> errors.StepwellError:
    """Make a call over httpx on an event loop, or without one, and return its error."""
    server = Loopback.__new__(Loopback)
    server.url = url

    async def main() -> None:
        async with aclient_of(server, transport="httpx", **settings) as client:
            await client.generate_text(MODEL, "hi")

    with pytest.raises(errors.StepwellError) as caught:
        if backend:
            anyio.run(main, backend=backend)
        else:
            with client_of(server, transport="httpx", **settings) as client:
                client.generate_text(MODEL, "hi")
    return caught.value


@pytest.fixture
def own_authority(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATES / "ca.pem"))
    network_settings.tls_settings.cache_clear()
    yield
    network_settings.tls_settings.cache_clear()


@pytest.mark.usefixtures("own_authority")
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_wrong_certificate_is_named_and_not_tried_again_on_each_event_loop(backend: str) -> None:
    for name, reason in WRONG.items():
        with serving(lambda request: [answer(completion())], certificate=name) as server:
            error = failed(server.url, backend, retries=2)
            assert type(error) is errors.ConnectError and reason in str(error), error
            assert not error.retryable and server.connections == 1


@pytest.mark.parametrize("backend", ["", *BACKENDS])
def test_a_refused_connection_has_the_reason_of_the_system(backend: str) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        error = failed(f"http://127.0.0.1:{unused.getsockname()[1]}", backend)
    assert type(error) is errors.ConnectError and error.hint is not None and "[Errno" in error.hint


def test_an_error_that_the_program_handles_meanwhile_is_not_the_reason() -> None:
    def cut(request: object) -> Iterator[bytes]:
        yield b"rubbish\r\n\r\n"

    with serving(cut) as server:
        try:
            raise FileNotFoundError(2, "No such file", "/home/someone/private")
        except FileNotFoundError:
            error = failed(server.url, "")
    assert type(error) is errors.StreamTruncated and "private" not in str(error)


@contextmanager
def proxy(said: bytes) -> Iterator[str]:
    """Serve connections that read one request, answer this, and end."""

    def serve() -> None:
        with suppress(OSError):
            while True:
                with listener.accept()[0] as connection:
                    connection.recv(2**16)
                    connection.sendall(said)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


@pytest.mark.parametrize("backend", ["", *BACKENDS])
@pytest.mark.parametrize("said", [b"", b"\x05\x00", b"HTTP/1.1 200 OK\r\nx"], ids=["nothing", "SOCKS", "half a head"])
def test_what_goes_wrong_on_the_way_through_a_proxy_is_laid_to_the_proxy(
    said: bytes, backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with proxy(said) as url:
        monkeypatch.setenv("HTTPS_PROXY", url)
        error = failed("https://provider.test", backend)
    assert type(error) is errors.ConnectError and "the proxy" in str(error) and "HTTPS_PROXY" in str(error), error
