"""Bytes to events to chunks, without I/O.

bytes ─► parse_stream_protocol ─► events ─► decode_stream_event ─► chunks
                                end of stream ─► flush_stream_state ─► last chunks
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import frozen

from ...schemas.chunks import HALVES, STREAM_END, WHOLE, Finish, StreamChunk, UsageUpdate
from ...schemas.errors import DecodeError, StepError, StepwellError, StreamTruncated
from ...schemas.fold import Fold
from ...schemas.functions import takes
from ...schemas.model import Model
from ..http.request import StateKey
from ..http.timeouts import NO_END
from ..outcome import NO_ANSWERS, failure_of
from .halves import Halves
from .unsaid import Batch, unsaid


@frozen(eq=False)
class StreamSteps:
    """The streaming functions of a wire."""

    parse_stream_protocol: Callable[[bytes, Any], tuple[list[Any], Any]]
    """`(data, buffer)` returns events and the next buffer, which only the parser reads. The first buffer is b"", and
    empty data is the end of input."""
    init_stream_state: Callable[..., Any]
    """`(model)` makes the first state; with a parameter `response` it gets the open response, for its headers"""
    decode_stream_event: Callable[[Any, Model, Any], tuple[list[StreamChunk], Any]]
    """`(event, model, state)` returns chunks and the next state. STREAM_END stands for the wire's end marker (`[DONE]`,
    `message_stop`), if it has one; HALVES before an event's chunks means that characters are split between them,
    WHOLE before a delta that it has the whole text of its part."""
    flush_stream_state: Callable[[Model, Any], list[StreamChunk]]
    """returns the closing chunks, at the end marker or else at the end of the bytes"""
    begins_stream: Callable[[bytes, str], bool] | None = None
    """`(start, content_type)` checks whether a body that begins so can be a stream of this protocol; the bytes are not
    all white space. Without it, every body is taken for a stream."""
    rest_of: Callable[[Any, str], str | None] | None = None
    """`(state, url)` returns the URL of the rest of a stream that broke off; None if it is not kept"""


SHAPE_ERRORS = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError)
"""What a decoder raises by accident for data of another shape than its wire's."""


