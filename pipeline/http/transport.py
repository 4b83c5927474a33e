"""The transports, sync and async: they perform the effects of the network, and all others by their base classes.

They import no HTTP library: they take a client with httpx's interface, and a function that builds its requests.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from math import inf
from typing import Any
from weakref import WeakSet, ref

from ...schemas.errors import (
    FirstEventTimeout,
    ResponseTooLarge,
    StepwellError,
    StreamTruncated,
    TransportError,
)
from ...schemas.process_lock import PROCESS
from ..effects import Close, Read, Send
from ..event_loops import AsyncPerformer
from ..stream.source import MAX_BODY_BYTES, MAX_ERROR_BYTES, Source, tune
from ..threads import Performer
from .fast.errors import ReadError, StaleConnection, Unreachable
from .fast.wait import shut_down
from .headers import are_sendable, header_error
from .library_errors import response_of_proxy, sending_error, transport_error
from .library_logs import SENDING, mask_http_logs
from .live_timeout import Limits, end_exchange, watch_tls_stream
from .request import Request
from .response import Response
from .timeouts import Clock
from .urls import refuse_login

Build = Callable[..., Any]
_CLOSED = "the client was closed"
ROUND_TRIP = 2.0
"""Seconds after which a closed connection was not closed before the request arrived; long, for slow networks."""

# An HTTP library's error refers to its request, or to headers in its frames, so it must not become the context of ours,
# which `from None` only hides. Our error is raised after the `except` block, and from a list: a variable would be a
# reference cycle of the error and its own frame.


class Transport(Performer):
    """Perform effects with a client that has httpx's interface.

    client: sends the requests.
    build: makes a request of the client's; None for a client of pipeline/http/fast, which takes ours.
    name: what attempts call it: fast, httpx, or what it is given.
    max_body_bytes: the size from which an answer is refused.
    """

    def __init__(
        self, client: Any, build: Build | None = None, *, name: str = "", max_body_bytes: int = MAX_BODY_BYTES
    ) -> None:
        self.client = client
        self.closed = False
        """True once the caller has closed it: calls that this breaks are not sent again"""
        self.name = name or ("fast" if build is None else "httpx")
        self._build = build
        self._max = max_body_bytes
        self._streams: set[Any] = set()
        """Weak references to the connections that the library has opened; a set, which is copied in one step"""
        if build is not None:
            mask_http_logs()

    def close(self) -> None:
        """Close the client. Calls of other threads that use it fail at once: closing a socket would not wake them."""
        self.closed = True
        opened = [each for reference in tuple(self._streams) if (each := reference()) is not None]
        shut_down([each.get_extra_info("socket") for each in opened])
        self.client.close()

    def perform(self, effect: Any) -> Any:
        kind = type(effect)
        if kind is not Read:
            if kind is Send:
                return self._send(effect.request)
            if kind is Close:
                return self._close(effect.source)
            return self.perform_local(effect)
        # A read is done here: one function more takes 0.5 µs where events come one by one.
        source: Source = effect.source
        try:
            if source.process != PROCESS[0]:
                raise StreamTruncated("the stream belongs to the parent of this process, which alone may read it")
            iterator = source.iterator
            while (data := next(iterator, None)) is not None:  # no loop over it, which would call iter() for each event
                room = source.room - len(data)
                if room >= 0 and source.plain and source.clock.due == inf and data:
                    source.room = room  # all that `take` would do
                    return data
                if data and (data := source.take(data)):  # the beginning of a gzip stream decompresses to nothing
                    return data
            return b""
        except BaseException as error:
            failed = [_final(transport_error(error, source.clock, source.raw.url.host), self)]
        raise failed.pop()

    def _send(self, request: Request) -> Response:
        clock = Clock(request.timeouts, request.started, request.world.now)
        raw = limits = response = None
        try:
            while raw is None:
                try:
                    if self._build is None:
                        raw = self.client.exchange(request, clock, self.scope)
                    else:
                        limits = Limits(
                            request.timeouts.connect, clock, self.scope, self._note_late if self.closed else self._note
                        )
                        outgoing = _outgoing(request, self._build, limits, limits.on_trace)
                        sending = SENDING.set(request)
                        try:
                            raw = self.client.send(outgoing, stream=True, follow_redirects=False)
                        finally:
                            SENDING.reset(sending)
                except Exception as error:
                    if self.closed or not _is_stale(error, limits, clock):
                        raise
            if limits is not None and limits.reused and limits["read"].heard is None:
                limits.refuse_what_was_there(raw.extensions.get("network_stream"), raw.url.host)
            response = (Response if raw.status_code != 407 else response_of_proxy)(
                request, raw.status_code, raw.headers
            )
            response.transport = self.name
            if limits is None and not request.stream and (body := raw.whole(self._max)) is not None:
                response.body = body
                raw.close()
                return response
            source = _source(response, raw, iter(raw.stream), clock, self._max)
            if request.stream and raw.status_code < 300:
                source.lingers = limits is None or tune(raw, limits)
                response.source, response.abandon = source, self.abandon
                if self.opened is not None:
                    self.opened.add(source)
                return response
            pieces: Any = []
            try:
                for data in source.iterator:
                    pieces.append(source.take(data))
                    if source.full:
                        break
            except Exception as error:
                if self.closed or not _says_enough(error, response.status, clock):
                    raise
            response.body = b"".join(pieces)
            if limits is None or limits.reused is None:  # no connection of httpcore's
                raw.close()
            else:
                end_exchange(raw, clock)
            return response
        except BaseException as error:
            failed = [_final(sending_error(error, clock, request, response), self)]
        pieces = outgoing = data = None  # crash reporters show locals
        end_exchange(raw, clock, limits)
        raise failed.pop()

    def _note(self, stream: Any) -> None:
        """Note a connection that was opened. Raises Unreachable if the client was closed while the call waited for it:
        nothing is to be sent any more."""
        self._note_late(stream)
        if self.closed:
            raise Unreachable(_CLOSED)

    def _note_late(self, stream: Any) -> None:
        """Note a connection that was opened for a call which began after the client was closed."""
        self._streams.add(ref(stream, self._streams.discard))

    def _close(self, source: Source) -> None:
        if self.opened is not None:
            self.opened.discard(source)
        if not source.closed:
            source.closed = True
            if source.process == PROCESS[0]:  # else a parent is reading, also by its event loop's epoll
                end_exchange(source.raw, source.clock)


class AsyncTransport(AsyncPerformer):
    """Async version of Transport, for a client with httpx's async interface."""

    def __init__(
        self, client: Any, build: Build | None = None, *, name: str = "", max_body_bytes: int = MAX_BODY_BYTES
    ) -> None:
        self.client = client
        self.closed = False
        """True once the caller has closed it: calls that this breaks are not sent again"""
        self.name = name or ("fast" if build is None else "httpx")
        self._build = build
        self._max = max_body_bytes
        if build is not None:
            from anyio import CancelScope  # comes with httpx

            mask_http_logs()
            self._new_scope = CancelScope
        self._streams: WeakSet[Any] = WeakSet()
        self._sending: set[Any] = set()
        """The scopes of the library's exchanges whose answer has not begun"""
        self._process = PROCESS[0]

    def end_calls(self) -> None:
        """End the calls that wait for a connection or an answer, since the client is about to be closed: httpcore would
        open connections for them, and send them, all the same."""
        self.closed = True
        for scope in self._sending:
            scope.cancel()

    def shut_down(self) -> None:
        """End the connections of an event loop that was closed without having closed them."""
        if self._process != PROCESS[0]:  # they are those of the parent
            return
        if hasattr(self.client, "shut_down"):
            self.client.shut_down()
        shut_down([each.get_extra_info("socket") for each in self._streams])

    def perform(self, effect: Any) -> Awaitable[Any]:
        # A plain function that returns the awaitable: a coroutine around each read would cost 0.1 µs.
        kind = type(effect)
        if kind is Read:
            return self._read(effect.source)
        if kind is Send:
            return self._send(effect.request)
        if kind is Close:
            return self._close(effect.source)
        return self.perform_local(effect)

    async def _send(self, request: Request) -> Response:
        clock = Clock(request.timeouts, request.started, request.world.now)
        raw = limits = response = None
        try:
            while raw is None:
                try:
                    if self._build is None:
                        raw = await self.client.exchange(request, clock)
                    else:
                        limits = Limits(request.timeouts.connect, clock, None, self._streams.add)
                        raw = await self._exchange(request, limits)
                except Exception as error:
                    if self.closed or not _is_stale(error, limits, clock):
                        raise
            if limits is not None and limits.reused and limits["read"].heard is None:
                limits.refuse_what_was_there(raw.extensions.get("network_stream"), raw.url.host)
            response = (Response if raw.status_code != 407 else response_of_proxy)(
                request, raw.status_code, raw.headers
            )
            response.transport = self.name
            if limits is None and not request.stream and (body := raw.whole(self._max)) is not None:
                response.body = body
                await raw.aclose()
                return response
            source = _source(response, raw, raw.stream.__aiter__(), clock, self._max)
            if request.stream and raw.status_code < 300:
                source.lingers = limits is None or tune(raw, limits)
                self.note_loop()
                response.source, response.abandon = source, self.abandon
                if self.opened is not None:
                    self.opened.add(source)
                return response
            pieces: Any = []
            try:
                async for data in source.iterator:
                    pieces.append(source.take(data))
                    if source.full:
                        break
            except Exception as error:
                if self.closed or not _says_enough(error, response.status, clock):
                    raise
            response.body = b"".join(pieces)
            await raw.aclose()
            return response
        except BaseException as error:
            failed = [_final(sending_error(error, clock, request, response), self)]
        pieces = data = None  # crash reporters show locals
        if raw is not None:
            await raw.aclose()
        raise failed.pop()

    async def _exchange(self, request: Request, limits: Limits) -> Any:
        """Send a request over the HTTP library, and return its answer, whose head has come."""
        sending, scope = SENDING.set(request), self._new_scope()
        self._sending.add(scope)
        try:
            outgoing = _outgoing(request, self._build, limits, limits.aon_trace)
            with scope:
                return await self.client.send(outgoing, stream=True, follow_redirects=False)
            raise ReadError(_CLOSED) if limits.is_sent else Unreachable(_CLOSED)  # see `end_calls`
        except GeneratorExit:  # closed: nothing can be awaited
            raise
        except BaseException:
            await limits.aclose_unused()
            raise
        finally:
            outgoing = None  # crash reporters show locals
            self._sending.discard(scope)
            SENDING.reset(sending)

    async def _read(self, source: Source) -> bytes:
        try:
            if source.process != PROCESS[0]:
                raise StreamTruncated("the stream belongs to the parent of this process, which alone may read it")
            iterator = source.iterator
            while True:
                data: bytes = await iterator.__anext__()
                room = source.room - len(data)
                if room >= 0 and source.plain and source.clock.due == inf and data:
                    source.room = room  # all that `take` would do
                    return data
                if data and (data := source.take(data)):  # the beginning of a gzip stream decompresses to nothing
                    return data
        except StopAsyncIteration:
            return b""
        except BaseException as error:
            if isinstance(error, Exception) and not isinstance(error, StepwellError) and self.is_in_another_loop:
                error = StreamTruncated("the stream belongs to another event loop, which alone may read it")
            failed = [_final(transport_error(error, source.clock, source.raw.url.host), self)]
        raise failed.pop()

    async def _close(self, source: Source) -> None:
        if self.opened is not None:
            self.opened.discard(source)
        if not source.closed:
            source.closed = True
            if source.process == PROCESS[0]:  # else a parent is reading, also by its event loop's epoll
                await source.raw.aclose()


