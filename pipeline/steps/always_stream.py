"""Make unstreamed calls to services that answer only in streams: read the stream and return its reply."""

from __future__ import annotations

from ..around import around
from ..effects import CallNext, StepGenerator
from ..http.request import Request, StateKey
from ..pipeline import Pipeline
from ..stream.chunk_reader import collected

COLLECTED: StateKey[bool] = StateKey("collected", False)
"""True if the caller made an unstreamed call, whose stream is collected."""
COLLECT_STREAM = "collect_stream"
"""The name of the step that collects the stream, which marks such a pipeline."""


def always_stream(pipeline: Pipeline) -> Pipeline:
    """Add the steps that send every request as a stream, and collect it for calls that are not streamed.

    It is collected inside retry, so that a stream which breaks is requested again, as a broken body would be.
    """
    streamed = around("ask_streamed", _as_stream)
    return pipeline.before("prepare_request", streamed).before("open_stream", around(COLLECT_STREAM, _collect))


def _as_stream(request: Request, call: CallNext) -> StepGenerator:
    if request.stream:
        return (yield from call(request))
    response = yield from call(request.replace(stream=True).with_state(COLLECTED, True))
    # A step in between, such as a cache, may have answered with a stream of its own, which is not collected yet.
    return response if response.reply is not None else (yield from collected(response))


def _collect(request: Request, call: CallNext) -> StepGenerator:
    response = yield from call(request)
    return (yield from collected(response)) if request.get(COLLECTED) and response.decoder else response
