"""The effects of a flow that are recorded, and given again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...schemas.errors import StepError
from ..effects import CallNext, Close, Emit, Flow, Read, Run, Send, Sleep, StepGenerator
from ..http.headers import Headers
from ..http.redact import masked
from ..http.request import Request
from ..http.response import Response
from .asked import asked_of
from .data import error_data, error_of, from_data, kept_headers, to_data
from .numbered import Numbered
from .records import BegunEffect, Path, Record
from .replayed import Replayed

_AGAIN = "its request was in flight when an earlier run ended, and was sent again: the provider may bill both"


class Recording(Numbered):
    """A flow of a job whose effects on the world are recorded. Each method returns the result of an effect."""

    def emit(self, effect: Emit) -> Flow:
        if not self.fresh.keys().isdisjoint("tri"):
            self.job.write()  # the reader may see what was taken
        return (yield effect)

    def sleep(self, effect: Sleep) -> Flow:
        """Wait, or for as long as is left of the wait of an earlier run."""
        job, time = self.job, self.job.world.time
        if recorded := self.values.get("s"):
            left = recorded.pop(0) - time()
            if left > 0 and not recorded and not self.replays():
                yield Sleep(min(left, effect.seconds))
            return None
        if not self.replays():
            with job.lock:
                self.take("s", time() + effect.seconds)
            job.write()
        return (yield effect)

    def run(self, effect: Run) -> Flow:
        recorded = effect.recorded
        if recorded is False or (recorded is None and self.in_call):
            return (yield effect)
        job, number = self.job, self.next()
        entry = self.recorded(number, "run", effect.name)
        if entry is not None and entry.whole:
            return self._given(entry, number)
        job.write(("B", self.path, number, ["run", effect.name, ()], b""))
        try:
            result = yield effect
            data = _plain(recorded(result) if callable(recorded) else result, effect.name)
        except Exception as error:
            job.note_error(error, self.path, number)
            job.write(("X", self.path, number, error_data(error), b""))
            raise
        job.write(("D", self.path, number, data, b""))
        return from_data(data) if callable(recorded) else result

    def _given(self, entry: BegunEffect, number: int) -> Any:
        """Return the recorded result of a Run, or raise its error."""
        if entry.result != "X":
            return from_data(entry.data)
        error = error_of(entry.data)
        self.job.note_error(error, self.path, number)
        raise error

    def send(self, effect: Send) -> Flow:
        job, request, number = self.job, effect.request, self.next()
        asked, parts = asked_of(request)
        kind = "stream" if request.stream else "send"
        call = self.call
        entry = self.recorded(number, kind, asked, request)
        if entry is not None:
            call.billed = call.billed or entry.again or not entry.whole
            if entry.whole:
                return self._answer(request, entry)
        job.write(("B", self.path, number, [kind, asked, parts], b""))
        try:
            response: Response = yield effect
        except Exception as error:
            job.write(("X", self.path, number, error_data(error), b""))
            raise
        head = [response.status, kept_headers(response.headers)]
        source = response.source
        if source is None:
            record: Record = "R", self.path, number, [*head, response.transport], _recorded_body(response)
            (job.hold if self.in_call else job.write)(record)
        else:
            job.streams[id(source)] = self.path, number, (source, request, _secrets_of(request))
            job.write(("H", self.path, number, [*head, response.transport], b""))
        return self._noted(response)

    def _noted(self, response: Response) -> Response:
        if self.call.billed:
            response.request = response.request.warn("maybe_billed", _AGAIN)
        return response

    def _answer(self, request: Request, entry: BegunEffect) -> Response:
        """Return the recorded answer to a request, or raise the recorded error."""
        if entry.result == "X":
            raise error_of(entry.data)
        status, headers, transport = entry.data
        response = Response(request, status, Headers(headers), entry.body)
        response.transport = transport
        if entry.result == "H":
            response.source = Replayed(entry.pieces)
        return self._noted(response)

    def read(self, effect: Read) -> Flow:
        source = effect.source
        if type(source) is Replayed:
            return source.read()
        opened = self.job.streams.get(id(source))
        if opened is None:
            return (yield effect)
        path, number, (_, request, secrets) = opened
        try:
            data = yield effect
        except Exception as error:
            self.job.write(("P", path, number, error_data(error), b""))
            raise
        quoted = any(secret in data for secret in secrets)
        self.job.write(("P", path, number, None, masked(data, request) if quoted else data))
        return data

    def close(self, effect: Close) -> Flow:
        source = effect.source
        if type(source) is Replayed:
            return None
        if (opened := self.job.streams.pop(id(source), None)) is not None:
            self.job.write(("C", opened[0], opened[1], None, b""))
        return (yield effect)

    def close_streams(self, within: list[Path]) -> None:
        """Record that what is open in some flows is read no further."""
        with self.job.lock:
            for id, (path, number, _) in list(self.job.streams.items()):
                if any(path[: len(outer)] == outer for outer in within):
                    del self.job.streams[id]
                    self.job.later(("C", path, number, None, b""))

    # What steps ask for, see World.job

    def limited(self, name: str, run: Callable[..., StepGenerator], request: Request, call: CallNext) -> StepGenerator:
        """Run a step that only decides whether and when a call is made: as it decided in the first run.

        A call that is recorded to its end passes it by, so that it is neither counted nor waited for once more.
        """
        entry = self.known.entries.get(self.number)
        if entry is not None and entry.kind == "refused" and entry.asked == name:
            del self.known.entries[self.next()]
            raise error_of(entry.data)
        if self.complete:
            return (yield from call(request))
        called = False

        def noting(request: Request) -> StepGenerator:
            nonlocal called
            called = True
            return call(request)

        try:
            return (yield from run(request, noting))
        except Exception as error:
            if not called and not self.stopped and self.job.failure is None:
                number = self.next()
                begun = ("B", self.path, number, ["refused", name, ()], b"")
                self.job.write(begun, ("X", self.path, number, error_data(error), b""))
            raise

    def unrecorded(self, run: Callable[..., StepGenerator], request: Request, call: CallNext) -> StepGenerator:
        """Run a step that deals with credentials: of its effects nothing is recorded, until it makes the call."""
        if self.complete:
            return (yield from call(request))

        def inside(request: Request) -> StepGenerator:
            self.secret -= 1
            try:
                return (yield from call(request))
            finally:
                self.secret += 1

        self.secret += 1
        try:
            return (yield from run(request, inside))
        finally:
            self.secret -= 1


def _plain(result: object, name: str) -> Any:
    """Return the data of a Run's result. Raises StepError for what is no data."""
    try:
        return to_data(result)
    except TypeError as error:
        raise StepError(
            f"the result of {name or 'a Run'} cannot be recorded: {error}",
            hint="return numbers, text, bytes, lists and dicts; or Run(..., recorded=False) runs it again in each run",
        ) from None


def _recorded_body(response: Response) -> bytes:
    """Return the body to record: where a server repeats the credential, that is masked."""
    body, request = response.body, response.request
    quoted = response.status >= 300 or any(secret in body for secret in _secrets_of(request))
    return masked(body, request) if quoted else body


def _secrets_of(request: Request) -> list[bytes]:
    """Return the texts of a request's credential that an answer must not repeat in a file."""
    credential = request.credential
    values = credential.values() if hasattr(credential, "values") else (credential,)
    secrets = [each.reveal().encode() for each in values if hasattr(each, "reveal")]
    return [secret for secret in secrets if len(secret) > 3]
