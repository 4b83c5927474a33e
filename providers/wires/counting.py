"""What the wires that count tokens before a chat is sent have in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ...pipeline.http.request import Request
from ...pipeline.side_fields import GONE, count
from ...schemas.model import Model
from ...schemas.reply import Reply
from ...schemas.usage import Usage


def counted_fields(build_body: Callable[[Request], dict[str, Any]], *names: str) -> Callable[[Request], dict[str, Any]]:
    """Return a `build_body` whose body has only the fields `names` of the given one, those that a count takes."""

    def build_count_body(request: Request) -> dict[str, Any]:
        body = build_body(request)
        return {name: body[name] for name in names if name in body}

    return build_count_body


def count_in(field: str) -> Callable[[Any, Model], Reply]:
    """Make a `decode_response` of the field that holds the number of tokens."""

    def decode(data: Mapping[str, Any], model: Model) -> Reply:
        number: Any = count(data[field])
        return Reply(usage=Usage(input_tokens=data[field] if number is GONE else number), finish_reason="stop")

    return decode
