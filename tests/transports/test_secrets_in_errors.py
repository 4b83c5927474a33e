"""No error that leaves the library leads to the key, in any way that a call can fail."""

from __future__ import annotations

import gc
import logging
import socket
import ssl
import threading
import weakref
from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

import httpx
import orjson
import pytest
from carriers import MODEL, all_carriers, ask, client_of
from leaks import chain, leaks

import stepwell
from stepwell import Client, Timeouts
from stepwell.pipeline.step import on_request
from stepwell.schemas import errors

from loopback import DONE, Hangup, answer, chunk, event, serving, streaming

CANARY = "sk-canary-123456789"
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "no_proxy")


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)


def closed_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"127.0.0.1:{listener.getsockname()[1]}"


def failed(server: Any, carrier: str, *, stream: bool, **settings: Any) -> errors.StepwellError:
    with pytest.raises(errors.StepwellError) as caught:
        ask(server, carrier, stream=stream, api_keys={"openai": CANARY}, **settings)
    return caught.value


def hanging_up(*acts: bytes) -> Any:
    def script(request: Any) -> Iterable[bytes]:
        yield from acts
        raise Hangup

    return script


FAULTS: dict[str, Any] = {
    "no answer": lambda request: [60.0],
    "no head": hanging_up(),
    "a head that is none": hanging_up(b"what?\r\n\r\n"),
    "cut": hanging_up(streaming() + chunk(event("a"))),
    "silent": lambda request: [streaming(), chunk(event("a")), 60.0],
    "refused": lambda request: [answer(b'{"error": {"message": "bad key"}}', "401 Unauthorized")],
    "an error inside": lambda request: [streaming(), chunk(b'data: {"error": {"message": "no"}}\n\n')],
    "no JSON": lambda request: [streaming(), chunk(b"data: {oops\n\n"), chunk(DONE)],
}
streams = pytest.mark.parametrize("stream", [False, True], ids=["unstreamed", "streamed"])


@all_carriers
@streams
@pytest.mark.parametrize("fault", FAULTS)
def test_a_call_that_fails(carrier: str, stream: bool, fault: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with serving(FAULTS[fault]) as server:
        error = failed(server, carrier, stream=stream, timeout=Timeouts(first_event=0.2, idle=0.2))
    assert leaks(error, CANARY) == [] and CANARY not in caplog.text
    assert all(isinstance(each, errors.StepwellError | ValueError) for each in chain(error)), "none of a library's own"


def test_a_prompt_that_a_provider_quotes_is_in_no_message() -> None:
    texts = ("be kind to patients", "my diagnosis is secret: " + "x" * 900, "sent back")
    prompt = [stepwell.system(texts[0]), texts[1], stepwell.assistant(texts[2]), "hi"]
    for quoted in (*texts, texts[1][:300]):
        body = orjson.dumps({"error": {"message": f"Invalid content: '{quoted}'"}})
        inside = [streaming(), chunk(event(quoted)), chunk(b"data: " + body + b"\n\n")]
        for refusal in ([answer(body, "400 Bad Request")], inside):
            with serving(lambda request, acts=refusal: acts) as server, client_of(server) as client:
                with pytest.raises(errors.StepwellError, match="Invalid content: '…") as caught:
                    client.stream_text(MODEL, prompt).reply()
                assert quoted[:40] not in str(caught.value)


@all_carriers
@streams
def test_a_connection_that_is_refused(carrier: str, stream: bool) -> None:
    error = failed(SimpleNamespace(url=f"http://{closed_port()}"), carrier, stream=stream)
    assert isinstance(error, errors.ConnectError) and error.__context__ is None and leaks(error, CANARY) == []


@all_carriers
def test_a_server_without_tls_is_a_connect_error(carrier: str) -> None:
    def speak_no_tls() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=speak_no_tls)
        thread.start()
        server = SimpleNamespace(url=f"https://127.0.0.1:{listener.getsockname()[1]}")
        error = failed(server, carrier, stream=False)
        thread.join()
    assert leaks(error, CANARY) == [] and not any(isinstance(each, ssl.SSLError) for each in chain(error))


@all_carriers
@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("answers", ["not at all", "no", "badly"])
def test_a_proxy_that_fails(carrier: str, scheme: str, answers: str, monkeypatch: pytest.MonkeyPatch) -> None:
    script = {"not at all": hanging_up(), "no": lambda request: [answer(b"", "407 No")], "badly": hanging_up(b"?\r\n")}
    with serving(script[answers]) as proxy:
        monkeypatch.setenv(f"{scheme.upper()}_PROXY", proxy.url)
        server = SimpleNamespace(url=f"{scheme}://127.0.0.1.invalid/v1")
        error = failed(server, carrier, stream=False)
        assert proxy.seen, "the call went by the proxy"
    assert leaks(error, CANARY) == []


@all_carriers
def test_a_proxy_that_is_not_there(carrier: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://{closed_port()}")
    error = failed(SimpleNamespace(url="http://127.0.0.1.invalid/v1"), carrier, stream=False)
    assert leaks(error, CANARY) == []


def test_a_step_that_spoils_the_header_of_the_key() -> None:
    spoil = on_request("spoil", lambda request: request.with_headers(x_copy=f"{CANARY}\r\nEvil: 1"))
    with serving(lambda request: []) as server, client_of(server) as client:
        client.pipeline = lambda pipeline: pipeline.after("authenticate", spoil)
        with pytest.raises(errors.InvalidOption, match="'x-copy' cannot be sent") as caught:
            client.generate_text(MODEL, "hi", api_key=CANARY)
        assert server.seen == [] and leaks(caught.value, CANARY) == []


def test_a_librarys_exception_is_released_at_once() -> None:
    kept: list[Any] = []

    class Lost(httpx.ReadError):
        def __init__(self, *args: Any, **more: Any) -> None:
            super().__init__(*args, **more)
            kept.append(weakref.ref(self))

    def handler(request: httpx.Request) -> httpx.Response:
        raise Lost("gone", request=request)

    gc.disable()
    try:
        with Client(transport=httpx.MockTransport(handler), api_keys={"openai": CANARY}, retries=0) as client:
            with pytest.raises(errors.StreamTruncated):
                client.generate_text(MODEL, "hi")
        assert kept[0]() is None, "not even until the next collection"
    finally:
        gc.enable()
