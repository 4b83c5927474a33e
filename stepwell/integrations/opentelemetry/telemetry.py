"""Telemetry: a step that reports calls to OpenTelemetry, and a subscriber that reports work of several calls."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import monotonic
from typing import Any
from weakref import finalize, ref

from attrs import define
from opentelemetry import context as contexts
from opentelemetry import metrics, trace
from opentelemetry.trace import Span, SpanKind, StatusCode

from ...events import Event, current, subscribe
from ...pipeline.around import around
from ...pipeline.effects import CallNext, StepGenerator
from ...pipeline.http.request import Request
from ...pipeline.http.response import Response
from ...pipeline.pipeline import Pipeline
from ...schemas.reply import Reply
from .attributes import answer, basic, error_attributes, question, reply_attributes, request_attributes
from .waiting import Began, Waiting

NAME = "stepwell"
SECONDS = [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92]
TOKEN_BUCKETS = [4**power for power in range(14)]
_KINDS = {"run_tools": "invoke_agent", "tool": "execute_tool", "embed": "embeddings", "retrieve": "retrieval"}


class Telemetry:
    """Spans and metrics in OpenTelemetry for each call: pass it as `pipeline=` to clients or to single calls.

        telemetry = Telemetry()
        client = stepwell.Client(pipeline=[telemetry, stepwell.fallback("local:smollm2")])

    The span has a name like "chat gpt-5.5", is open until the answer's last chunk, and is a child of the current span;
    the HTTP client's own spans become its children. The metrics are `gen_ai.client.operation.duration`,
    `gen_ai.client.token.usage` and, for streams, `gen_ai.client.operation.time_to_first_chunk`. Work of several calls
    (tool loops and each tool, objects, embedding, retrieval) has spans as well, which are the parents of those of its
    calls, until `close()`. Of all work in the process, that is the work which calls with this Telemetry are part of.

    tracer_provider, meter_provider: OpenTelemetry's; None: the global ones.
    content: whether spans hold prompts, answers (never reasoning) and the messages of errors, which may quote both.
    composites: whether work of several calls has spans.
    """

    def __init__(
        self,
        *,
        tracer_provider: trace.TracerProvider | None = None,
        meter_provider: metrics.MeterProvider | None = None,
        content: bool = False,
        composites: bool = True,
    ) -> None:
        self._tracer = trace.get_tracer(NAME, tracer_provider=tracer_provider)
        meter = metrics.get_meter(NAME, meter_provider=meter_provider)
        self._duration = _histogram(meter, "operation.duration", "s", SECONDS)
        self._first_chunk = _histogram(meter, "operation.time_to_first_chunk", "s", SECONDS)
        self._tokens = _histogram(meter, "token.usage", "{token}", TOKEN_BUCKETS)
        self._content = content
        self._step = around("telemetry", self._call, counts=True)
        self._open: dict[str, _Work] = {}
        self._waiting = Waiting()
        self._inside = contexts.create_key("stepwell")
        self._unsubscribe: Callable[[], None] = subscribe(_heard_by(ref(self))) if composites else lambda: None
        finalize(self, self._unsubscribe)

    def __call__(self, pipeline: Pipeline) -> Pipeline:
        """Add the step to a pipeline, around the provider's steps and inside those that were added before."""
        if self._step in pipeline.steps:
            return pipeline
        return (
            pipeline.before("check_options", self._step)
            if "check_options" in pipeline
            else pipeline.prepend(self._step)
        )

    def close(self) -> None:
        """Stop reporting work of several calls. Harmless when done twice."""
        self._unsubscribe()

    def _call(self, request: Request, call: CallNext) -> StepGenerator:
        common, began = basic(request), monotonic()
        attributes = {**common, **request_attributes(request)}
        if self._content and request.operation == "chat":
            attributes |= question(request.context.messages)
        name = f"{common['gen_ai.operation.name']} {request.model.id}"
        work = current()
        self._claim(work)
        self._report_ended(request.started)
        parent = self._parent(work, trace.get_current_span().get_span_context().span_id)
        span = self._tracer.start_span(name, parent, SpanKind.CLIENT, attributes)
        token = contexts.attach(contexts.set_value(self._inside, True, trace.set_span_in_context(span)))
        try:
            response: Response = yield from call(request)
        except BaseException as error:
            self._end(span, common, began, None, error)
            raise
        finally:
            contexts.detach(token)
        if response.reply is not None:
            self._end(span, common, began, response.reply, None)
            return response
        first = monotonic() - began
        span.set_attribute("gen_ai.response.time_to_first_chunk", first)
        self._first_chunk.record(first, common)
        return response.on_end(lambda reply, error: self._end(span, common, began, reply, error))

    def _end(
        self, span: Span, common: dict[str, Any], began: float, reply: Reply | None, error: BaseException | None
    ) -> None:
        """End a call's span and record its metrics.

        span: the call's.
        common: the attributes of both spans and metrics.
        began: when the call began, by `monotonic`.
        reply: the reply, or as much as there is of it.
        error: why the call failed, or GeneratorExit if its stream was left.
        """
        if error is not None and not isinstance(error, GeneratorExit):
            attributes = error_attributes(error)
            span.set_attributes(attributes)
            span.set_status(StatusCode.ERROR, self._message_of(error))
            common = {**common, "error.type": attributes["error.type"]}
        elif reply is not None:
            span.set_attributes(reply_attributes(reply))
            if self._content:
                span.set_attributes(answer(reply))
        self._duration.record(monotonic() - began, common)
        usage = getattr(reply or error, "usage", None)
        for kind in ("input", "output"):
            if (count := getattr(usage, f"{kind}_tokens", None)) is not None:
                self._tokens.record(count, {**common, "gen_ai.token.type": kind})
        span.end()

    def _event(self, event: Event) -> None:
        """Report work that a call of ours is part of, or the reverse. Other work waits for such a call."""
        if event.phase == "start":
            if event.parent in self._open or contexts.get_value(self._inside):
                work = self._begin(Began(event))
                work.token = contexts.attach(trace.set_span_in_context(work.span))
            else:
                self._waiting.begin(event)
        elif event.span in self._open:
            self._finish(event)
        else:
            self._waiting.end(event)

    def _claim(self, id: str | None) -> None:
        """Begin the spans of the work with this id and of the work around it, since they contain a call of ours."""
        if (began := self._waiting.take(id)) is not None:
            self._claim(began.event.parent)
            self._begin(began)

    def _report_ended(self, since: float) -> None:
        """Report the work that the steps around this one did for the same call, since it started."""
        ended = self._waiting.take_ended(since)
        for each in ended:
            self._begin(each)
        for each in ended:
            if each.end is not None:
                self._finish(each.end)

    def _finish(self, event: Event) -> None:
        """End the span of work."""
        work = self._open.pop(event.span)
        work.leave()
        work.span.set_attributes(_span_attributes(event))
        if isinstance(error := event.data.get("error"), BaseException):
            work.span.set_attribute("error.type", type(error).__name__)
            work.span.set_status(StatusCode.ERROR, self._message_of(error))
        work.span.end(int(event.at * 1e9))

    def _begin(self, began: Began) -> _Work:
        """Begin the span of work, at the time when the work began."""
        event = began.event
        kind = _KINDS.get(event.name, event.name)
        attributes = {"gen_ai.operation.name": kind, **_span_attributes(event)}
        subject = event.data.get("name") if event.name == "tool" else event.data.get("model")
        outer = trace.get_current_span(began.context).get_span_context().span_id
        parent = self._parent(event.parent, outer) or began.context
        nanoseconds = int(event.at * 1e9)
        name = f"{kind} {subject}" if subject else kind
        span = self._tracer.start_span(name, parent, attributes=attributes, start_time=nanoseconds)
        work = self._open[event.span] = _Work(span, outer)
        return work

    def _message_of(self, error: BaseException) -> str | None:
        """Return the message of an error where content is wanted: providers and tools quote prompts in theirs."""
        return str(error) if self._content else None

    def _parent(self, id: str | None, current: int) -> Any:
        """Return the span context for a child of the work with this id; None if the current span is the parent.

        The span of such work may not be the current one, because the work runs in a context of its own. If the current
        span has changed since the work began, it was begun inside the work and is the nearer parent.

        current: the id of the current span.
        """
        work = self._open.get(id or "")
        return None if work is None or current != work.outer else trace.set_span_in_context(work.span)


