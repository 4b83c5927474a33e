"""The effects of a flow that are recorded, and given again. Each function returns the result of one, as a flow."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Any

from ...schemas.errors import StepError, StreamTruncated
from ..effects import Close, Emit, Flow, Read, Run, Send, Sleep
from ..http.headers import Headers
from ..http.request import Request
from ..http.response import Response
from .asked import asked_of
from .counted import CountedFlow
from .data import error_data, error_of, from_data, to_data
from .job import rest_of
from .records import NOTHING, BegunEffect
from .secrets import AnswerSecrets

_AGAIN = "its request was in flight when an earlier run ended, and was sent again: the provider may bill both"


class _NoClock:
    """The clock of a stream that is not read from a network."""

    begun, due = True, inf

    def begin(self) -> None:
        """Do nothing: there is no limit."""


class RecordedStream:
    """The source of a stream whose bytes are recorded. Reading past its end is an error: the first run closed it there.

    pieces: the bytes of each read, or the error that ended it as data.
    """

    __slots__ = ("_pieces",)
    clock = _NoClock()
    closed = True
    """there is no connection to return"""

    def __init__(self, pieces: list[tuple[Any, bytes]]) -> None:
        self._pieces = iter(pieces)

    def read(self) -> bytes:
        """Return the next bytes, b"" at the end."""
        for error, data in self._pieces:
            if error is not None:
                raise error_of(error)
            return data
        raise StreamTruncated("the first run of this job closed the stream here", hint="read no further than it did")

    def finish(self) -> None:
        """Do nothing: there is no connection to keep."""


def recorded_emit(flow: CountedFlow, effect: Emit) -> Flow:
    """Hand an item to the reader, once the values that it may show are recorded. Of a whole call nobody reads any."""
    if flow.is_call:
        return None
    if not flow.fresh.keys().isdisjoint("tri"):
        flow.job.write()
    return (yield effect)


def recorded_sleep(flow: CountedFlow, effect: Sleep) -> Flow:
    """Wait, or for as long as is left of the wait of an earlier run."""
    job, time = flow.job, flow.job.world.time
    if recorded := flow.values.get("s"):
        left = recorded.pop(0) - time()
        if left > 0 and not recorded and not flow.replays():
            yield Sleep(min(left, effect.seconds))
        return None
    if not flow.replays():
        with job.lock:
            flow.take("s", time() + effect.seconds)
        job.write()
    return (yield effect)


def recorded_run(flow: CountedFlow, effect: Run) -> Flow:
    """Run a function, or give its recorded result."""
    recorded, name = effect.recorded, effect.name
    if recorded is False or (recorded is None and flow.call.is_call):
        return (yield effect)
    job, path, number = flow.job, flow.path, flow.number
    entry = flow.recorded(number, "run", name, [])
    if entry is not None and entry.whole:
        flow.next()
        return _given(flow, entry, number)
    job.write(("B", path, number, ["run", name, []], b""))
    flow.next()
    try:
        result = yield effect
        data = _plain(recorded(result) if callable(recorded) else result, name)
    except Exception as error:
        job.note_error(error, path, number)
        job.write(("X", path, number, error_data(error), b""))
        raise
    job.write(("D", path, number, data, b""))
    return from_data(data) if callable(recorded) else result


def _given(flow: CountedFlow, entry: BegunEffect, number: int) -> Any:
    """Return the recorded result of a Run, or raise its error."""
    if entry.result != "X":
        return from_data(entry.data)
    error = error_of(entry.data)
    flow.job.note_error(error, flow.path, number)
    raise error


def recorded_send(flow: CountedFlow, effect: Send) -> Flow:
    """Send a request, or give its recorded answer."""
    request = effect.request
    job, path, number, call = flow.job, flow.path, flow.number, flow if flow.is_call else flow.call
    kind = "stream" if request.stream else "send"
    asked, parts = asked_of(request)
    is_new = flow.known is NOTHING and not job.unread
    entry = None if is_new else flow.recorded(number, kind, asked, parts, request)
    if entry is not None:
        call.billed = call.billed or entry.again or not entry.whole
        if entry.whole:
            flow.next()
            given = _answer(flow, request, entry)
            return _noted(given) if call.billed else given
    job.write(("B", path, number, [kind, asked, parts], b""))
    flow.next()
    try:
        response: Response = yield effect
    except Exception as error:
        job.write(("X", path, number, error_data(error), b""))
        raise
    now = flow.clock = job.world.now()
    secrets, status, source = AnswerSecrets(request), response.status, response.source
    head = [status, secrets.headers(response.headers), response.transport, now - job.shift]
    if source is not None:
        job.streams[id(source)] = path, number, source, secrets
        job.write(("H", path, number, head, b""))
    else:
        record = "R", path, number, head, secrets.body(status, response.body)
        if call.is_call:
            job.later(record, held=True)
        else:
            job.write(record)
    return _noted(response) if call.billed else response


def _noted(response: Response) -> Response:
    response.request = response.request.warn("maybe_billed", _AGAIN)
    return response


def _answer(flow: CountedFlow, request: Request, entry: BegunEffect) -> Response:
    """Return the recorded answer to a request, or raise the recorded error."""
    if entry.result == "X":
        raise error_of(entry.data)
    status, recorded, transport, now = entry.data
    flow.clock = now + flow.job.shift
    dict.update(headers := Headers(), recorded)  # their names have the spelling that Headers look for
    response = Response(request, status, headers, entry.body, transport=transport)
    if entry.result == "H":
        response.source = RecordedStream(entry.pieces)
    return response


def recorded_read(flow: CountedFlow, effect: Read) -> Flow:
    """Read the next bytes of a stream, or give the recorded ones."""
    source = effect.source
    if type(source) is RecordedStream:
        return source.read()
    opened = flow.job.streams.get(id(source))
    if opened is None:
        return (yield effect)
    path, number, _, secrets = opened
    try:
        data = yield effect
    except Exception as error:
        flow.job.write(*rest_of(opened), ("P", path, number, error_data(error), b""))
        raise
    if not data:
        flow.job.write(*rest_of(opened), ("P", path, number, None, b""))
    elif kept := secrets.piece(data):
        flow.job.write(("P", path, number, None, kept))
    else:  # all of it may be the beginning of a secret; a record without bytes would be the end
        flow.job.write()
    return data


def recorded_close(flow: CountedFlow, effect: Close) -> Flow:
    """Close a stream, of which no more is recorded."""
    source = effect.source
    if type(source) is RecordedStream:
        return None
    if (opened := flow.job.streams.pop(id(source), None)) is not None:
        flow.job.write(*rest_of(opened), ("C", opened[0], opened[1], None, b""))
    return (yield effect)


def passed_on(effect: Any) -> Flow:
    """Perform an effect of which nothing is recorded."""
    return (yield effect)


def cleaning_up(effect: Any) -> Flow:
    """Perform an effect of a flow that was interrupted. A recorded stream is known to nobody else."""
    if isinstance(effect, Read | Close) and type(effect.source) is RecordedStream:
        return None if type(effect) is Close else effect.source.read()
    return (yield effect)


RECORDED: dict[type, Callable[[CountedFlow, Any], Flow]] = {
    Send: recorded_send,
    Read: recorded_read,
    Close: recorded_close,
    Sleep: recorded_sleep,
    Run: recorded_run,
    Emit: recorded_emit,
}


def _plain(result: object, name: str) -> Any:
    """Return the data of a Run's result. Raises StepError for what is no data."""
    try:
        return to_data(result)
    except TypeError as error:
        raise StepError(
            f"the result of {name or 'a Run'} cannot be recorded: {error}",
            hint="return numbers, text, bytes, lists and dicts; or Run(..., recorded=False) runs it again in each run",
        ) from None
