"""A key that a server quotes in its answer does not get into an error."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import orjson
import pytest
from in_turn import in_turn
from leaks import leaks

from stepwell import Client
from stepwell.schemas import errors
from stepwell.testing import Cassette

from loopback import event

CANARY = "sk-canary-123456789-abcdefghijkl"
MODEL = "groq:m"


def error_of(answer: Callable[[httpx.Request], httpx.Response], *, stream: bool = False, **options: Any) -> Any:
    client = Client(transport=httpx.MockTransport(answer), api_keys={"groq": CANARY}, retries=0)
    with client, pytest.raises(errors.StepwellError) as caught:
        client.stream_text(MODEL, "hi", **options).reply() if stream else client.generate_text(MODEL, "hi", **options)
    return caught.value


def quoting(status: int = 401, header: str = "authorization", **more: Any) -> Callable[[httpx.Request], httpx.Response]:
    def answer(request: httpx.Request) -> httpx.Response:
        said = f"Invalid key {request.headers[header]} in your request"
        return httpx.Response(status, json={"error": {"message": said, **more}}, headers={"x-your-key": said})

    return answer


@pytest.mark.parametrize("status", [400, 401, 403, 429, 500])
def test_an_echoed_key_is_masked_in_the_message_the_body_and_the_headers(status: int) -> None:
    error = error_of(quoting(status))
    assert "Invalid key Bearer ********** in your request" in str(error)
    assert b"Bearer **********" in error.body and "Bearer **********" in error.headers["x-your-key"]
    assert leaks(error, CANARY) == []


def test_a_key_of_the_call_in_another_spelling_is_masked_too() -> None:
    basic = b64encode(f"user:{CANARY}".encode()).decode()
    error = error_of(
        lambda request: httpx.Response(401, json={"error": {"message": f"no such login: {basic}!"}}),
        headers={"authorization": f"Basic {basic}"},
    )
    assert basic not in str(error) and basic.encode() not in error.body and "no such login" in str(error)


@pytest.mark.parametrize("stream", [False, True], ids=["unstreamed", "streamed"])
def test_a_key_that_a_function_gives_is_masked_too(stream: bool) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        said = orjson.dumps({"error": {"message": request.headers["authorization"]}})
        return httpx.Response(200, content=b"data: " + said + b"\n\n") if stream else httpx.Response(401, content=said)

    keys = {"google_vertex": {"token": lambda: CANARY, "project": "p", "location": "global"}}
    client = Client(transport=httpx.MockTransport(answer), api_keys=keys, retries=0)
    with client, pytest.raises(errors.ProviderError) as caught:
        call = client.stream_text if stream else client.generate_text
        call("google_vertex:meta/llama", "hi", wire="openai_chat")
    assert "Bearer **********" in str(caught.value) and CANARY not in str(caught.value) + repr(vars(caught.value))


SPELLED: dict[str, Callable[[str], str]] = {
    "JSON of PHP": lambda text: text.replace("/", "\\/"),
    "JSON of .NET": lambda text: text.replace("+", "\\u002B"),
    "JSON in JSON": lambda text: text.replace("+", "\\\\u002b").replace("/", "\\\\\\/"),
    "HTML": lambda text: text.replace("+", "&#43;").replace("/", "&#x2F;"),
    "a URL": lambda text: quote(text, safe=""),
    "a URL in lower case": lambda text: text.replace("+", "%2b").replace("/", "%2f"),
}
MIXED = "a8/Zq+9/xW+3/Lm+Q/5t+Vb7/Rk+2=="


@in_turn("way", SPELLED)
def test_a_key_is_masked_as_servers_write_it_in_errors_and_on_cassettes(way: str, tmp_path: Path) -> None:
    parts = [each for each in re.split(r"[/+=]", MIXED) if len(each) > 1]
    said = b'{"error": {"message": "Wrong key", "sent": "Bearer %s!"}}' % SPELLED[way](MIXED).encode()
    server = httpx.MockTransport(lambda request: httpx.Response(401, content=said))
    path = tmp_path / f"{way}.json"
    for options in ({"api_key": MIXED}, {"headers": {"x-own": MIXED}, "api_key": "any"}):
        with Client(transport=Cassette(path, record="always", transport=server), retries=0) as client:
            with pytest.raises(errors.AuthError) as caught:
                client.generate_text(MODEL, "hi", **options)
        shown = path.read_text()
        if "headers" not in options:
            shown += str(caught.value) + repr(vars(caught.value))
        assert "Bearer **********" in shown and [each for each in parts if each in shown] == []


def test_a_key_that_a_cut_went_through_is_masked_too() -> None:
    error = error_of(lambda request: httpx.Response(500, text="x" * 270 + " " + request.headers["authorization"]))
    assert CANARY[:20] not in str(error)


@pytest.mark.parametrize("before", [b"", event("some text")], ids=["at once", "halfway"])
def test_inside_a_stream_too(before: bytes) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        said = {"error": {"message": f"Invalid key {request.headers['authorization']}"}}
        return httpx.Response(200, content=before + b"data: " + orjson.dumps(said) + b"\n\n")

    error = error_of(answer, stream=True)
    assert "Invalid key Bearer **********" in str(error)
    assert CANARY not in str(error) + repr(vars(error)) and CANARY.encode() not in error.body


@pytest.mark.parametrize("content", [b"<p>%s</p>", b'{"choices": 5, "key": "%s"}'], ids=["not JSON", "not the wire's"])
def test_in_an_answer_that_cannot_be_read_too(content: bytes) -> None:
    error = error_of(lambda request: httpx.Response(200, content=content % request.headers["authorization"].encode()))
    assert isinstance(error, errors.DecodeError) and b"**********" in error.payload
    assert CANARY not in str(error) + repr(vars(error))


def test_a_short_key_is_masked_where_it_stands_alone() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(401, json={"error": {"message": "the latest Bearer test! failed"}})

    client = Client(transport=httpx.MockTransport(answer), api_keys={"groq": "test"}, retries=0)
    with client, pytest.raises(errors.AuthError, match=r"the latest Bearer \*{10}! failed") as caught:
        client.generate_text(MODEL, "hi", headers={"x-other": "failed"})
    assert b"the latest Bearer **********! failed" in caught.value.body
