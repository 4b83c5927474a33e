"""Calls of the fault matrix over loopback servers and mock transports, and what is wrong with their outcomes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from functools import cache
from typing import Any

import httpx
from attrs import frozen
from fault_events import FAILED, Answer, Arrived, Format
from fault_matrix import Cell, Sent

from stepwell import AsyncClient, Client, Reply, Timeouts, Tool
from stepwell.chunks import ReasoningDelta, RefusalDelta, TextDelta, ToolCallEnd
from stepwell.schemas.errors import StepwellError
from stepwell.testing import Cut, Fault, Faults, Reset

import loopback
from loopback import END, LONG, SOON, Hangup, chunk
from recordings import registry_of

MODEL = "recorded:m"
REQUEST_ID = "req-7"
TOOL = Tool("look_up", "Looks up a city.", {"type": "object", "properties": {"city": {"type": "string"}}})
PATIENT = Timeouts(connect=SOON, first_event=LONG, idle=LONG)


@frozen
class Outcome:
    """What came of a call: the chunks, and the reply or the error."""

    chunks: list[Any]
    result: Reply | BaseException


# --- what a server sends ----------------------------------------------------------------------------------------------


def headers_of(cell: Cell) -> dict[str, str]:
    sent = cell.sent
    found = {"content-type": cell.case.format.kind, "x-request-id": REQUEST_ID}
    if sent.closes:
        found["connection"] = "close"
    if sent.encoding:
        found["content-encoding"] = sent.encoding
    if sent.length is not None:
        found["content-length"] = str(sum(map(len, sent.pieces)) + sent.length)
    else:
        found["transfer-encoding"] = "chunked"
    return found


def script(cells: dict[str, Cell]) -> Callable[[Any], Iterable[bytes | float]]:
    """Answer each request as the cell does that its header names."""

    def acts(request: Any) -> Iterator[bytes | float]:
        cell = cells[request.headers["x-cell"]]
        sent = cell.sent
        head = "".join(f"{name}: {value}\r\n" for name, value in headers_of(cell).items())
        framed = sent.pieces if sent.length is not None else map(chunk, sent.pieces)
        whole = b"HTTP/1.1 200 OK\r\n" + head.encode() + b"\r\n" + b"".join(framed)
        yield whole + END if sent.ending == "end" and sent.length is None else whole
        if sent.ending in ("stall", "leave"):
            yield LONG
        elif sent.ending != "end":
            raise loopback.Reset if sent.ending == "reset" else Hangup

    return acts


class _Body(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body of a mock transport, with the error that httpx raises where nothing more comes."""

    def __init__(self, name: str, sent: Sent, closed: Callable[[], None]) -> None:
        self._name, self._sent, self._closed = name, sent, closed

    def _end(self) -> None:
        match self._sent.ending:
            case "stall":
                raise httpx.ReadTimeout("The read operation timed out")
            case "leave":
                raise AssertionError(f"this is not read: {self._name}")

    def __iter__(self) -> Iterator[bytes]:
        yield from self._sent.pieces
        self._end()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self._sent.pieces:
            yield piece
        if self._sent.ending == "leave":
            await asyncio.sleep(LONG)
        self._end()

    def close(self) -> None:
        self._closed()

    async def aclose(self) -> None:
        self._closed()


def fault_of(sent: Sent) -> Fault | None:
    """Return what ends the connection after the pieces."""
    at = sum(map(len, sent.pieces))
    return {"hangup": Cut(at), "reset": Reset(at)}.get(sent.ending)


class Mock:
    """A mock transport for the cells in turn, which counts the bodies that are open."""

    def __init__(self, cells: dict[str, Cell]) -> None:
        self.open: set[int] = set()
        some = list(cells.values())
        plan = lambda number, chance: fault_of(some[(number - 1) % len(some)].sent)
        self.transport = Faults(plan, over=httpx.MockTransport(self._answer))
        self._cells = cells

    def _answer(self, request: httpx.Request) -> httpx.Response:
        cell = self._cells[request.headers["x-cell"]]
        headers = {name: value for name, value in headers_of(cell).items() if name != "transfer-encoding"}
        number = len(self._cells) + id(request)
        self.open.add(number)
        return httpx.Response(
            200, headers=headers, stream=_Body(str(cell), cell.sent, lambda: self.open.discard(number))
        )


