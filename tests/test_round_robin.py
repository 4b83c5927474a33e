"""Round robin and alloys: which model gets which call, and what of a conversation goes along."""

from __future__ import annotations

import asyncio
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle, islice
from typing import Any

import httpx
import pytest

from stepwell import AsyncClient, Client, Context, Message, assistant, errors, fallback, tool, tool_result, user
from stepwell.messages import Reasoning, ToolCall
from stepwell.pipeline.steps.round_robin import even_cycle
from stepwell.providers.wires.openai_chat.samples import SAMPLES
from stepwell.steps import CallModel, alloy, fit_context, round_robin
from stepwell.testing import FakeModel, ServerAnswer, SimulatedWorld

A, B, C = "fake:a", "fake:b", "fake:c"


def answered(fake: FakeModel) -> list[str]:
    return [request.model.id for request in fake.requests]


def is_rotation(asked: list[str], turn: str) -> bool:
    """Check that the models were asked in this order, from anywhere in it."""
    return any("".join(islice(cycle(turn[at:] + turn[:at]), len(asked))) == "".join(asked) for at in range(len(turn)))


@pytest.mark.parametrize(("weights", "turn"), [(None, "abc"), ([3, 1, 1], "abaca"), ([1, 2, 1], "bacb")])
def test_calls_go_round_the_models_in_exact_turns(weights: list[int] | None, turn: str) -> None:
    assert "".join("abc"[at] for at in even_cycle(weights or [1, 1, 1])) == turn
    fake = FakeModel("hello", repeat=True)
    with Client(registry=fake.registry, pipeline=round_robin(A, B, C, weights=weights)) as client:
        replies = [client.generate_text(A, "hi") for _ in range(12)]
        streamed = client.stream_text(B, "hi").reply()
    assert is_rotation(answered(fake), turn)
    assert [reply.model for reply in (*replies, streamed)] == answered(fake)


def test_the_turns_are_exact_with_threads_and_tasks() -> None:
    fake = FakeModel("hello", repeat=True)
    step = round_robin(A, B, weights=[2, 1])
    with Client(registry=fake.registry, pipeline=step) as client, ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: client.generate_text(A, "hi"), range(30)))

    async def many() -> None:
        async with AsyncClient(registry=fake.registry, pipeline=step) as client:
            await asyncio.gather(*(client.generate_text(A, "hi") for _ in range(30)))

    asyncio.run(many())
    assert Counter(answered(fake)) == {"a": 40, "b": 20}


def test_a_simulation_repeats_the_same_turns() -> None:
    def run(seed: int) -> list[str]:
        asked: list[str] = []

        def network(request: Any, chance: Any) -> ServerAnswer:
            asked.append(request.model.id)
            return ServerAnswer(200, {}, SAMPLES.text.body, chance.random())

        world = SimulatedWorld(seed, network)
        client = world.client(api_keys={"groq": "k"}, pipeline=round_robin("groq:a", "groq:b", "groq:c"))

        def ask() -> Any:
            return (yield CallModel("groq:a", "hi"))

        world.run(client, [ask() for _ in range(9)])
        return asked

    assert run(7) == run(7)
    assert Counter(run(7)) == {"a": 3, "b": 3, "c": 3}
    assert len({run(seed)[0] for seed in range(20)}) == 3, "where it begins is a matter of chance"


@tool
def look(city: str) -> str:
    """Look at a city."""
    return f"{city} is fine"


CALL = ToolCall("call_1", "look", '{"city":"Pune"}')


def loop(step: Any) -> tuple[FakeModel, Any]:
    turns = [
        [Reasoning("hm", "signed", wire="openai_chat"), CALL],
        ToolCall("call_2", "look", '{"city":"Ulm"}'),
        "done",
    ]
    fake = FakeModel(*turns)
    with Client(registry=fake.registry, pipeline=step) as client:
        return fake, client.run_tools(A, "go", tools=[look])


def test_a_tool_loop_stays_with_the_model_that_began_it_and_an_alloy_changes_it() -> None:
    fake, reply = loop(round_robin(A, B))
    assert len(set(answered(fake))) == 1
    fake, reply = loop(alloy(A, B))
    assert is_rotation(answered(fake), "ab") and len(answered(fake)) == 3
    assert [step.model for step in reply.steps] == answered(fake)
    sent = fake.requests[1].context.messages
    assert [message.role for message in sent] == ["user", "assistant", "tool"] and sent[2].text == "Pune is fine"


