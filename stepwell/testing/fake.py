"""FakeModel: a model whose answers a test writes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from attrs import evolve

from ..pipeline.around import around
from ..pipeline.effects import CallNext, StepGenerator
from ..pipeline.http.request import Request
from ..pipeline.pipeline import Pipeline
from ..pipeline.step import halt_with
from ..providers.declare.provider import Provider, declare_provider
from ..providers.declare.registry import Registry
from ..providers.wires.openai_chat import openai_chat
from ..schemas.message import Message
from ..schemas.parts import Text, ToolCall, check_texts
from ..schemas.reply import Reply

Turn = str | ToolCall | Reply | Exception | list[Any]


class FakeModel:
    """A provider named `fake` that answers with given turns, for any model id.

        fake = FakeModel("hello", ToolCall("1", "look_up", '{"city": "Pune"}'))
        client = Client(registry=fake.registry)
        client.generate_text("fake:m", "hi").text   # hello
        fake.requests[0].context                    # the conversation that was sent

    All steps but encoding, decoding, retry and the network run as for a real provider. A call after the last turn
    raises AssertionError.

    turns: one a call: text, a ToolCall, a list of parts, a Reply, or an exception to raise.
    repeat: whether the last turn is repeated for ever.
    """

    def __init__(self, *turns: Turn, repeat: bool = False) -> None:
        self._turns = list(turns)
        self._repeat = repeat
        self.requests: list[Request] = []
        self.provider: Provider = evolve(_FAKE, attach=self._attach, attach_stream=self._attach)
        self.registry = Registry()
        self.registry.register(self.provider)

    def _attach(self, pipeline: Pipeline, provider: Provider) -> Pipeline:
        def answer(request: Request, call: CallNext) -> StepGenerator:
            self.requests.append(request)
            return _answer(request, self._next())

        return pipeline.without(*_SKIPPED).replace("send", around("send", answer))

    def _next(self) -> Turn:
        if not self._turns:
            raise AssertionError(
                f"the fake model has no turn left for call {len(self.requests)}: pass more turns, or repeat=True"
            )
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


def _answer(request: Request, turn: Turn) -> StepGenerator:
    if isinstance(turn, Exception):
        raise turn
    if not isinstance(turn, Reply):
        parts: Iterable[Any] = turn if isinstance(turn, list) else [turn]
        message = Message("assistant", [Text(part) if isinstance(part, str) else part for part in parts])
        check_texts(message.content)
        reason = "tool_calls" if message.tool_calls else "stop"
        turn = Reply(message, reason, reason, provider=request.model.provider, model=request.model.id)
    return halt_with(request, turn)
    yield  # makes it a generator, as every step is
