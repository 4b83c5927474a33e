"""Plain data can be pickled and copied: every class of schemas, all errors, and the results of calls."""

from __future__ import annotations

import copy
import functools
import importlib
import pickle
import pkgutil
import threading
from array import array
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import attrs
import pytest
from in_turn import in_turn

import stepwell
from stepwell.events import Event
from stepwell.pipeline.http.timeouts import Timeouts
from stepwell.retrieval.node import Document, Node, ScoredNode
from stepwell.schemas import errors
from stepwell.schemas.errors import ConfigError, StepLimit, StepwellError
from stepwell.schemas.message import Context, Message, user
from stepwell.schemas.model import Model
from stepwell.schemas.parts import Image, Text, ToolCall
from stepwell.schemas.prices import Prices
from stepwell.schemas.reply import CallWarning, Reply
from stepwell.schemas.usage import Usage
from stepwell.workflows.embed.result import Embeddings
from stepwell.workflows.tools.call import ToolRun

from scripted import MODEL, Scripted, calls
from tool_loops import DRIVES, Run, add

NO_DATA = {"Option"}
"""Rows of tables that nobody is given."""


def schema_classes() -> list[type]:
    found: dict[type, None] = {}
    for module in pkgutil.walk_packages(stepwell.schemas.__path__, "stepwell.schemas."):
        if ".json_schema" not in module.name:
            for each in vars(importlib.import_module(module.name)).values():
                if isinstance(each, type) and attrs.has(each) and each.__module__.startswith("stepwell.schemas"):
                    found[each] = None
    return [each for each in found if each.__name__ not in NO_DATA and not each.__name__.startswith("_")]


SAMPLES: dict[str, Any] = {
    "callback": None,
    "server": {"type": "web_search"},
    "role": "user",
    "content": (Text("hi"), Image(data=b"\x89PNG", media_type="image/png")),
    "messages": (user("hi"),),
    "message": Message("assistant", [Text("hi"), ToolCall("1", "add", '{"a": 1}')]),
    "usage": Usage(1, 2, reported_cost=Decimal("0.1")),
    "part": Text("hi"),
    "prices": Prices(input=Decimal(1)),
    "warnings": (CallWarning("a", "b"),),
    "prompt": Context(("hi",), (add,)),
    "billed_model": Model("openai", "gpt-4o"),
}
BY_TYPE: dict[str, Any] = {
    "str": "x", "int": 1, "float": 0.5, "bool": True, "bytes": b"x", "Decimal": Decimal("0.1"), "Any": {"a": [1]},
    "dict": {"a": 1}, "Mapping": {"a": 1}, "collections.abc.Mapping": {"a": 1},
}  # fmt: skip


def sample(cls: type) -> Any:
    """Make an instance with a value in every field of a plain type."""
    given = {}
    for each in attrs.fields(cls):
        kind = getattr(each.type, "__name__", str(each.type)) if isinstance(each.type, type) else str(each.type)
        kind = kind.removesuffix(" | None").partition("[")[0]
        if each.name in SAMPLES or kind in BY_TYPE:
            given[each.name.lstrip("_")] = SAMPLES.get(each.name, BY_TYPE.get(kind))
        elif each.default is attrs.NOTHING:
            given[each.name.lstrip("_")] = ()
    if "data" in given and "url" in given:  # a picture stands in one place
        del given["url"], given["file_id"]
    return cls(**given)


def again(value: Any) -> list[Any]:
    """Return the value after each protocol of pickle, and copied."""
    pickled = [pickle.loads(pickle.dumps(value, protocol)) for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1)]
    return [*pickled, copy.deepcopy(value), copy.copy(value)]


@in_turn("cls", schema_classes())
def test_every_class_of_schemas_pickles_and_copies(cls: type) -> None:
    value = sample(cls)
    for each in again(value):
        assert type(each) is cls and each == value
        assert [str(getattr(each, field.name)) for field in attrs.fields(cls)] == [
            str(getattr(value, field.name)) for field in attrs.fields(cls)
        ]


RESULTS = [
    Embeddings((array("f", [1, 2]), array("f", [3, 4])), Model("local", "m"), Usage(3)),
    Event("tool", "end", "1", None, 0.5, 1.0, {"name": "add"}),
    Timeouts(total=3),
    Node("text", "source", {"a": 1}),
    Document("text", "source"),
    ScoredNode(Node("text", "source", id="1"), 0.5),
    stepwell.costs.cost_report([Reply(usage=Usage(1, 2))]),
    stepwell.models.get("openai:gpt-4o"),
    stepwell.models.get("openai:gpt-4o").prices,
    Reply(usage=Usage(1, 2)).cost,
    stepwell.llm.PromptTemplate("Hello {name}"),
    ToolRun(ToolCall("1", "add", "{}"), "3", 3, None, 0.1),
]


@pytest.mark.parametrize("value", RESULTS, ids=lambda value: type(value).__name__)
def test_results_of_calls_can_be_pickled_and_copied(value: Any) -> None:
    for each in again(value):
        assert type(each) is type(value) and each == value


@in_turn("cls", [each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, StepwellError)])
def test_all_errors_pickle_and_copy_with_their_attributes(cls: type[StepwellError]) -> None:
    partial = Reply(message=Message("assistant", "half"), prompt=Context(("hi",), (local_tool(),)))
    error = cls("it failed", hint="try again", partial=partial, usage=Usage(1, 2), request_id="r", provider="p")
    for each in again(error):
        assert type(each) is cls and str(each) == str(error)
        assert each.partial == partial and each.usage == error.usage and vars(each).keys() == vars(error).keys()


