"""Report one call, streamed or not, as a span (events.py)."""

from __future__ import annotations

from secrets import token_hex

from ..events import Span, current
from ..options import PipelineLike
from ..pipeline.around import around
from ..pipeline.edits import PipelineEdits, edits_of
from ..pipeline.effects import CallNext, StepGenerator
from ..pipeline.http.request import Request
from ..pipeline.pipeline import Pipeline
from ..pipeline.step import Step
from ..schemas.reply import Reply


def span_step(name: str) -> Step:
    """Make the step that reports a call. The span ends with the answer: for a stream, long after the response."""

    def run(request: Request, call: CallNext) -> StepGenerator:
        work = Span(name, token_hex(8), current(), {"model": str(request.model), "stream": request.stream})
        work.report("start")
        try:
            response = yield from call(request)
        except BaseException as error:
            work.report("error", error=error)
            raise
        return response.on_end(lambda reply, error: _report_end(work, reply, error))

    return around("llm_report", run)


def with_report(name: str, pipeline: PipelineLike | None) -> PipelineEdits:
    """Return the `pipeline=` of a call with the report outermost. A whole Pipeline replaces the usual one."""
    edits = PipelineEdits().then(lambda usual: pipeline) if isinstance(pipeline, Pipeline) else edits_of(pipeline)
    return edits.prepend(span_step(name))


def _report_end(work: Span, reply: Reply | None, error: BaseException | None) -> None:
    if reply is not None:
        work.note(usage=reply.usage, finish_reason=reply.finish_reason)
    if error is not None:
        work.report("error", error=error)
    elif reply is None:
        work.report("end", left_early=True)
    else:
        work.report("end")
