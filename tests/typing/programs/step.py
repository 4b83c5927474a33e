"""Steps of every kind, and a pipeline made of them."""

from collections.abc import Generator
from typing import Any

import stepwell
from stepwell.chunks import StreamChunk, TextDelta
from stepwell.errors import RateLimitError, StepwellError
from stepwell.steps import CallNext, Request, Response, Sleep, circuit_breaker, concurrency


def patient(request: Request, call: CallNext) -> Generator[Any, Any, Response]:
    try:
        return (yield from call(request))
    except RateLimitError as error:
        yield Sleep(error.retry_after or 1.0)
        return (yield from call(request))


def label(request: Request) -> Request:
    return request.with_headers(x_team="search")


@stepwell.on_chunk
def shout(chunk: StreamChunk) -> StreamChunk | None:
    return TextDelta(chunk.text.upper(), chunk.index) if isinstance(chunk, TextDelta) else None


def noted(request: Request, error: StepwellError) -> None:
    print(request.model, error.request_id)


client = stepwell.Client(
    pipeline=[stepwell.around("patient", patient), stepwell.on_request("label", label), shout, circuit_breaker()]
)
client.pipeline = client.pipeline.append(concurrency(4)).without("retry")
print(client.pipeline_for("openai:gpt-4o").describe())
client.generate_text("openai:gpt-4o", "hi", pipeline=stepwell.fallback("groq:llama-3.3-70b-versatile"))
