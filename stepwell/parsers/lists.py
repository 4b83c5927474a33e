"""ListParser: answers that are lists of short texts."""

from __future__ import annotations

import re
from typing import Literal

from attrs import field, frozen

from ..schemas.errors import ConfigError
from ..schemas.lines import LINE_END
from .parser import OutputParser, unreadable

Style = Literal["comma", "numbered", "bulleted", "lines"]

_INSTRUCTIONS: dict[str, str] = {
    "comma": "Answer with a list in one line, its items separated by commas, and nothing else.",
    "numbered": "Answer with a numbered list (1., 2., 3.), one short item in each line, and nothing else.",
    "bulleted": "Answer with a bulleted list, one short item in each line behind a hyphen (-), and nothing else.",
    "lines": "Answer with one item in each line, and nothing else.",
}
_MARK = {"numbered": re.compile(r"[ \t]*\d{1,6}[.):][ \t]+"), "bulleted": re.compile(r"[ \t]*[-*+•–][ \t]+")}


@frozen
class ListParser(OutputParser[list[str]]):
    """Parser of a list of strings, in the style "comma", "numbered", "bulleted" or "lines".

    Text before and after a numbered or bulleted list is ignored; an indented line after an item belongs to it.
    """

    style: Style = "comma"
    instructions: str = field(default="")

    def __attrs_post_init__(self) -> None:
        if self.style not in _INSTRUCTIONS:
            raise ConfigError(f"there is no list style {self.style!r}", hint=f"use one of {', '.join(_INSTRUCTIONS)}")
        if not self.instructions:
            object.__setattr__(self, "instructions", _INSTRUCTIONS[self.style])

    def parse(self, text: str) -> list[str]:
        """Return the items, in order. Raises ObjectInvalid for text without an item."""
        match self.style:
            case "comma":
                found = _comma_items(text)
            case "lines":
                found = [line.strip() for line in LINE_END.split(text)]
            case _:
                found = _marked_items(text, _MARK[self.style])
        items = [item for item in found if item]
        if not items:
            raise unreadable(f"the answer holds no list ({self.style})", text)
        return items


def _comma_items(text: str) -> list[str]:
    import csv  # only for lists with commas

    try:
        return [item.strip() for row in csv.reader(LINE_END.split(text), skipinitialspace=True) for item in row]
    except csv.Error:
        raise unreadable("the answer holds no list (comma)", text) from None


def _marked_items(text: str, mark: re.Pattern[str]) -> list[str]:
    items: list[str] = []
    inside = False
    for line in LINE_END.split(text):
        if found := mark.match(line):
            items.append(line[found.end() :].strip())
            inside = True
        elif inside and line[:1].isspace() and line.strip():
            items[-1] += f" {line.strip()}"
        else:
            inside = False
    return items
