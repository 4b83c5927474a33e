"""Steps of every kind, and a pipeline made of them."""

from collections.abc import Generator
from typing import Any

import stepwell
from stepwell import Context, Reply, assistant
from stepwell.chunks import StreamChunk, TextDelta
from stepwell.errors import RateLimitError, StepwellError
from stepwell.steps import CallNext, Flow, Halt, Request, Response, Sleep, Stage, circuit_breaker, concurrency


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


@stepwell.on_chunk
def twice(chunk: StreamChunk) -> list[TextDelta]:
    return [chunk, chunk] if isinstance(chunk, TextDelta) else []


class Numbered(Stage):
    def __init__(self) -> None:
        self.seen = 0

    def feed(self, chunks: list[StreamChunk]) -> list[StreamChunk]:
        self.seen += len(chunks)
        return chunks


class Counted:
    """An object with `feed` and `flush` need not be a Stage."""

    def __init__(self, request: Request) -> None:
        self.model = request.model

    def feed(self, chunks: list[StreamChunk]) -> list[StreamChunk]:
        return chunks

    def flush(self) -> list[StreamChunk]:
        return [TextDelta(str(self.model), 0)]


by_class = [stepwell.on_chunk("numbered", Numbered), stepwell.on_chunk(Counted), stepwell.on_chunk(make=Counted)]


@stepwell.on_request
def greet(request: Request) -> Request | Reply | Halt:
    if request.stream:
        return Halt(ValueError("no streams"))
    return Reply(assistant("hi")) if request.context.messages[-1].text == "hi" else request


@stepwell.on_response
def checked(response: Response) -> Response | Exception:
    return response if response.status == 200 else ValueError("not this status")


@stepwell.on_error
def apologise(request: Request, error: Exception) -> Reply | None:
    return Reply(assistant("I am busy.")) if isinstance(error, RateLimitError) else None


@stepwell.around
def answered(request: Request, call: CallNext) -> Flow:
    yield Sleep(0.1)
    return Reply(assistant("hi"))


def silent(request: Request, call: CallNext) -> Generator[Sleep, None, Reply]:
    yield Sleep(0.1)
    return Reply(assistant(""))


def fixed(request: Request, call: CallNext) -> Reply:
    return Reply(assistant(str(Context(["a", {"role": "assistant", "content": "b"}]))))


print(stepwell.around("silent", silent), stepwell.around(fixed), stepwell.around(lambda request, call: call(request)))
client = stepwell.Client(
    pipeline=[stepwell.around("patient", patient), stepwell.on_request("label", label), shout, circuit_breaker()]
)
client.pipeline = client.pipeline.append(concurrency(4)).without("retry")
print(client.pipeline_for("openai:gpt-4o").describe())
client.generate_text("openai:gpt-4o", "hi", pipeline=stepwell.fallback("groq:llama-3.3-70b-versatile"))
