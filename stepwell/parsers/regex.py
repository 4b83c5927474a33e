"""Answers that hold a pattern."""

from __future__ import annotations

from typing import Any

from attrs import field, frozen

from .linear import LinearPattern
from .parser import OutputParser, unreadable


@frozen
class RegexParser(OutputParser[Any]):
    """The first place in the text that matches a regular expression, searched for in time linear in the text.

    Gives a dict of the named groups if there are any; else the text of the only group, a tuple of several, or the
    whole match. A group that took no part is None. Raises SchemaError for a pattern that is malformed or not regular
    (back references, lookaround). Say in `instructions` what the model is to write; a pattern explains little.
    """

    pattern: str
    instructions: str = ""
    _linear: LinearPattern = field(init=False, repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "_linear", LinearPattern(self.pattern))
        if not self.instructions:
            asked = f"Answer with text that matches this regular expression: {self.pattern}"
            object.__setattr__(self, "instructions", asked)

    def parse(self, text: str) -> Any:
        found = self._linear.search(text)
        if found is None:
            raise unreadable("the answer does not match the pattern", text)
        if found.names:
            return found.named()
        whole, *groups = found.groups
        return whole if not groups else groups[0] if len(groups) == 1 else tuple(groups)
