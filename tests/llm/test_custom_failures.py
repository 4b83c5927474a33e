"""Custom models that fail, break off, never end or return something that is no answer."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest

from stepwell import Timeouts
from stepwell.llm.custom import CustomLLM
from stepwell.schemas.errors import (
    ConnectError,
    RateLimitError,
    StepError,
    StreamTruncated,
    TransportError,
)

from loopback import LONG, SOON
from sync_and_async import Ask


class Failing(CustomLLM):
    """A model that fails a set number of times, then answers."""

    failures: list[Exception] = []

    def complete(self, prompt: str) -> str:
        if self.failures:
            raise self.failures.pop(0)
        return "at last"


def test_errors_of_the_functions_pass_and_those_that_may_pass_are_tried_again(ask: Ask) -> None:
    llm = Failing()
    llm.failures = [ValueError("mine")]
    with pytest.raises(ValueError, match="mine"):
        ask(llm, "complete", "hi")
    llm.failures = [RateLimitError("wait", retry_after=0.0), RateLimitError("wait", retry_after=0.0)]
    assert ask(llm, "complete", "hi").text == "at last"
    llm.failures = [httpx.ConnectError("refused")]
    with pytest.raises(ConnectError):
        ask(llm, "complete", "hi", retries=0)


class Broken(CustomLLM):
    def stream_complete(self, prompt: str) -> Iterator[str]:
        yield "half"
        raise httpx.ReadError("gone")


class BrokenAsync(CustomLLM):
    async def astream_complete(self, prompt: str) -> AsyncIterator[str]:
        yield "half"
        raise httpx.ReadError("gone")


@pytest.mark.parametrize("kind", [Broken, BrokenAsync])
def test_a_broken_stream_is_an_error_with_the_partial_answer(kind: type[CustomLLM], ask: Ask) -> None:
    with pytest.raises(StreamTruncated) as caught:
        ask(kind(), "stream_complete", "hi")
    assert caught.value.partial.text == "half"
    with pytest.raises(TransportError):
        ask(kind(), "complete", "hi", retries=0)


class Wrong(CustomLLM):
    def complete(self, prompt: str) -> Any:
        return 3


class WrongPieces(CustomLLM):
    def stream_complete(self, prompt: str) -> Iterator[Any]:
        yield {"text": "x"}


@pytest.mark.parametrize(
    ("kind", "what"), [(Wrong, "complete gave a int"), (WrongPieces, "stream_complete gave a dict")]
)
def test_a_result_that_is_not_an_answer_is_named(kind: type[CustomLLM], what: str, ask: Ask) -> None:
    with pytest.raises(StepError, match=what):
        ask(kind(), "complete", "hi")


class Endless(CustomLLM):
    """A model that never ends by itself, and records whether it was closed."""

    closed = 0

    def stream_complete(self, prompt: str) -> Iterator[str]:
        try:
            while True:
                yield "on "
        finally:
            self.closed += 1


class EndlessAsync(CustomLLM):
    closed = 0

    async def astream_complete(self, prompt: str) -> AsyncIterator[str]:
        try:
            while True:
                await asyncio.sleep(0)
                yield "on "
        finally:
            self.closed += 1


@pytest.mark.parametrize("kind", [Endless, EndlessAsync])
def test_leaving_a_stream_closes_the_function(kind: Any) -> None:
    llm = kind()
    stream = llm.stream_complete("hi")
    assert next(stream.text_deltas()) == "on "
    stream.close()
    assert llm.closed == 1

    async def leave() -> None:
        async with llm.astream_complete("hi") as stream:
            async for _ in stream:
                break

    asyncio.run(leave())
    assert llm.closed == 2


class Slow(CustomLLM):
    async def acomplete(self, prompt: str) -> str:
        await asyncio.sleep(LONG)
        return "too late"


class SlowToOpen(CustomLLM):
    async def astream_complete(self, prompt: str) -> AsyncIterator[str]:
        await asyncio.sleep(LONG)
        return EndlessAsync().astream_complete(prompt)


class Blocking(CustomLLM):
    def __init__(self) -> None:
        super().__init__()
        self.ends = threading.Event()

    def stream_complete(self, prompt: str) -> Iterator[str]:
        self.ends.wait(SOON)
        return iter(["too late"])


@pytest.mark.parametrize("kind", [Slow, SlowToOpen, Blocking])
def test_a_function_of_async_code_ends_with_its_timeout(kind: type[CustomLLM]) -> None:
    async def main() -> None:
        llm = kind()
        with pytest.raises(TransportError, match="timeout"):
            await llm.achat("hi", timeout=0.05, retries=0)
        with pytest.raises(TransportError, match="timeout"):
            await llm.astream_chat("hi", timeout=Timeouts(first_event=0.05), retries=0).reply()
        if isinstance(llm, Blocking):
            llm.ends.set()

    asyncio.run(main())
