"""Answers made up for one test, as a client takes them; and the body that a wire makes of a conversation."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson

from stepwell import Context, Message, Tool
from stepwell.catalog import Model
from stepwell.declare import Wire
from stepwell.pipeline.http.request import Request

from recordings import Recording, replay


def answered(wire: Wire, body: bytes, *, stream: bool = False, size: int = 0, status: int = 200) -> Any:
    """Decode the body by a client, in pieces of `size` bytes (0: at once), to a Reply or the error."""
    step = size or len(body) or 1
    chunks = tuple(body[at : at + step] for at in range(0, len(body), step))
    return replay(Recording("made", wire.name, "p", "m", stream, (), {}, status, {}, chunks, {}), wire)


def decoded(wire: Wire, data: Any) -> Any:
    """Decode this JSON by a client, unstreamed."""
    return answered(wire, orjson.dumps(data))


def events(*data: Any) -> bytes:
    """Write server-sent events with this JSON as their data."""
    return b"".join(b"data: " + orjson.dumps(each) + b"\n\n" for each in data)


def body_of(
    wire: Wire,
    messages: Iterable[Message],
    tools: Iterable[Tool] = (),
    *,
    model: Model | None = None,
    stream: bool = False,
    **options: Any,
) -> dict[str, Any]:
    """Read the body as the provider does."""
    asked = Request("chat", model or Model("p", "m"), Context(messages, tools), options=options, stream=stream)
    body: dict[str, Any] = orjson.loads(wire.encode_body(wire.build_body(asked)))
    return body
