"""Read what messages in dict form hold: text and images, calls, reasoning, and marks for the provider's cache.

A key that says something and is not known is an error, at any depth: what is passed over would not be missed until the
answer is wrong.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .errors import ConfigError
from .json_types import JSONObject
from .nearest import nearest
from .parts import PARTS, Image, Part, Reasoning, Text, ToolCall
from .several import holds_several

LOOSE = "chat"
"""The key in a part's `extra` for what a message in dict form says of it: several wires understand it."""
_PARTS = (
    "dicts have the form of chat completions, with parts of the types 'text' and 'image_url'; classes for the others "
    "are in stepwell.messages: Image(data=…, media_type=…), Audio, Video, File, …"
)
LABELS = ("type", "id", "status", "annotations")
"""Keys that answers have, and that say nothing to a model."""


def check_keys(item: Mapping[str, Any], known: Sequence[str], what: str) -> None:
    """Raise ConfigError for a key that has a value and is not among the known ones of `what`."""
    for name, value in item.items():
        if name not in known and value:
            from .message_hints import form_hint  # only for a mistake

            raise ConfigError(f"{what} has no {name!r:.40}", hint=form_hint(name) or nearest(str(name), known))


def loose_reasoning(item: JSONObject) -> list[Part]:
    """Read the reasoning of an answer: its text has two names, of which the first counts."""
    text = text_field(item, "reasoning_content") or text_field(item, "reasoning") or ""
    details = item.get("reasoning_details")
    if not text and not details:
        return []
    return [Reasoning(text, extra={LOOSE: {"reasoning_details": details}} if details else {})]


def text_field(item: JSONObject, name: str) -> str | None:
    """Return a text that may be missing. Raises ConfigError for anything else."""
    value = item.get(name)
    if value is not None and not isinstance(value, str):
        raise ConfigError(f"the {name!r} of a message is a {type(value).__name__}", hint="pass a string")
    return value


def loose_calls(calls: object) -> list[Part]:
    """Read tool calls. Raises ConfigError for one without a name, and for unknown keys."""
    parts: list[Part] = []
    for call in calls if isinstance(calls, Iterable) else ():
        function = call.get("function", call) if isinstance(call, Mapping) else None
        if isinstance(call, ToolCall):
            parts.append(call)
            continue
        if not isinstance(function, Mapping) or not isinstance(function.get("name"), str):
            from .message_hints import no_call  # only for a mistake

            raise no_call(call)
        for each in (call, function):
            check_keys(each, ("id", "type", "index", "function", "name", "arguments"), "a tool call of a message")
        parts.append(ToolCall(text_field(call, "id") or "", function["name"], _json_text(function.get("arguments"))))
    return parts


def _json_text(arguments: object) -> str:
    if arguments is None or isinstance(arguments, str):
        return arguments or ""
    from .json_text import dumps

    try:
        return dumps(arguments).decode()
    except TypeError as error:
        raise ConfigError(f"the arguments of a tool call are not JSON: {error}") from None


def loose_content(content: object) -> str | Part | list[str | Part] | None:
    """Read content: text, a part, or a list of both. Raises ConfigError for what no part can be made of."""
    if content is None or isinstance(content, (str, *PARTS)):
        return content
    if isinstance(content, Mapping):
        if "type" not in content:
            hint = "json.dumps(...) makes text of data"
            raise ConfigError("a message's content cannot be a dict without a 'type'", hint=hint)
        content = (content,)
    elif not holds_several(content):
        raise ConfigError(f"a message's content cannot be a {type(content).__name__}", hint="use text or a list")
    return [_loose_part(part) if isinstance(part, Mapping) else part for part in content]


def _loose_part(part: JSONObject) -> Part:
    kind = part.get("type")
    mark = part.get("cache_control")
    extra = {LOOSE: {"cache_control": mark}} if mark else {}
    if kind in ("text", "input_text", "output_text"):
        check_keys(part, ("text", "cache_control", "logprobs", *LABELS), "a text of a message")
        return Text(string_field(part, "text"), extra)
    if kind in ("image_url", "input_image"):
        image = part.get("image_url")
        fields = image if isinstance(image, Mapping) else {"url": image, "detail": part.get("detail")}
        check_keys(part, ("type", "image_url", "detail", "cache_control"), "an image of a message")
        check_keys(fields, ("url", "detail"), "an image of a message")
        return Image(url=string_field(fields, "url"), detail=fields.get("detail"), extra=extra)
    from .message_hints import form_hint  # only for a mistake

    raise ConfigError(f"{kind!r:.40} is not a part of a message in dict form", hint=form_hint(kind, _PARTS))


def string_field(part: JSONObject, name: str) -> str:
    """Return a text that has to be there. Raises ConfigError without it."""
    value = part.get(name)
    if not isinstance(value, str):
        raise ConfigError(f"a part of a message has no {name!r}", hint="give it one, as a string")
    return value
