"""Whatever an encoder does not send as it was given is a warning on the reply; all else is in the body."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from exchanges import sent
from histories import TOOLS, call
from vendor_rules import WIRES

from stepwell import Context, Image
from stepwell.messages import Audio, Opaque, Reasoning, Text, ToolCall
from stepwell.providers.declare.wire import Wire
from stepwell.schemas.errors import NotSupported
from stepwell.schemas.message import Message, assistant, system, tool_result, user

PIXEL = Image(data=b"\x89PNG\r\n", media_type="image/png")
MISDECLARED = Image(data=b"\xff\xd8\xff\xe0", media_type="image/png")
INLINED = "data:image/png;base64,/9j/4A=="
MARKED = {"type": "text", "text": "long", "cache_control": {"type": "ephemeral"}}
DETAILS = [{"type": "reasoning.text", "text": "because", "signature": "S"}]


def roles(body: dict[str, Any]) -> list[str]:
    """Return who speaks, turn by turn, without the system."""
    turns: Any = body.get("messages") or body.get("contents") or body.get("input")
    named = [{"model": "assistant"}.get(turn.get("role"), turn.get("role")) for turn in turns]
    return [role for role in named if role not in ("system", "developer")]


def holds(text: str) -> Callable[[dict[str, Any]], bool]:
    return lambda body: text in orjson.dumps(body).decode()


def matches(pattern: str) -> Callable[[dict[str, Any]], bool]:
    return lambda body: bool(re.search(pattern, orjson.dumps(body).decode()))


def ordered(*texts: str) -> Callable[[dict[str, Any]], bool]:
    def check(body: dict[str, Any]) -> bool:
        conversation = body.get("messages") or body.get("contents") or body.get("input")
        return bool(re.search(".*".join(texts), orjson.dumps(conversation).decode()))

    return check


def spoken(*who: str) -> Callable[[dict[str, Any]], bool]:
    return lambda body: roles(body) == list(who)


def single_instructions(body: dict[str, Any]) -> bool:
    """Two system messages are two: messages, blocks or parts."""
    return "brief\\n\\nkind" not in orjson.dumps(body).decode()


ODD: dict[str, tuple[Any, Callable[[dict[str, Any]], bool], str]] = {
    "a system message in the middle": (
        [user("first"), assistant("a"), system("rule"), user("b")],
        ordered("first", "rule", '"b"'),
        "moved to the front",
    ),
    "a system message at the end": ([user("first"), system("rule")], ordered("first", "rule"), "moved to the front"),
    "two system messages": ([system("brief"), system("kind"), user("a")], single_instructions, "joined"),
    "an image in a system message": ([system(["look", PIXEL]), user("a")], holds("iVBORw"), "only the text"),
    "two turns of the user": ([user("a"), user("b")], spoken("user", "user"), "joined into one turn"),
    "two answers": (
        [user("a"), assistant("b"), assistant("c"), user("d")],
        spoken("user", "assistant", "assistant", "user"),
        "joined into one turn",
    ),
    "an answer at the beginning": (
        [system("s"), assistant("a"), user("b")],
        spoken("assistant", "user"),
        "turn of the user was made up",
    ),
    "instructions alone": ([system("s")], spoken(), "turn of the user was made up"),
    "an answer alone": ([assistant("a")], spoken("assistant"), "turn of the user was made up"),
    "an empty answer": (
        [user("a"), assistant(""), user("b")],
        spoken("user", "assistant", "user"),
        "empty message is left out",
    ),
    "a blank answer": ([user("a"), assistant(" "), user("b")], holds('" "'), "empty message is left out"),
    "an empty message of the user": (
        [user("a"), assistant("b"), user(""), assistant("c"), user("d")],
        spoken("user", "assistant", "user", "assistant", "user"),
        "empty message is left out",
    ),
    "a blank part": ([user([Text(" "), Text("b")])], matches('" (b)?"'), "blank text is left out"),
    "a part that is marked and blank": ([user([Text(" "), PIXEL])], holds('" "'), "blank text is left out"),
    "spaces at the end of a beginning": ([user("a"), assistant("so  ")], holds('so  "'), "white space"),
    "the name of a user": ([Message("user", "a", name="Ann")], holds("Ann"), "name of a speaker"),
    "the name of an answer": (
        [user("a"), Message("assistant", "b", name="Bot"), user("c")],
        holds("Bot"),
        "name of a speaker",
    ),
    "the name of a system": ([Message("system", "s", name="Sys"), user("c")], holds("Sys"), "name of a speaker"),
    "the detail of an image": (
        [user([Image(data=b"\x89PNG", media_type="image/png", detail="high")])],
        holds("high"),
        "detail",
    ),
    "an image of another type than declared": ([user(MISDECLARED)], holds("png"), "is sent as image/jpeg"),
    "the same in an address": ([user(Image(url=INLINED))], holds("png"), "is sent as image/jpeg"),
    "an image in a result": (
        [user("a"), assistant(call("c1")), tool_result("c1", ["seen", PIXEL])],
        lambda body: "user" not in roles(body)[-1:] or "tool" not in roles(body),
        "moved to a message of the user",
    ),
    "an empty result": (
        [user("a"), assistant(call("c1")), tool_result("c1", "")],
        lambda body: not holds("no output")(body),
        "given a text",
    ),
    "words after a result": (
        [user("a"), assistant(call("c1")), tool_result("c1", "r"), user("b")],
        lambda body: not holds('"OK"')(body),
        "an answer was made up",
    ),
    "a mark for the cache on the system": (
        [{"role": "system", "content": [MARKED]}, user("a")],
        holds("ephemeral"),
        "mark for the provider's cache",
    ),
    "a mark for the cache on the user": (
        [{"role": "user", "content": [MARKED]}],
        holds("ephemeral"),
        "mark for the provider's cache",
    ),
    "a mark for the cache on an answer": (
        [user("a"), {"role": "assistant", "content": [MARKED]}, user("a")],
        holds("ephemeral"),
        "mark for the provider's cache",
    ),
    "reasoning of nobody": (
        [user("a"), assistant([Reasoning("because"), Text("b")]), user("c")],
        holds("because"),
        "reasoning",
    ),
    "reasoning of the model's own": (
        [user("a"), Message("assistant", [Reasoning("because"), Text("b")], model="target:m"), user("c")],
        holds("because"),
        "reasoning",
    ),
    "reasoning of another": (
        [user("a"), Message("assistant", [Reasoning("because"), Text("b")], model="other:m"), user("c")],
        holds("because"),
        "reasoning",
    ),
    "details of reasoning in dict form": (
        [user("a"), {"role": "assistant", "content": "b", "reasoning_details": DETAILS}, user("c")],
        holds("because"),
        "reasoning",
    ),
    "a call in the old form": (
        [user("a"), {"role": "assistant", "content": None, "function_call": {"name": "look_up", "arguments": "{}"}}],
        lambda body: False,
        "without a result",
    ),
    "audio of an answer in dict form": (
        [user("a"), {"role": "assistant", "content": "b", "audio": {"id": "aud_1"}}, user("c")],
        holds("aud_1"),
        "an audio file",
    ),
    "audio of an answer": ([user("a"), assistant([Audio(data=b"x"), Text("b")]), user("c")], holds('"eA=="'), "audio"),
    "arguments that are no JSON": (
        [user("a"), assistant(ToolCall("c1", "look_up", '{"city":')), tool_result("c1", "no")],
        lambda body: False,  # their text goes along, in an object
        "arguments",
    ),
    "a result without a call": ([user("a"), tool_result("c1", "r")], lambda body: False, "became user text"),
    "a block of another format": ([user(["a", Opaque("other", {"x": 1})])], lambda body: False, "block of other"),
}


@pytest.mark.parametrize("odd", ODD)
def test_an_odd_thing_is_in_the_body_or_in_a_warning(odd: str) -> None:
    messages, is_kept, words = ODD[odd]
    for wire, _ in WIRES:
        try:
            body, reply = sent(wire, Context(messages, TOOLS))
        except NotSupported:
            continue  # refused before anything was sent
        warned = any(re.search(words, warning.why) for warning in reply.warnings)
        assert is_kept(body) != warned, (wire.name, orjson.dumps(body), reply.warnings)


@pytest.mark.parametrize(("wire", "_"), WIRES, ids=lambda each: getattr(each, "name", ""))
def test_a_block_of_the_formats_own_is_in_the_body_or_in_a_warning(wire: Wire, _: Any) -> None:
    block = Opaque(wire.history_format or wire.name, {"type": "text", "text": "OWN"})
    for messages in ([user(["a", block])], [user("a"), assistant(["b", block]), user("c")]):
        body, reply = sent(wire, Context(messages))
        assert holds("OWN")(body) != any("block" in each.why for each in reply.warnings), body


@pytest.mark.parametrize(("wire", "_"), WIRES, ids=lambda each: getattr(each, "name", ""))
def test_an_ordinary_conversation_has_no_warnings(wire: Wire, _: Any) -> None:
    turns = [user("a"), assistant(["look", call("c1")]), tool_result("c1", "r"), assistant("b")]
    for messages in ([user("a")], [system("s"), *turns, user("c")], turns[:3]):
        _, reply = sent(wire, Context(messages, TOOLS))
        assert reply.warnings == ()
