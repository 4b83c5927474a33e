"""ChoiceParser: answers that are one of a few words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from typing import Any

from attrs import field, frozen

from ..schemas.errors import ConfigError
from ..schemas.lines import LINE_END
from .parser import OutputParser, unreadable

_MARKED = re.compile(r"\*\*([^*\n]{1,200})\*\*|\"([^\"\n]{1,200})\"|`([^`\n]{1,200})`")
_AROUND = " \t\r\n.,:;!?*_`'\"()[]"


def _choices(choices: Iterable[str] | Mapping[str, Any] | type[Enum]) -> dict[str, Any]:
    if isinstance(choices, type):
        return {str(member.value if isinstance(member.value, str) else member.name): member for member in choices}
    if isinstance(choices, Mapping):
        return {str(word): value for word, value in choices.items()}
    return {str(word): word for word in choices}


@frozen(init=False)
class ChoiceParser(OutputParser[Any]):
    """Parser of an answer that is one of a few words.

    choices: words; or an Enum, of which it returns a member; or a mapping, of which it returns a value.
    instructions: the form of answer, described for the model; "": made from the choices.

    The word may be the whole answer, a line of it, follow a colon, or be marked (bold, in quotes, as code), in upper or
    lower case. An answer with none of them, or two, is an error: a word within a sentence ("not spam") does not
    count.
    """

    choices: Mapping[str, Any]
    instructions: str = field(default="")

    def __init__(self, choices: Iterable[str] | Mapping[str, Any] | type[Enum], instructions: str = "") -> None:
        if isinstance(choices, str):
            raise ConfigError(
                "the choices are one text, of which each letter would be one", hint="pass a list of words"
            )
        words = _choices(choices)
        if len({_plain(word) for word in words}) < max(len(words), 1) or "" in map(_plain, words):
            raise ConfigError("the choices are empty or not distinct", hint="pass words that differ in their letters")
        instructions = instructions or f"Answer with exactly one of these, and nothing else: {', '.join(words)}"
        self.__attrs_init__(words, instructions)

    def parse(self, text: str) -> Any:
        """Return the choice that the text names. Raises ObjectInvalid if it names none or several."""
        words = {_plain(word): word for word in self.choices}
        found = {words[piece] for piece in _pieces(text) if piece in words}
        if _plain(text) in words:
            found = {words[_plain(text)]}
        if len(found) != 1:
            what = "several" if found else "none"
            raise unreadable(f"the answer names {what} of {', '.join(self.choices)}", text)
        return self.choices[found.pop()]


def _pieces(text: str) -> Iterator[str]:
    for line in LINE_END.split(text):
        yield _plain(line)
        yield _plain(line.rpartition(":")[2])
    for found in _MARKED.finditer(text):
        yield _plain(found[found.lastindex or 0])


def _plain(word: str) -> str:
    return " ".join(word.strip(_AROUND).casefold().split())