# --- calls ------------------------------------------------------------------------------------------------------------


class _Progress:
    """What the chunks so far hold; `reached` once they hold all that the server sends before the caller leaves."""

    def __init__(self, cell: Cell) -> None:
        self.chunks: list[Any] = []
        self._leaves = cell.sent.ending == "leave"
        self._arrived = cell.sent.arrived or Arrived()

    def add(self, piece: Any) -> None:
        self.chunks.append(piece)

    @property
    def reached(self) -> bool:
        return self._leaves and held(self.chunks) == (
            self._arrived.text,
            self._arrived.reasoning,
            self._arrived.refusal,
            self._arrived.ended,
        )


def held(chunks: list[Any]) -> tuple[str, str, str, int]:
    """Return text, reasoning and refusal, and how many calls have ended."""
    said = ("".join(each.text for each in chunks if type(each) is kind) for kind in (TextDelta, ReasoningDelta))
    refusal = "".join(each.text for each in chunks if type(each) is RefusalDelta)
    text, reasoning = said
    return text, reasoning, refusal, sum(type(each) is ToolCallEnd for each in chunks)


def _options(cell: Cell, number: str) -> dict[str, Any]:
    tools = {"tools": [TOOL]} if cell.case.answer.calls else {}
    return {"headers": {"x-cell": number}, **tools}


def call(client: Client, cell: Cell, number: str) -> Outcome:
    """Make the call of a cell."""
    progress = _Progress(cell)
    stream = None
    try:
        with client.stream_text(MODEL, "hi", **_options(cell, number)) as stream:
            for piece in stream:
                progress.add(piece)
                if progress.reached:
                    break
        return Outcome(progress.chunks, stream.reply())
    except StepwellError as error:
        return Outcome(progress.chunks, error)


async def acall(client: AsyncClient, cell: Cell, number: str) -> Outcome:
    """Make the call of a cell in a task, which is cancelled where the caller leaves."""
    progress = _Progress(cell)
    stream = client.stream_text(MODEL, "hi", **_options(cell, number))

    async def read() -> None:
        async for piece in stream:
            progress.add(piece)
            if progress.reached:
                task.cancel()

    task = asyncio.create_task(read())
    try:
        await asyncio.wait([task])
        if cell.sent.ending == "leave" and not task.cancelled():
            raise AssertionError(f"{cell}: the call suppressed its cancellation: {task.exception()!r}")
        if not task.cancelled():
            task.result()
        return Outcome(progress.chunks, await stream.reply())
    except StepwellError as error:
        return Outcome(progress.chunks, error)


@cache
def whole_reply(column: str, form: Format, answer: Answer) -> Reply:
    """Return the reply to the answer that is not streamed."""
    transport = httpx.MockTransport(
        lambda request: httpx.Response(200, content=form.body(answer), headers={"x-request-id": REQUEST_ID})
    )
    with Client(transport=transport, registry=registry_of(form.wire), retries=0) as client:
        return client.generate_text(MODEL, "hi", **({"tools": [TOOL]} if answer.calls else {}))


# --- what is wrong ----------------------------------------------------------------------------------------------------

FIELDS = ("message", "finish_reason", "finish_reason_raw", "usage", "id", "model", "request_id", "warnings")


