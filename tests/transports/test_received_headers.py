"""An answer's headers are read alike on every transport and in every spelling."""

from __future__ import annotations

import asyncio
import gzip
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import orjson
import pytest
from carriers import NAMES, is_async, name_of, own_client
from in_turn import in_turn

from stepwell import AsyncClient, Client
from stepwell.pipeline.effects import Send
from stepwell.pipeline.http.request import Request
from stepwell.pipeline.http.response import Response
from stepwell.pipeline.http.retry_after import retry_after
from stepwell.pipeline.offline import finish_offline
from stepwell.providers.declare.vendor_names import VENDOR_NAMES
from stepwell.schemas import errors
from stepwell.schemas.model import Model
from stepwell.testing.cassette import Cassette

from costs import thorough_after
from loopback import completion, serving

SPELLINGS = {"lower": str.lower, "Title": str.title, "UPPER": str.upper}
IN_MEMORY = ("MockTransport", "MockTransport async", "a client with plain headers", "cassette")
EVERYWHERE = (*NAMES, *IN_MEMORY)
CLAUDE = "amazon_bedrock:anthropic.claude-3-5-sonnet-20240620-v1:0"

over_all = pytest.mark.parametrize("carrier", EVERYWHERE)
spelt = pytest.mark.parametrize("spelling", thorough_after(1, SPELLINGS.values()), ids=SPELLINGS)

Pairs = list[tuple[str, str]]


class PlainClient:
    """A custom client whose headers are a plain dict."""

    def __init__(self, status: int, headers: Pairs, body: bytes) -> None:
        self._answer = (status, dict(headers), body)

    def build_request(self, method: str, url: str, **parts: Any) -> Any:
        return SimpleNamespace(method=method, url=url, **parts)

    def send(self, request: Any, **_: Any) -> Any:
        status, headers, body = self._answer
        place, close = SimpleNamespace(host="own.test"), lambda: None
        return SimpleNamespace(
            status_code=status, headers=headers, stream=[body], extensions={}, url=place, close=close
        )


def outcome_of(
    carrier: str,
    headers: Pairs,
    tmp_path: Path,
    *,
    status: int = 200,
    body: bytes = completion(),
    model: str = "openai:m",
    call: str = "generate_text",
    given: Any = "hi",
) -> Any:
    """Make a call over this carrier and return the reply or the error."""
    provider = model.partition(":")[0]
    settings: dict[str, Any] = {"api_keys": {provider: "k"}, "retries": 0}
    mock = httpx.MockTransport(lambda request: httpx.Response(status, headers=headers, content=body))
    if carrier in IN_MEMORY:
        settings["base_urls"] = {provider: "https://own.test/v1"}
        if carrier.startswith("MockTransport"):
            return _outcome(carrier, call, model, given, transport=mock, **settings)
        if carrier != "cassette":
            return _outcome(carrier, call, model, given, http=PlainClient(status, headers, body), **settings)
        path = tmp_path / "cassette.json"
        _outcome(carrier, call, model, given, transport=Cassette(path, transport=mock), **settings)
        return _outcome(carrier, call, model, given, transport=Cassette(path, record="never"), **settings)
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
    raw = f"HTTP/1.1 {status} Said\r\n{lines}Content-Length: {len(body)}\r\n\r\n".encode() + body
    name = name_of(carrier)
    with serving(lambda request: [raw]) as server:
        settings["base_urls"] = {provider: server.url}
        return _outcome(carrier, call, model, given, transport=name, **settings)


def _outcome(carrier: str, call: str, model: str, given: Any, **settings: Any) -> Any:
    if not is_async(carrier):
        with own_client(carrier) as http, Client(**{"http": http, **settings}) as client:
            try:
                made = getattr(client, call)(model, given)
                return made.reply() if call == "stream_text" else made
            except errors.StepwellError as error:
                return error

    async def run() -> Any:
        async with own_client(carrier) as http, AsyncClient(**{"http": http, **settings}) as client:
            try:
                made = getattr(client, call)(model, given)
                return await (made.reply() if call == "stream_text" else made)
            except errors.StepwellError as error:
                return error

    return asyncio.run(run())


JSON = ("content-type", "application/json")


@over_all
@spelt
@pytest.mark.parametrize(("name", "value", "seconds"), [("retry-after", "3", 3.0), ("retry-after-ms", "1500", 1.5)])
def test_a_wait_that_is_asked_for_is_known(
    carrier: str, spelling: Any, name: str, value: str, seconds: float, tmp_path: Path
) -> None:
    error = outcome_of(carrier, [JSON, (spelling(name), value)], tmp_path, status=429, body=b"{}")
    assert isinstance(error, errors.RateLimitError) and error.retry_after == seconds
    assert error.headers[name] == value


