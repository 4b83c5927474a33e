"""Conversations are shortened to fit their model: what is removed, what stays, and what is reported."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

import httpx
import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from stepwell import AsyncClient, Context, Message, Tool, assistant, system, tool_result, user
from stepwell.pipeline.http.request import Request
from stepwell.pipeline.steps.fit_context import SUMMARY
from stepwell.schemas.errors import ConfigError, ContextOverflow
from stepwell.schemas.parts import ToolCall
from stepwell.steps import Pipeline, fit_context

from driving import MODEL, Drive, World, answered, drive_sync


def words(context: Context) -> int:
    """Count tokens for tests: a token is a word, a call, or a tool."""
    count = sum(len(message.text.split()) + len(message.tool_calls) for message in context)
    return count + len(context.tools)


def sent(messages: Iterable[Message], drive: Drive = drive_sync, *, window: int = 10, **how: Any) -> Request:
    """Return the messages that reach the network, for a model with room for that many tokens."""
    options = {"max_tokens": 5}
    how = {"count": words, "margin": 0, **how}
    model = evolve(MODEL, context_window=window + 5)
    world = World([answered()])
    drive(Pipeline([fit_context(**how)]), world, Request("chat", model, Context(messages), options=options))
    return world.sent[0]


def texts_of(request: Request) -> list[str]:
    return [message.text or message.tool_calls[0].id for message in request.context]


def calling(id: str) -> Message:
    return assistant([ToolCall(id, "look")])


TALK = [system("be brief"), user("one one"), assistant("first answer"), user("two two"), assistant("second answer")]


def test_a_conversation_that_fits_is_unchanged(drive):
    request = sent(TALK, drive)
    assert request.context == Context(TALK)
    assert request.warnings == ()


def test_the_oldest_turns_go_first_and_the_system_message_stays(drive):
    request = sent([*TALK, user("three three")], drive)
    assert texts_of(request) == ["be brief", "two two", "second answer", "three three"]


def test_removed_messages_are_reported(drive):
    (warning,) = sent([*TALK, user("three three")], drive).warnings
    assert warning.subject == "context"
    assert warning.why == "2 of 6 messages left out: 12 tokens, about 10 fit"
    assert warning.model == "acme:m-1"


def test_a_call_is_removed_together_with_its_results():
    history = [user("q one"), calling("a"), tool_result("a", "long long result"), assistant("done now")]
    assert texts_of(sent([*history, user("and now")], window=4)) == ["and now"]


def test_within_a_last_turn_that_is_too_long_the_oldest_calls_go_with_their_results():
    work = [m for id in "abc" for m in (calling(id), tool_result(id, f"result of {id}"))]
    request = sent([system("be brief"), user("work hard"), *work], window=9)
    assert texts_of(request) == ["be brief", "work hard", "c", "result of c"]


def test_several_results_of_one_answer_are_one():
    both = assistant([ToolCall("a", "look"), ToolCall("b", "look")])
    work = [both, tool_result("a", "x x x"), tool_result("b", "y y y"), calling("c"), tool_result("c", "z")]
    assert texts_of(sent([user("go"), *work], window=5)) == ["go", "c", "z"]


def test_tools_take_part_of_the_context_window():
    tools = tuple(Tool(f"t{n}") for n in range(4))
    talk = Context([user("one one"), assistant("two two"), user("three three")], tools)
    world = World([answered()])
    model = evolve(MODEL, context_window=7)
    request = Request("chat", model, talk, options={"max_tokens": 1})
    drive_sync(Pipeline([fit_context(count=words, margin=0)]), world, request)
    assert texts_of(world.sent[0]) == ["three three"]
    assert world.sent[0].context.tools == tools


def test_a_conversation_that_cannot_fit_is_refused_before_anything_is_sent(drive):
    with pytest.raises(ContextOverflow) as caught:
        sent([system("be brief"), user("old"), assistant("older"), user("far too many words")], drive, window=5)
    assert (caught.value.requested_tokens, caught.value.max_tokens) == (6, 5)
    assert (caught.value.provider, caught.value.model) == ("acme", "m-1")


def test_room_is_left_for_the_answer_and_the_margin():
    """20 tokens of context, 5 for the answer, a fifth of the rest for errors: 12 are left."""
    talk = [user("a " * 6), assistant("b " * 6), user("c " * 6)]
    assert len(sent(talk, window=15, margin=0.2).context) == 1
    assert len(sent(talk, window=18, margin=0).context) == 3


def test_a_model_of_unknown_length_is_left_alone_and_that_is_reported():
    world = World([answered()])
    drive_sync(Pipeline([fit_context(count=words)]), world, Request("chat", MODEL, Context([user("a " * 99)])))
    assert "pass limit=" in world.sent[0].warnings[0].why


def test_a_custom_limit_is_respected():
    assert texts_of(sent([*TALK, user("three three")], window=1000, limit=9)) == ["be brief", "three three"]


def test_a_model_with_a_limit_on_its_input_keeps_it():
    model = evolve(MODEL, context_window=1000, facts={"max_input_tokens": 6})
    world = World([answered()])
    drive_sync(Pipeline([fit_context(count=words, margin=0)]), world, Request("chat", model, Context(TALK)))
    assert texts_of(world.sent[0]) == ["be brief", "two two", "second answer"]


def test_other_operations_pass():
    world = World([answered()])
    drive_sync(Pipeline([fit_context(limit=1)]), world, Request("embed", MODEL, input=["a text"]))
    assert world.sent[0].warnings == ()


def test_a_margin_is_a_share():
    with pytest.raises(ConfigError, match="share"):
        fit_context(margin=10)


class Scribe:
    """A summary function that returns what it was given, and records each call."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []

    def summarise(self, context: Context) -> str:
        self.asked.append([message.text for message in context])
        return f"summary-{len(self.asked)}"


