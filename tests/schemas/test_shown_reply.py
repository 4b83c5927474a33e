"""`print(reply)` prints the text, and without text what the answer has in its place."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import stepwell
from stepwell import AsyncClient, Client, Image, Message, Reply
from stepwell.messages import Audio, Reasoning, Refusal, Text, ToolCall
from stepwell.schemas.model import Model
from stepwell.schemas.reply import CallWarning, Ranked, Verdict
from stepwell.schemas.usage import Usage
from stepwell.testing import FakeModel

WEATHER, ADD = ToolCall("1", "get_weather", '{"city": "Rome"}'), ToolCall("2", "add", "{}")


def of(*parts: Any, **facts: Any) -> Reply:
    return Reply(message=Message("assistant", parts), **facts)


@pytest.mark.parametrize(
    ("reply", "shown"),
    [
        (Reply(object=[[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]]), "<2 vectors of 3>"),
        (Reply(object=[[1, 2]]), "<1 vector of 2>"),
        (of(WEATHER, ADD), "<calls get_weather, add>"),
        (of(Refusal("I cannot.")), "<refused: I cannot.>"),
        (of(Image(data=b"a"), Image(data=b"b"), Audio(data=b"c")), "<2 images and 1 audio file>"),
        (of(Reasoning("Hmm"), finish_reason="length"), "<reasoning alone: it ended with 'length'>"),
        (Reply(object=[Ranked(2, 0.9), Ranked(0, 0.1)]), "<ranking of 2 documents, best first: 2, 0>"),
        (
            Reply(object=[Ranked(at, 0.5) for at in range(9)]),
            "<ranking of 9 documents, best first: 0, 1, 2, 3, 4, ...>",
        ),
        (Reply(object=[Verdict(True), Verdict(False)]), "<2 verdicts, 1 flagged>"),
        (Reply(object=[Model("a", "b")]), "<1 model>"),
        (Reply(object={"city": "Rome"}), "<{'city': 'Rome'}>"),
        (Reply(object=[]), "<[]>"),
        (Reply(usage=Usage(input_tokens=1200)), "<1,200 tokens of input>"),
        (Reply(), ""),
    ],
)
def test_an_answer_without_text_shows_what_it_has(reply: Reply, shown: str) -> None:
    assert str(reply) == f"{reply}" == shown and reply.text == ""


@pytest.mark.parametrize("more", [(), (WEATHER,), (Reasoning("Hmm"),), (Image(data=b"a"),)])
def test_text_is_shown_alone(more: tuple[Any, ...]) -> None:
    assert str(of(*more, Text("It rains."), object={"city": "Rome"})) == "It rains."


def test_what_a_model_wrote_is_shown_without_control_characters() -> None:
    evil = "\x1b]0;title\x07\x9bJ"
    for reply in (
        of(ToolCall("1", evil, "{}")),
        of(Refusal(evil)),
        of(Reasoning("Hmm"), finish_reason=evil),
        Reply(object=[evil]),
        Reply(model=evil, finish_reason=evil, message=Message("assistant", [ToolCall("1", evil, "{}")])),
    ):
        assert str(reply).isprintable() and repr(reply).isprintable(), ascii(str(reply))
    assert str(CallWarning("tools", f"there is no tool {evil}", evil)).isprintable()


def test_what_is_shown_of_a_large_object_is_short() -> None:
    assert len(str(Reply(object={"text": "x" * 10_000}))) < 300


def test_calls_are_shown_of_every_way_to_call() -> None:
    def client_settings() -> dict[str, Any]:
        return {"registry": FakeModel(of(WEATHER), repeat=True).registry}

    async def ask() -> list[str]:
        async with AsyncClient(**client_settings()) as client:
            stream = client.stream_text("fake:m", "hi")
            return [str(await client.generate_text("fake:m", "hi")), str(await stream.reply())]

    with Client(**client_settings()) as client:
        shown = [str(client.generate_text("fake:m", "hi")), str(client.stream_text("fake:m", "hi").reply())]
    assert {*shown, *asyncio.run(ask())} == {"<calls get_weather>"}


def test_vectors_are_shown_of_a_call() -> None:
    registry = FakeModel([[1.0, 2.0]] * 3, repeat=True).registry
    with stepwell.Client(registry=registry) as client:
        assert str(client.embed("fake:m", ["a", "b", "c"])) == "<3 vectors of 2>"
