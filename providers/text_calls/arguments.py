"""Read a tool call, or the arguments of one, that a model wrote as plain text: whole, or not at all."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ...schemas.errors import DecodeError
from ...schemas.json_schema.depth import too_deep
from ...schemas.json_schema.partial import CLOSER, PartialJSON, closing_bracket
from ...schemas.json_schema.whole import goes_on
from ...schemas.json_text import spaced
from ...schemas.lines import LINE_END

Parameters = Mapping[str, Any]

_FENCE = re.compile(r"\A```[^\S\n]*\w{0,20}[^\S\n]*\n(.*?)(?:```|\Z)", re.S)
_PAIR = re.compile(r"[ \t]*\**\"?([A-Za-z_]\w*)\"?\**[ \t]*[:=](?!=)(.*)", re.S)
_INSIDE = re.compile(r'(?:[\[,]|"\s*+:)\s*+\Z')
_NOTHING = frozenset(("", "none", "null", "n/a"))

# An unterminated string is matched to the end of the text, so that no part of the text is read twice.
_TOKEN = re.compile(
    r"""(?P<string>"(?:[^"\\]++|\\.)*+"?)|(?P<text>'(?:[^'\\]++|\\.)*+'?)"""
    r"""|(?P<name>[A-Za-z_]\w*)(?P<is>[^\S\n]*=(?!=))?""",
    re.S,
)
_QUOTE = re.compile(r"""\\.|["']""", re.S)
_QUOTES = {"'": '"', '"': '\\"', "\\'": "'"}
_WORDS = {"True": "true", "False": "false", "None": "null"}


def read_arguments(text: str, parameters: Parameters) -> str | None:
    """Return the arguments as the JSON text of an object; None when the text holds no complete one.

    JSON is returned as it was written. Also understood: a code fence or words before it, Python's spelling of values,
    trailing commas, raw line breaks in strings, and a bare value for a tool with a single parameter. An object without
    its closing bracket is never completed, because an incomplete call must not be run.

    text: what the model wrote as arguments.
    parameters: the tool's JSON Schema.
    """
    text = _strip_fence(text)
    if text.casefold() in _NOTHING:
        return None if parameters.get("required") else "{}"
    begin = text.find("{")
    if begin > 0 and _INSIDE.search(text, 0, begin):
        return None
    found = _object(text[begin:]) if begin >= 0 else None
    if found is not None or begin == 0:
        return found
    return _written(_bare(text, parameters))


def read_call(text: str, parameters: Parameters) -> str | None:
    """Return the same for the arguments of `name(...)` or `name[...]`; `text` begins with the bracket."""
    bracketed = _to_json(text)
    end, closed = closing_bracket(bracketed, 0, strict=True)
    if not closed:
        return None
    inside = bracketed[1 : end - 1].strip()
    if not inside:
        return read_arguments("", parameters)
    by_name, by_position = _value(f"{{{inside}}}"), _value(f"[{inside}]")
    if isinstance(by_name, dict):
        return _written(by_name)
    if not isinstance(by_position, list):
        return _written(_single(text[1 : text.rfind(CLOSER[text[0]])].strip(), parameters))
    if len(by_position) == 1 and not too_deep(by_position):
        (only,) = by_position
        return _written(only if isinstance(only, dict) else _single(spaced(only, ascii=True), parameters))
    names = list(parameters.get("properties", {}))
    return _written(dict(zip(names, by_position, strict=False))) if len(by_position) <= len(names) else None


_NAMES = ("name", "tool", "action", "tool_name", "function")
_ARGUMENTS = ("arguments", "action_input", "parameters", "args", "input")


def named_call(value: object) -> tuple[str, str] | None:
    """Return the name and the arguments, as JSON text, of a call written as one object; None for anything else.

    The common spellings are known: {"name": ..., "arguments": ...}, {"tool": ..., "parameters": ...}, and either of
    them inside {"function": ...}.
    """
    if not isinstance(value, Mapping):
        return None
    if isinstance(inner := value.get("function"), Mapping):
        value = inner
    name = next((value[key] for key in _NAMES if key in value), None)
    if not isinstance(name, str):
        return None
    arguments = next((value[key] for key in _ARGUMENTS if key in value), "")
    return name, arguments if isinstance(arguments, str) else spaced(arguments)


def _strip_fence(text: str) -> str:
    text = text.strip()
    if fence := _FENCE.match(text):
        return fence[1].strip()
    return text[1:-1].strip() if len(text) > 1 and text[0] == text[-1] == "`" else text


def _object(text: str) -> str | None:
    """Return the JSON text of the object that the text begins with; None if it begins with no complete one."""
    strict = PartialJSON(followed=True)
    if _value(text, strict) is None:
        return _written(_value(_to_json(text), PartialJSON(loose=True, tuples=True, followed=True)))
    return None if goes_on(text, strict.end) else text[: strict.end]


def _to_json(text: str) -> str:
    """Translate Python's spelling to JSON's: 'text', True, False, None, and the names in `f(name=value)`."""
    return _TOKEN.sub(_json_token, text)


def _json_token(token: re.Match[str]) -> str:
    if token["text"]:
        return _QUOTE.sub(lambda quote: _QUOTES.get(quote[0], quote[0]), token["text"])
    return f'"{token["name"]}":' if token["is"] else _WORDS.get(token[0], token[0])


def _bare(text: str, parameters: Parameters) -> Any:
    """Read `a=1, b=2` as in a call, a name and a value in each line, or the value of the only argument."""
    properties = parameters.get("properties", {})
    pairs = [_PAIR.match(line) for line in (text, *LINE_END.split(text))]
    if pairs[0] is None or pairs[0][1] not in properties:
        return _single(text, parameters)
    if (value := _value(f"{{{_to_json(text)}}}")) is not None:
        return value
    values: dict[str, Any] = {}
    for pair in pairs[1:]:
        if pair is None or pair[1] not in properties:
            return None
        values |= _single(pair[2].strip(), {"properties": {pair[1]: properties[pair[1]]}}) or {}
    return values


def _single(text: str, parameters: Parameters) -> dict[str, Any] | None:
    """Read a bare value as the only argument that the tool has or requires; None when there is no such argument."""
    properties = parameters.get("properties", {})
    names = list(properties) if len(properties) == 1 else list(parameters.get("required", ()))
    if len(names) != 1 or not text:
        return None
    schema = properties.get(names[0])
    kind = schema.get("type", "string") if isinstance(schema, Mapping) else "string"
    value = _value(text, PartialJSON())
    if value is None or (kind == "string" and not isinstance(value, str)):
        value = text
    if isinstance(value, str) and "string" not in kind:
        return None
    return {names[0]: value}


def _value(text: str, reader: PartialJSON | None = None) -> Any:
    """Return the value of a whole document; None for anything else. By default, it is read with repairs."""
    try:
        return (reader or PartialJSON(loose=True, tuples=True)).finish(text)
    except DecodeError:
        return None


def _written(value: object) -> str | None:
    """Return an object as JSON text; None for anything else, and for one nested too deeply to be written."""
    return spaced(value) if isinstance(value, dict) and not too_deep(value) else None
