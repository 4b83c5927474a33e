"""Carry citations and the provider's own tools through LangChain's messages, which have no fields for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from attrs import evolve

from ...schemas.citation import Citation
from ...schemas.message import Message
from ...schemas.parts import Opaque, Part, ServerToolCall, ServerToolResult, Text
from ...schemas.serialise import CONVERTER

_TOOLS = (ServerToolCall, ServerToolResult)
_KEYS = frozenset(("wire", "data", "part"))


def value_of(part: Opaque) -> dict[str, Any]:
    """Return what a non-standard block holds of a part."""
    value = {"wire": part.wire, "data": part.data}
    if not isinstance(part, _TOOLS):
        return value
    fields = CONVERTER.unstructure(part)
    return {**value, "part": {name: field for name, field in fields.items() if name not in value}}


def part_of(value: Mapping[str, Any]) -> Opaque | None:
    """Return the part that a non-standard block of ours holds; None for another's."""
    if not value.keys() <= _KEYS or "wire" not in value:
        return None
    own = {"wire": value["wire"], "data": value.get("data")}
    if "part" not in value:
        return Opaque(**own)
    part: Opaque = CONVERTER.structure({**value["part"], **own}, cast(Any, Part))
    return part


def citations_note(message: Message) -> list[Any]:
    """Return the citations of each text of an answer; empty without any."""
    found = [CONVERTER.unstructure(part.citations) for part in message.content if type(part) is Text]
    return found if any(found) else []


def with_noted_citations(parts: Sequence[Part], note: Sequence[Any]) -> list[Part]:
    """Return the parts with the citations of each text, as `citations_note` has them."""
    left = iter(note)
    return [
        evolve(part, citations=tuple(CONVERTER.structure(each, Citation) for each in next(left, ())))
        if type(part) is Text
        else part
        for part in parts
    ]
