"""A stream is read once: a second loop is an error, never an empty answer; `reply()` gives the whole at any time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest

from stepwell import AsyncClient, Client
from stepwell.errors import ServerError, StepwellError, StreamTruncated
from stepwell.testing import FakeModel

MODEL = "fake:m"
READ_BEFORE = r"was read to its end before; stream.reply\(\) is the whole answer"
LOOPS: dict[str, Callable[[Any], Any]] = {
    "chunks": lambda stream: stream,
    "text": lambda stream: stream.text_deltas(),
}
OPEN: dict[str, Callable[[Any], Any]] = {
    "text": lambda client: client.stream_text(MODEL, "x"),
    "tools": lambda client: client.stream_tools(MODEL, "x", []),
    "an object": lambda client: client.stream_object(MODEL, "x", int),
}


class Both:
    """One stream of either kind, whose async methods are run on one event loop."""

    def __init__(self, asynchronous: bool, operation: str, fake: FakeModel) -> None:
        self._runner = asyncio.Runner() if asynchronous else None
        kind: Any = AsyncClient if asynchronous else Client
        self.stream = OPEN[operation](kind(registry=fake.registry, retries=0))

    def run(self, result: Any) -> Any:
        return result if self._runner is None else self._runner.run(result)

    def read(self, loop: str = "chunks", most: int | None = None) -> list[Any]:
        """Read the stream by a loop, which is left after `most` items."""
        items: list[Any] = []
        if self._runner is None:
            for item in LOOPS[loop](self.stream):
                items.append(item)
                if len(items) == most:
                    break
            return items

        async def main() -> None:
            reading = aiter(LOOPS[loop](self.stream))
            async for item in reading:
                items.append(item)
                if len(items) == most:
                    break
            await reading.aclose()  # type: ignore[attr-defined]

        self._runner.run(main())
        return items

    def reply(self) -> Any:
        return self.run(self.stream.reply())

    def close(self) -> None:
        self.run(self.stream.close())
        if self._runner is not None:
            self._runner.close()


@pytest.fixture(params=[False, True], ids=["sync", "async"])
def opened(request: pytest.FixtureRequest) -> Iterator[Callable[..., Both]]:
    made: list[Both] = []

    def open_one(operation: str = "text", *turns: Any) -> Both:
        made.append(Both(request.param, operation, FakeModel(*(turns or ("17",)))))
        return made[-1]

    yield open_one
    for each in made:
        each.close()


@pytest.mark.parametrize("operation", OPEN)
def test_a_second_loop_is_an_error_and_the_reply_is_there(operation: str, opened: Callable[..., Both]) -> None:
    stream = opened(operation)
    assert stream.read()
    for _ in range(2):
        with pytest.raises(StepwellError, match=READ_BEFORE):
            stream.read()
        assert stream.reply().text == "17"


@pytest.mark.parametrize("operation", OPEN)
def test_a_loop_after_the_reply_is_an_error(operation: str, opened: Callable[..., Both]) -> None:
    stream = opened(operation)
    assert stream.reply().text == stream.reply().text == "17"
    with pytest.raises(StepwellError, match=READ_BEFORE):
        stream.read()


@pytest.mark.parametrize("first", LOOPS)
@pytest.mark.parametrize("second", LOOPS)
def test_each_loop_over_text_counts(first: str, second: str, opened: Callable[..., Both]) -> None:
    stream = opened()
    assert stream.read(first)
    with pytest.raises(StepwellError, match=READ_BEFORE):
        stream.read(second)


def test_a_stream_that_was_left_early_says_so(opened: Callable[..., Both]) -> None:
    stream = opened("text", ["one ", "two ", "three"])
    assert len(stream.read("text", most=1)) == 1
    for loop in LOOPS:
        with pytest.raises(StreamTruncated, match="closed before its end"):
            stream.read(loop)
    for operation in ("tools", "an object"):
        stream = opened(operation)
        assert len(stream.read(most=1)) == 1
        with pytest.raises(StepwellError, match="left before its end|read to its end before"):
            stream.read()


@pytest.mark.parametrize("operation", ["text", "tools"])
def test_a_stream_that_failed_fails_with_the_same_error_again(operation: str, opened: Callable[..., Both]) -> None:
    stream = opened(operation, ["one ", ServerError("broken")])
    for _ in range(2):
        with pytest.raises(ServerError, match="broken"):
            stream.read()


def test_a_loop_that_has_begun_ends_where_another_reader_has_read_the_rest() -> None:
    stream = OPEN["text"](Client(registry=FakeModel("a b c").registry))
    begun = iter(stream)
    next(begun)
    assert stream.reply().text == "a b c"
    with suppress(StopIteration):
        next(begun)
    assert list(begun) == []
