"""Deps: what a tool needs and the model does not see is given with the call, and checked before anything is sent."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

import pytest
from attrs import frozen

import stepwell
from stepwell import Deps
from stepwell.errors import ConfigError

from scripted import Scripted, calls
from tool_loops import DRIVES, Run, run_sync


@frozen
class Table:
    rows: dict[str, int]


class Writes(Protocol):
    def write(self, text: str) -> None: ...


def stock(item: str, table: Deps[Table]) -> int:
    """How many there are.

    Args:
        item: its name
        table: where it is looked up
    """
    return table.rows[item]


async def stock_later(table: Deps[Table], item: str) -> int:
    return stock(item, table)


def stock_perhaps(item: str, table: Deps[Table] | None = None, **more: int) -> int:
    return table.rows[item] if table else -1


class Shop:
    @stepwell.tool
    def stock(self, item: str, table: Deps[Table]) -> int:
        return table.rows[item]


FORMS: dict[str, Callable[..., Any]] = {
    "a function": stock,
    "an async function": stock_later,
    "a tool": stepwell.tool(stock),
    "an optional parameter": stock_perhaps,
    "a method": Shop().stock,
    "a partial": partial(stock),
}
TABLE = Table({"nails": 7})


@pytest.mark.parametrize("run", DRIVES, ids=lambda drive: drive.__name__)
def test_a_tool_gets_the_object_of_the_call_and_the_model_never_sees_it(run: Run) -> None:
    for form, function in FORMS.items():
        made = stepwell.tool(name="stock")(function)
        # A model that makes up the parameter gets to read that there is none, or is passed over.
        script = Scripted(
            [calls(("c", "stock", {"item": "nails"})), calls(("d", "stock", {"item": "nails", "table": 1})), "7"]
        )
        reply = run(script, [made], deps=TABLE)
        schema = script.seen[0]["tools"][0]["function"]["parameters"]
        assert list(schema["properties"]) == ["item"] and schema["required"] == ["item"], form
        assert "looked up" not in str(script.seen) and "Table" not in str(script.seen), form
        runs = [each for step in reply.steps[:2] for each in step.metadata["tool_runs"]]
        assert [each.value for each in runs] in ([7, None], [7, 7]), form


def test_a_tool_is_still_called_like_its_function() -> None:
    made = stepwell.tool(stock)
    assert made("nails", TABLE) == 7 and stock_perhaps("nails") == -1


def test_an_optional_parameter_keeps_its_default_without_deps() -> None:
    reply = run_sync(Scripted([calls(("c", "stock_perhaps", {"item": "nails"})), "none"]), [stock_perhaps])
    assert reply.steps[0].metadata["tool_runs"][0].value == -1


@pytest.mark.parametrize("run", DRIVES, ids=lambda drive: drive.__name__)
def test_missing_and_unfit_deps_are_found_before_anything_is_sent(run: Run) -> None:
    script = Scripted([])
    with pytest.raises(
        ConfigError, match=r"'stock' takes table: Deps\[Table\], and the call has no deps=; pass run_tools"
    ):
        run(script, [stock])
    for tool in (stock, stock_perhaps):
        with pytest.raises(ConfigError, match=r"takes table: Deps\[Table\], and deps= is a dict"):
            run(script, [tool], deps={"nails": 7})
    assert script.seen == []


def test_a_type_that_cannot_be_checked_takes_any_object() -> None:
    def save(text: str, place: Deps[Writes]) -> None:
        place.write(text)

    said: list[str] = []

    class Place:
        write = staticmethod(said.append)

    run_sync(Scripted([calls(("c", "save", {"text": "hi"})), "saved"]), [save], deps=Place())
    assert said == ["hi"]


def test_deps_inside_of_another_type_are_refused() -> None:
    @frozen
    class Order:
        table: Deps[Table]

    for kind in (list[Deps[Table]], dict[str, Deps[Table]], Order, tuple[Order, int]):

        def wrong(item: str, order: kind) -> None:  # type: ignore[valid-type]
            """Take what the model would fill."""

        wrong.__annotations__["order"] = kind
        with pytest.raises(ConfigError, match="annotate the whole parameter"):
            stepwell.tool(wrong)


def test_deps_are_in_no_repr_and_in_no_reply() -> None:
    from stepwell.workflows.tools.loop import Loop

    assert "nails" not in repr(Loop(deps=TABLE))
    reply = run_sync(Scripted([calls(("c", "stock", {"item": "nails"})), "7"]), [stock], deps=TABLE)
    assert "rows" not in repr(reply) + reply.to_json() + reply.context.to_json()
