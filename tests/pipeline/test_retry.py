"""Retries: what is sent again, after which wait, and when not."""

from __future__ import annotations

from contextlib import suppress
from email.utils import formatdate
from time import time
from typing import Any

import orjson
import pytest

from stepwell import Timeouts
from stepwell.pipeline.http.request import Request
from stepwell.pipeline.http.response import Response
from stepwell.pipeline.steps.retry import RetryBudget, retry
from stepwell.pipeline.world import World as Chance
from stepwell.providers.declare.errors import find_error
from stepwell.schemas.errors import ConnectError, StepwellError, StreamTruncated, TotalTimeout
from stepwell.steps import Pipeline

from driving import Drive, World, drive_sync, request


def says(status: int, code: str = "", headers: dict[str, str] | None = None, message: str = "no") -> Any:
    body = orjson.dumps({"error": {"message": message, "code": code}})
    return lambda asked: Response(asked, status, headers or {}, body if status >= 300 else b"{}")


def once_more(answer: Any, drive: Drive = drive_sync, asked: Request | None = None, **how: Any) -> World:
    """Send with one failure and then a success; the world tells what happened."""
    world = World([answer, says(200), says(200)])
    with suppress(StepwellError):
        asked = (asked or request()).replace(world=Chance(random=lambda: 1.0))
        drive(Pipeline([retry(find_error, **how)]), world, asked)
    return world


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 504, 529])
def test_temporary_errors_are_sent_again(status: int, drive: Drive) -> None:
    assert len(once_more(says(status), drive).sent) == 2


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 405, 413, 422])
def test_permanent_errors_are_not_sent_again(status: int, drive: Drive) -> None:
    assert len(once_more(says(status), drive).sent) == 1


def test_the_servers_own_word_on_retries_counts_more_than_the_status(drive: Drive) -> None:
    for status, word, sent in ((503, "false", 1), (429, "false", 1), (400, "true", 2), (404, "TRUE", 1), (503, "x", 2)):
        assert len(once_more(says(status, headers={"x-should-retry": word}), drive).sent) == sent, (status, word)


def test_a_spent_quota_is_not_a_rate_limit() -> None:
    assert len(once_more(says(429, "insufficient_quota")).sent) == 1
    assert len(once_more(says(429, "rate_limit_exceeded", message="quota exceeded for minute")).sent) == 2


@pytest.mark.parametrize("error", [ConnectError("no"), StreamTruncated("reset")])
def test_transport_errors_are_sent_again(error: Exception, drive: Drive) -> None:
    assert len(once_more(error, drive).sent) == 2


def test_the_total_timeout_is_final() -> None:
    assert len(once_more(TotalTimeout("late")).sent) == 1


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"retry-after": "2"}, 2.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after-ms": "250"}, 0.25),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after": "-1"}, 0.5),
        ({"retry-after": "abc"}, 0.5),
        ({"retry-after": "nan"}, 0.5),
        ({"retry-after": formatdate(time() - 100, usegmt=True)}, 0.5),
        ({}, 0.5),
    ],
)
def test_the_wait_is_the_providers_retry_after_or_a_backoff(headers: dict[str, str], wait: float) -> None:
    assert once_more(says(429, headers=headers)).slept == [pytest.approx(wait)]


def test_a_date_is_waited_for() -> None:
    (wait,) = once_more(says(503, headers={"retry-after": formatdate(time() + 30, usegmt=True)})).slept
    assert 27 < wait <= 30


def test_googles_retry_info_counts() -> None:
    details = [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34s"}]
    body = orjson.dumps({"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "message": "m", "details": details}})
    assert once_more(lambda asked: Response(asked, 429, {}, body)).slept == [34.0]


@pytest.mark.parametrize("header", ["107", "1e9"])
def test_a_wait_over_the_limit_is_raised_at_once_with_the_number_on_it(header: str) -> None:
    world = once_more(says(429, headers={"retry-after": header}))
    assert len(world.sent) == 1 and world.slept == []
    assert find_error(says(429, headers={"retry-after": header})(request())).retry_after == float(header)  # type: ignore[union-attr]


def test_a_wait_past_the_total_timeout_is_not_begun() -> None:
    asked = request(timeouts=Timeouts(total=1.0), started=1.0)
    assert len(once_more(says(429, headers={"retry-after": "5"}), asked=asked).sent) == 1


def test_the_backoff_doubles_with_full_jitter_up_to_its_limit() -> None:
    world = World([says(500)] * 6 + [says(200)])
    drive_sync(Pipeline([retry(find_error)]), world, request(retries=6, world=Chance(random=lambda: 1.0)))
    assert world.slept == [0.5, 1, 2, 4, 8, 8]
    world = World([says(500), says(200)])
    drive_sync(Pipeline([retry(find_error)]), world, request(world=Chance(random=lambda: 0.0)))
    assert world.slept == [0.0]


def test_the_last_answer_is_given_when_attempts_run_out(drive: Drive) -> None:
    world = World([says(503), says(503), says(529)])
    response = drive(Pipeline([retry(find_error, base=0)]), world)
    assert response.status == 529 and world.answers == []


def test_no_retries_is_one_call() -> None:
    assert len(once_more(says(500), asked=request(retries=0)).sent) == 1


def test_every_attempt_sends_the_same_bytes() -> None:
    world = once_more(says(500), asked=request(body=b"same"))
    assert [sent.body for sent in world.sent] == [b"same", b"same"]


def test_all_calls_of_a_client_share_one_budget() -> None:
    budget = RetryBudget(most=2)
    counts = [len(once_more(says(500), budget=budget, base=0).sent) for _ in range(4)]
    assert counts == [2, 2, 1, 1], "each success gives back a tenth of a retry"
