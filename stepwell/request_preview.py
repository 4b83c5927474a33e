"""Show the request that a call would send, without sending it."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import Any

from attrs import field, frozen

from .pipeline.http.redact import masked, shown_headers
from .pipeline.http.request import Request
from .pipeline.http.urls import shown_url
from .pipeline.offline import prepare_offline
from .pipeline.pipeline import Pipeline
from .planner import CallPlanner
from .schemas.errors import StepwellError
from .schemas.json_text import INDENT, JSONDecodeError, dumps, loads
from .schemas.reply import CallWarning


@frozen
class Preview:
    """The request that a call would send. Credentials in it are masked; `print(preview)` shows it whole."""

    model: str
    """`provider:model-id`"""
    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    stream: bool = False
    warnings: tuple[CallWarning, ...] = ()
    """What was moved, dropped or changed to fit the model."""

    @property
    def json(self) -> Any:
        """The body as JSON; None if it is not JSON."""
        try:
            return loads(self.body) if self.body else None
        except JSONDecodeError:
            return None

    def __str__(self) -> str:
        """Show the request as it would be sent, with its JSON indented."""
        lines = [f"{self.method} {self.url}", *(f"{name}: {value}" for name, value in self.headers.items())]
        data = self.json
        body = dumps(data, option=INDENT).decode() if data is not None else f"({len(self.body):,} bytes)"
        return "\n".join([*lines, "", body] if self.body else lines)


def preview_of(
    planner: CallPlanner, operation: str, model: Any, input: Any, options: Any, *, stream: bool
) -> Generator[Any, Any, Preview]:
    """Return the Preview of a call. Only the steps that make the request run; limits, caches and the like do not.

    A login that needs a token fetches it. Raises what the call would raise before it is sent, and StepwellError for a
    call that a step answers by itself.
    """
    pipeline, request = planner.request(operation, model, input, options, stream=stream)
    pipeline = Pipeline(step for step in pipeline if not step.counts)
    sent = yield from prepare_offline(pipeline.flow(request))
    if not isinstance(sent, Request):
        raise StepwellError(
            f"the call to {request.model} would send nothing: a step answers it", hint="print its pipeline's describe()"
        )
    url, headers, body = masked((shown_url(sent.url), shown_headers(sent.headers), sent.body), sent)
    return Preview(str(sent.model), sent.method, url, headers, body, sent.stream, sent.warnings)
