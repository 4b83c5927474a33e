"""The placeholders of one call: what stands for what, and how to recognise them in an answer, however it is cut."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from ...schemas.json_text import dumps

Span = tuple[int, int, str]
"""The start and the end of what is hidden in a text, and its label."""
QUOTED = "QUOTED"
"""The label of what looks like a placeholder in the caller's own text, so that it cannot be taken for one."""
_SEPARATOR = r"(?:\\{0,2}_|[ -])"
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
            rf"|(?<![A-Za-z0-9_])({names})\\{{0,2}}_(\d{{1,6}})(?![A-Za-z0-9_])"
        )
        self._begun = re.compile(
            rf"(?:\[ ?(?:(?i:{_beginnings(names)})|(?i:{names})(?:\\{{1,2}}|{_SEPARATOR}(?:\d{{1,6}} ?\]?)?))?"
            rf"|(?<![A-Za-z0-9_])(?:{_beginnings(names)}|(?:{names})\\{{0,2}}(?:_\d{{0,6}})?))\Z"
        )
        self._of: dict[str, str] = {}
        self._originals: dict[tuple[str, int], str] = {}
        self._last: dict[str, int] = {}

    def __bool__(self) -> bool:
        return bool(self._originals)

    def like_placeholders(self, text: str) -> Iterator[Span]:
        """Yield what looks like a placeholder in the caller's own text."""
        for match in self._like.finditer(text):
            yield match.start(), match.end(), QUOTED

    def reserve(self, placeholder: str, original: str) -> None:
        """Keep a placeholder that an earlier answer has used."""
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

    def originals(self) -> re.Pattern[str] | None:
        """Return a pattern of all originals, each as a word of its own; None if there are none."""
        words = [
            rf"{_BEFORE if _is_word(each[0]) else ''}{re.escape(each)}{_AFTER if _is_word(each[-1]) else ''}"
            for each in sorted(self._of, key=len, reverse=True)
        ]
        return re.compile("|".join(words)) if words else None

    def hidden(self, text: str, spans: Iterable[Span]) -> str:
        """Return a text with placeholders in the place of these spans, which overlap nowhere and are in order."""
        out, at = [], 0
        for start, end, label in spans:
            self.add(text[start:end], label)  # new where spans of several texts have met
            out += [text[at:start], self._of[text[start:end]]]
            at = end
        return "".join([*out, text[at:]])

    def restored(self, text: str, *, as_json: bool = False) -> str:
        """Return a text with the originals in the place of their placeholders; unknown ones stay.

        as_json: whether the text is JSON, in whose strings the originals are escaped.
        """
        return self._like.sub(lambda match: self._original(match, as_json), text)

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
        return dumps(original).decode()[1:-1] if as_json else original


def _named(match: re.Match[str]) -> tuple[str, int]:
    """Return the label and the number of what looks like a placeholder."""
    return (match[1] or match[3]).upper(), int(match[2] or match[4])


_BEFORE, _AFTER = r"(?<!\w)", r"(?!\w)"


def _is_word(character: str) -> bool:
    return character.isalnum() or character == "_"


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
        self._before = ""  # the last character that was given out
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
        restored = self._placeholders.restored(ready, as_json=self._as_json)
        self.changed = self.changed or restored != ready
        known = len(self._before)
        self._before = ready[-1:]
        return restored[known:]