# ---- tools -------------------------------------------------------------------------------------------------------


@stepwell.tool
def decorated(a: int) -> int:
    """Give it back."""
    return a


def plain(a: int, b: int = 1) -> int:
    return a + b


class Till:
    def __init__(self, held: int) -> None:
        self.held = held

    def count(self, more: int) -> int:
        return self.held + more

    @stepwell.tool
    def tooled(self, more: int) -> int:
        return self.held + more

    @classmethod
    @stepwell.tool
    def of_class(cls, more: int) -> int:
        return more

    @staticmethod
    @stepwell.tool
    def of_nothing(more: int) -> int:
        return more

    def __call__(self, more: int) -> int:
        return self.held - more


def local_tool() -> stepwell.Tool:
    @stepwell.tool
    def inside(a: int) -> int:
        return a

    return inside


PICKLABLE: list[tuple[Any, dict[str, int], int]] = [
    (decorated, {"a": 2}, 2),
    (plain, {"a": 2}, 3),
    (functools.partial(plain, b=3), {"a": 2}, 5),
    (Till(3).count, {"more": 1}, 4),
    (Till(3).tooled, {"more": 1}, 4),
    (Till.of_class, {"more": 1}, 1),
    (Till.of_nothing, {"more": 1}, 1),
    (Till(3), {"more": 1}, 2),
]


@pytest.mark.parametrize(("given", "arguments", "result"), PICKLABLE)
def test_a_tool_pickles_by_reference_to_its_function(given: Any, arguments: dict[str, int], result: int) -> None:
    made = stepwell.tool(given)
    for each in again(made):
        assert each == made and each(**arguments) == result
    for context in again(Context(("hi",), (made,))):
        assert context.tools[0](**arguments) == result


class Locked:
    def __init__(self) -> None:
        self.lock = threading.Lock()

    def work(self, a: int) -> int:
        return a


@pytest.mark.parametrize(
    ("made", "why"),
    [
        (local_tool, "inside is not defined at the top of a module"),
        (lambda: stepwell.Tool("x", callback=lambda: None), "not defined at the top of a module"),
        (lambda: stepwell.tool(Locked().work), "a Locked cannot be pickled"),
        (lambda: stepwell.tool(functools.partial(local_tool().callback, a=1)), "not defined at the top"),  # type: ignore[arg-type]
    ],
)
def test_a_tool_that_cannot_be_pickled_is_an_error_with_the_reason(made: Callable[[], stepwell.Tool], why: str) -> None:
    made_tool = made()
    for value in (made_tool, Context(("hi",), (made_tool,))):
        with pytest.raises(ConfigError, match=why):
            pickle.dumps(value)
        assert copy.deepcopy(value) == value == copy.copy(value)
    assert copy.deepcopy(made_tool).callback is made_tool.callback


class Unfriendly(Exception):
    def __init__(self, one: int, two: int) -> None:
        super().__init__("unfriendly")
        self.lock = threading.Lock()


@stepwell.tool
def failing(a: int) -> int:
    raise Unfriendly(1, 2)


@stepwell.tool
def giving_a_lock(a: int) -> Any:
    class Odd(str):
        lock = threading.Lock()

    return Odd("odd")


@pytest.mark.parametrize("run", DRIVES)
def test_the_reply_of_a_tool_loop_pickles_with_any_result_or_error_of_its_tools(run: Run) -> None:
    turn = calls(
        ("1", "failing", {"a": 1}),
        ("2", "giving_a_lock", {"a": 1}),
        ("3", "inside", {"a": 1}),
        ("4", "add", {"a": 1, "b": 2}),
    )
    script = Scripted([turn, "ok"])
    tools = (failing, giving_a_lock, local_tool(), add)
    reply = run(script, tools, prompt=Context(("Go.",), tools))
    for each in again(reply):
        assert each.message == reply.message and each.context.messages == reply.context.messages
        assert each.usage == reply.usage and len(each.steps) == 2
        runs = each.steps[0].metadata["tool_runs"]
        assert [run.is_error for run in runs] == [True, False, False, False] and runs[3].value == 3
        assert {tool.name: tool.callback is None for tool in pickle.loads(pickle.dumps(reply)).context.tools} == {
            "failing": False,
            "giving_a_lock": False,
            "inside": True,
            "add": False,
        }


@pytest.mark.parametrize("run", DRIVES)
def test_the_reply_of_an_ordinary_loop_is_equal(run: Run) -> None:
    turn = calls(("1", "add", {"a": 1, "b": 2}), ("2", "add", {"a": "x"}))
    reply = run(Scripted([turn, "ok"]), [add])
    assert reply.steps[0].metadata["tool_runs"][1].is_error and all(each == reply for each in again(reply))


def test_a_loop_that_was_broken_off_pickles() -> None:
    script = Scripted([calls(("1", "add", {"a": 1, "b": 2}))] * 2)
    with pytest.raises(StepLimit) as caught:
        script.client.run_tools(MODEL, "Go.", [add, local_tool()], max_steps=1)
    for each in again(caught.value):
        assert each.partial.context.messages == caught.value.partial.context.messages


@pytest.mark.parametrize("stream", [False, True])
def test_the_reply_of_a_call_pickles_with_its_headers_and_body(stream: bool) -> None:
    client = Scripted(["hello"]).client
    reply = client.stream_text(MODEL, "hi").reply() if stream else client.generate_text(MODEL, "hi")
    for each in again(reply):
        assert (each, each.raw, dict(each.headers), each.cost) == (reply, reply.raw, dict(reply.headers), reply.cost)
