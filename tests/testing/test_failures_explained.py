"""Every failure in docs/errors.md can be explained from its attempts or the log alone, as docs/debugging.md says."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

import stepwell
from stepwell import Budget, Client, RateLimit, Timeouts, errors
from stepwell.embeddings import Embedder
from stepwell.steps import circuit_breaker
from stepwell.testing import Cut, Fault, Faults, Late, Refuse, Stall, Status

from loopback import LONG, completion, event
from scripted import MODEL as OF_A_SCRIPT
from scripted import Scripted, calls

MODEL, PROMPT = "groq:m", "a secret question"
DOCS = Path(__file__).parents[2] / "docs"


def server(request: httpx.Request) -> httpx.Response:
    if b'"stream":true' in request.content:
        events = event("hello") + event(" world", "stop")
        return httpx.Response(200, content=events, headers={"content-type": "text/event-stream"})
    return httpx.Response(200, content=completion("hello world"), headers={"content-type": "application/json"})


def ask(fault: Fault | None = None, *, stream: bool = False, again: int = 1, **settings: Any) -> None:
    """Make a call whose attempts all have this fault, `again` times, the last of which fails."""
    over = Faults(fault, over=httpx.MockTransport(server)) if fault else httpx.MockTransport(server)
    with Client(**{"transport": over, "api_keys": {"groq": "k"}, "retries": 0, **settings}) as client:
        for _ in range(again - 1):
            with suppress(errors.StepwellError):
                client.generate_text(MODEL, PROMPT, max_tokens=10)
        if stream:
            client.stream_text(MODEL, PROMPT).reply()
        client.generate_text(MODEL, PROMPT, max_tokens=10)


def refusing(status: int, message: str = "no", code: str = "") -> Callable[[], None]:
    return lambda: ask(Status(status, retry_after=0, body={"error": {"message": message, "code": code}}))


def unconnected(error: Exception) -> Callable[[], None]:
    def nowhere(request: httpx.Request) -> httpx.Response:
        raise error

    return lambda: ask(transport=httpx.MockTransport(nowhere))


def with_object() -> None:
    with Client(transport=httpx.MockTransport(server), api_keys={"groq": "k"}) as client:
        client.generate_object(MODEL, PROMPT, {"type": "object", "required": ["a"]})


def unfinished() -> None:
    body = {"id": "resp_1", "object": "response", "status": "in_progress", "model": "m", "output": []}
    over = httpx.MockTransport(lambda request: httpx.Response(200, json=body))
    with Client(transport=over, api_keys={"openai": "k"}) as client:
        client.generate_text("openai:gpt-5", PROMPT, wire="openai_responses")


def too_large() -> None:
    def huge(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, headers={"content-length": str(10**12)}, stream=httpx.ByteStream(b"{}"))

    ask(transport=httpx.MockTransport(huge))


def looping(**options: Any) -> Callable[[], None]:
    """Run tools until a tool fails, or no more answers may be asked for."""

    def add(a: int, b: int) -> int:
        """Add two numbers."""
        raise ValueError(a + b)

    return lambda: Scripted([calls(("1", "add", {"a": 1, "b": 2}))]).client.run_tools(
        OF_A_SCRIPT, PROMPT, [add], **options
    )


def embedding() -> None:
    over = httpx.MockTransport(lambda request: httpx.Response(400, json={"error": {"message": "too long"}}))
    with Client(transport=over, api_keys={"openai": "k"}) as client:
        Embedder("openai:text-embedding-3-small", client=client).embed([PROMPT])


BUSY = Status(503, retry_after=0)
FAILURES: dict[str, Callable[[], None]] = {
    "ConfigError": lambda: ask(retries="many"),
    "MissingKey": lambda: ask(api_keys={}, env_file=None),
    "InvalidKey": lambda: ask(api_keys={"groq": "a\nb"}),
    "InvalidOption": lambda: ask(base_urls={"groq": "no address"}),
    "UnknownProvider": lambda: stepwell.generate_text("nobody:m", PROMPT) and None,
    "UnknownModel": lambda: stepwell.generate_text("m", PROMPT) and None,
    "UnknownStep": lambda: ask(pipeline=lambda usual: usual.without("nothing")),
    "NotSupported": lambda: stepwell.embed("anthropic:m", PROMPT) and None,
    "AuthError": refusing(401),
    "QuotaError": refusing(429, "You exceeded your current quota", "insufficient_quota"),
    "RateLimitError": refusing(429),
    "Overloaded": refusing(503),
    "ServerError": refusing(500),
    "ContextOverflow": refusing(400, "This model's maximum context length is 8192 tokens", "context_length_exceeded"),
    "InvalidRequest": refusing(400),
    "NotFound": refusing(404),
    "ContentFiltered": refusing(400, "filtered", "content_filter"),
    "ConnectError": lambda: ask(Refuse()),
    "ConnectTimeout": unconnected(httpx.ConnectTimeout("late")),
    "PoolTimeout": unconnected(httpx.PoolTimeout("late")),
    "FirstEventTimeout": lambda: ask(Late(), timeout=Timeouts(first_event=0.05)),
    "StreamIdleTimeout": lambda: ask(Stall(len(event("hello"))), stream=True, timeout=Timeouts(idle=0.05)),
    "TotalTimeout": lambda: ask(Late(), timeout=0.05),
    "StreamTruncated": lambda: ask(Cut(len(event("hello"))), stream=True),
    "DecodeError": lambda: ask(Cut(20, clean=True)),
    "ResponseTooLarge": too_large,
    "AnswerUnfinished": unfinished,
    "ObjectInvalid": with_object,
    "ToolFailed": looping(on_tool_error="raise"),
    "StepLimit": looping(max_steps=1),
    "EmbeddingFailed": embedding,
    "CircuitOpen": lambda: ask(BUSY, again=2, pipeline=circuit_breaker(failures=1)),
    "BudgetExceeded": lambda: ask(pipeline=Budget(tokens=1)),
    "a RateLimit": lambda: ask(again=2, pipeline=RateLimit(1, per=LONG), timeout=1.0),
}
OTHERS = {
    "ProviderError", "TransportError",  # base classes
    "MissingExtra", "SchemaError",  # of the setup, like those above
    "StepError",  # of a step of the user's
    "JournalError", "JournalBusy", "JournalMismatch",  # of a journal: tests/journal
}  # fmt: skip


def test_every_class_of_the_documents_has_its_failure_here() -> None:
    table = (DOCS / "errors.md").read_text().split("Answers that refuse")[0]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    documented = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert documented - FAILURES.keys() - OTHERS == set()


@pytest.mark.parametrize("name", FAILURES)
def test_a_failure_is_explained(name: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GROQ_API_KEY", raising=False)
    with caplog.at_level(logging.INFO, "stepwell"), pytest.raises(errors.StepwellError) as caught:
        FAILURES[name]()
    error = caught.value
    log = [record.getMessage() for record in caplog.records if record.name == "stepwell"]
    explanation = explained(error.attempts, log)
    expected = "RateLimitError" if name == "a RateLimit" else name
    assert type(error).__name__ == expected or isinstance(error, getattr(errors, expected)), error
    if isinstance(error, errors.ConfigError):
        assert explanation == "nothing was sent"
    elif name in ("CircuitOpen", "BudgetExceeded", "a RateLimit"):
        assert explanation == "refused here"
    elif name in ("ObjectInvalid", "ToolFailed", "StepLimit"):
        assert explanation == "answered"
    elif name == "EmbeddingFailed":
        assert explanation == "400: InvalidRequest"
    else:
        assert explanation == f"{error.attempts[-1].status}: {expected}" and f"error={expected}" in log[-1]
    assert PROMPT not in str(log)


def explained(attempts: tuple[Any, ...], log: list[str]) -> str:
    """Say what happened by docs/debugging.md."""
    if any(line.startswith("refused") for line in log[-2:]):
        return "refused here"
    if not attempts:
        return "nothing was sent"
    last = attempts[-1]
    return "answered" if last.error is None else f"{last.status}: {last.error}"
