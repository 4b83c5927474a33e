"""What a journal gives back is what was recorded: results of all kinds, and errors with their class and text."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import orjson
import pydantic
import pytest

import stepwell
from stepwell import Client
from stepwell.pipeline.journal.data import error_data, error_of, from_data, to_data
from stepwell.pipeline.tasks import performing
from stepwell.schemas.json_text import dumps, loads_fast
from stepwell.steps import Run, in_thread

from loopback import completion


class Model(pydantic.BaseModel):
    number: int


class WithoutArguments(LookupError):
    """An error whose text needs what is no plain data."""

    def __init__(self, *, cause: object) -> None:
        self.cause = cause

    def __str__(self) -> str:
        return f"caused by {type(self.cause).__name__}"


class OfAFile(FileNotFoundError):
    pass


class Silent(ValueError):
    def __str__(self) -> str:
        raise TypeError("no text")


def local_error() -> Exception:
    class Local(ArithmeticError):
        def __str__(self) -> str:
            return "text of a local class"

    return Local("argument")


def noted() -> Exception:
    error = ValueError("noted")
    error.add_note("a note")
    return error


def raises(error: Exception) -> Any:
    raise error


FAULTS: list[Callable[[], Any]] = [
    lambda: Path("/missing/file").read_bytes(),
    lambda: b"\xff".decode(),
    lambda: "\ud800".encode(),
    lambda: json.loads("{"),
    lambda: compile("a b", "file", "exec"),
    lambda: Model.model_validate({"number": "x"}),
    lambda: Decimal("x"),
    lambda: __import__("no_such_module"),
    lambda: {}["key"],
    lambda: raises(ExceptionGroup("some", [ValueError("a"), KeyError("b")])),
    lambda: raises(ValueError("half \ud800", {1: b"\xff"}, 10**40)),
    lambda: raises(ValueError(object)),
    lambda: raises(WithoutArguments(cause=1)),
    lambda: raises(OfAFile(2, "No such file", "name")),
    lambda: raises(Silent("x")),
    lambda: raises(local_error()),
    lambda: raises(noted()),
    lambda: raises(httpx.HTTPStatusError("no", request=httpx.Request("GET", "http://x"), response=httpx.Response(500))),
    lambda: raises(stepwell.errors.RateLimitError("slow", retry_after=3.0)),
]


def error_from(fault: Callable[[], Any]) -> Exception:
    with pytest.raises(Exception) as raised:
        fault()
    return raised.value


def text_of(error: Exception) -> str | None:
    try:
        return str(error)
    except TypeError:
        return None


def test_an_error_has_its_name_and_text_and_is_of_the_nearest_class_that_can_be_made() -> None:
    for fault in FAULTS:
        error = error_from(fault)
        again = error_of(loads_fast(dumps(error_data(error))))
        assert (type(again).__name__, text_of(again)) == (type(error).__name__, text_of(error))
        assert getattr(again, "__notes__", None) == getattr(error, "__notes__", None)
        base = type(error).__mro__[1] if type(error).__module__ != "builtins" else type(error)
        assert isinstance(again, Exception if issubclass(base, ExceptionGroup) else base), error


def test_a_value_is_equal_and_of_the_same_type() -> None:
    for value in (
        *(0, 2**63 - 1, 2**63, -(2**63) - 1, 10**5000, True, None, 0.1 + 0.2, -0.0, float("inf"), Decimal("1.10")),
        *("", "é", "\ud800", "\udcff a", {"\ud800": "\udfff"}, {"$": 1}, {1: "a", None: (1, [b"\x00"])}),
    ):
        again = from_data(loads_fast(dumps(to_data(value))))
        assert again == value and type(again) is type(value)


def test_a_loop_whose_tool_failed_or_gave_something_odd_is_given_again(tmp_path: Path) -> None:
    asked: list[str] = []

    def server(request: httpx.Request) -> httpx.Response:
        messages = orjson.loads(request.content)["messages"]
        asked.append(messages[-1]["content"])
        if messages[-1]["role"] == "tool":
            return httpx.Response(200, content=completion("read"))
        call = {"id": "t", "type": "function", "function": {"name": "work", "arguments": "{}"}}
        message = {"role": "assistant", "content": None, "tool_calls": [call]}
        return httpx.Response(
            200, content=completion(choices=[{"index": 0, "finish_reason": "tool_calls", "message": message}])
        )

    for number, fault in enumerate(
        [*FAULTS, lambda: 10**40, lambda: "\ud800", lambda: (each for each in (1, b"\xff"))]
    ):
        tools = [stepwell.Tool("work", callback=fault)]
        replies = []
        for _ in range(2):
            with Client(
                transport=httpx.MockTransport(server), api_keys={"groq": "k"}, journal=tmp_path / "j"
            ) as client:
                reply = client.run_tools("groq:any", "go", tools, job=f"j{number}")
                replies.append((reply.text, [str(step.metadata.get("tool_runs")) for step in reply.steps]))
        assert len(asked) == 2 * (number + 1) and replies[0][0] == replies[1][0] == "read"


@pytest.mark.parametrize("effect", [Run, in_thread])
def test_a_function_of_a_flow_runs_once_in_whichever_thread(effect: Callable[..., Run], tmp_path: Path) -> None:
    ran: list[int] = []
    with Client(journal=tmp_path / "j.sqlite") as client:
        for _ in range(2):
            flow = performing(effect(lambda: (ran.append(0), random.random())[1]))
            value = client.run_workflow(flow, job="j")
            assert client.run_workflow(performing(effect(random.random)), job="j") == value
        assert len(ran) == 1
        client.run_workflow(performing(effect(lambda: ran.append(0), recorded=False)), job="k")
        client.run_workflow(performing(effect(lambda: ran.append(0), recorded=False)), job="k")
        assert len(ran) == 3
