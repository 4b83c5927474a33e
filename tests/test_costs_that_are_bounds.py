"""A cost that is not exact says so and why: prices of caches that are not known, calls that broke off, and savings."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from billing import chat, events

import stepwell
from stepwell import Client, Reply
from stepwell.catalog import Model
from stepwell.chunks import TextDelta
from stepwell.costs import Usage, cost_report
from stepwell.pipeline.effects import CallModel, CallNext, Emit, Flow, StepGenerator
from stepwell.pipeline.http.request import Request
from stepwell.pipeline.http.response import Response
from stepwell.pipeline.pipeline import other_pipeline
from stepwell.providers.wires.anthropic_messages.usage import usage_of as anthropic_usage
from stepwell.providers.wires.bedrock_converse.usage import usage_of as bedrock_usage
from stepwell.providers.wires.cohere_chat.stream import extract_usage as cohere_usage
from stepwell.providers.wires.google_generate.usage import usage_of as google_usage
from stepwell.providers.wires.openai_chat.usage import usage_of as chat_usage
from stepwell.schemas.prices import Prices, price
from stepwell.steps import ChunkReader, around

from scripted import MODEL, Scripted

BARE = Prices(input=3, output=15)


def test_reads_from_a_cache_without_a_price_are_not_counted():
    cost = price(Usage(1000, 10, cached_input_tokens=400), BARE)
    assert cost.total == Decimal("0.00195") and cost.lower_bound and "400 tokens are not counted" in str(cost.reason)
    assert "cache_read" not in cost.items
    known = price(Usage(1000, 10, cached_input_tokens=400), Prices(input=3, output=15, cache_read="0.3"))
    assert (known.lower_bound, known.reason) == (False, None) and known.total > cost.total
    assert price(Usage(1000, 10, cached_input_tokens=0), BARE).reason is None


def test_writes_to_a_cache_without_a_price_count_as_input():
    cost = price(Usage(1000, 10, cache_write_tokens=400), BARE)
    assert cost.total == Decimal("0.00315") and cost.lower_bound and "writing" in str(cost.reason)


def test_where_everything_is_free_so_is_the_cache():
    cost = price(Usage(1000, 10, cached_input_tokens=400, cache_write_tokens=9), Prices(input=0, output=0))
    assert (cost.total, cost.lower_bound, cost.reason) == (0, False, None)


def test_every_lower_bound_has_its_reason():
    some = Usage(1000, 10)
    usages = [
        Usage(1000),
        Usage(1000, 10, complete=False),
        Usage(1000, 10, unpriced_charges=("container",)),
        Usage(1000, 10, web_searches=2),
        Usage(1000, 10, region="eu"),
        Usage(1000, 10, cached_input_tokens=1),
        Usage(1000, 10, complete=False, reported_cost=Decimal(1)),
    ]
    costs = [*(price(usage, BARE) for usage in usages), price(some, Prices(input=1, output=1, other_charges="images"))]
    assert all(cost.lower_bound and cost.reason for cost in costs)
    report = cost_report([Reply(usage=usage, billed_model=Model("p", "m", prices=BARE)) for usage in usages])
    assert sum(report.all.bounds.values()) == len(usages) and "at least: 1 of p:m, " in str(report)


WRITES: list[tuple[str, Callable[[dict[str, Any]], Usage | None], dict[str, Any], int | None, int, int | None]] = [
    ("openrouter", chat_usage, {"prompt_tokens_details": {"cached_tokens": 3, "cache_write_tokens": 7}}, 3, 7, None),
    (
        "alibaba",
        chat_usage,
        {
            "prompt_tokens_details": {
                "cached_tokens": 0,
                "cache_creation_input_tokens": 7,
                "cache_creation": {"ephemeral_5m_input_tokens": 7},
            }
        },
        0,
        7,
        None,
    ),
    ("details", chat_usage, {"prompt_tokens_details": {"cache_creation_tokens": 7}}, None, 7, None),
    (
        "a gateway to Claude",
        chat_usage,
        {
            "cache_read_input_tokens": 3,
            "cache_creation_input_tokens": 7,
            "cache_creation": {"ephemeral_1h_input_tokens": 5},
        },
        3,
        7,
        5,
    ),
    ("responses", chat_usage, {"input_tokens_details": {"cached_tokens": 3, "cache_write_tokens": 7}}, 3, 7, None),
    (
        "anthropic",
        lambda raw: anthropic_usage(raw, {}),
        {
            "cache_read_input_tokens": 3,
            "cache_creation_input_tokens": 7,
            "cache_creation": {"ephemeral_1h_input_tokens": 5},
        },
        3,
        7,
        5,
    ),
    (
        "bedrock",
        lambda raw: bedrock_usage(raw, {}, False),
        {
            "cacheReadInputTokens": 3,
            "cacheWriteInputTokens": 7,
            "cacheDetails": [{"ttl": "1h", "inputTokens": 5}, {"ttl": "5m", "inputTokens": 2}],
        },
        3,
        7,
        5,
    ),
]


@pytest.mark.parametrize(("where", "read", "raw", "hits", "writes", "hour"), WRITES, ids=[each[0] for each in WRITES])
def test_writes_to_a_cache_are_read_wherever_they_are(
    where: str, read: Any, raw: Any, hits: int | None, writes: int, hour: int | None
):
    usage = read(raw)
    assert (usage.cached_input_tokens, usage.cache_write_tokens, usage.cache_write_1h_tokens) == (hits, writes, hour)


def test_hits_are_read_wherever_they_are():
    for name in ("prompt_cache_hit_tokens", "num_cached_tokens", "cached_tokens", "cache_read_input_tokens"):
        assert chat_usage({"prompt_tokens": 9, name: 3}).cached_input_tokens == 3, name
    assert google_usage({"promptTokenCount": 9, "cachedContentTokenCount": 3}, False).cached_input_tokens == 3
    cohere = cohere_usage({"usage": {"tokens": {"input_tokens": 9}, "cached_tokens": 3}}, Model("p", "m"))
    assert cohere is not None and cohere.cached_input_tokens == 3


@pytest.mark.parametrize("stream", [False, True])
def test_what_the_cache_saved_is_in_the_cost_and_in_the_report(tmp_path: Path, stream: bool):
    client = Scripted(["said"]).client
    client.pipeline = stepwell.cache(str(tmp_path / "a.sqlite"))

    def ask() -> Reply:
        whole = {"temperature": 0, "wire": "openai_chat"}
        return (
            client.stream_text(MODEL, "hi", **whole).reply() if stream else client.generate_text(MODEL, "hi", **whole)
        )

    first, second = ask(), ask()
    assert (first.cost.saved, second.cost.total) == (None, 0)
    if first.cost.total is not None:
        assert second.cost.saved == first.cost.total
        report = cost_report([first, second])
        assert report.saved == first.cost.total and "saved by the cache: $" in str(report)
        assert report.to_dict()["all"]["saved"] == format(report.saved.normalize(), "f")


# -- calls that broke off ---------------------------------------------------------------------------------------------

BEGUN = {"id": "x", "choices": [{"index": 0, "delta": {"content": "one "}}]}
COUNTED = {"choices": [], "usage": {"prompt_tokens": 100, "completion_tokens": 1}}
REST = chat(prompt_tokens=10, completion_tokens=5)


def client_of(*broken: Any) -> Client:
    """Make a client whose first stream breaks off after these events; later calls get a whole answer."""
    asked: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        if len(asked) == 1:
            kind = {"content-type": "text/event-stream"}
            return httpx.Response(200, content=events(*broken), headers=kind)
        return httpx.Response(200, json=REST)

    return Client(transport=httpx.MockTransport(handler), api_keys={"openai": "k"}, retries=0)


def by_the_same_response(request: Request, call: CallNext) -> StepGenerator:
    response = yield from call(request)

    def chunks() -> Flow:
        reader = ChunkReader(response)
        try:
            while (batch := (yield from reader.next())) is not None:
                yield Emit(batch)
        except stepwell.errors.StepwellError:
            pipeline, other = other_pipeline(request.replace(stream=False), MODEL, {}, inside="failing over")
            rest = yield from pipeline.flow(other)
            yield Emit([TextDelta(rest.reply.text), stepwell.chunks.Finish("stop")])

    return Response(request, flow=chunks())


def by_whole_calls(request: Request, call: CallNext) -> StepGenerator:
    if request.context.messages[-1].text != "hi":
        return (yield from call(request))

    def chunks() -> Flow:
        reader = yield CallModel(MODEL, "go", stream=True)
        try:
            while (batch := (yield from reader.next())) is not None:
                yield Emit(batch)
        except stepwell.errors.StepwellError:
            rest = yield CallModel(MODEL, "go on")
            yield Emit([TextDelta(rest.text), stepwell.chunks.Finish("stop")])

    return Response(request, flow=chunks())


@pytest.mark.parametrize("way", [by_the_same_response, by_whole_calls])
@pytest.mark.parametrize("broken", [(BEGUN,), (BEGUN, COUNTED)], ids=["without counts", "with counts"])
def test_a_call_that_broke_off_in_mid_stream_is_in_the_cost(way: Any, broken: Any):
    client = client_of(*broken)
    client.pipeline = around("failing over", way)
    reply = client.stream_text(MODEL, "hi", wire="openai_chat").reply()
    assert "one " in reply.text and len(reply.steps) == 2
    cut = reply.steps[0]
    assert (cut.text, cut.usage.complete) == ("one ", False)
    assert reply.cost.lower_bound and reply.cost.reason
    assert reply.cost.total == reply.steps[1].cost.total + (cut.cost.total or 0)
    assert not reply.usage.complete


@pytest.mark.parametrize("stream", [False, True])
def test_what_a_failed_answer_used_is_in_the_cost_of_the_one_in_its_place(stream: bool):
    asked: list[httpx.Request] = []
    failed = {"error": {"message": "slow down", "code": 429}, **(COUNTED if stream else chat(**COUNTED["usage"]))}
    whole = {**REST, "choices": [{"delta": {"content": "yes"}, "finish_reason": "stop"}]} if stream else REST

    def handler(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        headers = {"retry-after": "0", "content-type": "text/event-stream" if stream else "application/json"}
        body = {"id": "x", "usage": {}, **failed} if len(asked) == 1 else whole
        return httpx.Response(200, content=events(body) if stream else orjson.dumps(body), headers=headers)

    with Client(transport=httpx.MockTransport(handler), api_keys={"openai": "k"}, retries=0) as client:
        client.pipeline = stepwell.fallback("openai:gpt-4o")
        ask = client.stream_text if stream else client.generate_text
        answer: Any = ask(MODEL, "hi", wire="openai_chat")
        reply = answer.reply() if stream else answer
    assert [step.usage.input_tokens for step in reply.steps] == [100, 10]
    assert (reply.text, reply.usage.input_tokens) == ("yes", 110)
