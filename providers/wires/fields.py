"""The fields of a body: those that an option becomes, and those that have a value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ...schemas.dict_form import LOOSE
from ...schemas.errors import InvalidOption
from ...schemas.parts import Audio, File, Image, Opaque, Refusal, Text, Video

Field = str | tuple[str, Callable[[Any], object]] | Callable[[dict[str, Any], Any], None]
"""Where an option goes: the name of a field, after that of the object that it is in (`generationConfig.topP`); that and
a function which converts the value; or a function that puts the value into the body."""


def put_options(body: dict[str, Any], options: Mapping[str, Any], fields: Mapping[str, Field]) -> None:
    """Put options into a body; an object is merged into one that is there. Others than those of `fields` keep their
    names."""
    for name, value in options.items():
        field = fields.get(name)
        if isinstance(field, tuple):
            field, value = field[0], field[1](value)  # type: ignore[operator]  # no function is a tuple
        if field is not None and not isinstance(field, str):
            field(body, value)
            continue
        object, _, last = field.rpartition(".") if field else ("", "", name)
        if object:
            body[object] = place = {**body.get(object, {})}  # a copy: it may be an option's own
        else:
            place = body
        known = place.get(last)
        place[last] = {**known, **value} if isinstance(known, dict) and isinstance(value, Mapping) else value


def format_asked(response_format: object) -> Mapping[str, Any] | bool:
    """Return the schema that an answer must fit; True for JSON of any form, False for text.

    Raises InvalidOption for a provider's own format, which this wire does not know.
    """
    kind = response_format
    if isinstance(response_format, Mapping):
        kind = response_format.get("type")
        if kind == "json_schema":
            schema: Mapping[str, Any] = response_format["json_schema"]["schema"]
            return schema
    if kind not in ("text", "json", "json_object"):
        raise InvalidOption(
            f"response_format {kind!r} is unknown here", hint='use text, json or {"type": "json_schema", ...}'
        )
    return kind != "text"


def unknown_choice(more: str = "") -> InvalidOption:
    """Return the error for a tool_choice that a wire cannot encode. `more` names what it takes besides the usual."""
    return InvalidOption("tool_choice has an unknown form", hint=f"use auto, none, required or {{'name': ...}}{more}")


def own_fields(part: Text | Refusal | Image | File | Audio | Video, wire: str) -> Mapping[str, Any]:
    """Return the further fields of a part: those for this wire, and those of a message in dict form, for any wire."""
    extra = part.extra
    return {**extra.get(LOOSE, {}), **extra.get(wire, {})} if extra else extra


def own_block(part: Opaque, wire: str) -> dict[str, Any] | None:
    """Return a block of this wire's own as it is sent back; None for another's, and for one that is not sent back."""
    return dict(part.data) if part.wire == wire and part.data is not None else None


def listed(value: object) -> list[Any]:
    """Return the texts of an option that is one or several."""
    return [value] if isinstance(value, str) else list(value)  # type: ignore[call-overload]


def given(**fields: object) -> dict[str, Any]:
    """Return the fields that have a value: all that are not None."""
    return {name: value for name, value in fields.items() if value is not None}
