"""OpenTelemetry: the spans, their parents and attributes, and no prompts or answers unless asked for."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator
from typing import Any
from weakref import ref

import httpx
import orjson
import pytest
from opentelemetry import trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from stepwell import AsyncClient, Client, cache, errors, fallback, system, tool, user
from stepwell.embeddings import Embedder
from stepwell.integrations.opentelemetry import Telemetry
from stepwell.providers.wires.openai_chat.samples import SAMPLES
from stepwell.retrieval import Retriever, retrieve_context
from stepwell.stores import MemoryStore

MODEL = "openai:gpt-4o"


class Recorder:
    """A Telemetry, what it recorded, and clients whose provider gives the set answers (the sample, if with nothing)."""

    def __init__(self, **how: Any) -> None:
        self.exporter = InMemorySpanExporter()
        self.provider = TracerProvider()
        self.provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.reader = InMemoryMetricReader()
        metrics = MeterProvider([self.reader])
        self.telemetry = Telemetry(tracer_provider=self.provider, meter_provider=metrics, **how)
        self.answers: list[httpx.Response] = []

    def handle(self, request: httpx.Request) -> httpx.Response:
        if self.answers:
            return self.answers.pop(0)
        stream = b'"stream":true' in request.content
        return httpx.Response(200, content=SAMPLES.text.stream if stream else SAMPLES.text.body)

    def settings(self, *steps: Any) -> dict[str, Any]:
        keys = dict.fromkeys(("openai", "groq", "azure", "google"), "k")
        transport = httpx.MockTransport(self.handle)
        return {"transport": transport, "api_keys": keys, "retries": 0, "pipeline": [self.telemetry, *steps]}

    def client(self, *steps: Any) -> Client:
        return Client(**self.settings(*steps))

    @property
    def spans(self) -> list[ReadableSpan]:
        return list(self.exporter.get_finished_spans())

    def span(self, name: str) -> ReadableSpan:
        (span,) = [span for span in self.spans if span.name == name]
        return span

    def metrics(self) -> dict[str, list[Any]]:
        data = self.reader.get_metrics_data()
        (resource,) = data.resource_metrics if data else ()
        (scope,) = resource.scope_metrics
        return {metric.name: list(metric.data.data_points) for metric in scope.metrics}


@pytest.fixture
def recorded() -> Iterator[Recorder]:
    made = Recorder()
    yield made
    made.telemetry.close()


def ask(recorded: Recorder, driver: str, stream: bool, **options: Any) -> Any:
    async def later() -> Any:
        async with AsyncClient(**recorded.settings()) as client:
            if stream:
                return await client.stream_text(MODEL, "hi", **options).reply()
            return await client.generate_text(MODEL, "hi", **options)

    if driver == "async":
        return asyncio.run(later())
    with recorded.client() as client:
        return (
            client.stream_text(MODEL, "hi", **options).reply()
            if stream
            else client.generate_text(MODEL, "hi", **options)
        )


@pytest.mark.parametrize("driver", ["sync", "async"])
@pytest.mark.parametrize("stream", [False, True])
def test_a_call_is_a_span_that_follows_the_conventions(recorded: Recorder, driver: str, stream: bool) -> None:
    reply = ask(recorded, driver, stream, temperature=0, max_tokens=9, stop=["\n"], seed=0)
    span = recorded.span("chat gpt-4o")
    attributes = dict(span.attributes or {})
    first = attributes.pop("gen_ai.response.time_to_first_chunk", None)
    assert (first is not None) is stream and attributes.pop("gen_ai.request.stream", False) is stream
    assert span.kind is SpanKind.CLIENT and span.status.status_code is StatusCode.UNSET
    assert attributes == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.request.temperature": 0,
        "gen_ai.request.max_tokens": 9,
        "gen_ai.request.seed": 0,
        "gen_ai.request.stop_sequences": ("\n",),
        "gen_ai.output.type": "text",
        "gen_ai.response.id": "chatcmpl-1",
        "gen_ai.response.model": "sample",
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.usage.input_tokens": 12,
        "gen_ai.usage.output_tokens": 7,
        "stepwell.cost.usd": float(reply.cost.total),
        "server.address": "api.openai.com",
        "server.port": "443",
    }


def test_metrics_are_reported_too(recorded: Recorder) -> None:
    ask(recorded, "sync", True)
    metrics = recorded.metrics()
    assert set(metrics) == {
        "gen_ai.client.operation.duration",
        "gen_ai.client.operation.time_to_first_chunk",
        "gen_ai.client.token.usage",
    }
    counts = {point.attributes["gen_ai.token.type"]: point.sum for point in metrics["gen_ai.client.token.usage"]}
    assert counts == {"input": 12, "output": 7}
    (duration,) = metrics["gen_ai.client.operation.duration"]
    assert duration.count == 1 and duration.attributes["gen_ai.provider.name"] == "openai"


def test_an_error_is_reported_by_its_class_without_a_secret(recorded: Recorder) -> None:
    recorded.answers = [httpx.Response(429, json={"error": {"message": "slow down"}}, headers={"x-request-id": "r-1"})]
    with pytest.raises(errors.RateLimitError):
        ask(recorded, "sync", False, api_key="sk-canary")
    span = recorded.span("chat gpt-4o")
    attributes = dict(span.attributes or {})
    assert (attributes["error.type"], attributes["http.response.status_code"]) == ("RateLimitError", 429)
    assert attributes["stepwell.request_id"] == "r-1" and span.status.status_code is StatusCode.ERROR
    (duration,) = recorded.metrics()["gen_ai.client.operation.duration"]
    assert duration.attributes["error.type"] == "RateLimitError"
    assert "canary" not in span.to_json()


def test_a_prompt_that_a_provider_quotes_is_in_no_span(recorded: Recorder) -> None:
    for stream in (False, True):
        recorded.answers = [httpx.Response(400, json={"error": {"message": "Invalid content: 'hi' in 'hi'"}})]
        with pytest.raises(errors.InvalidRequest):
            ask(recorded, "sync", stream)
        span = recorded.spans[-1]
        assert span.status.status_code is StatusCode.ERROR and "Invalid content" not in span.to_json(), stream


def test_a_broken_stream_reports_its_usage(recorded: Recorder) -> None:
    usage = orjson.dumps({"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 1}})
    begun = b'data: {"choices":[{"delta":{"content":"a"}}]}\n\ndata: ' + usage + b"\n\n"
    recorded.answers = [httpx.Response(200, content=begun)]
    with pytest.raises(errors.StreamTruncated):
        ask(recorded, "sync", True)
    attributes = dict(recorded.span("chat gpt-4o").attributes or {})
    assert attributes["error.type"] == "StreamTruncated" and attributes["gen_ai.usage.input_tokens"] == 5


def test_a_stream_that_is_left_ends_its_span(recorded: Recorder) -> None:
    with recorded.client() as client, client.stream_text(MODEL, "hi") as stream:
        next(iter(stream))
    assert recorded.span("chat gpt-4o").status.status_code is StatusCode.UNSET


def test_prompts_and_answers_are_not_recorded_unless_asked_for() -> None:
    @tool
    def look_up(city: str) -> str:
        """Look up a city."""
        return "canary result"

    for content in (False, True):
        recorded = Recorder(content=content)
        recorded.answers = [httpx.Response(200, content=SAMPLES.tools.body)]
        with recorded.client() as client:
            client.run_tools(MODEL, [system("canary system"), user("canary prompt")], [look_up])
        recorded.telemetry.close()
        everything = "".join(span.to_json() for span in recorded.spans)
        for word in ("canary system", "canary prompt", "canary result", "Pune", "Gott"):
            assert (word in everything) is content, word


def test_reasoning_is_never_reported() -> None:
    recorded = Recorder(content=True, composites=False)
    message = {"role": "assistant", "content": "yes", "reasoning_content": "canary"}
    body = {"choices": [{"message": message, "finish_reason": "stop"}]}
    recorded.answers = [httpx.Response(200, json=body)]
    with recorded.client() as client:
        reply = client.generate_text("groq:some-model", "hi")
        recorded.answers = [httpx.Response(200, json=body)]
        client.generate_text("groq:some-model", reply.context.append("more"))
    assert reply.reasoning == "canary" and "canary" not in "".join(span.to_json() for span in recorded.spans)


def test_spans_nest_in_the_callers_own(recorded: Recorder) -> None:
    tracer = recorded.provider.get_tracer("theirs")
    with tracer.start_as_current_span("outer") as outer:
        ask(recorded, "sync", False)
        assert trace.get_current_span() is outer
    assert recorded.span("chat gpt-4o").parent == outer.get_span_context()


def test_spans_of_the_http_client_are_below_the_call(recorded: Recorder) -> None:
    tracer, seen = recorded.provider.get_tracer("http"), recorded.handle

    def handle(request: httpx.Request) -> httpx.Response:
        with tracer.start_as_current_span("POST"):
            return seen(request)

    recorded.handle = handle  # type: ignore[method-assign]
    ask(recorded, "sync", False)
    parent = recorded.span("POST").parent
    assert parent is not None and parent.span_id == recorded.span("chat gpt-4o").get_span_context().span_id


def below(recorded: Recorder, name: str) -> list[str]:
    parent = recorded.span(name).get_span_context()
    return [span.name for span in recorded.spans if span.parent is not None and span.parent.span_id == parent.span_id]


@pytest.mark.parametrize("driver", ["sync", "async"])
def test_a_tool_loop_has_its_calls_and_tools_below_it(recorded: Recorder, driver: str) -> None:
    tracer = recorded.provider.get_tracer("theirs")

    @tool
    def look_up(city: str) -> str:
        """Look up a city."""
        with tracer.start_as_current_span("database"):
            return "sunny"

    recorded.answers = [httpx.Response(200, content=SAMPLES.tools.body)]

    async def later() -> None:
        async with AsyncClient(**recorded.settings()) as client:
            with tracer.start_as_current_span("request"):
                await client.run_tools(MODEL, "Weather?", [look_up])

    if driver == "async":
        asyncio.run(later())
    else:
        with recorded.client() as client, tracer.start_as_current_span("request"):
            client.run_tools(MODEL, "Weather?", [look_up])
    assert below(recorded, "request")[-1] == "invoke_agent openai:gpt-4o"
    assert below(recorded, "execute_tool look_up") == ["database"]
    assert below(recorded, "invoke_agent openai:gpt-4o") == ["chat gpt-4o", "execute_tool look_up", "chat gpt-4o"]
    attributes = dict(recorded.span("execute_tool look_up").attributes or {})
    assert (attributes["gen_ai.tool.name"], attributes["gen_ai.operation.name"]) == ("look_up", "execute_tool")


@tool
def look_up(city: str) -> str:
    """Look up a city."""
    return "sunny"


def test_a_telemetry_hears_only_the_work_of_its_own_pipelines() -> None:
    class Notes(Retriever):
        def find(self, search: Any) -> Any:
            return ["a note"]

    heard, other = Recorder(), Recorder()
    settings = {**heard.settings(), "pipeline": None}

    async def at_once() -> None:
        async with (
            AsyncClient(**settings) as unheard,
            AsyncClient(**heard.settings(retrieve_context(Notes()))) as client,
        ):
            await asyncio.gather(
                *(each.generate_text(MODEL, "hi") for each in (client, unheard)),
                Notes().aretrieve("hi"),
                unheard.generate_text(MODEL, "hi", pipeline=retrieve_context(Notes())),
            )

    for pipeline in (heard.telemetry, None):
        heard.answers = [httpx.Response(200, content=SAMPLES.tools.body)]
        with Client(**{**settings, "pipeline": pipeline}) as client:
            client.run_tools(MODEL, "hi", [look_up])
    Notes().retrieve("hi")
    asyncio.run(at_once())
    names = [span.name for span in heard.spans]
    assert sorted(names) == [*["chat gpt-4o"] * 3, "execute_tool look_up", "invoke_agent openai:gpt-4o", "retrieval"]
    assert other.spans == [] and heard.span("invoke_agent openai:gpt-4o").start_time


def test_a_telemetry_of_one_call_is_released_with_it() -> None:
    recorded, made = Recorder(), []
    with Client(**{**recorded.settings(), "pipeline": None}) as client:
        for _ in range(3):
            recorded.answers = [httpx.Response(200, content=SAMPLES.tools.body)]
            telemetry = Telemetry(tracer_provider=recorded.provider)
            client.run_tools(MODEL, "hi", [look_up], pipeline=telemetry)
            made.append(ref(telemetry))
            del telemetry
    gc.collect()
    assert [each() for each in made] == [None] * 3
    assert [span.name for span in recorded.spans].count("execute_tool look_up") == 3


def test_a_stream_that_nobody_reads_ends_its_span(recorded: Recorder) -> None:
    with recorded.client() as client:
        stream = client.stream_text(MODEL, "hi")
        next(iter(stream))
        del stream
        gc.collect()
    assert recorded.span("chat gpt-4o").status.status_code is StatusCode.UNSET


def test_a_tool_that_fails_is_reported() -> None:
    @tool
    def look_up(city: str) -> str:
        """Look up a city."""
        raise ValueError("no such city")

    recorded = Recorder()
    recorded.answers = [httpx.Response(200, content=SAMPLES.tools.body)]
    with recorded.client() as client:
        client.run_tools(MODEL, "Weather?", [look_up])
    recorded.telemetry.close()
    span = recorded.span("execute_tool look_up")
    assert span.status.status_code is StatusCode.ERROR and (span.attributes or {})["error.type"] == "ValueError"
    assert "no such city" not in span.to_json()


def test_embedding_and_retrieval_are_reported(recorded: Recorder) -> None:
    vectors = {"data": [{"index": 0, "embedding": [1.0]}], "usage": {"prompt_tokens": 1}}
    recorded.answers = [httpx.Response(200, json=vectors)]

    class Notes(Retriever):
        def find(self, search: Any) -> Any:
            return ["a note"]

    with recorded.client() as client:
        Embedder("openai:text-embedding-3-small", client=client).embed(["a"])
    with recorded.client(retrieve_context(Notes())) as client:
        client.generate_text(MODEL, "hi")
    assert below(recorded, "embeddings openai:text-embedding-3-small") == ["embeddings text-embedding-3-small"]
    assert recorded.span("retrieval").attributes


def test_without_composites_only_calls_are_reported() -> None:
    recorded = Recorder(composites=False)
    with recorded.client() as client:
        client.run_tools(MODEL, "hi", [])
    assert [span.name for span in recorded.spans] == ["chat gpt-4o"]


def test_a_fallback_is_a_span_for_each_model(recorded: Recorder) -> None:
    recorded.answers = [httpx.Response(503, json={})]
    with recorded.client(fallback("groq:some-model")) as client:
        client.generate_text(MODEL, "hi")
    assert [span.name for span in recorded.spans] == ["chat gpt-4o", "chat some-model"]


def test_a_cached_answer_is_reported_as_cached(recorded: Recorder) -> None:
    with recorded.client(cache(MemoryStore())) as client:
        for _ in range(2):
            client.generate_text(MODEL, "hi")
    assert [(span.attributes or {})["gen_ai.usage.input_tokens"] for span in recorded.spans] == [12, 0]


def test_without_an_sdk_nothing_happens() -> None:
    telemetry = Telemetry()
    try:
        with Client(**{**Recorder(composites=False).settings(), "pipeline": telemetry}) as client:
            assert client.generate_text(MODEL, "hi").text
    finally:
        telemetry.close()
