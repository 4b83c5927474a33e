"""LLMock (PyPI `llmock`): ten providers' routes, faults on demand, and a verdict on how the client took them."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from queue import SimpleQueue
from typing import Any

import httpx
from attrs import frozen

from . import asking
from .asking import BOTH, PLAIN, STREAMED, Route, Row
from .installed import python_packages
from .running import free_port, server

NAME, REQUIREMENT = "LLMock", "llmock==0.2.2"
SERVERS = 3
"""One process for each of so many routes at a time: a verdict is on all requests of its process."""

TEXT = "The ferry leaves at nine, and it comes back to the pier before dark."
SAID = {"type": "reply", "text": TEXT, "times": None}
DONE = f"{TEXT!r}, stop"
CALL = 'weather({"city": "mock-city"}), tool_calls'
UNKNOWN = 'llmock_unknown_tool({"city": "mock-city"}), tool_calls'
BROKEN_CALL = "weather(unreadable), tool_calls"
PROMPT = "When does the ferry leave?"

# name, route, our model, options
ROUTES: list[tuple[str, str, str, dict[str, Any]]] = [
    ("OpenAI chat", "/v1", "openai:gpt-4o", {"wire": "openai_chat"}),
    ("OpenAI responses", "/v1", "openai:gpt-4o", {"wire": "openai_responses"}),
    ("Anthropic messages", "/anthropic/v1", "anthropic:claude-sonnet-4-5", {"max_tokens": 50}),
    ("Gemini", "/gemini/v1beta", "google:gemini-2.5-flash", {}),
    ("Cohere", "/cohere/v2", "cohere:command-r-plus-08-2024", {}),
    ("Mistral", "/mistral/v1", "mistral:mistral-small-latest", {}),
    ("Groq", "/groq/openai/v1", "groq:llama-3.3-70b-versatile", {}),
    ("Together", "/together/v1", "togetherai:meta-llama/Llama-3.3-70B-Instruct-Turbo", {}),
    ("Perplexity", "/perplexity/v1", "perplexity:sonar", {}),
    ("xAI", "/xai/v1", "xai:grok-4", {"wire": "openai_chat"}),
    ("AI21 (as OpenAI chat)", "/ai21/v1", "openai:jamba-large", {"wire": "openai_chat"}),
]


@frozen
class Case:
    """One case: the faults that the server is asked for, and the line that a correct client ends with."""

    name: str
    behaviors: tuple[dict[str, Any], ...]
    wanted: str
    ways: tuple[str, ...] = BOTH
    ask: Any = asking.text


def _fault(kind: str, after: int, **more: Any) -> tuple[dict[str, Any], ...]:
    return SAID, {"type": "stream_fault", "kind": kind, "after_chunks": after, **more}


def _fail(status: int, **more: Any) -> tuple[dict[str, Any], ...]:
    return SAID, {"type": "fail", "status": status, **more}


TWO = ("sync", "async streamed")
_TOOLS = partial(asking.text, tools=[asking.weather])
CASES = [
    Case("text", (SAID,), DONE),
    Case("cut at the limit", ({**SAID, "finish_reason": "length"},), f"{TEXT!r}, length"),
    Case("a call", (), CALL, ask=_TOOLS),
    Case(
        "a call whose arguments are no JSON",
        ({"type": "tool_fault", "kind": "malformed_arguments"},),
        BROKEN_CALL,
        ask=_TOOLS,
    ),
    Case(
        "a call of a tool that was not offered", ({"type": "tool_fault", "kind": "unknown_tool"},), UNKNOWN, ask=_TOOLS
    ),
    Case("a loop of calls and results", (), "'Mock response from {model}.', stop", ask=asking.loop),
    Case("an object by a schema", (), "{'city': 'mock-city'}", ask=asking.an_object),
    Case("the first token after 0.3 s", (SAID, {"type": "slow_first_token", "seconds": 0.3}), DONE, STREAMED),
    Case("an answer after 0.3 s", (SAID, {"type": "delay", "seconds": 0.3}), DONE, TWO),
    Case("disconnected before the first event", _fault("disconnect", 0), DONE, STREAMED),
    Case("disconnected within the text", _fault("disconnect", 8), "StreamTruncated", STREAMED),
    Case("truncated within the text", _fault("truncate", 8), "StreamTruncated", STREAMED),
    Case("a chunk that is no JSON", _fault("malformed", 8), "DecodeError", STREAMED),
    Case("a silence of 3 s", _fault("stall", 8, stall_seconds=3), "StreamIdleTimeout", STREAMED),
    Case("429 twice, Retry-After: 1", _fail(429, retry_after=1, times=2), DONE),
    *[Case(f"{status} once", _fail(status), DONE, TWO) for status in (408, 500, 502, 503, 504, 529)],
    *[
        Case(f"{status} always", _fail(status, times=None), f"{error} {status}", TWO)
        for status, error in [
            (400, "InvalidRequest"),
            (401, "AuthError"),
            (403, "AuthError"),
            (404, "NotFound"),
            (422, "InvalidRequest"),
            (503, "Overloaded"),
        ]
    ],
    Case(
        "a prompt that is too long",
        _fail(
            400,
            code="context_length_exceeded",
            message="This model's maximum context length is 8192 tokens.",
            times=None,
        ),
        "ContextOverflow 400",
        TWO,
    ),
]


def judged() -> Iterator[Row]:
    """Ask every route in every case. Raises NotInstalled."""
    program = str(python_packages("llmock", REQUIREMENT) / "llmock")
    servers: SimpleQueue[str] = SimpleQueue()
    with ExitStack() as running, ThreadPoolExecutor(SERVERS) as threads:
        for _ in range(SERVERS):
            port = free_port()
            command = [program, "serve", "--port", str(port), "--log-level", "warning", "--response-style", "static"]
            servers.put(running.enter_context(server(command, port, "/health")))

        def of_route(row: tuple[str, str, str, dict[str, Any]]) -> list[Row]:
            url = servers.get()
            try:
                name, path, model, options = row
                return list(_asked(Route(NAME, name, model, url + path, options), url))
            finally:
                servers.put(url)

        for rows in threads.map(of_route, ROUTES):
            yield from rows
        url = servers.get()
        httpx.post(f"{url}/_llmock/reset").raise_for_status()
        for rows in threads.map(partial(_batched, url), (each for each in ROUTES if each[0] in BATCHES)):
            yield from rows
        yield from _others(url)


def _asked(route: Route, url: str) -> Iterator[Row]:
    model = route.model.partition(":")[2]
    with httpx.Client(base_url=url + "/_llmock", timeout=5) as control:
        for case in CASES:
            for way in case.ways:
                control.post("/reset").raise_for_status()
                if case.behaviors:
                    control.post("/scenario", json={"behaviors": case.behaviors}).raise_for_status()
                ours = case.ask(route, way, PROMPT)
                found = control.get("/verdict").json()["findings"]
                codes = sorted({f"{each['severity']} {each['code']}" for each in found})
                yield Row(route, case.name, way, case.wanted.replace("{model}", model), ours, ", ".join(codes))


BATCHES = ("OpenAI chat", "Anthropic messages", "Gemini", "Mistral", "Groq")


def _batched(url: str, row: tuple[str, str, str, dict[str, Any]]) -> list[Row]:
    name, path, model, options = row
    route = Route(NAME, name, model, url + path, options)
    said = f"'Mock response from {model.partition(':')[2]}.'"
    return [Row(route, "a batch", way, f"a: {said}, b: {said}", asking.batch(route, way)) for way in PLAIN]


def _others(url: str) -> Iterator[Row]:
    """List the models of each provider that has such a list, and ask OpenAI's other routes."""
    for name, path, model, _ in ROUTES:
        route, provider = Route(NAME, name, model, url + path), model.partition(":")[0]
        for way in PLAIN if provider != "perplexity" else ():
            yield Row(
                route, "its models", way, "models", asking.operation(route, way, "list_models", provider, read=_some)
            )
    for method, model, given in (
        ("embed", "openai:text-embedding-3-small", ["a", "b"]),
        ("generate_image", "openai:gpt-image-1", "a cat"),
    ):
        route = Route(NAME, f"OpenAI {method}", model, f"{url}/v1")
        for way in PLAIN:
            yield Row(route, method, way, "2" if method == "embed" else "1", _counted(route, way, method, given))


def _some(reply: Any) -> str:
    return "models" if reply.object else "none"


def _counted(route: Route, way: str, method: str, given: Any) -> str:
    def count(reply: Any) -> str:
        return str(len(reply.embeddings if method == "embed" else reply.message.content))

    return asking.operation(route, way, method, route.model, given, read=count)
