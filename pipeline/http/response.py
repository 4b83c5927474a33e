"""The response to a request: status and headers, and either a decoded reply or an open stream."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator
from contextlib import suppress
from typing import Any, Protocol, runtime_checkable

from attrs import define, field, setters

from ...schemas.chunks import StreamChunk
from ...schemas.errors import ProviderError, StepError, StepwellError
from ...schemas.foreign_names import Hinted
from ...schemas.process_lock import ProcessLock
from ...schemas.reply import CallWarning, Reply, joined_warnings
from .headers import Headers, received
from .request import Request


class Stage(Protocol):
    """The streaming counterpart of a step: it takes and returns batches of chunks. One is made for each stream.

    A class may inherit from it, for a `flush` that adds nothing.
    """

    def feed(self, chunks: list[StreamChunk]) -> list[StreamChunk]: ...

    def flush(self) -> list[StreamChunk]:
        """Return the last chunks. Called once, when the stream has ended without an error."""
        return []


@runtime_checkable
class HoldsBack(Protocol):
    """A Stage that may have held something back when a stream breaks off."""

    def held(self) -> list[StreamChunk]:
        """Return that, for the partial reply of the error. Nothing is fed after it."""


OnEnd = Callable[[Reply | None, BaseException | None], None]
FindError = Callable[["Response"], ProviderError | None]
"""Returns the error that a response reports, None for a successful one."""
Abandon = Callable[[Any, Generator[Any, Any, Any] | None], None]
"""`abandon(source, flow)` closes both; it may be called by a finalizer."""
DROPPED: deque[tuple[Reply | None, list[OnEnd]]] = deque()
"""The callbacks of responses that were dropped unread, each with the reply that was there already."""


_ENDING = ProcessLock()
"""Held while callbacks of `DROPPED` are called."""


def end_dropped(*, wait: bool = True) -> None:
    """Call the `on_end` callbacks of responses that were dropped unread.

    A thread does so in a moment; code that counts what is held calls this first.

    wait: also wait for another thread that is calling some.
    """
    if not _ENDING.acquire(blocking=wait):
        return
    try:
        while DROPPED:
            reply, callbacks = DROPPED.popleft()
            for callback in callbacks:
                with suppress(Exception):
                    callback(reply, None)
    finally:
        _ENDING.release()


# Headers are normalised once; attrs would check every later assignment of any field for their sake.
@define(on_setattr=setters.NO_OP)
class Response(Hinted, hints="response"):
    """The response to one request. An unstreamed one has a body and a reply, a streamed one an open source or a flow.

    What steps hold for it (`on_end`) and its connection are released when it ends, fails or is left, and also if it is
    dropped unread.
    """

    request: Request
    """the request as it was sent"""
    status: int = 200
    headers: Headers = field(factory=Headers, converter=received, repr=False)
    body: bytes = field(default=b"", repr=False)
    """set by send"""
    data: Any = field(default=None, repr=False)
    """the body's JSON without the fields that do not fit the format; set by decode_response"""
    reply: Reply | None = field(default=None, repr=False)
    """set by decode_response"""
    source: Any = field(default=None, repr=False)
    """the open connection of a stream"""
    flow: Generator[Any, Any, Any] | None = field(default=None, repr=False)
    """chunks of a step's own: a flow that yields effects, and emits chunks by `Emit([...])`"""
    decoder: Any = field(default=None, repr=False)
    """turns the bytes of the source into chunks"""
    ready: list[StreamChunk] = field(factory=list, repr=False)
    """the chunks that are decoded already"""
    stages: list[Stage] = field(factory=list, repr=False)
    """what later steps put on the stream, the inner ones first"""
    closing: list[Any] = field(factory=list, repr=False)
    """effects that stages leave to be performed when the stream has ended, since they cannot wait themselves"""
    call: object = field(default=None, repr=False, eq=False)
    """the mark of its reply in `request.calls`"""
    transport: str = field(default="", repr=False, eq=False)
    """the name of the transport that it came over"""
    usage_read: bool = field(default=False, repr=False)
    """True once extract_usage has run: the response of another model also passes the steps of the first model"""
    abandon: Abandon | None = field(default=None, repr=False, eq=False)
    """set by the transport: closes the source and the flow of a response that was dropped unread"""
    callbacks: list[OnEnd] = field(factory=list, repr=False)
    """those of `on_end`"""
    _judged: tuple[object, ...] = field(default=(), init=False, repr=False)
    _error: ProviderError | None = field(default=None, init=False, repr=False)

    def error_by(self, find_error: FindError) -> ProviderError | None:
        """Return the error that `find_error` finds in the response; None without one, and if there is a reply already.

        The function runs once, however many steps ask, unless a step has changed the status or the body since.
        """
        if self.reply is not None:
            return None
        seen = (find_error, self.status, self.body)
        if self._judged != seen:
            self._judged, self._error = seen, find_error(self)
            if self._error is not None and not isinstance(self._error, StepwellError):
                self._judged, given = (), type(self._error).__name__
                raise StepError(
                    f"find_error returned {given} instead of an error or None",
                    hint="return one of stepwell.errors, RateLimitError('...') say",
                )
        return self._error

    def through(self, stage: Stage) -> Response:
        """Add one more stage to the stream of this response, and return the response."""
        self.stages.append(stage)
        return self

    def warn(self, subject: str, why: str) -> Response:
        """Add one more warning about the answer, which ends up on the reply, and return the response.

        It may be added before the answer is read, as of a stream, and to one whose reply is there.
        """
        request = self.request
        added = (CallWarning(subject, why, str(request.model)),)
        if len(warnings := joined_warnings(request.warnings, added)) > len(request.warnings):
            self.request = request.replace(warnings=warnings)  # whose warnings each reply gets that is made from now on
        if self.reply is not None:
            self.reply = self.reply.replace(warnings=joined_warnings(self.reply.warnings, added))
        return self

    def on_end(self, fn: OnEnd) -> Response:
        """Call `fn(reply, error)` once when the answer has ended: complete, with an error, or left early.

        After an error, the reply is what had arrived; for an answer left early both are None.
        """
        self.callbacks.append(fn)
        return self

    def ended(self, reply: Reply | None, error: BaseException | None) -> None:
        """Call the callbacks of `on_end`, the inner steps' first; the first error of one is raised after the last."""
        callbacks, self.callbacks = self.callbacks, []
        failed: list[BaseException] = []
        for callback in callbacks:
            try:
                callback(reply, error)
            except BaseException as raised:  # the others release what their steps hold all the same
                failed.append(raised)
        if failed:
            raise failed[0]

    def __del__(self) -> None:
        """Have released what is still held.

        Nothing is done in here: the garbage collector may run this in any thread, within anybody's lock.
        """
        try:
            source, flow, callbacks = self.source, self.flow, self.callbacks
        except AttributeError:  # its headers could not be read, so nothing is held
            return
        if callbacks:
            DROPPED.append((self.reply, callbacks))
            self.request.world.soon(end_dropped)
        if self.abandon is not None and (flow is not None or (source is not None and not source.closed)):
            self.abandon(source, flow)

    @property
    def request_id(self) -> str | None:
        """The provider's id of this exchange, from whichever header it uses."""
        headers = self.headers
        for name in self.request.names.request_id:
            found = dict.get(headers, name)
            if found and not found.isspace():
                return found
        return None
