"""Arguments that come in pieces, each with the place it belongs to: `{"jsonPath": "$.a[0].b", "stringValue": "x"}`.

https://cloud.google.com/vertex-ai/generative-ai/docs/multimodal/function-calling#streaming-fc
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]|\['([^']*)'\]")
_VALUES = ("stringValue", "numberValue", "boolValue", "nullValue")


def apply_partial(args: dict[str, Any], piece: Mapping[str, Any]) -> None:
    """Put the piece where it belongs: strings of one place grow, everything else is set."""
    path: list[str | int] = [
        int(number) if number else name or quoted for name, number, quoted in _STEP.findall(piece.get("jsonPath", ""))
    ]
    kind = next((kind for kind in _VALUES if kind in piece), None)
    if not path or kind is None:
        return
    value = None if kind == "nullValue" else piece[kind]
    place: Any = args
    for step, following in pairwise(path):
        place = _entered(place, step, [] if isinstance(following, int) else {})
    last = path[-1]
    known = _entered(place, last, None)
    place[last] = known + value if isinstance(known, str) and isinstance(value, str) else value


def _entered(place: Any, step: str | int, missing: Any) -> Any:
    if isinstance(step, int):
        while len(place) <= step:
            place.append(missing)
        return place[step]
    return place.setdefault(step, missing)
