"""Services that answer in streams only: whoever wants the answer whole gets it gathered."""

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
"""Where in a request's `private` it is noted that the caller asked for no stream; and the name of the step that gathers
it, by which a pipeline can be known to be of this kind."""


def always_stream(pipeline: Pipeline) -> Pipeline:
    """The pipeline, asking for a stream even where the caller asked for none, and gathering it into the reply.

    It is gathered inside retry, so that a stream which breaks halfway is asked for again, as a broken body would be.
    Calls for a stream pass untouched.
    """
    asking = around("ask_streamed", _ask)
    return pipeline.before("prepare_request", asking).before("open_stream", around(COLLECT_STREAM, _gather))


def _ask(request: Request, call: CallNext) -> StepGenerator:
    if request.stream:
        return (yield from call(request))
    response = yield from call(request.replace(stream=True, step_state={**request.step_state, COLLECT_STREAM: True}))
    # Not gathered yet is what a step in between has answered by itself, a cache for instance.
    return response if response.reply is not None else (yield from collect_stream(response))


def _gather(request: Request, call: CallNext) -> StepGenerator:
    response = yield from call(request)
    return (
        (yield from collect_stream(response)) if COLLECT_STREAM in request.step_state and response.decoder else response
    )


def collect_stream(response: Response) -> StepGenerator:
    """Read the response's stream to its end: the same response, with its reply. Errors carry what had come."""
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
            # After the terminal event nothing is missing: a connection that breaks or hangs then is no error.
            if not decoder.has_finished():
                raise
            data = b""
        chunks = decoder.feed(data) if data else decoder.end()
