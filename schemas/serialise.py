"""The JSON form of a Context: versioned, and equal after a round trip.

Only the tags listed here make objects. A `__class__`, `lc` or `type` key anywhere in the data stays plain data, and no
class is ever found by name.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from typing import Any

import cattrs
from attrs import fields
from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn, override

from .errors import ConfigError, DecodeError
from .json_text import JSONDecodeError, dumps, loads
from .message import Context, Message
from .nan_check import not_finite
from .parts import Audio, File, Image, Opaque, Part, Reasoning, Refusal, Text, ToolCall, Video
from .tool import NO_PARAMETERS, Tool
from .versions import refused_version

VERSION = 1
_PARTS: Mapping[str, type] = {
    cls.type: cls for cls in (Text, Refusal, Reasoning, Image, File, Audio, Video, ToolCall, Opaque)
}


def _converter() -> cattrs.Converter:
    converter = cattrs.Converter(omit_if_default=True, forbid_extra_keys=True)
    converter.register_unstructure_hook(bytes, lambda data: b64encode(data).decode())
    converter.register_structure_hook(bytes, lambda data, _: b64decode(data, validate=True))
    for tag, cls in _PARTS.items():
        _register_part(converter, tag, cls)
    converter.register_structure_hook(Part, lambda data, _: converter.structure(data, _PARTS[data["type"]]))
    for cls, plain in ((Message, ("extra",)), (Tool, ("parameters", "server", "extra"))):
        left_out: Any = {"callback": override(omit=True)} if cls is Tool else {}
        kept: Any = {name: override(unstruct_hook=_same, struct_hook=_as_is) for name in plain}
        converter.register_unstructure_hook(cls, make_dict_unstructure_fn(cls, converter, **kept, **left_out))
        converter.register_structure_hook(cls, make_dict_structure_fn(cls, converter, **kept, **left_out))
    return converter


def _register_part(converter: cattrs.Converter, tag: str, cls: type) -> None:
    # Data of a wire's own is kept as it is, whatever it looks like.
    plain = [each.name for each in fields(cls) if each.name == "extra" or (cls is Opaque and each.name == "data")]
    kept: Any = {name: override(unstruct_hook=_same, struct_hook=_as_is) for name in plain}
    dump: Callable[[Any], dict[str, Any]] = make_dict_unstructure_fn(
        cls, converter, _cattrs_omit_if_default=True, **kept
    )
    load: Callable[..., Any] = make_dict_structure_fn(cls, converter, _cattrs_forbid_extra_keys=True, **kept)
    converter.register_unstructure_hook(cls, lambda part: {"type": tag, **dump(part)})
    converter.register_structure_hook(
        cls, lambda data, _: load({name: value for name, value in data.items() if name != "type"}, cls)
    )


def _same(value: Any) -> Any:
    return value


def _as_is(value: Any, _: Any) -> Any:
    return value


CONVERTER = _converter()


def dump_context(context: Context) -> bytes:
    """The JSON of a Context. Callbacks of tools are left out: code is not data. Half of a surrogate pair
    becomes U+FFFD. Raises ConfigError for what JSON cannot hold: infinity, an object that is no plain data."""
    body = {
        "stepwell": "context",
        "version": VERSION,
        "messages": [CONVERTER.unstructure(message) for message in context.messages],
        "tools": [_dump_tool(tool) for tool in context.tools],
    }
    return dumped(body, "this conversation")


def dumped(body: Any, what: str) -> bytes:
    """The JSON of plain data, from which the same data can be read again. Raises ConfigError for anything else."""
    try:
        data = dumps(body)
    except TypeError as error:
        # The error says what was met (a set) but not the value itself.
        raise ConfigError(f"{what} holds what JSON cannot: {error}", hint="keep plain data in extra") from None
    if b"null" in data and (place := not_finite(body)) is not None:
        raise ConfigError(
            f"{what} holds a number that JSON has not, at {place}", hint="JSON has no NaN and no infinity"
        )
    return data


def _dump_tool(tool: Tool) -> dict[str, Any]:
    data: dict[str, Any] = CONVERTER.unstructure(tool)
    if data.get("parameters") is NO_PARAMETERS:
        del data["parameters"]
    return data


def load_context(data: bytes | str) -> Context:
    """The Context of a JSON text. Raises DecodeError for another shape or a later version."""
    try:
        body = loads(data)
    except JSONDecodeError as error:
        raise DecodeError(f"this is not the JSON of a Context: {error}", hint="use Context.to_json()") from None
    if not isinstance(body, dict) or body.get("stepwell") != "context":
        raise DecodeError("this JSON is not of a Context", hint="use Context.to_json()")
    if why := refused_version(body.get("version"), VERSION, "this Context"):
        raise DecodeError(why, hint="update stepwell")
    try:
        messages = tuple(CONVERTER.structure(message, Message) for message in body.get("messages", ()))
        tools = tuple(CONVERTER.structure(tool, Tool) for tool in body.get("tools", ()))
    except Exception as error:
        lines = cattrs.transform_error(error, path="$")
        raise DecodeError(f"this JSON does not fit a Context: {'; '.join(lines)[:300]}") from None
    return Context(messages, tools)
