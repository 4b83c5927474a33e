"""How many calls of Python functions a call of a model makes in this package's own code: the time of each is the same
on every machine. A generator counts once more each time it goes on."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import httpx
import orjson
import pytest

import stepwell
from stepwell import Client, model_metadata, pipeline, providers, schemas

from loopback import DONE, END, chunk, event, serving, streaming

MODEL = "groq:llama-3.3-70b-versatile"
OURS = tuple(f"{Path(str(part.__file__)).parent}/" for part in (stepwell, pipeline, providers, schemas, model_metadata))
GENERATED = "<attrs generated methods stepwell."
USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}


def add(a: int, b: int) -> int:
    """Add."""
    return a + b


ADD = stepwell.tool(add)


def answered(message: dict[str, Any], reason: str) -> httpx.Response:
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": reason}
    return httpx.Response(200, json={"id": "x", "model": "m", "choices": [choice], "usage": USAGE})


def model(request: httpx.Request) -> httpx.Response:
    """Answer in text; call the tool first if there is one."""
    body = orjson.loads(request.content)
    if body.get("tools") and body["messages"][-1]["role"] != "tool":
        function = {"name": "add", "arguments": '{"a":1,"b":2}'}
        call = {"id": "c1", "type": "function", "function": function}
        return answered({"content": None, "tool_calls": [call]}, "tool_calls")
    return answered({"content": "hi there"}, "stop")


class Events(httpx.SyncByteStream):
    """A stream with this many pieces of text, each read by itself."""

    def __init__(self, count: int) -> None:
        self._count = count

    def __iter__(self) -> Iterator[bytes]:
        for _ in range(self._count):
            yield b'data: {"id":"x","choices":[{"index":0,"delta":{"content":"a"},"finish_reason":null}]}\n\n'
        yield b'data: {"id":"x","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'


def client_of(handler: Callable[[httpx.Request], httpx.Response]) -> Client:
    return Client(transport=httpx.MockTransport(handler), api_keys={"groq": "k"})


def calls_of(work: Callable[[], object]) -> Counter[str]:
    """Count the calls by function. What is made once, such as a plan, is made before."""
    for _ in range(3):
        work()
    found: Counter[str] = Counter()

    def note(frame: FrameType, event: str, _: object) -> None:
        path = frame.f_code.co_filename
        if event == "call" and path.startswith((*OURS, GENERATED)):
            found[f"{path.removeprefix(GENERATED).rpartition('/')[2]}:{frame.f_code.co_name}"] += 1

    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(None)
    return found


def called(found: Counter[str]) -> str:
    return "\n".join(f"{count} {name}" for name, count in found.most_common())


@pytest.mark.parametrize(
    ("work", "most"),
    [
        (lambda client: client.generate_text(MODEL, "hi"), 80),
        (lambda client: client.run_tools(MODEL, "1+2?", [ADD]), 320),
    ],
    ids=["a call", "a tool loop of two answers"],
)
def test_a_call_makes_few_calls_of_functions(work: Callable[[Client], object], most: int) -> None:
    with client_of(model) as client:
        found = calls_of(lambda: work(client))
    assert 0 < found.total() <= most, called(found)


def test_an_event_of_a_stream_that_comes_alone_makes_at_most_ten() -> None:
    def read(count: int) -> Counter[str]:
        stream = {"headers": {"content-type": "text/event-stream"}}
        with client_of(lambda request: httpx.Response(200, stream=Events(count), **stream)) as client:
            return calls_of(lambda: list(client.stream_text(MODEL, "hi")))

    more = read(60) - read(20)
    assert 0 < more.total() <= 40 * 10, called(more)


def test_an_event_that_comes_alone_over_the_fast_transport_makes_at_most_twelve() -> None:
    """Every further one takes 0.5 µs, since its code has left the processor's caches by then."""

    def read(count: int) -> Counter[str]:
        def script(request: object) -> Iterator[bytes | float]:
            yield streaming()
            for _ in range(count):
                yield chunk(event("a"))
                yield 0.005
            yield chunk(event(None, "stop") + DONE) + END

        with serving(script) as server:
            settings: dict[str, Any] = {"base_urls": {"groq": server.url}, "api_keys": {"groq": "k"}}
            with Client(transport="fast", **settings) as client:
                return calls_of(lambda: list(client.stream_text(MODEL, "hi")))

    more = read(60) - read(20)
    assert 0 < more.total() <= 40 * 12, called(more)
