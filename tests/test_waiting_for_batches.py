"""How long a batch is waited for: to the end of the time that the caller gave, and how often it is asked about."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mapping import BatchServer, rows, simulated

from stepwell.errors import ConfigError, StepwellError, TotalTimeout
from stepwell.testing import ServerAnswer, SimulatedWorld
from stepwell.workflows.batch.workflows import submit, wait

MODEL = "openai:gpt-4o-mini"


def waited(poll: Any, timeout: Any, failing: Callable[[float], Any] | None = None) -> tuple[Any, list[float]]:
    """Wait for a batch that takes an hour; return its state or the error, and when it was asked about.

    failing: what comes in place of the batch's state at a time; None for that.
    """
    asked: list[float] = []
    server = BatchServer(at_request=lambda what: asked.append(world.now) if "GET" in what else None)

    def network(request: Any, chance: Any) -> Any:
        answer = server(request, chance)
        failure = failing(world.now) if failing is not None and "/batches/" in request.url else None
        return answer if failure is None else failure

    world = server.world = SimulatedWorld(1, network)
    client = world.client(api_keys={"openai": "k"}, retries=0)
    ((work, state),) = world.run(client, [submit(client.planner, MODEL, ["a", "b"], {})])
    (found,) = world.run(client, [wait(work, state.id, poll, timeout)])
    return found, asked


def test_it_is_asked_about_once_more_when_the_time_is_over() -> None:
    found, asked = waited(1000, 3600)
    assert found.over and asked == [0, 1000, 2000, 3000, 3600]
    late, asked = waited(1000, 1500)
    assert isinstance(late, TotalTimeout) and "still running after 1500 s" in str(late) and asked == [0, 1000, 1500]
    assert waited(30, 20)[1] == [0, 20] and waited(30, 0)[1] == [0]
    assert waited(4000, None)[1] == [0, 4000]


@pytest.mark.parametrize("failure", [ServerAnswer(503, body=b"{}"), ServerAnswer(429), (0.0, ConnectionResetError())])
def test_what_fails_meanwhile_and_passes_is_waited_out(failure: Any) -> None:
    found, asked = waited(600, None, lambda now: failure if now < 3600 else None)
    assert found.over and asked == [0, 600, 1200, 1800, 2400, 3000, 3600]
    found, asked = waited(10, None, lambda now: failure)
    assert isinstance(found, StepwellError) and found.retryable and len(asked) == 20
    found, asked = waited(600, 1500, lambda now: failure)
    assert isinstance(found, StepwellError) and found.retryable and asked == [0, 600, 1200, 1500]
    found, asked = waited(600, None, lambda now: failure if now % 1200 else None)
    assert found.over, "those that are not in a row are not counted together"


@pytest.mark.parametrize("status", [401, 404])
def test_what_does_not_pass_is_raised_at_once(status: int) -> None:
    found, asked = waited(600, None, lambda now: ServerAnswer(status, body=b"{}"))
    assert isinstance(found, StepwellError) and asked == [0]
    assert status != 404 or "the batch or its file was deleted" in str(found.hint)


@pytest.mark.parametrize(("path", "begin", "end"), [("/batches/", 300, 700), ("/files/", 3600, 3700)])
def test_a_map_waits_out_what_fails_meanwhile(path: str, begin: float, end: float, tmp_path: Path) -> None:
    server = BatchServer()

    class Failing:
        def __call__(self, request: Any, chance: Any) -> Any:
            answer = server(request, chance)
            failing = path in request.url and begin <= server.world.now < end
            return ServerAnswer(503, body=b"{}") if failing else answer

        def __setattr__(self, name: str, value: Any) -> None:
            setattr(server, name, value)

    out = tmp_path / "out.jsonl"
    summary = simulated(0, Failing(), ["a", "b"], out, model=MODEL, mode="batch")
    assert summary.answered == 2 and [row["text"] for row in rows(out)] == ["re: a", "re: b"]


@pytest.mark.parametrize(("poll", "timeout"), [(-1, None), ("30", None), (float("nan"), None), (30, "20"), (30, -1)])
def test_what_is_no_time_is_refused_before_anything_is_asked(poll: Any, timeout: Any) -> None:
    error, asked = waited(poll, timeout)
    assert isinstance(error, ConfigError) and asked == []
