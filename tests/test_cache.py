"""The cache of answers: which requests are equal, what is returned, and what is never stored."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from stepwell import (
    AsyncClient,
    Budget,
    Client,
    Context,
    Image,
    Message,
    Reply,
    Tool,
    assistant,
    cache,
    on_chunk,
    on_request,
    tool,
    user,
)
from stepwell.costs import Usage
from stepwell.messages import Citation
from stepwell.pipeline.world import World as Clock
from stepwell.providers.wires.openai_chat.samples import SAMPLES
from stepwell.schemas.chunks import TextDelta
from stepwell.schemas.errors import ConfigError, DecodeError, ServerError, StepLimit, StreamTruncated
from stepwell.schemas.parts import Reasoning, Text, ToolCall
from stepwell.schemas.reply import CallWarning, Ranked, Verdict
from stepwell.stores import MemoryStore, SQLiteStore
from stepwell.testing import FakeModel

MODEL = "groq:some-model"


class World:
    """A server that gives the sample, or a set answer, and counts the requests."""

    def __init__(self, answer: httpx.Response | None = None, sample: Any = SAMPLES.text) -> None:
        self.asked = 0
        self.answer = answer
        self.sample = sample

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked += 1
        if self.answer is not None:
            return self.answer
        stream = orjson.loads(request.content).get("stream")
        return httpx.Response(200, content=self.sample.stream if stream else self.sample.body)

    def settings(self, **how: Any) -> dict[str, Any]:
        keys = dict.fromkeys(("groq", "openai", "cohere"), "k")
        return {"transport": httpx.MockTransport(self), "api_keys": keys, "retries": 0, **how}

    def client(self, **how: Any) -> Client:
        return Client(**self.settings(**how))


def ask(world: World, driver: str, stream: bool, **how: Any) -> Reply:
    async def later() -> Reply:
        async with AsyncClient(**world.settings(**how)) as client:
            if stream:
                return await client.stream_text(MODEL, "hi").reply()
            return await client.generate_text(MODEL, "hi")

    if driver == "async":
        return asyncio.run(later())
    with world.client(**how) as client:
        return client.stream_text(MODEL, "hi").reply() if stream else client.generate_text(MODEL, "hi")


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
@pytest.mark.parametrize("sample", [SAMPLES.text, SAMPLES.tools], ids=["text", "tools"])
def test_each_kind_of_call_gets_answers_cached_by_the_others(kind: str, sample: Any, tmp_path: Path) -> None:
    ways = [(driver, stream) for driver in ("sync", "async") for stream in (False, True)]
    for first in ways:
        store = MemoryStore() if kind == "memory" else SQLiteStore(tmp_path / f"{first}.sqlite")
        world, steps = World(sample=sample), cache(store)
        live = ask(world, *first, pipeline=steps)
        for way in ways:
            kept = ask(world, *way, pipeline=steps)
            assert (kept.message, kept.finish_reason, kept.model, kept.id) == (
                live.message,
                live.finish_reason,
                live.model,
                live.id,
            )
            assert kept.context == live.context and kept.provider == "groq"
        assert world.asked == 1


def test_an_answer_from_the_cache_is_marked_and_costs_nothing() -> None:
    world = World()
    with world.client(pipeline=cache(MemoryStore())) as client:
        live, kept = (client.generate_text("openai:gpt-4o", "hi") for _ in range(2))
    assert "cache" not in live.metadata and live.cost.total
    assert kept.usage == Usage(input_tokens=0, output_tokens=0) and kept.cost.total == 0
    assert kept.metadata["cache"]["usage"] == live.usage and kept.metadata["cache"]["at"] > 0


def calls() -> dict[str, dict[str, Any]]:
    talk = Context((user("hi"), assistant("hello"), user("hi")))
    return {
        "a prompt": {"prompt": "other"},
        "a conversation": {"prompt": talk},
        "a picture": {"prompt": [Message("user", [Text("hi"), Image(data=b"\x89PNG")])]},
        "a model": {"model": "groq:other-model"},
        "an option": {"temperature": 0},
        "another option": {"max_tokens": 5},
        "a tool": {"tools": [Tool("look", "Look.")]},
        "a system": {"system": "Be brief."},
        "provider options": {"provider_options": {"compound": {"a": 1}}},
        "a key": {"api_key": "other"},
        "a header": {"headers": {"x-tenant": "b"}},
        "an address": {"base_url": "https://elsewhere.example/v1", "api_key": "k"},
    }


@pytest.mark.parametrize("differing", calls(), ids=str)
def test_a_different_request_is_another_entry(differing: str) -> None:
    world = World()
    with world.client(pipeline=cache(MemoryStore())) as client:
        client.generate_text(MODEL, "hi")
        for _ in range(2):
            client.generate_text(**{"model": MODEL, "prompt": "hi", **calls()[differing]})
    assert world.asked == 2


def test_how_a_call_is_made_does_not_matter() -> None:
    world = World()
    with world.client(pipeline=cache(MemoryStore())) as client:
        client.generate_text(MODEL, "hi", temperature=0.5, max_tokens=9)
        client.generate_text(MODEL, [user("hi")], max_tokens=9, temperature=0.5, timeout=3, retries=1)
    assert world.asked == 1


def test_keys_share_cached_answers_only_under_a_common_scope() -> None:
    world, store = World(), MemoryStore()
    for key in ("one", "two"):
        with world.client(pipeline=cache(store), api_keys={"groq": key}) as client:
            client.generate_text(MODEL, "hi")
    assert world.asked == 2
    for key in ("one", "two"):
        with world.client(pipeline=cache(store, scope="team"), api_keys={"groq": key}) as client:
            client.generate_text(MODEL, "hi")
    assert world.asked == 3


def test_a_key_from_the_environment_counts_too(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    with world.client(pipeline=cache(MemoryStore()), api_keys={}) as client:
        for key in ("one", "two", "one"):
            monkeypatch.setenv("GROQ_API_KEY", key)
            client.generate_text(MODEL, "hi")
    assert world.asked == 2


def test_no_secret_is_stored(tmp_path: Path) -> None:
    path = tmp_path / "answers.sqlite"
    with World().client(pipeline=cache(path), api_keys={"groq": "sk-canary"}) as client:
        client.generate_text(MODEL, "a private question", headers={"authorization-2": "canary-header"})
    kept = b"".join(each.read_bytes() for each in tmp_path.iterdir())
    assert "Grüß Gott".encode() in kept
    for word in (b"sk-canary", b"canary-header", b"private question"):
        assert word not in kept


def test_a_stored_answer_with_citations_streams_its_text() -> None:
    cited = Text("It leaves at nine.", citations=(Citation(url="https://a.test", start=0, end=17),))
    fake = FakeModel(cited, "never")
    client = Client(registry=fake.registry, pipeline=cache(MemoryStore()))
    for _ in range(2):
        stream = client.stream_text("fake:m", "When?")
        assert list(stream.text_deltas()) == [cited.text] and stream.reply().message.content == (cited,)


def test_an_expired_answer_is_requested_again() -> None:
    world, steps = World(), cache(MemoryStore(), ttl=60)
    now = 1000.0
    with world.client(pipeline=steps) as client:
        client.planner.world = Clock(time=lambda: now)
        client.generate_text(MODEL, "hi")
        now += 59
        client.generate_text(MODEL, "hi")
        assert world.asked == 1
        now += 2
        client.generate_text(MODEL, "hi")
        client.generate_text(MODEL, "hi")
    assert world.asked == 2


@pytest.mark.parametrize("stream", [False, True])
def test_failures_and_refused_answers_are_not_kept(stream: bool) -> None:
    refused = orjson.loads(SAMPLES.text.body)
    refused["choices"][0]["finish_reason"] = "content_filter"
    events = SAMPLES.text.stream.replace(b'"finish_reason":"stop"', b'"finish_reason":"content_filter"')
    worlds = [
        World(httpx.Response(500, json={})),
        World(httpx.Response(200, content=events if stream else orjson.dumps(refused))),
    ]
    for world in worlds:
        steps = cache(MemoryStore())
        for _ in range(2):
            with contextlib.suppress(ServerError):
                ask(world, "sync", stream, pipeline=steps)
        assert world.asked == 2


def test_streams_that_were_cut_or_left_are_not_cached() -> None:
    whole = SAMPLES.text.stream
    world, steps = World(httpx.Response(200, content=whole[: SAMPLES.text.whole_at // 2])), cache(MemoryStore())
    with world.client(pipeline=steps) as client:
        with pytest.raises(StreamTruncated):
            client.stream_text(MODEL, "hi").reply()
        world.answer = httpx.Response(200, content=whole)
        with client.stream_text(MODEL, "hi") as stream:
            next(iter(stream))
        client.stream_text(MODEL, "hi").reply()
        client.stream_text(MODEL, "hi").reply()
    assert world.asked == 3


def test_outer_steps_see_a_cached_answer_like_any_other() -> None:
    shout = on_chunk("shout", lambda c: TextDelta(c.text.upper(), c.index) if isinstance(c, TextDelta) else None)
    world, steps = World(), [shout, cache(MemoryStore())]
    texts = {ask(world, "sync", stream, pipeline=steps).text for stream in (True, False, True)}
    assert texts == {SAMPLES.text.text.upper()} and world.asked == 1


def test_outer_steps_change_the_cache_key_and_inner_budgets_do_not() -> None:
    world, budget = World(), Budget("1.00")
    polite = on_request("polite", lambda request: request.replace(context=Context((user("please"),))))
    with world.client(pipeline=[polite, cache(MemoryStore()), budget]) as client:
        client.generate_text("openai:gpt-4o", "one")
        client.generate_text("openai:gpt-4o", "two")
    assert world.asked == 1 and budget.calls == 1


def test_one_call_may_skip_the_cache() -> None:
    world = World()
    with world.client(pipeline=cache(MemoryStore())) as client:
        client.generate_text(MODEL, "hi")
        client.generate_text(MODEL, "hi", pipeline=lambda given: given.without("cache"))
    assert world.asked == 2


class Broken(MemoryStore):
    def __init__(self, *broken: str) -> None:
        super().__init__()
        self._broken = broken

    def get_many(self, keys: Any) -> Any:
        if "read" in self._broken:
            raise OSError("no disk")
        return super().get_many(keys)

    def set_many(self, items: Any) -> None:
        if "written" in self._broken:
            raise OSError("no disk")
        super().set_many(items)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("broken", ["read", "written"])
def test_a_failing_store_is_only_a_warning(broken: str, stream: bool) -> None:
    reply = ask(World(), "sync", stream, pipeline=cache(Broken(broken)))
    assert reply.text == SAMPLES.text.text
    assert CallWarning("cache", f"could not be {broken}: OSError: no disk", MODEL) in reply.warnings


@pytest.mark.parametrize("rot", [b"", b"\x80\x04\x95pickle", b"1.0\n{}", b'1.0\n{"stepwell":"reply","version":9}'])
def test_stored_vectors_that_do_not_fit_are_requested_again_with_a_warning(rot: bytes) -> None:
    class Rotten(MemoryStore):
        def get_many(self, keys: Any) -> dict[str, bytes]:
            return dict.fromkeys(keys, rot)

    reply = ask(World(), "sync", False, pipeline=cache(Rotten()))
    assert reply.text and any(warning.subject == "cache" for warning in reply.warnings)


def test_vectors_rankings_and_verdicts_are_cached_unchanged() -> None:
    bodies = {
        "embed": {"data": [{"index": 0, "embedding": [0.1, -2e-9]}], "model": "m", "usage": {"prompt_tokens": 3}},
        "moderate": {
            "id": "x",
            "results": [{"flagged": True, "categories": {"hate": True}, "category_scores": {"hate": 0.9}}],
        },
        "rerank": {"results": [{"index": 1, "relevance_score": 0.9}, {"index": 0, "relevance_score": 0.1}]},
    }
    asked: dict[str, Any] = {
        "embed": ("openai:text-embedding-3-small", ["a"]),
        "moderate": ("openai:omni-moderation-latest", "a"),
        "rerank": ("cohere:rerank-v3.5", "q", ["a", "b"]),
    }
    for operation, given in asked.items():
        world = World(httpx.Response(200, json=bodies[operation]))
        with world.client(pipeline=cache(MemoryStore())) as client:
            live, kept = (getattr(client, operation)(*given) for _ in range(2))
        assert world.asked == 1 and list(kept.object) == list(live.object)


def test_other_operations_pass() -> None:
    world = World(httpx.Response(200, json={"data": [{"id": "m"}]}))
    with world.client(pipeline=cache(MemoryStore())) as client:
        client.list_models("openai")
        client.list_models("openai")
    assert world.asked == 2


def test_a_tool_loop_runs_on_cached_answers() -> None:
    @tool
    def look_up(city: str) -> str:
        """Look up a city."""
        return "sunny"

    world = World(sample=SAMPLES.tools)
    with world.client(pipeline=cache(MemoryStore())) as client:
        for _ in range(2):
            with pytest.raises(StepLimit) as caught:
                client.run_tools(MODEL, "Weather?", [look_up], max_steps=2)
            assert len(caught.value.partial.steps) == 2
    assert world.asked == 2


def test_a_cache_with_a_credential_from_a_function_needs_a_scope() -> None:
    world = World()
    how: dict[str, Any] = {"api_keys": {"azure": lambda: "token"}, "base_urls": {"azure": "https://r.openai.azure.com"}}
    for scope, asked in ((None, 2), ("team", 3)):
        with world.client(pipeline=cache(MemoryStore(), scope=scope), **how) as client:
            replies = [client.generate_text("azure:gpt-4o", "hi") for _ in range(2)]
        assert world.asked == asked
        assert bool([w for w in replies[0].warnings if w.subject == "cache"]) is (scope is None)


@pytest.mark.parametrize("how", [{"store": False}, {"store": None}, {"ttl": 0}, {"store": 3}])
def test_a_cache_with_a_size_of_zero_is_refused(how: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        cache(**how)


def test_a_reply_is_equal_after_a_round_trip() -> None:
    call = ToolCall("c1", "look", '{"a": 12345678901234567890}', extra={"google": {"signature": "x"}})
    reply = Reply(
        assistant([Reasoning("hm", signature="s"), Text("x"), call]),
        "stop",
        "end_turn",
        Usage(input_tokens=3, output_tokens=0, service_tier="flex", web_searches=1, unpriced_charges=("container",)),
        "id-1",
        "m",
        "acme",
        (CallWarning("seed", "no"),),
        "req-1",
        metadata={"logprobs": [1.5, None]},
        alternatives=(assistant("y"),),
    )
    assert Reply.from_json(reply.to_json(exact=True)) == reply
    for value in ([Ranked(1, 0.5)], [Verdict(True, ("hate",), {"hate": 0.5})], [[0.1, 0.2]], None, []):
        assert Reply.from_json(reply.replace(object=value).to_json(exact=True)).object == value


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b"null", b'{"stepwell":"reply","version":1}'])
def test_other_json_is_no_reply(data: bytes) -> None:
    with pytest.raises(DecodeError):
        Reply.from_json(data)