@define(eq=False)
class _Work:
    """Work whose span is open."""

    span: Span
    outer: int
    """the id of the span that was current when it began"""
    token: Any = None
    """of the span as the current one, if it is"""

    def leave(self) -> None:
        """Make the span before this one the current one again, if this one still is."""
        if self.token is not None and trace.get_current_span() is self.span:
            contexts.detach(self.token)


def _heard_by(telemetry: ref[Telemetry]) -> Callable[[Event], None]:
    """Make a subscriber that does not keep the Telemetry alive: it may have been made for a single call."""

    def hear(event: Event) -> None:
        if (found := telemetry()) is not None:
            found._event(event)

    return hear


def _histogram(meter: metrics.Meter, name: str, unit: str, bounds: Sequence[float]) -> metrics.Histogram:
    return meter.create_histogram(f"gen_ai.client.{name}", unit=unit, explicit_bucket_boundaries_advisory=bounds)


def _span_attributes(event: Event) -> dict[str, Any]:
    """Return the numbers and names of an event, none of which is content."""
    attributes: dict[str, Any] = {}
    for name, value in event.data.items():
        if name == "name" and event.name == "tool":
            attributes["gen_ai.tool.name"] = value
        elif name == "model":
            attributes["gen_ai.request.model"] = str(value).partition(":")[2] or str(value)
        elif isinstance(value, str | int | float):
            attributes[f"stepwell.{event.name}.{name}"] = value
    return attributes
