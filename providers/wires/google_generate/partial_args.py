"""Streamed arguments in pieces, each with its place: `{"jsonPath": "$.a[0].b", "stringValue": "x"}`.

https://cloud.google.com/vertex-ai/generative-ai/docs/multimodal/function-calling#streaming-fc; paths are RFC 9535's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from ....schemas.errors import DecodeError

_STEP = re.compile(r"""\.([^.\[\]]+)|\[(\d+)\]|\['((?:[^'\\]|\\.)*)'\]|\["((?:[^"\\]|\\.)*)"\]""")
_ESCAPED = re.compile(r"\\(.)")
_VALUES = ("stringValue", "numberValue", "boolValue", "nullValue")


def apply_partial(args: object, piece: Mapping[str, Any]) -> None:
    """Put the piece in its place: append to a string, set anything else. Raises DecodeError for an impossible place."""
    path = _path(piece.get("jsonPath") or "")
    kind = next((kind for kind in _VALUES if kind in piece), None)
    if not path or kind is None:
        return
    value = None if kind == "nullValue" else piece[kind]
    place: Any = args
    for step, following in pairwise(path):
        place = _enter(place, step, [] if isinstance(following, int) else {})
    last = path[-1]
    known = _enter(place, last, None)
    place[last] = known + value if isinstance(known, str) and isinstance(value, str) else value


def _path(text: str) -> list[str | int]:
    return [
        int(number) if number else name or _ESCAPED.sub(r"\1", single or double)
        for name, number, single, double in _STEP.findall(text)
    ]


def _enter(place: object, step: str | int, missing: object) -> Any:
    """Return the value at the step; put `missing` there first if there is none."""
    if isinstance(step, str) and isinstance(place, dict):
        return place.setdefault(step, missing)
    # A list grows only at its end: an index far beyond it would fill the memory.
    if not isinstance(step, int) or not isinstance(place, list) or step > len(place):
        raise DecodeError("the pieces of a call's arguments do not fit together")
    if step == len(place):
        place.append(missing)
    return place[step]
