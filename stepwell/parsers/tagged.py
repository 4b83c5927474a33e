"""TagParser: answers between tags, <answer>…</answer>, with any text around them."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any, ClassVar

from attrs import field, frozen

from ..schemas.errors import ConfigError
from .parser import OutputParser, unreadable

_TAG = re.compile(r"[A-Za-z][\w-]{0,63}\Z")


@frozen(init=False)
class TagParser(OutputParser[Any]):
    """Parser of the text between a pair of tags, stripped; for several tags, a dict with the text of each.

        TagParser("answer")        TagParser("title", "body")        TagParser("data", inner=JSONParser())

    Of several pairs the last complete one counts; a missing closing tag is an error.

    tags: names of the tags.
    inner: parser of the text between the tags; None: the text itself.
    instructions: the form of answer, described for the model; "": made from the tags.
    """

    closed: ClassVar[bool] = True
    tags: tuple[str, ...]
    inner: OutputParser[Any] | None
    instructions: str = field(default="")

    def __init__(self, *tags: str, inner: OutputParser[Any] | None = None, instructions: str = "") -> None:
        for tag in tags or ("",):
            if not _TAG.match(tag):
                raise ConfigError(f"{tag!r} is not a tag", hint="use letters, digits, '-' and '_', as in 'answer'")
        if not instructions:
            places = ", ".join(f"<{tag}> and </{tag}>" for tag in tags)
            what = "your answer" if len(tags) == 1 else "the parts of your answer"
            instructions = f"Put {what} between {places}."
            if inner and inner.instructions:
                instructions += f"\n{inner.instructions} Write it between the tags."
        self.__attrs_init__(tags, inner, instructions)

    def parse(self, text: str) -> Any:
        """Return the text of the tag, or a dict for several. Raises ObjectInvalid for a tag without text."""
        found = {tag: self._read(tag, text) for tag in self.tags}
        return found if len(self.tags) > 1 else found[self.tags[0]]

    def _read(self, tag: str, text: str) -> Any:
        marks = list(re.finditer(rf"<(/?)[ ]?{tag}[ ]?>", text, re.I))
        pairs = [(a.end(), b.start()) for a, b in pairwise(marks) if not a[1] and b[1]]
        if not pairs or not marks[-1][1]:
            raise unreadable(f"the answer has no text between <{tag}> and </{tag}>", text)
        inside = text[slice(*pairs[-1])].strip()
        return self.inner.parse(inside) if self.inner else inside
