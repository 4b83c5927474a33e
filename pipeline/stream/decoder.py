"""Bytes to events to chunks, without I/O.

bytes ─► parse_stream_protocol ─► events ─► decode_stream_event ─► chunks
                                end of stream ─► flush_stream_state ─► last chunks
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import frozen

from ...schemas.chunks import HALVES, STREAM_END, Finish, StreamChunk
from ...schemas.errors import DecodeError, StepwellError, StreamTruncated
from ...schemas.model import Model
from .halves import Halves


@frozen
class StreamSteps:
    """The four streaming functions of a wire. `buffer` starts as b"" and is the parser's own affair; empty data
    means the end of input. Where a wire has a last word (`[DONE]`, `message_stop`), its decode_stream_event gives
    LAST_WORD for it; else the flush is due when the bytes end. HALVES before an event's chunks says that
    characters are cut in two among them. `begins_stream(start, content_type)` says of a body's first bytes, which are
    not all white space, whether they can be a stream of this protocol; without it everything is taken for one.
    """

    parse_stream_protocol: Callable[[bytes, Any], tuple[list[Any], Any]]
    init_stream_state: Callable[[Model], Any]
    decode_stream_event: Callable[[Any, Model, Any], tuple[list[StreamChunk], Any]]
    flush_stream_state: Callable[[Model, Any], list[StreamChunk]]
    begins_stream: Callable[[bytes, str], bool] | None = None


SHAPE_ERRORS = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError)
"""What a decoder raises, without meaning to, over data of another shape than its wire's."""


class StreamDecoder:
    """Bytes in, chunks out. Sees to it that a stream ends with exactly one Finish, or is an error.

    `failure` is an error that stood behind the chunks given last: the next call raises it, and needs no bytes to do so.
    """

    __slots__ = (
        "_buffer",
        "_decode",
        "_flush",
        "_halves",
        "_model",
        "_on_last_word",
        "_parse",
        "_state",
        "_tail",
        "ended",
        "failure",
        "finished",
    )

    def __init__(self, steps: StreamSteps, model: Model, on_last_word: Callable[[], None] | None = None) -> None:
        """`on_last_word` is called once the wire has said it; what is fed after that is dropped."""
        self._on_last_word = on_last_word
        self._parse = steps.parse_stream_protocol
        self._decode = steps.decode_stream_event
        self._flush = steps.flush_stream_state
        self._model = model
        self._buffer: Any = b""
        self._halves: Halves | None = None  # only for a stream that has some
        self._state = steps.init_stream_state(model)
        self.failure: Exception | None = None
        self._tail: list[StreamChunk] | None = None
        self.finished = False
        self.ended = False

    def feed(self, data: bytes) -> list[StreamChunk]:
        """The chunks that these bytes complete. An error found after some of them is raised by the next call, so
        that nothing which came before it is lost."""
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
            self.failure = error if isinstance(error, StepwellError) else _misfit(error)
            if not out:
                raise self.failure from None
        # A batch is one chunk or many: those are searched in C for the rare Finish, since a look at each costs 0.1 µs.
        if type(out[0]) is Finish if len(out) == 1 else Finish in map(type, out):
            out = self._one_finish(out)
        return out if self._halves is None else self._halves.join(out)

    def end(self) -> list[StreamChunk]:
        """The last chunks. Raises StreamTruncated when the wire's terminal event has not been seen."""
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
            # Half an event at the end is a stream that was cut, not a server that cannot write its own format.
            self.failure = cut if isinstance(self.failure, DecodeError) else self.failure
            return out
        rest = self._one_finish(self._flushed())
        out += rest if self._halves is None else self._halves.join(rest)
        if not self.finished:
            self.failure = StreamTruncated("the stream ended before its terminal event")
            if out:
                return out  # a last event without its blank line is handed out first; the next call raises
            raise self.failure
        self.ended = True
        return out

    def has_finished(self) -> bool:
        """Whether the terminal event has come, so that what happens to the connection no longer matters."""
        return self.finished or any(type(chunk) is Finish for chunk in self._flushed())

    def _flushed(self) -> list[StreamChunk]:
        if self._tail is None:
            try:
                self._tail = self._flush(self._model, self._state)
            except Exception as error:
                self.failure = error if isinstance(error, StepwellError) else _misfit(error)
                raise self.failure from None
        return self._tail

    def _one_finish(self, chunks: list[StreamChunk]) -> list[StreamChunk]:
        kept: list[StreamChunk] = []
        for chunk in chunks:
            if chunk is STREAM_END:
                return kept + self._last()
            if chunk is HALVES:
                self._halves = self._halves or Halves()
                continue
            if type(chunk) is Finish:
                if self.finished:
                    continue
                self.finished = True
            kept.append(chunk)
        return kept

    def _last(self) -> list[StreamChunk]:
        """What is due at the last word. An error behind it is none: the answer is whole."""
        chunks = self._one_finish(self._flushed())
        self._parse, self._tail, self.failure = _unread, [], None
        if self._on_last_word is not None:
            self._on_last_word()
        return chunks


def _unread(data: bytes, buffer: Any) -> tuple[list[Any], Any]:
    return [], None


def _misfit(error: Exception) -> Exception:
    """A decoder that stumbles over an event's shape has met an event that does not fit its wire."""
    if isinstance(error, SHAPE_ERRORS):
        return DecodeError(f"a stream event does not have the shape of its wire format: {error!r:.80}")
    return error
