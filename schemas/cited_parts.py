"""Put citations on the text parts that they are of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from attrs import evolve

from .chunks import Cited
from .citation import Citation, Spans, at_numbers, in_characters, later, spread
from .parts import Part, Text


def with_citations(parts: Sequence[tuple[int, Part]], cited: Iterable[Cited]) -> list[Part]:
    """Return the parts with their citations.

    parts: the parts of the answer so far, each with its index in the stream.
    cited: the citations that have come. Those of a part that is no text, or is not there, are left out.
    """
    texts = {at: part.text for at, (_, part) in enumerate(parts) if type(part) is Text}
    found: dict[int, list[Citation]] = {at: [] for at in texts}
    place_of = {parts[at][0]: at for at in reversed(texts)}  # of one index, the first
    for chunk in cited:
        if chunk.index is None:
            citations = fit_to_text(chunk.citations, "".join(texts.values()), chunk.spans)
            for at, own in zip(texts, spread(citations, [len(text) for text in texts.values()]), strict=True):
                found[at] += own
        else:
            place = place_of.get(chunk.index)
            if place is not None:
                if chunk.spans == "part" and not texts[place]:
                    # Nova cites in a block of its own, after the text: see the recording with nova_grounding.
                    place = next((at for at in range(place - 1, -1, -1) if texts.get(at)), place)
                found[place] += fit_to_text(chunk.citations, texts[place], chunk.spans)
    return [
        evolve(part, citations=(*part.citations, *found[at])) if type(part) is Text and found[at] else part
        for at, (_, part) in enumerate(parts)
    ]


def placed(chunk: Cited, so_far: Callable[[], int]) -> Cited:
    """Make spans that count from the end of the text so far count from its beginning. Any other chunk is returned as it
    is.

    so_far: returns the length of the text so far.
    """
    return Cited(later(chunk.citations, so_far())) if chunk.spans == "onward" else chunk


def fit_to_text(citations: Sequence[Citation], text: str, spans: Spans) -> Sequence[Citation]:
    """Return the citations of a text with spans that count its characters, none beyond its end."""
    if spans == "part":
        return [evolve(each, start=0, end=len(text)) for each in citations]
    if spans == "bytes":
        return in_characters(citations, text)
    if spans in ("numbers", "notes"):
        return at_numbers(citations, text, all=spans == "numbers")
    end = len(text)
    return [
        each
        if each.start is None or each.end is None or each.start <= each.end <= end
        else evolve(each, start=min(each.start, end), end=max(min(each.start, end), min(each.end, end)))
        for each in citations
    ]
