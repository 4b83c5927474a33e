"""Read the chunks of a response: from the decoder or a step's own flow, through the stages and the fold, to the reader.

ChunkReader is for flows; Stream and AsyncStream (stream.py) are for the callers of a client.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import suppress
from typing import Any

from ...schemas.chunks import StreamChunk, Warned
from ...schemas.errors import StepError, StepwellError, StreamTruncated, TransportError
from ...schemas.fold import Fold
from ...schemas.foreign_names import Hinted
from ...schemas.message import Context
from ...schemas.reply import CallWarning, Reply, joined_warnings
from ...schemas.usage import Usage
from ..annotate import annotate, attach_attempts, attach_partial, note_reply, with_inner_calls
from ..effects import END, Close, Effect, Flow, Read, cancel_flow, emitted
from ..http.redact import mask_secrets
from ..http.response import HoldsBack, Response, Stage
from .decoder import StreamDecoder

_NO_READ = Read(None)


class OpenAnswer(Hinted, hints="stream"):
    """An answer that is being read: what all readers share, which is everything but the waiting.

    response: what is read; None if it is not there yet.
    prompt: the conversation that the reply is to show.
    resumable: whether another reader may go on where this one fails, with the same stages.
    """

    def __init__(self, response: Response | None, prompt: Context | None = None, *, resumable: bool = False) -> None:
        self._resumable = resumable
        self._prompt = prompt
        self._received = self._fold = Fold()
        self._response: Response | None = None
        self._error: BaseException | None = None
        self._over = False
        self._ready: list[StreamChunk] | None = None
        self._ended = False
        self._stages: list[Stage] = []
        self._read: Read = _NO_READ
        self._flow: Flow | None = None
        if response is not None:
            self._adopt(response)

    @property
    def response(self) -> Response | None:
        """The response that is read; None before it is there."""
        return self._response

    @property
    def prompt(self) -> Context | None:
        """The conversation that the reply is to show."""
        return self._prompt

    @property
    def usage(self) -> Usage | None:
        """The usage known so far; final once the stream has ended."""
        return self._fold.usage

    @property
    def finish_reason(self) -> str | None:
        """None until the stream has ended."""
        return self._fold.finished.reason if self._fold.finished else None

    @property
    def request_id(self) -> str | None:
        return self._response.request_id if self._response else None

    def check_unread(self) -> None:
        """Raise an error if the stream is over: a loop over it would silently read nothing. It is the error that ended
        the stream, StreamTruncated if it was closed early, a StepwellError if it was read to its end."""
        if self._over:
            self.whole_reply()
            raise StepwellError("the stream was read to its end before", hint="stream.reply() is the whole answer")

    def whole_reply(self) -> Reply:
        """Return the reply of a stream that was read to its end. Raises StreamTruncated for one closed early."""
        return self._reply(self._whole())

    def own_reply(self) -> Reply:
        """Return the same without the calls that steps made besides it."""
        return self._own_reply(self._whole())

    def _whole(self) -> Response:
        """Return the response, once it has ended well. Raises the error of any other."""
        if self._error is not None:
            raise self._error
        if self._fold.finished is None or self._response is None:
            hint = "read it to the end, or use .usage, and .partial of this error, which is the reply as far as it came"
            error = StreamTruncated("the stream was closed before its end", hint=hint)
            raise self._attach_details(error)
        return self._response

    def _adopt(self, response: Response) -> None:
        self._response = response
        reply = response.reply  # of an unstreamed answer, which a step gives to a streamed call or reads itself
        if reply is None or response.flow is not None:
            self._ready = response.ready
        else:
            from ...schemas.reply_chunks import chunks_of  # only for an answer that did not come as a stream

            self._ready = chunks_of(reply)
        self._decoder: StreamDecoder = response.decoder
        self._stages = response.stages
        self._flow = response.flow
        self._read = Read(response.source)
        self._received = Fold() if self._decoder is None else self._decoder.received
        if not self._stages:
            self._fold = self._received

    def _first(self, ready: list[StreamChunk]) -> list[StreamChunk]:
        """Return the chunks that are there before anything is read: the first, or all of a reply without a network."""
        self._ready = None
        self._ended = self._decoder is None or self._decoder.ended
        return self._through_stages(ready, last=self._ended and self._flow is None)

    def _feed(self, data: bytes) -> list[StreamChunk]:
        """Return the chunks for these bytes; b"" is the end of the input."""
        decoder = self._decoder
        if data:
            chunks: list[StreamChunk] = decoder.feed(data)
            if not self._stages:
                self._fold.feed(chunks)
                return chunks
        else:
            chunks = decoder.end()
            self._ended = decoder.ended
        return self._through_stages(chunks, last=self._ended) if chunks or self._ended else chunks

    def _take(self, item: object) -> list[StreamChunk]:
        """Return the chunks that the response's flow emitted. Raises StreamTruncated for one without a Finish."""
        if isinstance(item, list):
            return self._through_stages([*item], last=False)
        if item is not END:
            raise StepError(
                f"the flow of a response emitted a {type(item).__name__}", hint="emit lists of chunks: Emit([chunk])"
            )
        self._flow = None
        chunks = self._through_stages([], last=True)
        if self._fold.finished is None:
            raise StreamTruncated("the flow of a step ended without a Finish", hint="emit the chunks of a whole answer")
        return chunks

    def _through_stages(self, chunks: list[StreamChunk], *, last: bool) -> list[StreamChunk]:
        if self._stages:
            self._received.feed(chunks)  # which completes the ends of calls: stages may need them
        for stage in self._stages:
            chunks = stage.feed(chunks)
            if last:
                chunks = chunks + stage.flush()
        self._fold.feed(chunks)
        return chunks

    def _raise_if_unfinished(self, error: TransportError) -> bytes:
        """Raise the error, unless the terminal event has arrived: then the answer is complete, so return b""."""
        if not self._decoder.has_finished():
            raise error
        if self._fold.usage is None and self._response is not None:
            why = "not received: the connection broke after the answer and before its counts"
            self._fold.feed([Warned((CallWarning("usage", why, str(self._response.request.model)),))])
        return b""

    def _record_failure(self, error: BaseException) -> BaseException:
        if isinstance(error, Exception):
            if self._stages and not self._resumable:
                self._take_held()
            self._error = error = self._attach_details(error)
        return error

    def _take_held(self) -> None:
        """Take what the stages hold back: it has arrived."""
        chunks: list[StreamChunk] = []
        with suppress(Exception):  # of a stage that has failed; the error to raise is there already
            for stage in self._stages:
                chunks = [
                    *(stage.feed(chunks) if chunks else ()),
                    *(stage.held() if isinstance(stage, HoldsBack) else ()),
                ]
            self._fold.feed(chunks)

    def _attach_details(self, error: Exception) -> Exception:
        """Put on the error what is known so far."""
        if isinstance(error, StepwellError) and self._response is not None:
            self._take_usage()
            attach_partial(error, self._reply(self._response))
            request = self._response.request
            mask_secrets(error, request)
            error.provider, error.model = request.model.provider, request.model.id
            error.request_id = error.request_id or self._response.request_id
            error.warnings = request.warnings
            attach_attempts(error, request)
        return error

    def _leave(self) -> Generator[Effect, Any, None]:
        """End the stream, once, and yield the effects that close its connection and do what its stages have left."""
        response = self._response
        if self._over or response is None:
            return
        self._over = True
        response.flow = None
        complete = self._fold.finished is not None
        try:
            if not complete:
                self._take_usage()
            response.ended(self._own_reply(response) if complete or self._error is not None else None, self._error)
        finally:  # also where a callback fails
            if response.source is not None:
                yield Close(response.source)
            for effect in response.closing:  # noqa: UP028  # `yield from` would send the results to the list
                yield effect

    def _take_usage(self) -> None:
        """Take what the wire counted and has not reported yet, as the stream ends before its end."""
        if self._decoder is not None and self._fold.finished is None:
            self._fold.feed(self._decoder.unreported_usage())

    def _own_reply(self, response: Response) -> Reply:
        """Return the reply of this response alone, without the calls that steps made besides it."""
        reply = self._fold.reply()
        if self._received is not self._fold:
            warnings = self._received.reply_fields.get("warnings", ())
            reply.warnings = joined_warnings(warnings, reply.warnings)
        reply.prompt = self._prompt
        return annotate(reply, response)

    def _reply(self, response: Response) -> Reply:
        return with_inner_calls(self._own_reply(response), response)

    def _stopping(self) -> Flow:
        flow, self._flow = self._flow, None
        leaving = self._leave()
        try:
            if flow is not None:
                yield from cancel_flow(flow)
        except GeneratorExit:  # closed: nothing more can be yielded
            next(leaving, None)
            leaving.close()
            raise
        finally:  # also where the flow fails to clean up
            yield from leaving


