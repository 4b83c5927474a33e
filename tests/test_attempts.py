"""What happened to a call can be seen afterwards: its attempts on the reply and on the error, the rest in the log."""

from __future__ import annotations

import logging
from typing import Any

import httpx
import pytest

from stepwell import Client, cache, events, fallback
from stepwell.errors import BudgetExceeded, ConnectError, RateLimitError, ServerError, StepwellError
from stepwell.steps import Budget, RateLimit, circuit_breaker
from stepwell.stores import MemoryStore

MODEL, OTHER = "groq:some-model", "openai:gpt-4.1"
ANSWER = {"choices": [{"message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}]}
EVENTS = b'data: {"choices":[{"delta":{"content":"hi"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
PROMPT, MESSAGE = "a secret question", "a secret complaint"


def client_of(*answers: int | Exception, **settings: Any) -> Client:
    """Build a client whose servers give these answers in turn: a status, or an error."""
    waiting = list(answers)

    def answer(request: httpx.Request) -> httpx.Response:
        given = waiting.pop(0)
        if isinstance(given, Exception):
            raise given
        if given != 200:
            return httpx.Response(given, json={"error": {"message": MESSAGE}}, headers={"retry-after": "0"})
        if b'"stream":true' in request.content:
            return httpx.Response(200, content=EVENTS, headers={"content-type": "text/event-stream"})
        return httpx.Response(200, json=ANSWER)

    return Client(transport=httpx.MockTransport(answer), api_keys={"groq": "k", "openai": "k"}, **settings)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_a_reply_has_its_attempts(stream: bool) -> None:
    with client_of(503, httpx.ConnectError("no"), 200) as client:
        reply = client.stream_text(MODEL, "hi").reply() if stream else client.generate_text(MODEL, "hi")
    found = [(each.model, each.status, each.error, each.transport) for each in reply.attempts]
    assert found == [
        (MODEL, 503, "Overloaded", "httpx"),
        (MODEL, None, "ConnectError", ""),
        (MODEL, 200, None, "httpx"),
    ]
    first, second, third = reply.attempts
    assert 0 <= first.at < second.at < third.at and min(each.seconds for each in reply.attempts) > 0
    assert first.waited == 0 and second.waited >= 0 and third.waited == 0


def test_a_call_answered_at_once_has_one_and_a_cached_one_has_none() -> None:
    with client_of(200, pipeline=cache(MemoryStore())) as client:
        assert len(client.generate_text(MODEL, "hi").attempts) == 1
        assert client.generate_text(MODEL, "hi").attempts == ()


def test_those_to_another_model_are_among_them() -> None:
    with client_of(500, 500, 200, pipeline=fallback(OTHER), retries=1) as client:
        reply = client.generate_text(MODEL, "hi")
    assert [(each.model, each.status) for each in reply.attempts] == [(MODEL, 500), (MODEL, 500), (OTHER, 200)]


def test_an_error_has_them_too() -> None:
    with client_of(500, 500, retries=1) as client, pytest.raises(ServerError) as caught:
        client.generate_text(MODEL, "hi")
    assert [each.status for each in caught.value.attempts] == [500, 500]
    with client_of(httpx.ConnectError("no"), retries=0) as client, pytest.raises(ConnectError) as unreached:
        client.generate_text(MODEL, "hi")
    assert [each.error for each in unreached.value.attempts] == ["ConnectError"]


@pytest.mark.parametrize("step", [RateLimit(requests=1, per=60), Budget("0.000001")], ids=["rate limit", "budget"])
def test_a_call_that_a_step_refuses_is_a_note(step: Any) -> None:
    heard: list[events.Event] = []
    unsubscribe = events.subscribe(heard.append)
    try:
        with client_of(200, pipeline=step) as client, pytest.raises((RateLimitError, BudgetExceeded)):
            for _ in range(2):
                client.generate_text(OTHER, PROMPT, timeout=9, max_tokens=9)
    finally:
        unsubscribe()
    assert "refused" in [event.name for event in heard if event.phase == "note"]


def test_an_attempt_whose_answer_is_lost_is_charged_once_also_where_the_next_is_refused() -> None:
    estimates = []
    for answers in ([httpx.ReadError("reset")], [httpx.ReadError("reset"), 401]):
        budget = Budget(1)
        with client_of(*answers, pipeline=budget, retries=len(answers) - 1) as client, pytest.raises(StepwellError):
            client.generate_text(OTHER, "hi", max_tokens=100)
        estimates.append(budget.estimated)
    assert estimates[0] == estimates[1] > 0


def test_the_log_and_subscribers_hear_of_it_without_its_content(caplog: pytest.LogCaptureFixture) -> None:
    heard: list[events.Event] = []
    unsubscribe = events.subscribe(heard.append)
    steps = [cache(MemoryStore()), fallback(OTHER), circuit_breaker(failures=1)]
    try:
        with caplog.at_level(logging.INFO, "stepwell"), client_of(503, 503, 200, pipeline=steps, retries=1) as client:
            client.generate_text(MODEL, PROMPT)
            client.generate_text(MODEL, PROMPT)
    finally:
        unsubscribe()
    notes = [event.name for event in heard if event.phase == "note"]
    assert notes == ["retry", "failure", "circuit_opened", "fallback", "refused", "fallback", "cache_hit"]
    logged = [record.getMessage() for record in caplog.records if record.name == "stepwell"]
    assert [line.partition(":")[0] for line in logged] == notes
    assert PROMPT not in str(heard) + str(logged) and MESSAGE not in str(heard) + str(logged)
