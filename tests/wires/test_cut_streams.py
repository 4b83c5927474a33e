"""Going on with a stream that was cut after any of its events, on every wire."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from attrs import evolve
from fault_answers import FORMATS
from fault_events import ANSWERS, Answer, Format
from fault_runs import MODEL, TOOL

from stepwell import AsyncClient, Client, Reply, errors, on_request
from stepwell.chunks import Seam, TextDelta, ToolCallEnd
from stepwell.declare import declare_provider
from stepwell.providers.declare.prefill import PrefillSupport
from stepwell.providers.declare.registry import Registry
from stepwell.steps import continue_stream

KINDS = ("text", "thinking", "two tools", "length", "usage late")


def registry_of(form: Format) -> Registry:
    """Make a registry of one provider, whose models all continue a prefilled answer."""
    prefill = {form.wire.name: PrefillSupport(while_thinking=True)}
    address = "http://recorded.invalid"
    provider = declare_provider("recorded", wire=form.wire, base_url=address, key_optional=True, prefill=prefill)
    registry = Registry()
    registry.register(provider)
    return registry


class Server:
    """Breaks off after some events of an answer, and goes on with the text that it gets back as a beginning."""

    def __init__(self, form: Format, answer: Answer, cut: int, error: Exception | None) -> None:
        self.form, self.answer, self.error = form, answer, error
        self.events = form.stream(answer)
        self.cut = self.events[:cut]
        self.begun: list[str | None] = []

    def note(self, request: Any) -> Any:
        last = request.context.messages[-1]
        self.begun.append(last.text if last.role == "assistant" else None)
        return request

    def body(self) -> Iterator[bytes]:
        if len(self.begun) == 1:
            yield from self.form.frames(self.events)[: len(self.cut)]
            if self.error is not None:
                raise self.error
            return
        begun = self.begun[-1]
        answer = self.answer
        if begun is not None:
            answer = evolve(answer, reasoning=(), text=("".join(answer.text).removeprefix(begun),))
        yield from self.form.frames(self.form.stream(answer))

    def __call__(self, request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, headers={"content-type": self.form.kind}, stream=Body(self.body()))


class Body(httpx.SyncByteStream, httpx.AsyncByteStream):
    def __init__(self, pieces: Iterator[bytes]) -> None:
        self.pieces = pieces

    def __iter__(self) -> Iterator[bytes]:
        return self.pieces

    async def __aiter__(self) -> Any:
        for piece in self.pieces:
            yield piece


class Calls:
    """One client of a wire, for many servers one after the other."""

    def __init__(self, form: Format, *, sync: bool) -> None:
        self.server: Server | None = None
        steps = [continue_stream(), on_request("note", lambda request: self.server and self.server.note(request))]
        settings: dict[str, Any] = {"registry": registry_of(form), "pipeline": steps, "retries": 0}
        settings["transport"] = httpx.MockTransport(lambda request: self.server and self.server(request))
        self.client: Any = (Client if sync else AsyncClient)(**settings)

    def outcome(self, server: Server) -> tuple[list[Any], Reply | errors.StepwellError]:
        self.server = server
        options = {"tools": [TOOL]} if server.answer.calls else {}
        chunks: list[Any] = []

        async def read() -> Reply:
            stream = self.client.stream_text(MODEL, "hi", **options)
            async for chunk in stream:
                chunks.append(chunk)
            reply: Reply = await stream.reply()
            return reply

        try:
            if isinstance(self.client, AsyncClient):
                return chunks, asyncio.run(read())
            stream = self.client.stream_text(MODEL, "hi", **options)
            chunks += stream
            return chunks, stream.reply()
        except errors.StepwellError as error:
            return chunks, error


def wrong(server: Server, chunks: list[Any], result: Reply | errors.StepwellError) -> list[str]:
    """Return what is not as it must be after a cut."""
    arrived = server.cut[-1].arrived
    text, reasoning = "".join(server.answer.text), "".join(server.answer.reasoning)
    shown = "".join(chunk.text for chunk in chunks if type(chunk) is TextDelta)
    if arrived.whole and isinstance(result, Reply) and len(server.begun) == 1:
        return [] if result.text == text else [f"whole, but {result.text!r}"]
    if arrived.ended:
        stands = isinstance(result, errors.StepwellError) and len(server.begun) == 1
        return [] if stands else [f"went on after a finished call: {result!r}"]
    if not isinstance(result, Reply):
        return [f"not continued: {result!r}"]
    found = [] if len(server.begun) == 2 else [f"{len(server.begun)} requests"]
    seams = [chunk.how for chunk in chunks if type(chunk) is Seam]
    expected = ["beginning"] if arrived.text else ["anew"]
    if server.begun[1] != (arrived.text.rstrip() or None):
        found.append(f"begun with {server.begun[1]!r}")
    if seams != expected:
        found.append(f"seams {seams}")
    if result.text != text or shown != text:
        found.append(f"text {result.text!r}, shown {shown!r}")
    if result.reasoning not in (reasoning, arrived.reasoning):
        found.append(f"reasoning {result.reasoning!r}")
    calls = [(call.name, call.arguments_json) for call in result.tool_calls]
    if len(calls) != len(server.answer.calls) or sum(type(each) is ToolCallEnd for each in chunks) != len(calls):
        found.append(f"calls {calls}")
    if not any("broke off" in str(warning) for warning in result.warnings):
        found.append("no warning")
    read = (arrived.usage or (0, 0))[0] or 0
    if arrived.usage and (result.usage.input_tokens or 0) != read + 12:
        found.append(f"usage {result.usage}")
    return found


def cuts(kinds: tuple[str, ...], form: Format) -> Iterator[Server]:
    """Yield a server for each event after which something has come, and more is to come."""
    for kind in kinds:
        answer = ANSWERS[kind]
        events = form.stream(answer)
        for cut in range(1, len(events)):
            arrived = events[cut - 1].arrived
            if arrived != events[-1].arrived and (arrived.text or arrived.reasoning):
                yield Server(form, answer, cut, httpx.ReadError("reset") if cut % 2 else None)


@pytest.mark.parametrize("sync", [True, False])
def test_an_answer_cut_after_any_event_is_whole_on_every_wire(sync: bool) -> None:
    found = []
    for column, form in FORMATS.items():
        calls = Calls(form, sync=sync)
        for server in cuts(KINDS if sync else KINDS[1:2], form):
            chunks, result = calls.outcome(server)
            found += [
                f"{column}, {len(server.cut)} of {server.answer}: {each}" for each in wrong(server, chunks, result)
            ]
    assert not found, "\n".join(found)
