"""Answers as the vendors document them: each reaches its provider's own declaration, in every way, and goes back."""

from __future__ import annotations

from base64 import b64decode
from typing import Any

import httpx
import orjson
from documented_bodies import Exchange
from documented_exchanges import EXCHANGES

from stepwell import Context, Reply, user

from every_way import WAYS
from recordings import FOLDER

KEYS: dict[str, Any] = {
    "amazon_bedrock": {"access_key": "a", "secret_key": "s", "region": "us-east-1"},
    "amazon_bedrock_mantle": {"api_key": "k", "region": "eu-west-1"},
    "google_vertex": {"token": "t", "project": "p", "location": "us-central1"},
}


def asked(exchange: Exchange, way: str, prompt: Any = "?") -> tuple[Reply, httpx.Request]:
    """Ask the exchange's provider, answered as documented, and return the reply and the request."""
    body, kind = exchange.answer(streaming="streamed" in way)
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, content=body, headers={"content-type": kind})

    keys = {exchange.provider: KEYS.get(exchange.provider, "k")}
    settings = {"transport": httpx.MockTransport(answer), "api_keys": keys, "retries": 0}
    options = {"wire": exchange.api, "max_tokens": 50}
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


def test_the_recordings_hold_the_documented_answers() -> None:
    """Written by `python -m documented_exchanges`, which lets the vendors' SDKs read them."""
    for exchange in EXCHANGES:
        for streaming in (False, True):
            recorded = orjson.loads((FOLDER / f"{exchange.id(streaming)}.json").read_bytes())
            assert b64decode(recorded["response"]["body_b64"]) == exchange.answer(streaming)[0], exchange.address
            assert recorded["source"] == exchange.address and recorded["kinds"] == list(exchange.kinds)


def test_each_answer_names_the_page_that_documents_it() -> None:
    assert all(exchange.address.startswith("https://") for exchange in EXCHANGES)
    assert len({exchange.id(False) for exchange in EXCHANGES}) == len(EXCHANGES)