class ChunkReader(OpenAnswer):
    """A response that is read in a flow: `chunks = yield from reader.next()`, until that is None.

    Its connection is returned at the end and after an error. A flow that leaves early calls
    `yield from reader.close()`.
    """

    def next(self) -> Generator[Effect, Any, list[StreamChunk] | None]:
        """Return the next chunks, as a list; None at the end of the stream."""
        if self._over:
            return None
        try:
            if self._ready is not None and (batch := self._first(self._ready)):
                return batch
            while not self._ended:
                try:
                    data = b"" if self._decoder.failure else (yield self._read)
                except TransportError as error:
                    data = self._raise_if_unfinished(error)
                if batch := self._feed(data):
                    return batch
            while self._flow is not None:
                if batch := self._take((yield from emitted(self._flow))):
                    return batch
        except GeneratorExit:  # closed: nothing more can be yielded
            raise
        except BaseException as error:
            failure = self._record_failure(error)
            self._note_broken()
            with suppress(Exception):  # what failed first is raised
                yield from self._stopping()
            raise failure from None
        yield from self._stopping()
        response = self._response
        if response is not None and response.reply is None and (response.source or response.call) is not None:
            note_reply(response, self._own_reply(response))
        return None

    def _note_broken(self) -> None:
        """Count an answer that broke off, if anything of it has come: it is billed, too."""
        response = self._response
        if response is None or (response.source or response.call) is None or isinstance(self._error, StepError):
            return
        if self._received.has_begun or self._fold.usage is not None:
            note_reply(response, self._own_reply(response))

    def close(self) -> Flow:
        """Stop reading and return the connection. A second call does nothing."""
        yield from self._stopping()


def collected(response: Response) -> Generator[Any, Any, Response]:
    """Read the stream of the response to its end, and return the response with its reply. Errors carry `.partial`."""
    reader = ChunkReader(response)
    while (yield from reader.next()) is not None:
        pass
    response.reply = reader.own_reply()
    if response.call is not None:
        note_reply(response, response.reply)  # the same reply: by its message it is known as no other call
    response.source, response.decoder, response.ready, response.stages = None, None, [], []
    return response
