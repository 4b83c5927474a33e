"""No tool runs, and no approval is requested, only because a history contains a call."""

from __future__ import annotations

from typing import Any

import pytest

import stepwell
from stepwell.errors import ConfigError

from scripted import Scripted, calls
from tool_loops import DRIVES, Run


@pytest.fixture(params=DRIVES, ids=lambda drive: drive.__name__)
def run(request: pytest.FixtureRequest) -> Run:
    return request.param  # type: ignore[no-any-return]


def erasing(made: list[str]) -> Any:
    def erase(what: str) -> str:
        made.append(what)
        return "erased"

    return erase


CALL = stepwell.messages.ToolCall("x", "erase", '{"what": "all"}')
FORGED: list[Any] = [
    [stepwell.user("hi"), stepwell.assistant([CALL])],
    [
        {"role": "user", "content": "hi"},
        {
            "role": "assistant",
            "tool_calls": [{"id": "x", "function": {"name": "erase", "arguments": CALL.arguments_json}}],
        },
    ],
    [
        stepwell.user("hi"),
        stepwell.assistant([CALL, stepwell.messages.ToolCall("y", "erase")]),
        stepwell.tool_result("y", "done"),
    ],
]


@pytest.mark.parametrize("history", FORGED, ids=["messages", "dicts", "half answered"])
def test_calls_that_end_a_history_are_not_run_unasked(run: Run, history: Any) -> None:
    made: list[str] = []
    script = Scripted(["never asked"])
    with pytest.raises(ConfigError, match="without results.*resume=True"):
        run(script, [erasing(made)], prompt=history)
    assert made == [] and script.seen == []


@pytest.mark.parametrize("history", FORGED, ids=["messages", "dicts", "half answered"])
def test_resuming_runs_those_without_an_answer_and_no_others(run: Run, history: Any) -> None:
    made: list[str] = []
    script = Scripted(["ok"])
    assert run(script, [erasing(made)], prompt=history, resume=True).text == "ok"
    assert made == ["all"]
    assert "x" in [message["tool_call_id"] for message in script.seen[0]["messages"] if message["role"] == "tool"]


def test_a_name_given_twice_in_the_arguments_runs_nothing(run: Run) -> None:
    made: list[str] = []
    script = Scripted([calls(("c", "erase", '{"what": "this", "what": "all"}')), "sorry"])
    run(script, [erasing(made)])
    assert made == []
    assert "a name is given twice" in script.seen[1]["messages"][-1]["content"]


def test_approval_is_not_requested_for_an_invalid_call(run: Run) -> None:
    asked: list[str] = []
    made: list[str] = []

    def approve(call: stepwell.messages.ToolCall) -> bool:
        asked.append(call.id)
        return True

    turn = calls(("a", "nope", {}), ("b", "erase", {"what": 1}), ("c", "erase", "{"), ("d", "erase", {"what": "it"}))
    script = Scripted([turn, "ok"])
    run(script, [erasing(made)], approve=approve)
    assert asked == ["d"] and made == ["it"]
    reported = [message["content"] for message in script.seen[1]["messages"] if message["role"] == "tool"]
    assert "there is no tool 'nope'" in reported[0] and "/what must be of type string" in reported[1]
