"""The placeholders of one call: what stands for what, and how to recognise them in an answer, however it is cut."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from ...schemas.json_text import dumps
from ...schemas.late_pattern import late_pattern
from .patterns import Find, search_of_words

Span = tuple[int, int, str, str]
"""The start and the end of what is hidden in a text, its label, and the original, "" if it is these characters."""
QUOTED = "QUOTED"
"""The label of what looks like a placeholder in the caller's own text, so that it cannot be taken for one."""
_SEPARATOR = r"(?:\\{0,2}_|[ -])"
_APART = r"(?:(?<![A-Za-z0-9_])|(?<=\\[bfnrt])|(?<=\\u[0-9A-Fa-f]{4}))"
"""Where a word may begin: in JSON also after an escape, which ends with a letter or a digit."""
_BEFORE = 6
"""Characters that decide whether a word may begin after them."""
_WORD = late_pattern(r"\w+")
_HELD = 80
"""Characters at the end of a text in which a placeholder may have begun."""


class Placeholders:
    """What stands for what in one conversation.

    A placeholder is [LABEL_1]: words that models copy as they are, numbered in the order in which the originals appear.
    So a conversation that grows keeps its numbers without a table that would have to be stored, and equal requests of
    different people are equal.
    """

    def __init__(self, labels: Iterable[str]) -> None:
        names = "|".join(sorted({*labels, QUOTED}, key=len, reverse=True))
        # In brackets in any spelling, except for the text of a Markdown link; without them in capitals only.
        self._like = re.compile(
            rf"\[ ?(?i:({names})){_SEPARATOR}(\d{{1,6}}) ?\](?!\()"
            rf"|{_APART}({names})\\{{0,2}}_(\d{{1,6}})(?![A-Za-z0-9_])"
        )
        self._begun = re.compile(
            rf"(?:\[ ?(?:(?i:{_beginnings(names)})|(?i:{names})(?:\\{{1,2}}|{_SEPARATOR}(?:\d{{1,6}} ?\]?)?))?"
            rf"|{_APART}(?:{_beginnings(names)}|(?:{names})\\{{0,2}}(?:_\d{{0,6}})?))\Z"
        )
        self._of: dict[str, str] = {}
        self._originals: dict[tuple[str, int], str] = {}
        self._last: dict[str, int] = {}
        self._put_back: dict[str, str] = {}

    def __bool__(self) -> bool:
        return bool(self._originals)

    def like_placeholders(self, text: str) -> Iterator[Span]:
        """Yield what looks like a placeholder in the caller's own text."""
        for match in self._like.finditer(text):
            yield match.start(), match.end(), QUOTED, ""

    def reserve(self, placeholder: object, original: object) -> None:
        """Keep a placeholder that an earlier answer has used; what can be none is left alone."""
        if not isinstance(placeholder, str) or not isinstance(original, str) or not original:
            return
        if (match := self._like.fullmatch(placeholder)) is not None:
            label, number = _named(match)
            if (label, number) not in self._originals and original not in self._of:
                self._of[original], self._originals[label, number] = placeholder, original

    def add(self, original: str, label: str) -> None:
        """Give an original the next placeholder of its label, unless it has one."""
        if original in self._of:
            return
        number = self._last.get(label, 0) + 1
        while (label, number) in self._originals:
            number += 1
        self._last[label] = number
        self._of[original], self._originals[label, number] = f"[{label}_{number}]", original

    def originals(self) -> Find:
        """Return a search for all originals by now, each as a word of its own, in time that is linear in the text."""
        shapes: dict[str, dict[tuple[int, int], None]] = {}
        """By the first word of an original: where in it that begins, and the size of the original."""
        for original in self._of:
            first = _WORD.search(original)
            if first is not None:
                shapes.setdefault(first[0], {})[first.start(), len(original)] = None
        find_wordless = search_of_words(original for original in self._of if not _WORD.search(original))

        def find(text: str) -> Iterator[tuple[int, int]]:
            for word in _WORD.finditer(text) if shapes else ():
                for before, size in shapes.get(word[0], ()):
                    start = word.start() - before
                    found = text[start : start + size] if start >= 0 else ""
                    if found in self._of and not (_WORD.match(found[-1]) and _WORD.match(text, start + size)):
                        yield start, start + size
            yield from find_wordless(text)

        return find

    def hidden(self, text: str, spans: Iterable[Span]) -> str:
        """Return a text with placeholders in the place of these spans, which overlap nowhere and are in order."""
        out, at = [], 0
        for start, end, label, own in spans:
            original = own or text[start:end]
            self.add(original, label)  # new where spans of several texts have met
            out += [text[at:start], self._of[original]]
            at = end
        return "".join([*out, text[at:]])

    def restored(self, text: str, start: int = 0, *, as_json: bool = False) -> str:
        """Return the rest of a text with the originals in the place of their placeholders; unknown ones stay.

        start: where the rest begins: the text before it decides only whether a placeholder is a word of its own.
        as_json: whether the text is JSON, in whose strings the originals are escaped.
        """
        out: list[str] = []
        for match in self._like.finditer(text, start):  # `sub` would find one that begins before the rest
            out += (text[start : match.start()], self._original(match, as_json))
            start = match.end()
        return "".join([*out, text[start:]])

    def hidden_again(self, text: str) -> str:
        """Return a text of the answer with placeholders in the place of the originals that were put back."""
        for original in sorted(self._put_back, key=len, reverse=True):
            text = text.replace(original, self._put_back[original])
        return text

    def used(self, text: str) -> dict[str, str]:
        """Return the placeholders that a text has, with their originals."""
        found = {_named(match) for match in self._like.finditer(text)} & self._originals.keys()
        return {f"[{label}_{number}]": self._originals[label, number] for label, number in sorted(found)}

    def held_from(self, text: str) -> int:
        """Return where a placeholder may have begun that the text does not have to its end; its length if nowhere."""
        start = max(0, len(text) - _HELD)
        match = self._begun.search(text, start)
        return len(text) if match is None else match.start()

    def _original(self, match: re.Match[str], as_json: bool) -> str:
        original = self._originals.get(_named(match))
        if original is None:
            return match[0]
        written = dumps(original).decode()[1:-1] if as_json else original
        self._put_back[written] = self._of[original]
        return written


