"""An error says how long to wait, and why the call was not sent again by itself."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from stepwell import AsyncClient, Client
from stepwell.errors import AuthError, Overloaded, RateLimitError, ServerError, StepwellError
from stepwell.pipeline.steps.retry import retry
from stepwell.pipeline.world import World as Chance
from stepwell.providers.declare.errors import find_error
from stepwell.steps import Pipeline

from driving import World, drive_sync, request

MODEL = "openai:gpt-4o"
Ask = Callable[..., StepwellError]


def failing(status: int, headers: dict[str, str]) -> httpx.MockTransport:
    body = {"error": {"message": "busy"}}
    return httpx.MockTransport(lambda request: httpx.Response(status, json=body, headers=headers))


def sync(network: Any, *, stream: bool, **options: Any) -> None:
    with Client(transport=network, api_keys={"openai": "k"}) as client:
        if stream:
            client.stream_text(MODEL, "hi", **options).reply()
        else:
            client.generate_text(MODEL, "hi", **options)


def in_a_loop(network: Any, *, stream: bool, **options: Any) -> None:
    async def ask() -> None:
        async with AsyncClient(transport=network, api_keys={"openai": "k"}) as client:
            if stream:
                await client.stream_text(MODEL, "hi", **options).reply()
            else:
                await client.generate_text(MODEL, "hi", **options)

    asyncio.run(ask())


@pytest.fixture(params=["sync", "async", "sync stream", "async stream"])
def ask(request: pytest.FixtureRequest) -> Ask:
    how = in_a_loop if "async" in request.param else sync

    def fails(status: int, headers: dict[str, str], **options: Any) -> StepwellError:
        with pytest.raises(StepwellError) as caught:
            how(failing(status, headers), stream="stream" in request.param, **options)
        return caught.value

    return fails


NOT_AGAIN = "it was not sent again: a retry waits 60 s at most, not 120 s"


@pytest.mark.parametrize(
    ("status", "error", "advice"),
    [
        (429, RateLimitError, "wait 120 s, or send fewer requests"),
        (503, Overloaded, "try again in 120 s"),
        (529, Overloaded, "try again in 120 s"),
        (500, ServerError, "try again in 120 s"),
    ],
)
def test_a_long_wait_is_named_and_so_is_why_it_was_not_waited_for(
    ask: Ask, status: int, error: type, advice: str
) -> None:
    found = ask(status, {"retry-after": "120"})
    assert type(found) is error and found.hint == f"{advice}; {NOT_AGAIN}"
    assert len(found.attempts) == 1 and found.retry_after == 120


def test_a_wait_past_the_total_timeout_is_explained_by_it(ask: Ask) -> None:
    found = ask(429, {"retry-after": "20"}, timeout=5)
    left = "it was not sent again: its total timeout of 5 s leaves no time for the wait"
    assert found.hint == f"wait 20 s, or send fewer requests; {left}"


def test_a_call_without_retries_says_only_how_long_to_wait(ask: Ask) -> None:
    assert ask(429, {"retry-after": "120"}, retries=0).hint == "wait 120 s, or send fewer requests"


def test_an_error_that_does_not_pass_names_no_wait(ask: Ask) -> None:
    found = ask(401, {"retry-after": "120"})
    assert type(found) is AuthError and "120" not in str(found)


def test_a_wait_that_nobody_states_may_be_too_long_as_well() -> None:
    error = Overloaded("full", hint="come back")
    with pytest.raises(Overloaded) as caught:
        drive_sync(
            Pipeline([retry(find_error, base=500.0, most=500.0)]),
            World([error, error]),
            request(world=Chance(random=lambda: 1.0)),
        )
    assert caught.value.hint == "come back; it was not sent again: a retry waits 60 s at most"


def test_an_error_object_that_is_raised_twice_is_explained_once() -> None:
    error = RateLimitError("slow", retry_after=120.0)
    for _ in range(2):
        with pytest.raises(RateLimitError):
            drive_sync(Pipeline([retry(find_error)]), World([error]), request())
    assert error.hint == NOT_AGAIN