def wrong(cell: Cell, outcome: Outcome) -> list[str]:
    """Return what is not as it must be, each with the cell's name."""
    sent, case = cell.sent, cell.case
    answer = sent.answer or case.answer
    if sent.arrived is not None:
        assert sent.error is not None
        found = _wrong_error(sent.error, sent.arrived, outcome, part=sent.part, left=sent.ending == "leave")
        found += [] if sent.error is not case.format.failure_type else _wrong_message(outcome)
    elif answer.fails:
        said = Arrived(*("".join(getattr(answer, name)) for name in ("text", "reasoning", "refusal")))
        arrived = Arrived(said.text, said.reasoning, said.refusal, 0, case.format.stream(answer)[-1].arrived.usage)
        found = _wrong_error(case.format.failure_type, arrived, outcome) + _wrong_message(outcome)
    else:
        found = _wrong_reply(whole_reply(case.column, case.format, answer), answer, outcome)
    return [f"{cell}: {each}" for each in found]


def _wrong_reply(expected: Reply, answer: Answer, outcome: Outcome) -> list[str]:
    reply = outcome.result
    if not isinstance(reply, Reply):
        return [f"{reply!r} in the place of a reply"]
    found = [
        f"{name} is {getattr(reply, name)!r}, unstreamed {getattr(expected, name)!r}"
        for name in FIELDS
        if getattr(reply, name) != getattr(expected, name)
    ]
    calls = [(call.id, call.name, call.arguments_json) for call in reply.tool_calls]
    if len(calls) != len(answer.calls) or any(call.error for call in reply.tool_calls):
        found.append(f"the calls are {calls!r}")
    text, reasoning, refusal = ("".join(getattr(answer, name)) for name in ("text", "reasoning", "refusal"))
    if text + refusal != (reply.text or reply.refusal) or reasoning != reply.reasoning:
        found.append(f"the text is {reply.text!r}, the reasoning {reply.reasoning!r}")
    return found


def _wrong_message(outcome: Outcome) -> list[str]:
    return [] if FAILED in str(outcome.result) else [f"the message is {outcome.result}"]


def _wrong_error(
    kind: type[StepwellError],
    arrived: Arrived,
    outcome: Outcome,
    *,
    part: bool = False,
    left: bool = False,
) -> list[str]:
    """Return what is wrong with an error.

    kind: its class.
    arrived: what had come before it.
    outcome: what the call came to.
    part: less may have been read.
    left: the caller left, perhaps before the last counts were read.
    """
    error = outcome.result
    if not isinstance(error, kind):
        return [f"{error!r} in the place of {kind.__name__}"]
    found = []
    if error.request_id != REQUEST_ID and not (part and error.request_id is None):
        found.append(f"the request id is {error.request_id!r}")
    partial = error.partial
    said = (arrived.text, arrived.reasoning, arrived.refusal)
    kept = ("", "", "") if partial is None else (partial.text, partial.reasoning, partial.refusal)
    if part:
        if not all(whole.startswith(some) for whole, some in zip(said, kept, strict=True)):
            found.append(f"the partial answer is {kept!r}, more than {said!r}")
        return found
    if kept != said:
        found.append(f"the partial answer is {kept!r}, not {said!r}")
    if held(outcome.chunks)[:3] != said:
        found.append(f"the chunks hold {held(outcome.chunks)!r}")
    ended = [(each.name, each.arguments_json) for each in outcome.chunks if type(each) is ToolCallEnd]
    if len(ended) != arrived.ended:
        found.append(f"{len(ended)} calls have ended, not {arrived.ended}: {ended!r}")
    usable = [] if partial is None else [call for call in partial.tool_calls if not call.error]
    if len(usable) > arrived.ended:
        found.append(f"the partial answer has {len(usable)} calls that could be run, not {arrived.ended}")
    return found if left else found + _wrong_usage(error, arrived)


def _wrong_usage(error: StepwellError, arrived: Arrived) -> list[str]:
    usage = error.usage
    if arrived.usage is None:
        counted = usage is not None and (usage.input_tokens or usage.output_tokens)
        return [f"usage from nowhere: {usage!r}"] if counted else []
    if usage is None or (usage.input_tokens, usage.output_tokens) != arrived.usage:
        return [f"the usage is {usage!r}, not {arrived.usage!r}"]
    return [] if usage.complete is False else ["the usage is called complete"]
