"""What a step holds back of a stream is in the partial reply of the error with which the stream breaks off."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from stepwell import AsyncClient, Client, Reply, Tool, on_chunk, user
from stepwell.chunks import TextDelta
from stepwell.errors import RateLimitError, StreamTruncated
from stepwell.pipeline.http.response import Response
from stepwell.pipeline.step import after
from stepwell.pipeline.stream.rewrite_text import rewrite_text
from stepwell.steps import CallModel, Stage, continue_stream, read_text_calls, redact
from stepwell.testing import FakeModel

MAIL = "ada@example.com"
WEATHER = Tool("weather", "Give the weather.", {"type": "object", "properties": {"city": {"type": "string"}}})
WRITTEN = '<tool_call>{"name": "weather", "arguments": {"city": "Oslo"}}</tool_call>'


class Whole(Stage):
    """A step of the user's own, which gives out all text at its end."""

    def __init__(self) -> None:
        self.text = ""

    def feed(self, chunks: list[Any]) -> list[Any]:
        self.text += "".join(chunk.text for chunk in chunks if isinstance(chunk, TextDelta))
        return [chunk for chunk in chunks if not isinstance(chunk, TextDelta)]

    def held(self) -> list[Any]:
        return [TextDelta(self.text)]


class Failing(Stage):
    """A step of the user's own, which fails to say what it holds."""

    def feed(self, chunks: list[Any]) -> list[Any]:
        return chunks

    def held(self) -> list[Any]:
        raise ValueError("no")


def whole_text(response: Response, request: Any) -> None:
    rewrite_text(response, lambda text, finish: [TextDelta(text), finish])


def sync_partial(steps: Any, *pieces: str, **options: Any) -> Reply:
    fake = FakeModel([*pieces, StreamTruncated("cut")])
    with Client(registry=fake.registry, pipeline=steps, retries=0) as client:
        with pytest.raises(StreamTruncated) as caught:
            client.stream_text("fake:m", f"I am {MAIL}", **options).reply()
    return caught.value.partial  # type: ignore[no-any-return]


def async_partial(steps: Any, *pieces: str, **options: Any) -> Reply:
    async def main() -> Reply:
        fake = FakeModel([*pieces, StreamTruncated("cut")])
        async with AsyncClient(registry=fake.registry, pipeline=steps, retries=0) as client:
            with pytest.raises(StreamTruncated) as caught:
                await client.stream_text("fake:m", f"I am {MAIL}", **options).reply()
        return caught.value.partial  # type: ignore[no-any-return]

    return asyncio.run(main())


def flow_partial(steps: Any, *pieces: str, **options: Any) -> Reply:
    def flow() -> Any:
        reader = yield CallModel("fake:m", user(f"I am {MAIL}"), options, stream=True)
        while (yield from reader.next()) is not None:
            pass

    fake = FakeModel([*pieces, StreamTruncated("cut")])
    with Client(registry=fake.registry, pipeline=steps, retries=0) as client:
        with pytest.raises(StreamTruncated) as caught:
            client.run_workflow(flow())
    return caught.value.partial  # type: ignore[no-any-return]


Partial = Callable[..., Reply]
every_reader = pytest.mark.parametrize("partial", [sync_partial, async_partial, flow_partial])


@every_reader
@pytest.mark.parametrize("inside", [[], [continue_stream(when=RateLimitError)]], ids=["alone", "continued"])
def test_a_placeholder_is_put_back_and_its_beginning_is_left_as_it_came(partial: Partial, inside: list[Any]) -> None:
    steps = [redact("email"), *inside]
    assert partial(steps, "To ", "[EMAIL_1]").text == f"To {MAIL}"
    assert partial(steps, "To EMAIL_1").text == f"To {MAIL}"
    assert partial(steps, "To [EMAIL_1], or [EM").text == f"To {MAIL}, or [EM"


@every_reader
def test_text_that_is_read_at_its_end_is_there_as_it_came(partial: Partial) -> None:
    assert partial(after("whole", whole_text), "Hello ", "wor").text == "Hello wor"
    assert partial(on_chunk("whole", make=lambda request: Whole()), "Hello ", "wor").text == "Hello wor"
    assert partial([redact("email"), after("whole", whole_text)], "To ", "[EMAIL_1]").text == f"To {MAIL}"


@every_reader
def test_a_whole_call_that_was_written_as_text_is_a_call(partial: Partial) -> None:
    reply = partial([read_text_calls()], "So: ", WRITTEN, WRITTEN[:40], tools=[WEATHER])
    (call,) = reply.tool_calls
    assert reply.text == "So: " and call.name == "weather" and call.arguments == {"city": "Oslo"}


@every_reader
def test_the_error_stays_that_of_the_stream(partial: Partial) -> None:
    assert partial([on_chunk("failing", make=lambda request: Failing()), redact("email")], "Hello ").text == "Hello "
