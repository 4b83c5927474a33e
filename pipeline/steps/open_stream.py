"""A granted stream becomes chunks, with the first of them in hand before anyone is told that it succeeded."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

from ...schemas.chunks import MetadataUpdate, Start, UsageUpdate, Warned
from ...schemas.errors import StepwellError
from ...schemas.fold import chunks_of
from ...schemas.reply import Reply
from ..effects import CallNext, Close, Read, StepGenerator
from ..http.redact import redact
from ..http.request import Request
from ..http.response import Response
from ..step import Step, around_unchecked
from ..stream.decoder import StreamDecoder, StreamSteps
from ..stream.source import Source


def open_stream(
    steps: StreamSteps | Callable[[], StreamSteps], unstreamed: Callable[[Response], Reply] | None = None
) -> Step:
    """Read until the first chunk of content. An error that the provider sends in place of it (an overload in a 200,
    say) is raised here, inside retry, where the request can still be sent again. `steps` may be a function that gives
    them, or raises NotSupported.

    A body that is no stream at all, by `steps.begins_stream`, is read to its end and given to `unstreamed(response)`,
    which makes a reply of it or raises: servers and gateways answer with a JSON error, a web page, or the whole answer.
    """

    def run(request: Request, call: CallNext) -> StepGenerator:
        # Unstreamed there is nothing to do here, not even a generator to pass through.
        if not request.stream:
            return call(request)
        return _opened(request, call, steps() if callable(steps) else steps, unstreamed)

    return around_unchecked("open_stream", run)


_NO_CONTENT = frozenset((Start, UsageUpdate, MetadataUpdate, Warned))
"""Chunks that nobody has seen anything of the answer by: after them a call may still be sent again."""
_SPACE = b" \t\r\n"
_BOM = b"\xef\xbb\xbf"


def _opened(
    request: Request, call: CallNext, steps: StreamSteps, unstreamed: Callable[[Response], Reply] | None
) -> StepGenerator:
    response = yield from call(request)
    source = response.source
    if source is None or response.decoder is not None:  # another model's may be open already
        return response
    try:
        read = b""
        if unstreamed is not None and (begins := steps.begins_stream) is not None:
            read = yield from _beginning(source)
            start = read.removeprefix(_BOM).lstrip(_SPACE)
            if start and not begins(start, response.headers.get("content-type", "")):
                return (yield from _whole(response, read, unstreamed))
        decoder = response.decoder = StreamDecoder(steps, request.model, source.finish)
        ready = response.ready
        while not decoder.ended and all(type(chunk) in _NO_CONTENT for chunk in ready):
            data = read or (b"" if decoder.failure else (yield Read(source)))
            read = b""
            ready += decoder.feed(data) if data else decoder.end()
    except GeneratorExit:
        raise
    except BaseException as error:
        if isinstance(error, StepwellError):
            redact(error, response.request)
            error.request_id = error.request_id or response.request_id
        yield Close(source)
        raise
    source.clock.begin()
    return response


def _beginning(source: Source) -> Generator[Any, Any, bytes]:
    """What is read up to the first byte that is no white space; b"" for an empty body."""
    pieces = []
    while data := (yield Read(source)):
        pieces.append(data)
        if data.strip(_SPACE + _BOM):
            break
    return b"".join(pieces)


def _whole(response: Response, start: bytes, unstreamed: Callable[[Response], Reply]) -> StepGenerator:
    """The response, with what its body holds as chunks that need no more reading."""
    source, pieces = response.source, [start]
    while data := (yield Read(source)):
        pieces.append(data)
    response.body = b"".join(pieces)
    reply = unstreamed(response)
    yield Close(source)
    request = response.request.warn("stream", "the server gave its answer whole")
    more = tuple(warning for warning in reply.warnings if warning not in request.warnings)
    response.request = request.replace(warnings=request.warnings + more)
    response.source, response.body, response.ready = None, b"", chunks_of(reply)
    return response