class StreamDecoder:
    """Decode bytes to chunks, and make sure that a stream ends with exactly one Finish or with an error.

    `failure` is an error found after the chunks returned last: the next call raises it, and needs no bytes.
    `received` is the fold of its chunks: their reader feeds it, after each call.
    """

    __slots__ = (
        "_buffer",
        "_decode",
        "_flush",
        "_halves",
        "_model",
        "_on_end_marker",
        "_parse",
        "_rest_of",
        "_state",
        "_tail",
        "ended",
        "failure",
        "finished",
        "received",
    )

    def __init__(
        self,
        steps: StreamSteps,
        model: Model,
        on_end_marker: Callable[[], None] | None = None,
        response: object = None,
    ) -> None:
        """Start a stream of `model`. `on_end_marker` is called once, at the wire's end marker."""
        self._on_end_marker = on_end_marker
        self._parse = steps.parse_stream_protocol
        self._decode = steps.decode_stream_event
        self._flush = steps.flush_stream_state
        self._rest_of = steps.rest_of
        self._model = model
        self._buffer: Any = b""
        self._halves: Halves | None = None  # only for a stream that has some
        of_response = {"response": response} if takes(steps.init_stream_state, "response") else {}
        self._state = steps.init_stream_state(model, **of_response)
        self.failure: Exception | None = None
        self._tail: list[StreamChunk] | None = None
        self.finished = False
        self.ended = False
        self.received = Fold()

    def rest(self, url: str) -> str | None:
        """Return the URL of what has not come of a stream that broke off; None where the provider does not keep it.

        url: where the stream was requested.
        """
        return None if self._rest_of is None else self._rest_of(self._state, url)

    def resume(self, on_end_marker: Callable[[], None]) -> StreamDecoder:
        """Go on, with the bytes of another connection that begin with the next event."""
        self._on_end_marker = on_end_marker
        self._buffer, self.failure, self._tail = b"", None, None
        return self

    def feed(self, data: bytes) -> list[StreamChunk]:
        """Return the chunks that these bytes complete.

        An error after some chunks is raised by the next call, so that the chunks are not lost.
        """
        if self.failure is not None:
            raise self.failure
        out: list[StreamChunk] = []
        try:
            events, buffer = self._parse(data, self._buffer)
            self._buffer = buffer
            decode, model, state = self._decode, self._model, self._state
            for event in events:
                chunks, state = decode(event, model, state)
                out += chunks
            self._state = state
            if buffer is not None and isinstance(buffer, StepwellError):
                self.failure = buffer
        except Exception as error:
            self.failure = _as_decode_error(error)
            if not out:
                raise self.failure from None
        # A batch is one chunk or many. Many are searched in C for the rare Finish: 0.1 µs less for each.
        if type(out[0]) is Finish if len(out) == 1 else Finish in map(type, out):
            out = self._one_finish(out)
        return out if self._halves is None else self._halves.join(out)

    def end(self) -> list[StreamChunk]:
        """Return the last chunks. Raises StreamTruncated if the wire's terminal event has not been seen."""
        if self.failure is not None:
            raise self.failure
        cut = StreamTruncated("the stream ended in the middle of an event")
        try:
            out = self.feed(b"")
        except (DecodeError, StreamTruncated):
            if not self.has_finished():
                raise cut from None
            out, self.failure = [], None
        if self.failure is not None:
            # Half an event at the end means that the stream was cut, not that the server writes another format.
            self.failure = cut if isinstance(self.failure, DecodeError) else self.failure
            return out
        rest = self._one_finish(self._flush_once())
        out += rest if self._halves is None else self._halves.join(rest)
        if not self.finished:
            self.failure = self.failure or StreamTruncated(NO_END)
            if out:
                return out  # a last event without its blank line is returned first; the next call raises
            raise self.failure
        self.ended = True
        return out

    def has_finished(self) -> bool:
        """Check whether the terminal event has arrived, so that a failing connection no longer matters."""
        return self.finished or any(type(chunk) is Finish for chunk in self._flush_once())

    def unreported_usage(self) -> list[StreamChunk]:
        """Return the usage that a wire has kept for later, of a stream that ends before that."""
        try:
            return [chunk for chunk in self._flush_once() if type(chunk) is UsageUpdate]
        except Exception:
            return []  # the stream has failed already, and for another reason

    def _flush_once(self) -> list[StreamChunk]:
        if self._tail is None:
            try:
                self._tail = list(self._flush(self._model, self._state))
            except Exception as error:
                self.failure = _as_decode_error(error)
                raise self.failure from None
        return self._tail

    def _one_finish(self, chunks: list[StreamChunk]) -> list[StreamChunk]:
        """Drop all but the first Finish, and handle the markers."""
        out: list[StreamChunk] = []
        whole, batch = False, None
        for chunk in chunks:
            if whole:
                whole, batch = False, batch or Batch(out)
                out += unsaid(chunk, self.received, batch, self._model, self._halves)
                continue
            if chunk is STREAM_END:
                return out + self._last()
            if chunk is HALVES:
                self._halves = self._halves or Halves()
                continue
            if chunk is WHOLE:
                whole = True
                continue
            if type(chunk) is Finish:
                if self.finished:
                    continue
                if chunk.reason in NO_ANSWERS:
                    self.failure = failure_of(chunk.reason, chunk.raw, self._model)
                    break
                self.finished = True
            out.append(chunk)
        return out

    def _last(self) -> list[StreamChunk]:
        """Return the closing chunks at the end marker, and ignore errors after it: the answer is complete.

        An error that the wire itself finds at its end is raised by the next call.
        """
        self._parse, self.failure = _unread, None
        try:
            chunks = self._one_finish(self._flush_once())
        except StepwellError:
            chunks = []
        self._tail = []
        if self._on_end_marker is not None:
            self._on_end_marker()
        return chunks


_RETURNED = "parse_stream_protocol returns events and rest, decode_stream_event chunks and state, the flush chunks"


def _unread(data: bytes, buffer: Any) -> tuple[list[Any], Any]:
    return [], None


def _as_decode_error(error: Exception) -> Exception:
    """Turn an accidental error of a decoder into a DecodeError: the event does not have the shape of its wire.

    One in a method of StreamDecoder itself is about what a function of the wire returned, which is a StepError.
    """
    if isinstance(error, TypeError | ValueError) and error.__traceback__ and error.__traceback__.tb_next is None:
        return StepError(f"a function that reads streams returned something else: {error}", hint=_RETURNED)
    if not isinstance(error, StepwellError) and isinstance(error, SHAPE_ERRORS):
        return DecodeError(f"a stream event does not have the shape of its wire format: {error!r:.80}")
    return error


RESUMED: StateKey[StreamDecoder | None] = StateKey("resumed", None)
"""The decoder of a stream that broke off, whose rest the provider still has and is asked for."""
