"""One flow works, the others wait for its result; if it fails, is cancelled or is left at a fork, another does."""

from __future__ import annotations

import os
from collections.abc import Generator
from typing import Any

import pytest

from stepwell.catalog import Model
from stepwell.errors import TotalTimeout
from stepwell.pipeline.effects import Wait
from stepwell.pipeline.single_flight import SingleFlight
from stepwell.steps import Request, Sleep

REQUEST = Request("chat", Model("acme", "m"))


def work() -> Generator[Any, Any, str]:
    yield Sleep(1)
    return "done"


def result_of(flow: Generator[Any, Any, Any], sent: Any) -> Any:
    with pytest.raises(StopIteration) as stop:
        flow.send(sent)
    return stop.value.value


def two() -> tuple[SingleFlight[str], Any, Any, Any]:
    """Return a flight, the flow that works, and one that waits with its effect."""
    flight: SingleFlight[str] = SingleFlight()
    first, second = flight.run(REQUEST, work), flight.run(REQUEST, work)
    assert type(next(first)) is Sleep
    waiting = next(second)
    assert type(waiting) is Wait and not waiting.signal.is_set
    return flight, first, second, waiting


def test_the_second_flow_gets_the_result_of_the_first() -> None:
    _, first, second, waiting = two()
    assert result_of(first, None) == "done" and waiting.signal.is_set
    assert result_of(second, True) == "done"


def test_a_flow_that_comes_later_works_itself() -> None:
    flight, first, _, _ = two()
    result_of(first, None)
    assert type(next(flight.run(REQUEST, work))) is Sleep


@pytest.mark.parametrize("end", ["error", "cancelled", "dropped"])
def test_another_takes_over_from_one_that_did_not_finish(end: str) -> None:
    _, first, second, waiting = two()
    if end == "dropped":
        first.close()
    else:
        error = ValueError() if end == "error" else KeyboardInterrupt()
        with pytest.raises(type(error)):
            first.throw(error)
    assert waiting.signal.is_set and type(second.send(True)) is Sleep
    assert result_of(second, None) == "done"


def test_a_flow_waits_no_longer_than_its_total_timeout() -> None:
    flight, first, second, _ = two()
    request = REQUEST.replace(timeouts=REQUEST.timeouts.__class__(total=5), started=REQUEST.world.now())
    third = flight.run(request, work)
    waiting = next(third)
    assert 4 < waiting.timeout <= 5
    with pytest.raises(TotalTimeout, match="waited 5 s for the same work of another call"):
        third.send(False)
    assert result_of(first, None) == result_of(second, True) == "done"


def test_a_forked_process_does_not_wait_for_the_work_of_its_parent(monkeypatch: pytest.MonkeyPatch) -> None:
    flight, first, _, _ = two()
    with monkeypatch.context() as child:
        child.setattr(os, "getpid", lambda: -1)
        other = flight.run(REQUEST, work)
        assert type(next(other)) is Sleep and result_of(other, None) == "done"
    assert result_of(first, None) == "done"
