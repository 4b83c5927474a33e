"""Answers as the vendors document them: each reaches its provider's own declaration, in every way, and goes back."""

from __future__ import annotations

from base64 import b64decode
from decimal import Decimal
from typing import Any

import httpx
import orjson
from documented_bodies import Exchange
from documented_calls import BEFORE, CALLS
from documented_exchanges import ALL, EXCHANGES, VECTORS

import stepwell
from stepwell import Client, Context, Reply, user
from stepwell.messages import tool_result
from stepwell.schemas.chunks import TextDelta
from stepwell.steps import read_text_calls

from every_way import WAYS
from recordings import FOLDER

KEYS: dict[str, Any] = {
    "amazon_bedrock": {"access_key": "a", "secret_key": "s", "region": "us-east-1"},
    "amazon_bedrock_mantle": {"api_key": "k", "region": "eu-west-1"},
    "google_vertex": {"token": "t", "project": "p", "location": "us-central1"},
}


def answered(exchange: Exchange, streaming: bool, seen: list[httpx.Request]) -> dict[str, Any]:
    """Return the settings of a client of the exchange's provider, which answers as documented."""
    body, kind = exchange.answer(streaming)

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, content=body, headers={"content-type": kind})

    keys = {exchange.provider: KEYS.get(exchange.provider, "k")}
    return {"transport": httpx.MockTransport(answer), "api_keys": keys, "retries": 0}


def asked(exchange: Exchange, way: str, prompt: Any = "?", **more: Any) -> tuple[Reply, httpx.Request]:
    """Ask the exchange's provider, answered as documented, and return the reply and the request."""
    seen: list[httpx.Request] = []
    settings = answered(exchange, "streamed" in way, seen)
    options = {"wire": exchange.api, "max_tokens": 50, **more}
    return WAYS[way](settings, f"{exchange.provider}:{exchange.model}", prompt, **options), seen[0]


def test_each_host_reads_its_documented_answer_alike_in_every_way_and_takes_it_back() -> None:
    for exchange in EXCHANGES:
        replies = {way: asked(exchange, way) for way in WAYS}
        whole, request = replies["sync"]
        assert str(request.url) == exchange.url, exchange.address
        assert whole.text and not any("not read" in warning.why for warning in whole.warnings)
        for way, (reply, _) in replies.items():
            assert reply.message == whole.message, (exchange.provider, exchange.address, way)
            assert (reply.usage.input_tokens, reply.usage.output_tokens) == (11, 12), (exchange.address, way)
            assert reply.logprobs == whole.logprobs, (exchange.address, way)
        stored = Context.from_json(Context([user("?"), whole.message, user("And back?")]).to_json())
        _, again = asked(exchange, "sync", stored)
        sent = orjson.dumps(orjson.loads(again.content)).decode()
        assert whole.text in sent or all(part.text in sent for part in whole.message.content if part.type == "text")
        for part in whole.message.content:
            if data := getattr(part, "data", None):
                assert orjson.dumps(data).decode()[1:-1] in sent, (exchange.address, part)


@stepwell.tool
def weather(city: str, days: int = 1) -> str:
    """Forecast the weather."""
    return "sun"


def test_calls_that_a_model_writes_as_documented_are_read_alike_in_every_way_and_sent_back_as_calls() -> None:
    for written in CALLS:
        exchange, address = written.exchange, written.exchange.address
        asks = {"pipeline": [read_text_calls(*written.named)]} if written.named else {}
        more = {"tools": [weather], **asks}
        for way in WAYS:
            reply, request = asked(exchange, way, **more)
            assert str(request.url) == exchange.url, address
            called = [(call.name, call.arguments, call.error) for call in reply.tool_calls]
            assert called == [("weather", each, None) for each in written.arguments], (address, way)
            assert (reply.text, reply.finish_reason) == (written.shown, "tool_calls"), (address, way)
        results = [tool_result(call, "sun") for call in reply.tool_calls]
        stored = Context.from_json(Context([user("?"), reply.message, *results]).to_json())
        _, again = asked(exchange, "sync", stored, **more)
        sent = orjson.dumps(orjson.loads(again.content)["messages"][1]).decode()
        assert all(f'"{call.id}"' in sent for call in reply.tool_calls) and (BEFORE in sent) == bool(written.shown)
        assert not any(mark in sent for mark in ("<", "[TOOL_CALLS]", "weather(")), (address, sent)


def test_without_tools_a_written_call_is_the_text_that_the_sdk_reads() -> None:
    for exchange in [each.exchange for each in CALLS]:
        for streaming in exchange.ways:
            read = orjson.loads((FOLDER / f"{exchange.id(streaming)}.json").read_bytes())["expected"]
            reply, _ = asked(exchange, "streamed" if streaming else "sync")
            assert (reply.text, reply.finish_reason_raw) == (read["text"], read["finish_reason_raw"]), exchange.address


def test_nothing_of_a_written_call_is_shown_while_it_streams() -> None:
    for written in CALLS:
        exchange = written.exchange
        with Client(**answered(exchange, True, []), pipeline=[read_text_calls(*written.named)]) as client:
            options = {"wire": exchange.api, "max_tokens": 50, "tools": [weather]}
            with client.stream_text(f"{exchange.provider}:{exchange.model}", "?", **options) as live:
                shown = [chunk.text for chunk in live if isinstance(chunk, TextDelta)]
        assert "".join(shown) == written.shown, exchange.address


def test_the_documented_vectors_are_read_at_the_providers_own_address() -> None:
    seen: list[httpx.Request] = []
    with Client(**answered(VECTORS, False, seen)) as client:
        reply = client.embed(f"{VECTORS.provider}:{VECTORS.model}", ["a", "b"])
    assert str(seen[0].url) == VECTORS.url and orjson.loads(seen[0].content)["input"] == ["a", "b"]
    signed = [number - 256 if number > 127 else number for number in range(256)]
    assert [list(each) for each in reply.embeddings] == [signed[0::2], signed[1::2]]
    assert (reply.usage.input_tokens, reply.cost.total) == (11, Decimal("4.4e-8"))


def test_the_recordings_hold_the_documented_answers() -> None:
    """Written by `python -m documented_exchanges`, which lets the vendors' SDKs read them."""
    for exchange in ALL:
        for streaming in exchange.ways:
            recorded = orjson.loads((FOLDER / f"{exchange.id(streaming)}.json").read_bytes())
            assert b64decode(recorded["response"]["body_b64"]) == exchange.answer(streaming)[0], exchange.address
            assert recorded["source"] == exchange.address and recorded["kinds"] == list(exchange.kinds)


def test_each_answer_names_the_page_that_documents_it() -> None:
    assert all(exchange.address.startswith("https://") for exchange in ALL)
    assert len({exchange.id(False) for exchange in ALL}) == len(ALL)
