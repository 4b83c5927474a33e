"""What a text stands for where originals are escaped in it: as in the strings of JSON, or in addresses."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from re import Match, Pattern
from urllib.parse import unquote

from ...schemas.json_text import loads
from ...schemas.late_pattern import late_pattern

View = tuple[str, list[int]]
"""A text without its escapes, and the place in the text of each character, and of the end."""
_JSON = late_pattern(r"""\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|["\\/bfnrt])""")
_PERCENT = late_pattern(r"%[0-7][0-9A-Fa-f]|%[c-fC-F][0-9A-Fa-f](?:%[89abAB][0-9A-Fa-f]){1,3}")
_DEEPEST = 3
"""JSON in a string of JSON, and that in one more, as results of tools have it."""


def views(text: str) -> Iterator[View]:
    """Yield the text with the escapes of JSON undone, as deep as they are, and with those of addresses undone."""
    if "%" in text and (undone := _undone(text, range(len(text) + 1), _PERCENT, unquote)) is not None:
        yield undone
    view: View | None = (text, [])
    for _ in range(_DEEPEST):
        if view is None or "\\" not in view[0]:
            return
        view = _undone(view[0], view[1] or range(len(text) + 1), _JSON, _character)
        if view is not None:
            yield view


def _character(escape: str) -> str:
    return str(loads(f'"{escape}"'))


def _undone(text: str, places: list[int] | range, pattern: Pattern[str], decode: Callable[[str], str]) -> View | None:
    """Return the text with each escape as its character; None if it has none."""
    out: list[str] = []
    found: list[int] = []
    at = 0
    matches: Iterator[Match[str]] = pattern.finditer(text)
    for match in matches:
        character = decode(match[0])
        if len(character) != 1:
            continue
        out += [text[at : match.start()], character]
        found += places[at : match.start() + 1]
        at = match.end()
    if not out:
        return None
    return "".join([*out, text[at:]]), [*found, *places[at:]]