def test_a_summary_replaces_the_removed_turns(drive):
    scribe = Scribe()
    request = sent([*TALK, user("a question")], drive, window=11, summarise=scribe.summarise, summary_tokens=1)
    assert texts_of(request) == ["be brief", f"{SUMMARY}summary-1", "a question"]
    assert scribe.asked == [["one one", "first answer", "two two", "second answer"]]


def test_a_growing_conversation_is_summarised_incrementally():
    scribe = Scribe()
    step = fit_context(summarise=scribe.summarise, summary_tokens=1, count=words, margin=0)
    model = evolve(MODEL, context_window=16)

    def send(talk: list[Message]) -> None:
        request = Request("chat", model, Context(talk), options={"max_tokens": 5})
        drive_sync(Pipeline([step]), World([answered()]), request)

    talk = [*TALK, user("three three")]
    send(talk)
    send(talk)
    assert len(scribe.asked) == 1
    send([*talk, assistant("third answer"), user("four four")])
    assert scribe.asked[1] == [f"{SUMMARY}summary-1", "three three", "third answer"]


def test_an_async_summary_needs_an_async_client():
    async def summarise(context: Context) -> str:
        return "shortly"

    how: dict[str, Any] = {"summarise": summarise, "summary_tokens": 1, "count": words, "margin": 0, "limit": 16}
    with pytest.raises(ConfigError, match="AsyncClient"):
        sent([*TALK, user("three three")], **how)

    async def ask() -> bytes:
        bodies = []

        def answer(request: httpx.Request) -> httpx.Response:
            bodies.append(request.content)
            return httpx.Response(200, json={"choices": [{"message": {"content": "yes"}}]})

        settings: dict[str, Any] = {"transport": httpx.MockTransport(answer), "api_keys": {"groq": "k"}}
        async with AsyncClient(**settings, pipeline=fit_context(**how)) as client:
            await client.generate_text("groq:m", [*TALK, user("three three")], max_tokens=5)
        return bodies[0]

    assert b"shortly" in asyncio.run(ask())


def test_a_summary_is_a_text():
    with pytest.raises(ConfigError, match="NoneType"):
        sent([*TALK, user("three three")], window=11, summarise=lambda context: None, summary_tokens=1)


def test_a_summary_that_is_too_long_is_cut_with_a_warning(drive):
    long = " ".join(f"word{n}" for n in range(5_000))
    how: dict[str, Any] = {"summarise": lambda context: long, "summary_tokens": 5, "window": 15}
    request = sent([*TALK, *TALK[1:], user("a question")], drive, **how)
    assert words(request.context) <= 15
    assert long.startswith(texts_of(request)[1].removeprefix(SUMMARY)) and "word1" in texts_of(request)[1]
    assert [warning.why for warning in request.warnings][-1] == "the summary had over 5 tokens; its end was cut off"


def test_a_summary_that_just_fits_is_unchanged(drive):
    how: dict[str, Any] = {"summarise": lambda context: "one two three", "summary_tokens": 3, "window": 13}
    request = sent([*TALK, *TALK[1:], user("a question")], drive, **how)
    assert texts_of(request)[1] == f"{SUMMARY}one two three" and len(request.warnings) == 1


TEXT = st.integers(1, 4).map(lambda n: "w " * n)


@st.composite
def talks(draw: st.DrawFn) -> list[Message]:
    """Draw any valid conversation that ends with the user's turn or with results."""
    messages = [system(draw(TEXT))] if draw(st.booleans()) else []
    for turn in range(draw(st.integers(1, 4))):
        messages.append(user(draw(TEXT)))
        for round in range(draw(st.integers(0, 3))):
            ids = [f"{turn}.{round}.{n}" for n in range(draw(st.integers(1, 2)))]
            messages.append(assistant([ToolCall(id, "look") for id in ids]))
            messages += [tool_result(id, draw(TEXT)) for id in ids]
        messages.append(assistant(draw(TEXT)))
    return [*messages, user(draw(TEXT))] if draw(st.booleans()) else messages[:-1] or [user("x")]


@given(talks(), st.integers(0, 40))
def test_a_shortened_conversation_fits_and_is_valid(messages, window):
    try:
        kept = list(sent(messages, window=window).context)
    except ContextOverflow:
        return
    assert words(Context(kept)) <= window
    assert [m for m in messages if any(m is each for each in kept)] == kept
    assert all(m in kept for m in messages if m.role == "system")
    last_user = max(at for at, m in enumerate(messages) if m.role == "user")
    assert messages[last_user] in kept
    calls = {call.id for m in kept for call in m.tool_calls}
    assert calls == {m.tool_call_id for m in kept if m.role == "tool"}
    assert next(m for m in kept if m.role != "system").role == "user"
