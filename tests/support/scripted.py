"""An OpenAI-compatible model with scripted answers, one after another, streamed or not as requested."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import httpx
import orjson
from attrs import define, field

import stepwell

MODEL = "openai:gpt-4o"
USAGE = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}


@define
class Calls:
    """A turn that calls tools: (id, name, arguments), arguments as JSON text or as an object."""

    calls: list[tuple[str, str, Any]]
    text: str | None = None


def calls(*given: tuple[str, str, Any], text: str | None = None) -> Calls:
    return Calls(list(given), text)


Turn = str | Calls | httpx.Response | Callable[[dict[str, Any]], "str | Calls"]


@define
class Scripted:
    """`seen` are the bodies that were sent. A turn that is a function is given the body; past the last turn the
    script fails."""

    turns: list[Turn]
    piece: int = 4
    seen: list[dict[str, Any]] = field(factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content)
        self.seen.append(body)
        if len(self.seen) > len(self.turns):
            return httpx.Response(400, json={"error": {"message": "the script has no more turns"}})
        turn = self.turns[len(self.seen) - 1]
        if isinstance(turn, httpx.Response):
            return turn
        turn = turn(body) if callable(turn) else turn
        return _streamed(turn, self.piece) if body.get("stream") else _whole(turn)

    @property
    def client(self) -> stepwell.Client:
        return stepwell.Client(transport=httpx.MockTransport(self), api_keys={"openai": "test"}, retries=0)

    @property
    def async_client(self) -> stepwell.AsyncClient:
        return stepwell.AsyncClient(transport=httpx.MockTransport(self), api_keys={"openai": "test"}, retries=0)


def _calls(turn: Calls) -> list[dict[str, Any]]:
    return [
        {"id": id, "type": "function", "function": {"name": name, "arguments": _text(arguments)}}
        for id, name, arguments in turn.calls
    ]


def _text(arguments: Any) -> str:
    return arguments if isinstance(arguments, str) else json.dumps(arguments)


def _whole(turn: str | Calls) -> httpx.Response:
    message: dict[str, Any] = {"role": "assistant", "content": turn if isinstance(turn, str) else turn.text}
    if isinstance(turn, Calls):
        message["tool_calls"] = _calls(turn)
    choice = {"index": 0, "message": message, "finish_reason": _reason(turn)}
    return httpx.Response(200, json={"id": "c", "model": "gpt-4o", "choices": [choice], "usage": USAGE})


def _reason(turn: str | Calls) -> str:
    return "stop" if isinstance(turn, str) else "tool_calls"


def _streamed(turn: str | Calls, piece: int) -> httpx.Response:
    text = (turn if isinstance(turn, str) else turn.text) or ""
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
    deltas += [{"content": text[at : at + piece]} for at in range(0, len(text), piece)]
    if isinstance(turn, Calls):
        for index, call in enumerate(_calls(turn)):
            said = call["function"]["arguments"]
            head = {**call, "index": index, "function": {"name": call["function"]["name"], "arguments": ""}}
            deltas.append({"tool_calls": [head]})
            deltas += [
                {"tool_calls": [{"index": index, "function": {"arguments": said[at : at + piece]}}]}
                for at in range(0, len(said), piece)
            ]
    events = [{"id": "c", "model": "gpt-4o", "choices": [{"index": 0, "delta": delta}]} for delta in deltas]
    end = {"choices": [{"index": 0, "delta": {}, "finish_reason": _reason(turn)}]}
    return httpx.Response(200, stream=Events([*events, end, {"choices": [], "usage": USAGE}]))


class Events(httpx.SyncByteStream, httpx.AsyncByteStream):
    """Server-sent events, one read each; `closed` is true once the reader has released them."""

    def __init__(self, events: list[dict[str, Any]]) -> None:
        self._pieces = [b"data: " + orjson.dumps(event) + b"\n\n" for event in events] + [b"data: [DONE]\n\n"]
        self.closed = False

    def __iter__(self) -> Iterator[bytes]:
        yield from self._pieces

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            yield piece

    def close(self) -> None:
        self.closed = True

    async def aclose(self) -> None:
        self.closed = True
