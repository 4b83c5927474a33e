"""Open a stream and read it to its first chunk, before the call counts as successful."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

from ...schemas.chunks import MetadataUpdate, Start, UsageUpdate, Warned
from ...schemas.errors import StepwellError
from ...schemas.fold import fold
from ...schemas.reply import Reply, joined_warnings
from ...schemas.usage import NO_USAGE
from ..annotate import annotate, attach_partial, note_reply
from ..effects import CallNext, Close, Read, StepGenerator
from ..http.redact import bare, mask_secrets
from ..http.request import Request
from ..http.response import Response
from ..step import Step, around_unchecked
from ..stream.decoder import RESUMED, StreamDecoder, StreamSteps
from ..stream.source import Source


def open_stream(
    steps: StreamSteps | Callable[[], StreamSteps], unstreamed: Callable[[Response], Reply] | None = None
) -> Step:
    """Make the step that opens a stream and reads it to its first chunk of content.

    An error that the provider sends in place of content (such as an overload in a 200) is raised here, inside retry,
    where the request can still be sent again.

    steps: the wire's streaming functions, or a function that returns them or raises NotSupported.
    unstreamed: makes a reply of a body that is no stream, or raises. Servers and gateways may answer with a JSON error,
        a web page, or a complete unstreamed answer; `steps.begins_stream` finds out.
    """

    def run(request: Request, call: CallNext) -> StepGenerator:
        # An unstreamed call has nothing to do here, and needs no generator.
        if not request.stream:
            return call(request)
        return _opened(request, call, steps() if callable(steps) else steps, unstreamed)

    return around_unchecked("open_stream", run)


_NO_CONTENT = frozenset((Start, UsageUpdate, MetadataUpdate, Warned))
"""Chunks without content: after them, the call may still be sent again."""
_SPACE = b" \t\r\n"
_BOM = b"\xef\xbb\xbf"


def _opened(
    request: Request, call: CallNext, steps: StreamSteps, unstreamed: Callable[[Response], Reply] | None
) -> StepGenerator:
    """Send the request, and read its stream up to the first chunk with content, so that early errors are raised here.

    unstreamed: reads an answer that is not streamed; None where there can be none.
    """
    resumed = request.get(RESUMED)
    if resumed is not None:
        request = request.replace(method="GET", body=b"", url=resumed.rest(request.url) or request.url)
    response = yield from call(request)
    source = response.source
    if source is None or response.decoder is not None:  # the stream of another model is open already
        return response
    try:
        read = b""
        if unstreamed is not None and resumed is None and (begins := steps.begins_stream) is not None:
            read = yield from _beginning(source)
            start = read.removeprefix(_BOM).lstrip(_SPACE)
            if start and not begins(start, response.headers.get("content-type", "")):
                return (yield from _read_unstreamed(response, read, unstreamed))
        decoder = response.decoder = (
            resumed.resume(source.finish)
            if resumed is not None
            else StreamDecoder(steps, request.model, source.finish, response)
        )
        ready = response.ready
        while not decoder.ended and all(type(chunk) in _NO_CONTENT for chunk in ready):
            data = read or (b"" if decoder.failure else (yield Read(source)))
            read = b""
            ready += decoder.feed(data) if data else decoder.end()
            if ready and not source.clock.begun:
                source.clock.begin()
    except GeneratorExit:
        raise
    except BaseException as error:
        read = data = start = b""  # a crash report shows the locals of frames
        if isinstance(error, StepwellError):
            mask_secrets(error, response.request)
            bare(error)
            error.request_id = error.request_id or response.request_id
            if response.ready:  # usage, perhaps, and the provider's id of the answer
                partial = annotate(fold(response.ready), response)
                attach_partial(error, partial)
                if partial.usage is not NO_USAGE:
                    note_reply(response, partial)  # billed, also where another call takes its place
        yield Close(source)
        raise
    return response


def _beginning(source: Source) -> Generator[Any, Any, bytes]:
    """Read up to the first byte that is not white space; b"" for an empty body."""
    pieces = []
    while data := (yield Read(source)):
        pieces.append(data)
        if data.strip(_SPACE + _BOM):
            break
    return b"".join(pieces)


def _read_unstreamed(response: Response, start: bytes, unstreamed: Callable[[Response], Reply]) -> StepGenerator:
    """Read the rest of an unstreamed body, and return the response with the chunks of its reply."""
    source, pieces, data = response.source, [start], b""
    try:
        while data := (yield Read(source)):
            pieces.append(data)
        response.body = b"".join(pieces)
        reply = unstreamed(response)
    except BaseException:
        pieces, start, data = [], b"", b""  # a crash report shows the locals of frames
        raise
    yield Close(source)
    from ...schemas.reply_chunks import chunks_of  # only for an answer that did not come as a stream

    request = response.request.warn("stream", "the server sent an unstreamed answer")
    response.request = request.replace(warnings=joined_warnings(request.warnings, reply.warnings))
    response.source, response.body, response.ready = None, b"", chunks_of(reply)
    return response
