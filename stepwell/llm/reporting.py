"""Report one call, streamed or not, as a span (events.py)."""

from __future__ import annotations

from secrets import token_hex

from ..events import Span, current
from ..options import PipelineLike
from ..pipeline.edits import PipelineEdits, edits_of
from ..pipeline.effects import CallNext, StepGenerator
from ..pipeline.http.request import Request
from ..pipeline.pipeline import Pipeline
from ..pipeline.step import Step, around
from ..schemas.reply import Reply


def span_step(name: str) -> Step:
    """Make the step that reports a call. The span ends with the answer: for a stream, long after the response."""

    def run(request: Request, call: CallNext) -> StepGenerator:
        work = Span(name, token_hex(8), current(), {"model": str(request.model), "stream": request.stream})
        work.report("start")
        try:
            response = yield from call(request)
        except BaseException as error:
            _failed(work, error)
            raise
        return response.on_end(lambda reply, error: _ended(work, reply, error))

    return around("llm_report", run)


def with_report(name: str, given: PipelineLike | None) -> PipelineEdits:
    """Return the `pipeline=` of a call with the report outermost. A whole Pipeline replaces the usual one."""
    edits = PipelineEdits().then(lambda usual: given) if isinstance(given, Pipeline) else edits_of(given)
    return edits.prepend(span_step(name))


def _ended(work: Span, reply: Reply | None, error: BaseException | None) -> None:
    if reply is not None:
        work.note(usage=reply.usage, finish_reason=reply.finish_reason)
    if error is not None:
        return _failed(work, error)
    if reply is None:
        work.note(left_early=True)
    work.report("end")


def _failed(work: Span, error: BaseException) -> None:
    work.note(error=error)
    work.report("error")
