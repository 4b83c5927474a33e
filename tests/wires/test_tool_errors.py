"""The result of a tool that is an error says so to the model, on every wire: in a field, or in its text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from catalog_hosts import client_of, preview
from in_turn import in_turn
from kinds import one_of_each_kind

from stepwell import Context, tool_result, user
from stepwell.messages import Image, Message, Text, ToolCall
from stepwell.providers.declare.registry import REGISTRY
from stepwell.providers.wires.calls import error_as_text

CALL = ToolCall("call_0001", "find", '{"word": "well"}')
PNG = b"\x89PNG\r\n\x1a\n" + bytes(20)
SAID = "no such word"
FIELDS = {"is_error": True, "status": "error", "error": SAID}
"""What says that a result is an error, in the formats that have a field for it."""


def conversation(result: Message) -> Context:
    return Context((user("find it"), Message("assistant", (CALL,)), result))


def models() -> Iterator[tuple[str, str | None]]:
    yield from (
        (f"amazon_bedrock:{id}", None)
        for id in (
            *("us.anthropic.claude-sonnet-4-6", "amazon.nova-pro-v1:0", "us.meta.llama3-3-70b-instruct-v1:0"),
            *("mistral.mistral-large-2407-v1:0", "cohere.command-r-v1:0", "openai.gpt-oss-120b-1:0"),
        )
    )
    for provider in one_of_each_kind(REGISTRY):
        if provider.id != "local":  # its models are files
            yield from ((f"{provider.id}:any", wire.name) for wire in provider.wires if wire.operation == "chat")


def sent(model: str, wire: str | None, result: Message) -> Any:
    request = preview(model, conversation(result), **({"wire": wire} if wire else {}))
    return orjson.loads(request.body)


def objects(value: object) -> Iterator[dict[str, object]]:
    if isinstance(value, dict):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from objects(inner)


def texts(value: object) -> Iterator[str]:
    for each in objects(value):
        for inner in each.values():
            yield from (text for text in (inner if isinstance(inner, list) else [inner]) if isinstance(text, str))


def says_so(body: object) -> bool:
    fields = [name for each in objects(body) for name in each if name in FIELDS and FIELDS[name] == each[name]]
    return len(fields) == 1


@in_turn(("model", "wire"), models())
def test_an_error_says_so_once(model: str, wire: str | None) -> None:
    plain = sent(model, wire, tool_result(CALL, SAID))
    failed = sent(model, wire, tool_result(CALL, SAID, is_error=True))
    assert not says_so(plain) and plain != failed
    in_text = [text for text in texts(failed) if text == f"Error: {SAID}"]
    assert says_so(failed) is not bool(in_text) and len(in_text) <= 1
    if in_text:
        for is_error in (False, True):
            assert sent(model, wire, tool_result(CALL, f"Error: {SAID}", is_error=is_error)) == failed


@in_turn(("model", "wire"), models())
def test_an_error_without_text_says_so(model: str, wire: str | None) -> None:
    assert sent(model, wire, tool_result(CALL, "")) != sent(model, wire, tool_result(CALL, "", is_error=True))


@pytest.mark.parametrize(
    ("content", "marked"),
    [
        ("broken", (Text("Error: broken"),)),
        ("", (Text("Error"),)),
        ("ERROR 500", (Text("ERROR 500"),)),
        (" error: x", (Text(" error: x"),)),
        ([Image(data=PNG)], (Text("Error"), Image(data=PNG))),
        ([Image(data=PNG), Text("dark")], (Image(data=PNG), Text("Error: dark"))),
        ([Text(""), Text("dark")], (Text(""), Text("Error: dark"))),
    ],
)
def test_the_text_is_marked_unless_it_says_so(content: Any, marked: tuple[Any, ...]) -> None:
    found = error_as_text(tool_result(CALL, content, is_error=True))
    assert [*found.content] == [*marked] or (content == "" and found.content == (Text("Error"), Text("")))
    assert not found.is_error and found.tool_call_id == CALL.id


def test_a_result_stays_as_it_is_in_the_callers_own_conversation() -> None:
    given = conversation(tool_result(CALL, SAID, is_error=True))
    client_of("groq").preview("groq:any", given)
    assert given.messages[-1].is_error and given.messages[-1].text == SAID
