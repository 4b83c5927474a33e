"""A granted stream becomes chunks, with the first of them in hand before anyone is told that it succeeded."""

from __future__ import annotations

from collections.abc import Callable

from ...schemas.chunks import MetadataUpdate, Start, UsageUpdate
from ...schemas.errors import StepwellError
from ..decoder import StreamDecoder, StreamSteps
from ..effects import Close, Flow, Read, Rest
from ..request import Request
from ..step import Step, around


def open_stream(steps: StreamSteps | Callable[[], StreamSteps]) -> Step:
    """Read until the first chunk of content. An error that the provider sends in place of it (an overload in a 200,
    say) is raised here, inside retry, where the request can still be sent again. `steps` may be a function that gives
    them, or raises NotSupported.
    """

    def run(request: Request, call: Rest) -> Flow:
        # Unstreamed there is nothing to do here, not even a generator to pass through.
        if not request.stream:
            return call(request)
        return _opened(request, call, steps() if callable(steps) else steps)

    return around("open_stream", run)


_NO_CONTENT = frozenset((Start, UsageUpdate, MetadataUpdate))
"""Chunks that nobody has seen anything of the answer by: after them a call may still be sent again."""


def _opened(request: Request, call: Rest, steps: StreamSteps) -> Flow:
    response = yield from call(request)
    source = response.source
    if source is None:
        return response
    try:
        decoder = response.decoder = StreamDecoder(steps, request.model)
        ready = response.ready
        while not decoder.ended and all(type(chunk) in _NO_CONTENT for chunk in ready):
            data = b"" if decoder.failure else (yield Read(source))
            ready += decoder.feed(data) if data else decoder.end()
    except GeneratorExit:
        raise
    except BaseException as error:
        if isinstance(error, StepwellError):
            error.request_id = error.request_id or response.request_id
        yield Close(source)
        raise
    source.clock.begin()
    return response
