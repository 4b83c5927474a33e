"""The fold's work grows linearly with the stream. Counted, not timed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from stepwell.schemas.chunks import (
    Finish,
    ReasoningDelta,
    StreamChunk,
    TextDelta,
    ToolCallDelta,
    ToolCallEnd,
    ToolCallStart,
)
from stepwell.schemas.fold import Fold

WORD = " water"


def text(count: int) -> Iterator[StreamChunk]:
    return (TextDelta(WORD, 1) for _ in range(count))


def reasoning(count: int) -> Iterator[StreamChunk]:
    return (ReasoningDelta(WORD) for _ in range(count))


def arguments(count: int) -> Iterator[StreamChunk]:
    yield ToolCallStart(5, "id", "name")
    yield from (ToolCallDelta(5, WORD) for _ in range(count))
    yield ToolCallEnd(5)


def two_calls_in_turn(count: int) -> Iterator[StreamChunk]:
    yield from (ToolCallStart(index, "id", "name") for index in (5, 6))
    yield from (ToolCallDelta(5 + number % 2, WORD) for number in range(count))
    yield from (ToolCallEnd(index) for index in (5, 6))


kinds = pytest.mark.parametrize("kind", [text, reasoning, arguments, two_calls_in_turn])


def folded(chunks: Iterator[StreamChunk]) -> Fold:
    fold = Fold()
    for chunk in chunks:
        fold.feed((chunk,))
    fold.feed((Finish("stop"),))
    return fold


def calls_made(work: Callable[[], Any]) -> int:
    """Count the functions, of Python and of C, that are called by `work`."""
    made = 0

    def count(frame: Any, kind: str, argument: Any) -> None:
        nonlocal made
        made += kind in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(before)
    return made


@kinds
def test_a_hundred_times_the_chunks_are_a_hundred_times_the_calls(kind: Callable[[int], Iterator[StreamChunk]]) -> None:
    some, many = (calls_made(lambda count=count: folded(kind(count)).reply()) for count in (1_000, 100_000))
    assert many <= 100 * some


@pytest.mark.parametrize(("kind", "times"), [(text, 1), (reasoning, 1), (arguments, 2), (two_calls_in_turn, 2)])
def test_text_is_joined_once_as_it_comes_and_a_call_once_more_at_its_end(
    kind: Callable[[int], Iterator[StreamChunk]], times: int
) -> None:
    joined = 0
    fold = Fold()
    seen: dict[int, Any] = {}
    for chunk in kind(10_000):
        fold.feed((chunk,))
        for part in fold._parts.values():
            for block in part.blocks[-2:]:
                joined += 0 if id(block) in seen else len(block)
                seen[id(block)] = block
    assert 0 < joined <= times * 10_000 * len(WORD)


@kinds
def test_pieces_are_not_accumulated(kind: Callable[[int], Iterator[StreamChunk]]) -> None:
    fold = folded(kind(10_000))
    assert all(len(part.pieces) <= 40 for part in fold._parts.values())


@kinds
def test_a_hundred_thousand_chunks_fold_to_their_content(kind: Callable[[int], Iterator[StreamChunk]]) -> None:
    message = folded(kind(100_000)).reply().message
    words = [getattr(part, "arguments_json", None) or part.text for part in message.content]
    assert "".join(words) == WORD * 100_000
