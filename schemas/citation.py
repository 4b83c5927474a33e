"""Citations: the sources that a text rests on, and which words of it each of them supports."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, Final, Literal

from attrs import evolve, field, frozen

Spans = Literal["characters", "onward", "bytes", "part", "numbers", "notes"]
"""What the span of a citation counts: characters of Python's strings (onward: from the end of the text so far), bytes
of UTF-8, all of a part, or the places where the text names the citation's number ([1]); of notes, those that it does
not name are no citations."""


@frozen(hash=False)
class Citation:
    """A source, and what it supports: `text[start:end]` of the text that the citation is on.

    `start` and `end` are None where the provider names a source of the answer and not what it supports.
    """

    type: ClassVar[str] = "citation"
    kind: str = "web"
    """web, document (a file or text of the request, or a stored file), search_result, tool (a tool's result), or note
    (of retrieve_context)"""
    url: str | None = None
    title: str | None = None
    id: str | None = None
    """The id of the file, document, tool call or note."""
    text: str = field(default="", repr=False)
    """What is quoted of the source, as far as it is given."""
    start: int | None = None
    end: int | None = None
    location: Mapping[str, Any] = field(factory=dict)
    """Where in the source: `document` (its index among those of the request), and two numbers, the first and the one
    after the last, for `pages`, `characters`, `blocks` or `chunks`."""
    number: int | None = None
    """The number under which the text names it, as in [1]."""
    score: float | None = None
    """How sure the provider is, or how well a note fits."""
    metadata: Mapping[str, Any] = field(factory=dict, repr=False)
    """What else is known of the source."""

    @property
    def source(self) -> str:
        """What the source is known by: its address, title or id."""
        return self.url or self.title or self.id or ""


_NUMBERS: Final = re.compile(r"\[\s*(\d{1,4}(?:\s*[,;–-]\s*\d{1,4})*)\s*\]")
_LONGEST_RANGE: Final = 1000
"""Numbers that one range such as [6-8] may stand for, so that [1-9999] costs nothing."""


def numbers_in(text: str) -> Iterator[tuple[int, int, int]]:
    """Yield the numbers that a text names, each with the span of its brackets: [1], [2, 3], [4][5], [6-8]."""
    for match in _NUMBERS.finditer(text):
        found: dict[int, None] = {}
        for part in re.split(r"[,;]", match[1]):
            first, *last = (int(number) for number in re.split(r"[–-]", part))
            found.update(dict.fromkeys(range(first, min(max([first, *last]), first + _LONGEST_RANGE) + 1)))
        for number in found:
            yield number, match.start(), match.end()


def at_numbers(citations: Iterable[Citation], text: str, *, all: bool) -> list[Citation]:
    """Return a citation for each place where the text names its number, in the order of the text.

    all: also return those that it does not name; they come first, without a span.
    """
    by_number = {each.number: each for each in citations}
    places = [(number, start, end) for number, start, end in numbers_in(text) if number in by_number]
    seen = {number for number, _, _ in places}
    return [
        *(each for number, each in by_number.items() if all and number not in seen),
        *(evolve(by_number[number], start=start, end=end) for number, start, end in places),
    ]


def later(citations: Iterable[Citation], by: int) -> list[Citation]:
    """Return citations with spans that begin `by` characters later."""
    return [
        each
        if each.start is None or each.end is None or not by
        else evolve(each, start=each.start + by, end=each.end + by)
        for each in citations
    ]


def in_characters(citations: Iterable[Citation], text: str) -> list[Citation]:
    """Return citations whose spans count bytes of UTF-8 with spans that count characters.

    Where the provider says which words are meant (`metadata["supports"]`), they decide: its offsets are now and then
    those of another part. Without these words in the text, there is no span.
    """
    data = text.encode("utf-8", "surrogatepass")
    out = []
    for each in citations:
        words = each.metadata.get("supports")
        metadata = {name: value for name, value in each.metadata.items() if name != "supports"}
        start = end = None
        if each.end is not None:
            start, end = (len(data[:at].decode("utf-8", "ignore")) for at in (each.start or 0, each.end))
        if words and (start is None or text[start:end] != words):
            start = text.find(words)
            start, end = (None, None) if start < 0 else (start, start + len(words))
        out.append(evolve(each, start=start, end=end, metadata=metadata))
    return out


def spread(citations: Iterable[Citation], lengths: Sequence[int]) -> list[list[Citation]]:
    """Divide the citations of an answer's text among its text parts, with spans that count from the part's beginning.

    lengths: the lengths of the parts.

    One without a span goes to the first part, one over several parts to that in which it begins.
    """
    out: list[list[Citation]] = [[] for _ in lengths]
    for each in citations:
        before = 0
        for at, length in enumerate(lengths):
            last = at == len(lengths) - 1
            if each.start is None or each.start < before + length or last:
                if each.start is not None and each.end is not None:
                    start = min(each.start - before, length)
                    each = evolve(each, start=start, end=max(start, min(each.end - before, length)))
                out[at].append(each)
                break
            before += length
    return out