def _outgoing(request: Request, build: Any, limits: Limits, notice: Callable[..., object]) -> Any:
    """Return the library's request.

    request: ours.
    build: makes the library's.
    limits: those of this exchange.
    notice: called when a connection is opened.

    Raises InvalidOption for a URL with a user name or password in it, and for headers that are not `are_sendable`:
    libraries differ in what they do with them.
    """
    if "@" in request.url:
        refuse_login(request.url)
    if not are_sendable(request.headers):
        raise header_error(request.headers)
    extensions = {"timeout": limits, "trace": notice}
    return build(request.method, request.url, headers=request.headers, content=request.body, extensions=extensions)


def _is_stale(error: Exception, limits: Limits | None, clock: Clock) -> bool:
    """Return whether a connection kept since an earlier call ended before a byte of the answer: it is sent again.

    As browsers and other clients do: the server closed it while the request was on its way
    (https://www.rfc-editor.org/rfc/rfc9112#section-9.3.1). Each such connection is gone then, so that the last attempt
    is made on a new one. That shows within a round trip; a server that closes it later may have worked on the request
    and charge for it, so that this is for the retries of the call to decide.
    """
    now = clock.now()
    if now >= clock.due or now - clock.made >= ROUND_TRIP:
        return False
    if limits is None:
        return isinstance(error, StaleConnection)
    return limits.met_silence and isinstance(transport_error(error, clock, ""), StreamTruncated)


