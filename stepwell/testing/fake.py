"""A model that says what a test wrote for it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from attrs import evolve

from ..pipeline.effects import StepGenerator
from ..pipeline.http.request import Request
from ..pipeline.http.response import Response
from ..pipeline.pipeline import Pipeline
from ..pipeline.step import around, halt_with
from ..providers.declare.provider import Provider, declare_provider
from ..providers.declare.registry import Registry
from ..providers.wires.openai_chat import openai_chat
from ..schemas.message import Message
from ..schemas.parts import Text, ToolCall
from ..schemas.reply import Reply

Turn = str | ToolCall | Reply | Exception | list[Any]


class FakeModel:
    """Answers `fake:anything` with the given turns, one a call: text, a ToolCall, a list of parts, a whole Reply, or an
    exception to raise. The last turn repeats with `repeat=True`; otherwise a call too many is an AssertionError.

        fake = FakeModel("hello", ToolCall("1", "look_up", '{"city": "Pune"}'))
        client = Client(registry=fake.registry)
        client.generate_text("fake:m", "hi").text   # hello
        fake.requests[0].context                    # what was asked

    Everything but encoding, retry and the network runs as it does for a real provider.
    """

    def __init__(self, *turns: Turn, repeat: bool = False) -> None:
        self._turns = list(turns)
        self._repeat = repeat
        self.requests: list[Request] = []
        self.provider: Provider = evolve(_FAKE, attach=self._attach, attach_stream=self._attach)
        self.registry = Registry()
        self.registry.register(self.provider)

    def _attach(self, pipeline: Pipeline, provider: Provider) -> Pipeline:
        def answer(request: Request, call: Any) -> StepGenerator:
            self.requests.append(request)
            return _given(request, self._next())

        return pipeline.without(*_SKIPPED).replace("send", around("send", answer))

    def _next(self) -> Turn:
        if not self._turns:
            raise AssertionError(f"the fake model was called {len(self.requests)} times, more often than it has turns")
        return self._turns[0] if self._repeat and len(self._turns) == 1 else self._turns.pop(0)


_SKIPPED = (
    "fit_history",
    "encode_body",
    "extract_usage",
    "decode_response",
    "map_errors",
    "retry",
    "open_stream",
    "authenticate",
)
_FAKE = declare_provider("fake", wire=openai_chat, base_url="http://fake.invalid", key_optional=True)


def _given(request: Request, turn: Turn) -> StepGenerator:
    if isinstance(turn, Exception):
        raise turn
    return _reply_of(turn, request)
    yield  # a generator, like every Flow


def _reply_of(turn: Any, request: Request) -> Response:
    if not isinstance(turn, Reply):
        parts: Iterable[Any] = turn if isinstance(turn, list) else [turn]
        message = Message("assistant", [Text(part) if isinstance(part, str) else part for part in parts])
        reason = "tool_calls" if message.tool_calls else "stop"
        turn = Reply(message, reason, reason, provider=request.model.provider, model=request.model.id)
    return halt_with(request, turn)
