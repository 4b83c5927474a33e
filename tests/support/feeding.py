"""Feeding of stream parsers: complete, in pieces, and with the work counted."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import pairwise
from types import ModuleType
from typing import Any

import pytest
from hypothesis import strategies as st

from stepwell.schemas.errors import StepwellError

Parse = Callable[[bytes, Any], tuple[list[Any], Any]]


def feed(parse: Parse, chunks: Iterable[bytes]) -> list[Any]:
    """Parse all events of the stream, the end of input included."""
    events, buffer = [], b""
    for chunk in [*(chunk for chunk in chunks if chunk), b""]:
        more, buffer = parse(chunk, buffer)
        events += more
    return events


def outcome(parse: Parse, chunks: Iterable[bytes]) -> tuple[list[Any], type[StepwellError] | None]:
    """Return the events before the error, if there is one, and its type."""
    events, buffer = [], b""
    try:
        for chunk in [*(chunk for chunk in chunks if chunk), b""]:
            more, buffer = parse(chunk, buffer)
            events += more
    except StepwellError as error:
        return events, type(error)
    return events, None


def every(size: int, stream: bytes) -> list[bytes]:
    return [stream[at : at + size] for at in range(0, len(stream), size)]


def in_two(stream: bytes) -> list[list[bytes]]:
    """Cut the stream in two at each place."""
    return [[stream[:at], stream[at:]] for at in range(len(stream) + 1)]


def cut(stream: bytes, places: Iterable[int]) -> list[bytes]:
    """Cut the stream at `places`, each modulo the stream's length."""
    edges = [0, *sorted({place % (len(stream) + 1) for place in places}), len(stream)]
    return [stream[start:end] for start, end in pairwise(edges)]


places = st.lists(st.integers(0, 10_000), max_size=12)


class _Counter(bytearray):
    """A bytearray that counts the bytes that are added, searched, copied and removed."""

    touched = 0

    def __iadd__(self, data: Any) -> Any:
        _Counter.touched += len(data)
        return super().__iadd__(data)

    def __getitem__(self, index: Any) -> Any:
        result = super().__getitem__(index)
        _Counter.touched += 1 if isinstance(result, int) else len(result)
        return result

    def __delitem__(self, index: Any) -> None:
        before = len(self)
        super().__delitem__(index)
        _Counter.touched += before - len(self)

    def rfind(self, sub: Any, start: Any = 0, end: Any = None) -> int:
        _Counter.touched += len(self) - start
        return super().rfind(sub, start)


def bytes_touched(monkeypatch: pytest.MonkeyPatch, module: ModuleType, parse: Parse, chunks: Iterable[bytes]) -> int:
    """Count the bytes that `module`'s buffers handle while the stream is fed: the work, counted instead of timed."""
    monkeypatch.setattr(module, "bytearray", _Counter, raising=False)
    _Counter.touched = 0
    feed(parse, chunks)
    assert _Counter.touched, "the parser no longer buffers in a bytearray; count its work in another way"
    return _Counter.touched
