"""A model that keeps failing is not called for a while, and then tried again."""

from __future__ import annotations

import pickle
from typing import Any

import httpx
import pytest
from attrs import evolve

from stepwell import Client
from stepwell.catalog import Model
from stepwell.pipeline import world as pipeline_world
from stepwell.pipeline.http.request import Request
from stepwell.pipeline.http.response import Response
from stepwell.schemas.errors import (
    AuthError,
    BudgetExceeded,
    CircuitOpen,
    ConfigError,
    ConnectError,
    InvalidRequest,
    Overloaded,
    PoolTimeout,
    RateLimitError,
    ServerError,
    StepwellError,
    StreamTruncated,
    TotalTimeout,
)
from stepwell.steps import Pipeline, circuit_breaker

from driving import Drive, World, answered, drive_sync, reply, request

DOWN = ServerError("down")


class Calls:
    """Calls through one breaker, with a clock that only the test advances."""

    def __init__(self, drive: Drive = drive_sync, **how: Any) -> None:
        self.now = 100.0
        how = {"failures": 2, "cooldown": 10.0, **how}
        self.pipeline = Pipeline([circuit_breaker(**how)])
        self.drive = drive

    def __call__(self, answer: Any = None, asked: Request | None = None) -> str:
        """Make a call and return its outcome: ok, not sent, or the name of the error."""
        world = World([answer or answered()])
        try:
            asked = (asked or request()).replace(world=pipeline_world.World(now=lambda: self.now))
            self.drive(self.pipeline, world, asked)
        except CircuitOpen:
            assert not world.sent
            return "not sent"
        except (StepwellError, KeyboardInterrupt) as error:
            return type(error).__name__
        return "ok"


def test_after_the_set_number_of_failures_nothing_is_sent(drive: Drive) -> None:
    calls = Calls(drive)
    assert [calls(DOWN), calls(DOWN), calls(), calls()] == ["ServerError", "ServerError", "not sent", "not sent"]


def test_a_success_resets_the_count() -> None:
    calls = Calls()
    assert [calls(DOWN), calls(), calls(DOWN), calls()] == ["ServerError", "ok", "ServerError", "ok"]


def test_after_the_cooldown_one_call_tries_and_its_success_lets_all_through() -> None:
    calls = Calls()
    calls(DOWN), calls(DOWN)
    calls.now += 9.9
    assert calls() == "not sent"
    calls.now += 0.2
    assert [calls(), calls()] == ["ok", "ok"]


def test_a_failed_trial_begins_another_cooldown() -> None:
    calls = Calls()
    calls(DOWN), calls(DOWN)
    calls.now += 11
    assert [calls(DOWN), calls()] == ["ServerError", "not sent"]
    calls.now += 11
    assert calls() == "ok"


def test_other_calls_are_not_sent_during_a_trial() -> None:
    calls = Calls()
    calls(DOWN), calls(DOWN)
    calls.now += 11
    seen = []

    def meanwhile(asked: Any) -> Response:
        seen.append(calls())
        return Response(asked, reply=reply())

    assert [calls(meanwhile), *seen] == ["ok", "not sent"]


def test_a_cancelled_trial_lets_another_call_try() -> None:
    calls = Calls()
    calls(DOWN), calls(DOWN)
    calls.now += 11
    assert [calls(KeyboardInterrupt()), calls()] == ["KeyboardInterrupt", "ok"]


def test_a_call_from_before_the_circuit_opened_does_not_end_the_cooldown_when_it_is_cancelled() -> None:
    calls = Calls()

    def meanwhile(asked: Any) -> Response:
        calls(DOWN), calls(DOWN)
        raise KeyboardInterrupt

    assert [calls(meanwhile), calls()] == ["KeyboardInterrupt", "not sent"]


@pytest.mark.parametrize("refusal", [BudgetExceeded("x"), RateLimitError("x"), ConfigError("x")])
def test_a_call_that_a_step_inside_refuses_says_nothing_of_the_provider(refusal: Exception) -> None:
    calls = Calls()
    name = type(refusal).__name__
    assert [calls(DOWN), calls(refusal), calls(DOWN), calls()] == ["ServerError", name, "ServerError", "not sent"]
    calls.now += 11
    assert [calls(refusal), calls(DOWN), calls()] == [name, "ServerError", "not sent"]


@pytest.mark.parametrize("error", [ServerError("x"), Overloaded("x"), ConnectError("x"), StreamTruncated("x")])
def test_errors_of_the_provider_count_as_failures(error: Exception) -> None:
    calls = Calls(failures=1)
    calls(error)
    assert calls() == "not sent"


@pytest.mark.parametrize(
    "error",
    [
        AuthError("x"),
        InvalidRequest("x"),
        RateLimitError("x"),
        TotalTimeout("x"),
        PoolTimeout("x"),
        KeyboardInterrupt(),
    ],
)
def test_errors_of_the_caller_do_not_count_as_failures(error: BaseException) -> None:
    calls = Calls(failures=1)
    calls(error)
    assert calls() == "ok"


def test_models_fail_by_themselves_or_as_asked() -> None:
    other = evolve(request(), model=Model("acme", "m-2"))
    calls = Calls(failures=1)
    calls(DOWN)
    assert [calls(asked=other), calls()] == ["ok", "not sent"]
    together = Calls(failures=1, by=lambda request: request.model.provider)
    together(DOWN)
    assert together(asked=other) == "not sent"


def test_the_error_has_the_time_to_retry_and_can_be_pickled() -> None:
    calls = Calls(failures=1)
    calls(DOWN)
    calls.now += 4
    with pytest.raises(
        CircuitOpen, match=r"acme:m-1 failed 1 times in a row, so nothing was sent; it is tried again in 6 s"
    ) as e:
        drive_sync(calls.pipeline, World([]), request(world=pipeline_world.World(now=lambda: calls.now)))
    assert pickle.loads(pickle.dumps(e.value)).retry_after == pytest.approx(6)


def test_a_stream_that_breaks_in_the_middle_counts() -> None:
    def handler(asked: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=b'data: {"choices":[{"delta":{"content":"a"}}]}\n\n')

    with Client(
        transport=httpx.MockTransport(handler),
        api_keys={"groq": "k"},
        pipeline=circuit_breaker(failures=1),
    ) as client:
        with pytest.raises(StreamTruncated):
            client.stream_text("groq:some-model", "hi").reply()
        with pytest.raises(CircuitOpen):
            client.stream_text("groq:some-model", "hi")


def test_a_stream_left_early_is_neither_success_nor_failure() -> None:
    lines = b'data: {"choices":[{"delta":{"content":"a"}}]}\n\n' * 3

    with Client(
        transport=httpx.MockTransport(lambda asked: httpx.Response(200, content=lines)),
        api_keys={"groq": "k"},
        pipeline=circuit_breaker(failures=1),
    ) as client:
        for _ in range(2):
            with client.stream_text("groq:some-model", "hi") as stream:
                next(iter(stream))


@pytest.mark.parametrize("how", [{"failures": 0}, {"cooldown": 0}])
def test_a_breaker_that_cannot_work_is_refused(how: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="number above 0"):
        circuit_breaker(**how)
