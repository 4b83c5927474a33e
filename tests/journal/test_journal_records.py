"""What a journal records of a call: one time before each effect and one after it, and which model was asked."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from typing import Any

import httpx

import stepwell
from stepwell import Client
from stepwell.pipeline.world import World
from stepwell.steps import Request, around

from loopback import completion

MODEL = "openai:gpt-4.1"


def client_of(path: Path, *steps: Any) -> Client:
    """Make a client with a journal whose calls are answered at once."""
    headers = {"x-request-id": "r-1", "set-cookie": "a-cookie", "X-Amz-Security-Token": "a-token"}
    answer = httpx.MockTransport(lambda request: httpx.Response(200, content=completion("hi"), headers=headers))
    return Client(transport=answer, api_keys={"openai": "a-key"}, journal=path, pipeline=[*steps])


def test_the_clock_stands_still_between_two_effects_and_says_the_same_in_the_next_run(tmp_path: Path) -> None:
    times: list[tuple[list[float], list[float]]] = []

    def timed(request: Request, call: Any) -> Any:
        before = [request.world.now() for _ in range(3)]
        response = yield from call(request)
        times.append((before, [request.world.now() for _ in range(3)]))
        return response

    ticks = count()
    with client_of(tmp_path / "j", around(timed)) as client:
        assert client.journal is not None
        client.journal.world = World(now=lambda: float(next(ticks)))  # each look at the clock is a second later
        for _ in range(2):
            client.generate_text(MODEL, "hello", job="j", wire="openai_chat")
    (first, second), (again, later) = times
    assert len({*first}) == len({*second}) == 1 and first[0] < second[0]
    assert later[0] - again[0] == second[0] - first[0]


def test_an_effect_is_listed_with_the_model_that_it_asked(tmp_path: Path) -> None:
    with client_of(tmp_path / "j") as client:
        client.generate_text(MODEL, "hello", job="j", wire="openai_chat")
    (effect,) = stepwell.jobs(tmp_path / "j").show("j")
    assert (effect.place, effect.kind, effect.name, effect.result) == ("0", "send", MODEL, "answered 200")


def test_a_recorded_answer_has_its_headers_but_for_those_that_hold_a_credential(tmp_path: Path) -> None:
    seen: list[dict[str, str]] = []

    def noting(request: Request, call: Any) -> Any:
        response = yield from call(request)
        seen.append({name: response.headers[name] for name in response.headers})
        return response

    with client_of(tmp_path / "j", around(noting)) as client:
        for _ in range(2):
            client.generate_text(MODEL, "hello", job="j", wire="openai_chat")
    assert seen[1] == {name: value for name, value in seen[0].items() if name in ("x-request-id", "content-length")}
    assert seen[0].keys() >= {"set-cookie", "x-amz-security-token"}
