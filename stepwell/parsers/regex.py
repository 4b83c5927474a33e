"""RegexParser: answers that contain a match of a regular expression."""

from __future__ import annotations

from typing import Any

from attrs import field, frozen

from ..schemas.regex import LinearPattern
from .parser import OutputParser, unreadable


@frozen
class RegexParser(OutputParser[Any]):
    """Parser of the first match of a regular expression, searched in time linear in the text.

    Raises SchemaError for a pattern that is malformed or not regular (back references, lookaround). Say in
    `instructions` what the model should write: the default shows it the pattern, which explains little.
    """

    pattern: str
    instructions: str = ""
    _linear: LinearPattern = field(init=False, repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "_linear", LinearPattern(self.pattern))
        if not self.instructions:
            instructions = f"Answer with text that matches this regular expression: {self.pattern}"
            object.__setattr__(self, "instructions", instructions)

    def parse(self, text: str) -> Any:
        """Return a dict of the named groups; else the text of the only group, a tuple of several, or the whole match.

        A group that did not match is None. Raises ObjectInvalid for text without a match.
        """
        found = self._linear.search(text)
        if found is None:
            raise unreadable("the answer does not match the pattern", text)
        if found.names:
            return found.named()
        whole, *groups = found.groups
        return whole if not groups else groups[0] if len(groups) == 1 else tuple(groups)
