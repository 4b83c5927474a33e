"""Shared code for tool calls: ids for calls without one, streamed arguments, which are readable, and failed results."""

from __future__ import annotations

import re
from typing import Any

from attrs import evolve

from ...pipeline.side_fields import Whole, nonempty_text
from ...pipeline.world import REAL_WORLD
from ...schemas.chunks import Warned
from ...schemas.json_text import JSONDecodeError, dumps, loads
from ...schemas.message import Message
from ...schemas.model import Model
from ...schemas.nan_check import dumps_as_read
from ...schemas.parts import Text, ToolCall, is_plain
from ...schemas.reply import CallWarning


def call_id(reply_id: str | None, index: int) -> str:
    """Make an id for a call that came without one, or with the id of another call.

    It is derived from the reply's own id, so that a stream and the same answer unstreamed agree and two answers differ.

    reply_id: the id of the answer, a random one if None
    index: the call's position among the calls of the answer, from 0
    """
    tail = re.sub(r"[^A-Za-z0-9]", "", reply_id or "")[-20:] or REAL_WORLD.new_id()[:20]
    return f"call_{tail}_{index}"


def orphaned(model: Model) -> Warned:
    """Make the warning for pieces of arguments that belong to no call of their stream."""
    return Warned((CallWarning("tool_calls", "arguments that belong to no call were left out", str(model)),))


def distinct_id(given: str | None, known: set[str], reply_id: str | None) -> str:
    """Return the id of a call: its own, or one made up where it has none or that of another call.

    given: the id that it came with
    known: the ids of the calls before it, to which its own is added
    reply_id: the id of the answer, see `call_id`
    """
    id = given if given and given not in known else call_id(reply_id, len(known))
    known.add(id)
    return id


def arguments_text(arguments: object) -> str:
    """Return the arguments of an answer's call as text; "" for none. Some servers send the JSON itself."""
    if arguments is None:
        return ""
    return arguments if isinstance(arguments, str) else dumps_as_read(arguments).decode()


def sent_arguments(call: ToolCall) -> str:
    """Return the arguments of a call as they are sent back: the text of a JSON object, since servers refuse others."""
    if is_plain(call.arguments_json):
        return call.arguments_json
    return dumps(sent_object(call)).decode()


def sent_object(call: ToolCall) -> dict[str, Any]:
    """Return the arguments of a call as the object that is sent back; the model sees the text of others inside one."""
    arguments = call.arguments
    return {"invalid_arguments": call.arguments_json} if arguments is None else arguments


def server_tool_input(text: str) -> object:
    """Parse the streamed input of a tool that the provider runs; the token limit may have cut the JSON short."""
    try:
        return loads(text)
    except JSONDecodeError:
        return {"invalid_arguments": text}


NAMED = Whole({"name": nonempty_text}, needs=("name",))
"""The rule of what a call calls: there is no call without a name."""
CALL = Whole({"id": str, "function": NAMED}, needs=("function",))
"""The rule of a call of a function."""


def error_as_text(result: Message) -> Message:
    """Return a tool's result that is an error as one whose text says so, for formats without a field for it.

    The text then begins with "Error: ", as that of a tool's exception does; one that begins with this word is kept.
    Without it, a model takes the error for a result (https://github.com/sgl-project/sglang/pull/32610).
    """
    content = result.content
    if result.text.lstrip()[:5].lower() != "error":
        said = next((part for part in content if isinstance(part, Text) and part.text), None)
        if said is None:
            content = (Text("Error"), *content)
        else:
            marked = evolve(said, text=f"Error: {said.text}")
            content = tuple(marked if part is said else part for part in content)
    return evolve(result, content=content, is_error=False)
