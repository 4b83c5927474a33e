"""Make unstreamed calls to services that answer only in streams: read the stream and return its reply."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from ...schemas.errors import StepwellError, TransportError
from ...schemas.fold import Fold
from ..annotate import annotate, attach_partial
from ..effects import CallNext, Close, Read, StepGenerator
from ..http.request import Request, of_one_provider
from ..http.response import Response
from ..pipeline import Pipeline
from ..step import around

COLLECT_STREAM = of_one_provider("gather_stream")
"""The key of `step_state` which notes that the caller made an unstreamed call, and the name of the step that collects
the stream, which marks such a pipeline."""


def always_stream(pipeline: Pipeline) -> Pipeline:
    """Add the steps that send every request as a stream, and collect it for calls that are not streamed.

    It is collected inside retry, so that a stream which breaks is requested again, as a broken body would be.
    """
    streamed = around("ask_streamed", _as_stream)
    return pipeline.before("prepare_request", streamed).before("open_stream", around(COLLECT_STREAM, _collect))


def _as_stream(request: Request, call: CallNext) -> StepGenerator:
    if request.stream:
        return (yield from call(request))
    response = yield from call(request.replace(stream=True, step_state={**request.step_state, COLLECT_STREAM: True}))
    # A step in between, such as a cache, may have answered with a stream of its own, which is not collected yet.
    return response if response.reply is not None else (yield from collect_stream(response))


def _collect(request: Request, call: CallNext) -> StepGenerator:
    response = yield from call(request)
    return (
        (yield from collect_stream(response)) if COLLECT_STREAM in request.step_state and response.decoder else response
    )


def collect_stream(response: Response) -> StepGenerator:
    """Read the stream of the response to its end, and return the response with its reply. Errors carry `.partial`."""
    fold = Fold()
    try:
        yield from _read(response, fold)
    except Exception as error:
        partial = annotate(fold.reply(), response)
        if isinstance(error, StepwellError):
            attach_partial(error, partial)
            error.request_id = error.request_id or response.request_id
        yield Close(response.source)
        response.ended(partial, error)
        raise
    if response.source is not None:
        yield Close(response.source)
    response.reply = annotate(fold.reply(), response)
    response.source, response.decoder, response.ready, response.stages = None, None, [], []
    return response


def _read(response: Response, fold: Fold) -> Generator[Any, Any, None]:
    chunks, decoder = response.ready, response.decoder
    while True:
        ended = decoder is None or decoder.ended
        for stage in response.stages:
            chunks = stage.feed(chunks)
            if ended:
                chunks = chunks + stage.flush()
        fold.feed(chunks)
        if ended:
            return
        try:
            data = yield Read(response.source)
        except TransportError:
            # A connection that breaks or hangs after the terminal event is no error: the answer is complete.
            if not decoder.has_finished():
                raise
            data = b""
        chunks = decoder.feed(data) if data else decoder.end()