def test_nothing_of_one_provider_goes_along_to_another() -> None:
    made = Message(
        "assistant", (Reasoning("hm", "signed", wire="anthropic_messages"), CALL), model="anthropic:claude-x"
    )
    history = Context((user("go"), made, tool_result("call_1", "fine")))
    bodies: list[bytes] = []

    def answer(request: httpx.Request) -> httpx.Response:
        bodies.append(request.content)
        return httpx.Response(200, content=SAMPLES.text.body)

    settings: dict[str, Any] = {"transport": httpx.MockTransport(answer), "api_keys": {"groq": "k", "deepseek": "k"}}
    with Client(**settings, pipeline=alloy("groq:m", "deepseek:deepseek-chat")) as client:
        reply = client.generate_text("groq:m", history)
    assert [attempt.model for attempt in reply.attempts] == [
        f"{reply.provider}:{reply.message.model.partition(':')[2]}"
    ]
    assert b"signed" not in bodies[0] and b"Pune" in bodies[0]


def test_another_model_takes_over_before_output_began() -> None:
    fake = FakeModel(errors.Overloaded("busy"), "hello")
    with Client(registry=fake.registry, pipeline=round_robin(A, B)) as client:
        reply = client.stream_text(A, "hi").reply()
    assert sorted(answered(fake)) == ["a", "b"] and reply.model == answered(fake)[1]
    assert any("called in place of" in str(warning) for warning in reply.warnings)
    fake = FakeModel(errors.Overloaded("busy"), "hello")
    with Client(registry=fake.registry, pipeline=round_robin(A, B, failover=False)) as client:
        with pytest.raises(errors.Overloaded):
            client.generate_text(A, "hi")


def test_a_call_to_another_model_is_left_alone() -> None:
    fake = FakeModel("x", repeat=True)
    with Client(registry=fake.registry, pipeline=[fallback(A), round_robin(A, B)]) as client:
        reply = client.generate_text(C, "hi")
    assert answered(fake) == ["c"] and any("none of the models" in str(warning) for warning in reply.warnings)


def test_options_may_differ_for_a_model() -> None:
    fake = FakeModel("x", repeat=True)
    with Client(registry=fake.registry, pipeline=round_robin((A, {"max_tokens": 5}), B)) as client:
        for _ in range(2):
            client.generate_text(A, "hi", max_tokens=900)
    assert {request.model.id: request.options["max_tokens"] for request in fake.requests} == {"a": 5, "b": 900}


def test_a_conversation_leaves_room_for_the_smallest_context() -> None:
    fake = FakeModel("x", repeat=True, stands_for=["openai:*", "groq:*"])
    long = Context((user("word " * 30_000), assistant("yes"), user("and?")))
    steps = lambda *models: [round_robin(*models), fit_context()]
    with Client(registry=fake.registry, pipeline=steps("openai:gpt-4.1", "openai:gpt-4")) as client:
        replies = [client.generate_text("openai:gpt-4.1", long) for _ in range(2)]
    assert all(len(request.context) == 1 for request in fake.requests), "8,192 tokens is the smallest"
    with Client(registry=fake.registry, pipeline=steps("openai:gpt-4.1", "openai:unheard-of")) as client:
        replies = [client.generate_text("openai:gpt-4.1", long) for _ in range(2)]
    assert all("not known" in str(reply.warnings) for reply in replies)


def test_mistakes_are_found_when_it_is_made() -> None:
    for wrong in ([1], [0, 1], [1, 1.5], [9_000, 9_000], [1, float("nan")], 2, iter([1, 1])):
        with pytest.raises(errors.ConfigError):
            round_robin(A, B, weights=wrong)  # type: ignore[arg-type]
    with pytest.raises(errors.ConfigError):
        alloy()
    with pytest.raises(errors.UnknownProvider):
        Client(pipeline=round_robin("nobody:m", "openai:gpt-5")).generate_text("openai:gpt-5", "hi")
    fake = FakeModel("x")
    described = Client(registry=fake.registry, pipeline=round_robin(A, B, weights=[2, 1])).pipeline_for(A).describe()
    assert "fake:a, 2 of 3" in described and "fake:b, 1 of 3" in described
