"""Read the arguments of a tool call that a model wrote as plain text: as one JSON object, or not at all."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..schemas.errors import DecodeError
from ..schemas.json_schema.decode import loads_exact
from ..schemas.json_schema.whole import goes_on
from ..schemas.json_text import first_value, spaced

Parameters = Mapping[str, Any]

_FENCE = re.compile(r"\A```[^\S\n]*\w{0,20}[^\S\n]*\n(.*?)(?:```|\Z)", re.S)
_PAIR = re.compile(r"[ \t]*\**\"?([A-Za-z_]\w*)\"?\**[ \t]*[:=](?!=)(.*)", re.S)
_INSIDE = re.compile(r'(?:[\[,]|"\s*+:)\s*+\Z')
_NOTHING = frozenset(("", "none", "null", "n/a"))

# An unterminated string is matched to the end of the text, so that no part of the text is read twice.
_TOKEN = re.compile(
    r"""(?P<string>"(?:[^"\\]|\\.)*+"?|'(?:[^'\\]|\\.)*+'?)"""
    r"""|(?P<open>[{\[(])|(?P<close>[}\])])|(?P<comma>,(?=\s*[}\])]))"""
    r"""|(?P<name>[A-Za-z_]\w*)(?P<is>[^\S\n]*=(?!=))?""",
    re.S,
)
_CLOSER = {"{": "}", "[": "]", "(": ")"}
_PYTHON = {"True": "true", "False": "false", "None": "null"}


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
    return _pairs(text, parameters) if _names_one(text, parameters) else _single(text, parameters)


def read_call(text: str, parameters: Parameters) -> str | None:
    """Return the same for the arguments of `name(...)` or `name[...]`; `text` begins with the bracket."""
    bracketed = _repair(text)
    if bracketed is None:
        return None
    inside = bracketed[1:-1].strip()
    if not inside:
        return read_arguments("", parameters)
    by_name, by_position = _value(f"{{{inside}}}"), _value(f"[{inside}]")
    if isinstance(by_name, dict):
        return _strict_json(by_name)
    if not isinstance(by_position, list):
        return _single(text[1 : text.rfind(_CLOSER[text[0]])].strip(), parameters)
    if len(by_position) == 1:
        (only,) = by_position
        return _strict_json(only) if isinstance(only, dict) else _single(spaced(only, ascii=True), parameters)
    names = list(parameters.get("properties", {}))
    return _strict_json(dict(zip(names, by_position, strict=False))) if len(by_position) <= len(names) else None


def _strip_fence(text: str) -> str:
    text = text.strip()
    if fence := _FENCE.match(text):
        return fence[1].strip()
    return text[1:-1].strip() if len(text) > 1 and text[0] == text[-1] == "`" else text


def _object(text: str) -> str | None:
    """Return the JSON text of the object that the text begins with; None if it begins with no complete one."""
    try:
        end = first_value(text)[1]
    except (ValueError, RecursionError):
        repaired = _repair(text)
        value = _value(repaired) if repaired else None
        return _strict_json(value) if isinstance(value, dict) else None
    # The standard library also accepts NaN and duplicate names, which `_value` refuses.
    return text[:end] if isinstance(_value(text[:end]), dict) and not goes_on(text, end) else None


def _repair(text: str) -> str | None:
    """Return the bracketed value that the text begins with, in JSON's spelling; None if its bracket is not closed."""
    pieces: list[str] = []
    closers: list[str] = []
    at = 0
    for token in _TOKEN.finditer(text):
        pieces.append(text[at : token.start()])
        at = token.end()
        match token.lastgroup:
            case "string":
                if len(token[0]) < 2 or token[0][-1] != token[0][0]:
                    return None
                pieces.append(_string(token[0]))
            case "open":
                closers.append(_CLOSER[token[0]])
                pieces.append("[" if token[0] == "(" else token[0])
            case "close":
                if not closers or closers.pop() != token[0]:
                    return None
                pieces.append("]" if token[0] == ")" else token[0])
                if not closers:
                    return "".join(pieces)
            case "name":
                pieces.append(_PYTHON.get(token[0], token[0]))
            case "is":
                pieces.append(f'"{token["name"]}":')
    return None


def _string(quoted: str) -> str:
    """Convert a string in either kind of quotes to a JSON string."""
    inside = quoted[1:-1]
    if quoted[0] == "'":
        inside = re.sub(r"\\(.)|(\")", lambda found: "'" if found[1] == "'" else f"\\{found[1] or found[2]}", inside)
    return '"' + re.sub(r"[\x00-\x1f]", lambda found: spaced(found[0])[1:-1], inside) + '"'


def _names_one(text: str, parameters: Parameters) -> bool:
    """Return whether the text begins with the name of an argument, as in `city=Paris` and `city: Paris`."""
    pair = _PAIR.match(text)
    return pair is not None and pair[1] in parameters.get("properties", {})


def _pairs(text: str, parameters: Parameters) -> str | None:
    """Read `a=1, b=2` as in a call, or a name and a value in each line; None for anything else."""
    repaired = _repair(f"({text})")
    if repaired and isinstance(value := _value(f"{{{repaired[1:-1]}}}"), dict):
        return _strict_json(value)
    values: dict[str, Any] = {}
    for line in text.splitlines():
        pair = _PAIR.match(line)
        if pair is None or pair[1] not in parameters.get("properties", {}):
            return None
        values |= loads_exact(_single(pair[2].strip(), _only(parameters, pair[1])) or "{}")
    return _strict_json(values)


def _only(parameters: Parameters, name: str) -> Parameters:
    return {"properties": {name: parameters["properties"][name]}}


def _single(text: str, parameters: Parameters) -> str | None:
    """Read a bare value as the only argument that the tool has or requires; None when there is no such argument."""
    properties = parameters.get("properties", {})
    names = list(properties) if len(properties) == 1 else list(parameters.get("required", ()))
    if len(names) != 1 or not text:
        return None
    schema = properties.get(names[0])
    kind = schema.get("type", "string") if isinstance(schema, Mapping) else "string"
    value = _value(text)
    if value is None or (kind == "string" and not isinstance(value, str)):
        value = text
    if isinstance(value, str) and "string" not in kind:
        return None
    return _strict_json({names[0]: value})


def _value(text: str) -> Any:
    """Parse a JSON document; None for anything else."""
    try:
        return loads_exact(text)
    except DecodeError:
        return None


def _strict_json(value: object) -> str | None:
    """Return a value as JSON text; None if it holds NaN or an infinity, which JSON has not."""
    text = spaced(value)
    return None if _value(text) is None else text
