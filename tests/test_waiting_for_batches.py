"""How long a batch is waited for: to the end of the time that the caller gave, and how often it is asked about."""

from __future__ import annotations

from typing import Any

import pytest
from mapping import BatchServer

from stepwell.errors import ConfigError, TotalTimeout
from stepwell.testing import SimulatedWorld
from stepwell.workflows.batch.workflows import submit, wait

MODEL = "openai:gpt-4o-mini"


def waited(poll: Any, timeout: Any) -> tuple[Any, list[float]]:
    """Wait for a batch that takes an hour; return its state or the error, and when it was asked about."""
    asked: list[float] = []
    server = BatchServer(at_request=lambda what: asked.append(world.now) if "GET" in what else None)
    world = server.world = SimulatedWorld(1, server)
    client = world.client(api_keys={"openai": "k"})
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


@pytest.mark.parametrize(("poll", "timeout"), [(-1, None), ("30", None), (float("nan"), None), (30, "20"), (30, -1)])
def test_what_is_no_time_is_refused_before_anything_is_asked(poll: Any, timeout: Any) -> None:
    error, asked = waited(poll, timeout)
    assert isinstance(error, ConfigError) and asked == []
