"""The error of a limit of time says how long it was, over each transport, of a fake model and in a simulation."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import pytest
from carriers import all_carriers, ask

import stepwell
from stepwell import Timeouts
from stepwell.pipeline.http.library_errors import transport_error
from stepwell.pipeline.http.timeouts import Clock
from stepwell.schemas import errors
from stepwell.steps import CallModel
from stepwell.testing import FakeModel, Faults, ServerAnswer, SimulatedWorld
from stepwell.testing.fault_kinds import Late

from loopback import DONE, LONG, chunk, event, serving, streaming

FIRST = Timeouts(first_event=0.2)
IDLE = Timeouts(idle=0.2)


def silent(request: Any) -> Iterable[bytes | float]:
    return [LONG]


def silent_after_one_event(request: Any) -> Iterable[bytes | float]:
    return [streaming() + chunk(event("a")), LONG]


@pytest.mark.thorough  # it waits on the real clock
@all_carriers
@pytest.mark.parametrize(
    ("script", "timeout", "error", "says"),
    [
        (
            silent,
            FIRST,
            errors.FirstEventTimeout,
            r"first-event timeout of 0\.2 s; raise Timeouts\(first_event=\.\.\.\)",
        ),
        (silent_after_one_event, IDLE, errors.StreamIdleTimeout, r"silent for 0\.2 s; raise Timeouts\(idle=\.\.\.\)"),
        (silent, 0.2, errors.TotalTimeout, r"total timeout of 0\.2 s; raise timeout="),
        (silent_after_one_event, 0.2, errors.TotalTimeout, r"total timeout of 0\.2 s; raise timeout="),
    ],
)
def test_the_error_of_a_limit_has_its_seconds(carrier: str, script: Any, timeout: Any, error: type, says: str) -> None:
    with serving(script) as server, pytest.raises(error, match=says):
        ask(server, carrier, timeout=timeout)


@pytest.mark.parametrize(
    ("timeout", "error", "says"),
    [
        (FIRST, errors.FirstEventTimeout, r"first-event timeout of 0\.2 s"),
        (0.2, errors.TotalTimeout, r"total timeout of 0\.2 s"),
    ],
)
def test_so_have_those_of_a_fake_model(timeout: Any, error: type, says: str) -> None:
    fake = FakeModel("never", repeat=True, faults=Faults(Late()))
    with stepwell.Client(registry=fake.registry, retries=0) as client, pytest.raises(error, match=says):
        client.stream_text("fake:m", "hi", timeout=timeout).reply()


@pytest.mark.parametrize(
    ("timeout", "error", "says"),
    [
        (Timeouts(first_event=2.5), errors.FirstEventTimeout, r"first-event timeout of 2\.5 s"),
        (2.5, errors.TotalTimeout, r"total timeout of 2\.5 s"),
        (Timeouts(idle=2.5), errors.StreamIdleTimeout, r"silent for 2\.5 s"),
    ],
)
def test_so_have_those_of_a_simulation(timeout: Any, error: type, says: str) -> None:
    def network(request: Any, chance: Any) -> ServerAnswer:
        late, stalls = (0.0, LONG) if error is errors.StreamIdleTimeout else (LONG, 0.0)
        pieces = [(0.0, event("a")), (stalls, DONE)]
        return ServerAnswer(200, {"content-type": "text/event-stream"}, after=late, pieces=pieces)

    def ask() -> Any:
        reader = yield CallModel("openai:m", "hi", {"timeout": timeout}, stream=True)
        while (yield from reader.next()) is not None:
            pass

    world = SimulatedWorld(1, network)
    (found,) = world.run(world.client(api_keys={"openai": "k"}, retries=0), [ask()])
    assert type(found) is error and re.search(says, str(found))


def test_a_limit_that_has_not_passed_is_not_named() -> None:
    """A function of a user's has limits of its own, whose errors come with the same names."""
    clock = Clock(Timeouts(connect=10, first_event=600), 0.0, lambda: 5.0)
    for name in ("ReadTimeout", "ConnectTimeout"):
        error = type(name, (OSError,), {"__module__": "requests.exceptions"})()
        assert " of " not in str(transport_error(error, clock, "host"))


def test_an_errors_own_braces_are_no_places_to_fill() -> None:
    from stepwell.pipeline.http.fast.errors import UnusableAnswer

    clock = Clock(Timeouts(), 0.0, lambda: 0.0)
    assert "{odd}" in str(transport_error(UnusableAnswer("a line {odd}"), clock, "host"))