def _says_enough(error: Exception, status: int, clock: Clock) -> bool:
    """Return whether an answer is an error of the provider that counts although its body broke off: its status and
    headers have come.

    A wrong key is not to be tried again, and a full queue not before the time that the headers name. A server that
    answers during an upload and closes often resets the connection behind the answer.
    """
    return status >= 300 and isinstance(transport_error(error, clock, ""), StreamTruncated | FirstEventTimeout)


def _source(response: Response, raw: Any, iterator: Any, clock: Clock, most: int) -> Source:
    """Make the source of the body. An error's body is cut at its limit; an answer over `most` bytes is an error."""
    if (stream := raw.extensions.get("network_stream")) is not None:
        watch_tls_stream(stream)  # another client of the same pool may have opened it
    headers = response.headers
    encoding = dict.get(headers, "content-encoding", "")
    if raw.status_code >= 300:
        return Source(raw, iterator, clock, limit=MAX_ERROR_BYTES, encoding=encoding, cut=True)
    declared = dict.get(headers, "content-length", "")
    if not response.request.stream and declared.isdigit() and int(declared) > most:
        raise ResponseTooLarge(f"the answer is {int(declared):,} bytes, more than the limit of {most:,}")
    return Source(raw, iterator, clock, limit=most, encoding=encoding)


def _final(error: BaseException, transport: Transport | AsyncTransport) -> BaseException:
    """Return the error; it is not `retryable` if the transport was closed: the retry would be one more request."""
    if transport.closed and isinstance(error, TransportError):
        error.retryable, error.hint = False, _CLOSED
    return error