@over_all
@spelt
def test_a_wait_may_be_given_as_a_date(carrier: str, spelling: Any, tmp_path: Path) -> None:
    at = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    error = outcome_of(carrier, [JSON, (spelling("retry-after"), at)], tmp_path, status=503, body=b"{}")
    assert 3000 < error.retry_after <= 3600


@over_all
@spelt
def test_a_request_id_is_read_from_every_header_name(carrier: str, spelling: Any, tmp_path: Path) -> None:
    # In memory every name; over a socket one, as what is tested there is that the spelling does not matter.
    for name in VENDOR_NAMES.request_id if carrier in IN_MEMORY else VENDOR_NAMES.request_id[:1]:
        reply = outcome_of(carrier, [JSON, (spelling(name), "id-1")], tmp_path / name)
        error = outcome_of(carrier, [JSON, (spelling(name), "id-2")], tmp_path / f"{name}-e", status=500, body=b"{}")
        assert (reply.request_id, error.request_id) == ("id-1", "id-2"), name


@over_all
@spelt
def test_bedrock_names_its_errors_in_a_header(carrier: str, spelling: Any, tmp_path: Path) -> None:
    headers = [JSON, (spelling("x-amzn-errortype"), "ThrottlingException:http://internal")]
    error = outcome_of(carrier, headers, tmp_path, status=400, body=b'{"message":"no"}', model=CLAUDE)
    assert isinstance(error, errors.RateLimitError) and error.code == "ThrottlingException" and error.retryable


@over_all
@spelt
def test_limits_and_other_headers_are_on_the_reply_under_any_spelling(
    carrier: str, spelling: Any, tmp_path: Path
) -> None:
    reply = outcome_of(carrier, [JSON, (spelling("x-ratelimit-remaining-requests"), "7")], tmp_path)
    for other in SPELLINGS.values():
        assert reply.headers[other("x-ratelimit-remaining-requests")] == "7"
    assert [*reply.headers] == [name.lower() for name in reply.headers]


@over_all
@spelt
def test_a_page_in_place_of_a_stream_is_recognised_by_its_content_type(
    carrier: str, spelling: Any, tmp_path: Path
) -> None:
    headers = [(spelling("content-type"), "text/html; charset=utf-8")]
    error = outcome_of(carrier, headers, tmp_path, body=b"<html>log in</html>", call="stream_text")
    assert isinstance(error, errors.DecodeError) and "text/html" in str(error)


@over_all
@spelt
def test_token_counts_that_are_only_in_a_header_are_read(carrier: str, spelling: Any, tmp_path: Path) -> None:
    headers = [JSON, (spelling("x-amzn-bedrock-input-token-count"), "4")]
    body = orjson.dumps({"embeddings": [[0.1, 0.2]]})
    model = "amazon_bedrock:cohere.embed-english-v3"
    reply = outcome_of(carrier, headers, tmp_path, body=body, model=model, call="embed", given=["hi"])
    assert reply.object == [[0.1, 0.2]] and reply.usage.input_tokens == 4


REPEATED = [
    ([("X-Said", "a"), ("x-said", "b")], "a, b"),
    ([("X-Said", "a"), ("x-said", "a")], "a"),
    ([("X-Said", "a, b")], "a, b"),
]


@pytest.mark.parametrize("carrier", [name for name in EVERYWHERE if name not in IN_MEMORY[2:]])
@pytest.mark.parametrize(("headers", "value"), REPEATED)
def test_several_values_of_one_name_are_one(carrier: str, headers: Pairs, value: str, tmp_path: Path) -> None:
    assert outcome_of(carrier, [JSON, *headers], tmp_path).headers["x-said"] == value


@pytest.mark.parametrize("carrier", [name for name in EVERYWHERE if name not in IN_MEMORY[2:]])
@pytest.mark.parametrize("values", [("3", "3"), ("3", "5")])
def test_a_wait_that_was_asked_for_twice_is_the_longer(carrier: str, values: tuple[str, ...], tmp_path: Path) -> None:
    headers = [("Retry-After", value) for value in values]
    error = outcome_of(carrier, [JSON, *headers], tmp_path, status=429, body=b"{}")
    assert error.retry_after == float(max(values))


SOON = datetime(2099, 10, 21, 7, 28, tzinfo=UTC)
DATES = {
    "of today's form": format_datetime(SOON, usegmt=True),
    "of RFC 850": SOON.strftime("%A, %d-%b-%y %H:%M:%S GMT").replace("-99", "-45"),
    "of asctime": SOON.strftime("%a %b %d %H:%M:%S %Y"),
}
UNUSABLE = ("", " ", "soon", "-1", "nan", "inf", "Wed, 21 Oct 2015 07:28:00 GMT", "Wed, 99 Oct 2099", ",", "5 s")


