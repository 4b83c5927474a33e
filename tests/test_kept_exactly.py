"""Integers over 64 bits and halves of characters in stored data, in batches, and in arguments of tools."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from batch_services import OpenAI

import stepwell
from stepwell import AsyncClient, Client, Context, Message, Reply, errors
from stepwell.messages import ToolCall
from stepwell.stores import MemoryStore
from stepwell.testing import Cassette

LONG = 123_456_789_012_345_678_901_234_567_890
KEYS = {"groq": "k", "openai": "k"}


def completion(content: str | None, arguments: str | None = None) -> dict[str, Any]:
    call = {"id": "c1", "type": "function", "function": {"name": "look_up", "arguments": arguments}}
    message = {"role": "assistant", "content": content, **({"tool_calls": [call]} if arguments else {})}
    ending = "tool_calls" if arguments else "stop"
    return {"id": "x", "model": "m", "choices": [{"index": 0, "message": message, "finish_reason": ending}]}


class World:
    """A server that gives answers in turn, with all but ASCII escaped; `bodies` are the requests."""

    def __init__(self, *answers: dict[str, Any]) -> None:
        self.bodies: list[Any] = []
        self.answers = answers

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.bodies.append(json.loads(request.content))
        answer = self.answers[min(len(self.bodies), len(self.answers)) - 1]
        kind = {"content-type": "application/json"}
        return httpx.Response(200, content=json.dumps(answer).encode(), headers=kind)

    def settings(self) -> dict[str, Any]:
        return {"transport": httpx.MockTransport(self), "api_keys": KEYS, "retries": 0}


def test_a_conversation_is_stored_with_exact_integers_and_without_half_characters() -> None:
    call = ToolCall("c1", "pay", f'{{"wei":{LONG}}}')
    context = Context((Message("user", "a\ud83db", extra={"n": [LONG, 1.0, -LONG]}), Message("assistant", [call])))
    kept = Context.from_json(context.to_json())
    assert kept.messages[0].extra == {"n": [LONG, 1.0, -LONG]}
    assert kept.messages[0].text == "a\ufffdb"
    assert kept.messages[1:] == context.messages[1:]


def test_an_answer_is_stored_with_exact_integers() -> None:
    reply = Reply(Message("assistant", "a"), "stop", metadata={"seed": LONG}, object={"wei": LONG})
    assert Reply.from_json(reply.to_json(exact=True)).metadata == {"seed": LONG}
    assert Reply.from_json(reply.to_json(exact=True)).object == {"wei": LONG}


def test_questions_that_differ_in_a_long_integer_are_two_to_a_cache() -> None:
    world = World(completion("yes"))
    with Client(**world.settings(), pipeline=[stepwell.cache(MemoryStore())]) as client:
        for seed in (LONG, LONG + 1, LONG):
            client.generate_text("groq:m", "half a smile \ud83d", provider_options={"seed": seed})
    assert [body["seed"] for body in world.bodies] == [LONG, LONG + 1]


def test_a_cassette_replays_its_recording(tmp_path: Path) -> None:
    world = World(completion("a \ud83d", json.dumps({"wei": LONG})))
    for _ in range(2):
        with Cassette(tmp_path / "tape.json", transport=httpx.MockTransport(world)) as tape:
            client = Client(transport=tape, api_keys=KEYS)
            reply = client.generate_text("groq:m", "hi \ud83d", provider_options={"seed": LONG})
        assert reply.text == "a \ufffd"
        assert reply.tool_calls[0].arguments == {"wei": LONG}
    assert len(world.bodies) == 1


class Broken(OpenAI):
    """A service whose results have one good line, one truncated line, and one of unknown shape."""

    def output(self) -> bytes:
        good = super().output().replace("世".encode(), b"\\ud83d")
        return good + b'{"id": "y", "custom_id": "second", "response": {"status_code": 200, "bo\n'

    def failures(self) -> bytes:
        return b'{"custom_id": "third", "response": {"status_code": 200}}\n[]\n<html>'


@pytest.mark.parametrize("how", ["sync", "async"])
def test_a_bad_line_of_a_batch_is_the_failure_of_its_own_request(how: str) -> None:
    service = Broken(rounds=0)
    prompts = {"first": "a", "second": "b", "third": "c \ud83d"}

    async def later() -> Any:
        async with AsyncClient(**service.settings()) as client:
            return await (await client.submit_batch("openai:m", prompts, provider_options={"seed": LONG})).results()

    if how == "async":
        answers = asyncio.run(later())
    else:
        with Client(**service.settings()) as client:
            answers = client.submit_batch("openai:m", prompts, provider_options={"seed": LONG}).results()
    assert answers["first"].text == "Grüß Gott, \ufffd界"
    assert [type(answers[name]) for name in ("second", "third")] == [errors.ProviderError] * 2


def test_the_lines_of_a_batch_are_submitted_exactly() -> None:
    sent = []
    service = OpenAI(rounds=0)
    settings = service.settings()
    inner = settings["transport"]

    def seen(request: httpx.Request) -> httpx.Response:
        sent.append(request.read())
        return inner.handler(request)  # type: ignore[no-any-return]

    with Client(**{**settings, "transport": httpx.MockTransport(seen)}) as client:
        client.submit_batch("openai:m", {"first": "a \ud83d"}, provider_options={"seed": LONG})
    assert b'"seed":%d' % LONG in sent[0]
    assert "a \ufffd".encode() in sent[0]


RESULTS = {"text": "caf\udce9.txt", "dict": {"name": "caf\udce9.txt"}, "list": [LONG, "\udce9"]}


@pytest.mark.parametrize("result", RESULTS.values(), ids=RESULTS)
def test_a_tools_result_does_not_end_the_loop(result: Any) -> None:
    given = []

    def look_up(wei: int) -> Any:
        """Look up."""
        given.append(wei)
        return result

    world = World(completion(None, json.dumps({"wei": LONG})), completion("done"))
    with Client(**world.settings()) as client:
        assert client.run_tools("groq:m", "hi", [look_up]).text == "done"
    assert given == [LONG]
    assert "\ufffd" in world.bodies[1]["messages"][-1]["content"]


def test_an_object_is_exact() -> None:
    world = World(completion(json.dumps({"wei": LONG, "to": "\ud83d"})))
    with Client(**world.settings()) as client:
        schema = {
            "type": "object",
            "properties": {"wei": {"type": "integer", "maximum": 10**30}, "to": {"type": "string"}},
        }
        assert client.generate_object("openai:gpt-4o", "hi", schema).object == {"wei": LONG, "to": "\ufffd"}


EMBEDDERS = {
    "openai:text-embedding-3-small": '{"data": [{"index": 0, "embedding": [%s, 1.0]}], "model": "m"}',
    "google:gemini-embedding-001": '{"embeddings": [{"values": [%s, 1.0]}]}',
    "cohere:embed-v4.0": '{"embeddings": {"float": [[%s, 1.0]]}}',
    "ollama:nomic-embed-text": '{"embeddings": [[%s, 1.0]]}',
}


@pytest.mark.parametrize("model", EMBEDDERS)
@pytest.mark.parametrize("number", ["NaN", "-Infinity", "1e400"])
def test_a_vector_is_made_of_numbers(model: str, number: str) -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        text = EMBEDDERS[model] % (number if "bad" in request.content.decode() else "0.5")
        return httpx.Response(200, text=text, headers={"content-type": "application/json"})

    keys = dict.fromkeys(("openai", "google", "cohere"), "k")
    with Client(transport=httpx.MockTransport(handler), api_keys=keys, retries=0) as client:
        assert client.embed(model, "good").embeddings == [[0.5, 1.0]]
        with pytest.raises(errors.DecodeError, match="not a finite number"):
            client.embed(model, "bad")


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_a_number_that_json_does_not_have_is_in_no_object_of_a_model_and_in_json_a_word(number: str) -> None:
    world = World(completion(f'{{"share": {number}}}'))
    with Client(**world.settings()) as client, pytest.raises(errors.ObjectInvalid):
        client.generate_object("groq:m", "hi", {"type": "object"}, max_repairs=0)
    reply = Reply(object={"share": float(number)})
    with pytest.raises(errors.ConfigError, match="JSON has no NaN and no infinity"):
        reply.to_json(exact=True)
    assert Reply.from_json(reply.to_json()).object == {"share": number}