def _named(match: re.Match[str]) -> tuple[str, int]:
    """Return the label and the number of what looks like a placeholder."""
    return (match[1] or match[3]).upper(), int(match[2] or match[4])


def _beginnings(names: str) -> str:
    """Return a pattern of all beginnings of some names, the longest first."""
    found = {name[:size] for name in names.split("|") for size in range(1, len(name) + 1)}
    return "|".join(sorted(found, key=len, reverse=True))


class PutBack:
    """Puts the originals back into a text that comes in pieces."""

    def __init__(self, placeholders: Placeholders, *, as_json: bool = False) -> None:
        self._placeholders = placeholders
        self._as_json = as_json
        self._held = ""
        self._before = ""  # the last characters that were given out
        self.raw: list[str] = []
        """The pieces as they came."""
        self.changed = False
        """Whether anything was put back."""

    def feed(self, piece: str) -> str:
        """Return what is certain by now: all but the beginning of a placeholder."""
        self.raw.append(piece)
        text = self._before + self._held + piece
        at = max(self._placeholders.held_from(text), len(self._before))
        return self._given(text, at)

    def flush(self) -> str:
        """Return the rest, at the end of the text."""
        text = self._before + self._held
        return self._given(text, len(text))

    def _given(self, text: str, at: int) -> str:
        ready, self._held = text[:at], text[at:]
        known = len(self._before)
        restored = self._placeholders.restored(ready, known, as_json=self._as_json)
        self.changed = self.changed or restored != ready[known:]
        self._before = ready[-_BEFORE:]
        return restored