@pytest.mark.parametrize("unusable", UNUSABLE)
def test_an_unusable_wait_does_not_hide_a_usable_one(unusable: str) -> None:
    assert (
        retry_after({"retry-after-ms": unusable}, time.time()) is None
        and retry_after({"retry-after": unusable}, time.time()) is None
    )
    assert retry_after({"retry-after-ms": unusable, "retry-after": "5"}, time.time()) == 5
    assert retry_after({"retry-after-ms": "1500", "retry-after": unusable}, time.time()) == 1.5
    for value in (f"5, {unusable}", f"{unusable}, 5", f"3, {unusable}, 5"):
        assert retry_after({"retry-after": value}, time.time()) == 5, value
        assert retry_after({"retry-after-ms": value}, time.time()) == 0.005, value


@in_turn("date", DATES.values())
@in_turn("other", [*UNUSABLE, "5", format_datetime(SOON - timedelta(days=1), usegmt=True)])
def test_of_several_waits_and_dates_the_longest_counts(date: str, other: str) -> None:
    alone = retry_after({"retry-after": date}, time.time())
    assert alone is not None and alone > 86_400
    latest = max(alone, retry_after({"retry-after": other}, time.time()) or 0)
    for value in (f"{date}, {other}", f"{other}, {date}"):
        assert retry_after({"retry-after": value}, time.time()) == pytest.approx(latest, abs=60), value


@over_all
def test_a_wait_in_unusable_milliseconds_is_that_in_seconds(carrier: str, tmp_path: Path) -> None:
    headers = [JSON, ("retry-after-ms", "soon"), ("retry-after", "5")]
    assert outcome_of(carrier, headers, tmp_path, status=429, body=b"{}").retry_after == 5


@over_all
@pytest.mark.parametrize("empty", ["", " "])
def test_an_empty_request_id_does_not_hide_another(carrier: str, empty: str, tmp_path: Path) -> None:
    for name, other in pairwise(VENDOR_NAMES.request_id):
        error = outcome_of(carrier, [JSON, (name, empty), (other, "id-1")], tmp_path / name, status=500, body=b"{}")
        assert error.request_id == "id-1", name


@pytest.mark.parametrize(
    "raw", ["café".encode("latin-1"), "café".encode(), "世界".encode(), b"\xff\x80", b"\xc3\xa9\xff"]
)
def test_a_cassette_replays_a_header_that_is_not_ascii(raw: bytes, tmp_path: Path) -> None:
    headers = [(b"x-request-id", raw), (b"x-ratelimit-who", raw), (b"content-type", b"application/json")]
    mock = httpx.MockTransport(lambda request: httpx.Response(200, headers=headers, content=completion()))
    path = tmp_path / "cassette.json"
    settings: dict[str, Any] = {"api_keys": {"openai": "k"}, "retries": 0}
    for carrier in ("sync", "async"):
        tape = path.with_stem(carrier)
        recorded = _outcome(
            carrier, "generate_text", "openai:m", "hi", transport=Cassette(tape, transport=mock), **settings
        )
        played = _outcome(
            carrier, "generate_text", "openai:m", "hi", transport=Cassette(tape, record="never"), **settings
        )
        assert played.request_id == recorded.request_id != "" and not recorded.request_id.isascii()
        assert played.headers["x-ratelimit-who"] == recorded.headers["x-ratelimit-who"]


@spelt
def test_an_answer_made_by_a_step_is_decoded_like_one_from_a_transport(spelling: Any) -> None:
    """As a batch does with the lines of its results, and a step with an answer of its own."""
    seen: list[Response] = []

    def flow() -> Any:
        seen.append((yield Send(Request("chat", Model("openai", "m")))))
        return seen[0]

    headers = {spelling("retry-after"): "3", spelling("request-id"): "id-1"}
    running = finish_offline(flow(), 429, headers, b"{}")
    with pytest.raises(StopIteration):
        next(running)
    (response,) = seen
    assert (retry_after(response.headers, time.time()), response.request_id) == (3.0, "id-1")


@pytest.mark.parametrize("carrier", EVERYWHERE[:-1])  # a cassette keeps the type of what it has read, not its packing
@spelt
def test_a_compressed_answer_is_known_by_its_header(carrier: str, spelling: Any, tmp_path: Path) -> None:
    reply = outcome_of(
        carrier, [JSON, (spelling("content-encoding"), "gzip")], tmp_path, body=gzip.compress(completion())
    )
    assert reply.text == "hello"
