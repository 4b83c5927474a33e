"""Class methods as tools on every Python: since 3.13 `Till.named` is a MethodType around its Tool."""

from __future__ import annotations

from types import MethodType
from typing import Any

import pytest

import stepwell
from stepwell.schemas.errors import ConfigError
from stepwell.workflows.tools.define import tools_of

from scripted import MODEL, Scripted, calls
from tool_loops import DRIVES, Run


class Till:
    @classmethod
    @stepwell.tool(name="in_till", description="Say what is in the till.", timeout=3, strict=True)
    def named(cls, amount: int) -> str:
        return f"{cls.__name__} {amount}"

    @classmethod
    @stepwell.tool(name="later")
    async def later(cls, amount: int) -> str:
        return f"{cls.__name__} later {amount}"

    @staticmethod
    @stepwell.tool(name="plain")
    def plain(amount: int) -> str:
        return f"plain {amount}"


class Drawer(Till):
    pass


def as_since_3_13(cls: type, name: str) -> Any:
    """Imitate `Class.method` of Python 3.13 on any Python."""
    return MethodType(Till.__dict__[name].__func__, cls)


WAYS = [getattr, as_since_3_13]


@pytest.mark.parametrize("of", WAYS)
@pytest.mark.parametrize("cls", [Till, Drawer])
def test_a_class_method_keeps_its_tools_details_and_runs_on_its_class(of: Any, cls: type) -> None:
    (made,) = tools_of([of(cls, "named")])
    assert (made.name, made.description, made.timeout, made.strict) == ("in_till", "Say what is in the till.", 3, True)
    assert list(made.parameters["properties"]) == ["amount"]
    assert made(amount=2) == f"{cls.__name__} 2" == of(cls, "named")(amount=2)


@pytest.mark.parametrize("of", WAYS)
@pytest.mark.parametrize("run", DRIVES)
def test_a_loop_runs_it(of: Any, run: Run) -> None:
    script = Scripted([calls(("1", "in_till", {"amount": 1}), ("2", "later", {"amount": 2})), "ok"])
    run(script, [of(Till, "named"), of(Till, "later"), Till.plain], tool_choice=of(Till, "named"))
    assert [message["content"] for message in script.seen[1]["messages"][2:]] == ["Till 1", "Till later 2"]
    assert "in_till" in str(script.seen[0]["tool_choice"])


@pytest.mark.parametrize("of", WAYS)
def test_a_context_and_a_call_accept_it(of: Any) -> None:
    context = stepwell.Context(("Go.",), (of(Till, "named"),))
    assert [tool.name for tool in context.tools] == ["in_till"]
    assert stepwell.Context(("Go.",)).with_tools(of(Till, "named")) == context
    script = Scripted(["ok"])
    script.client.generate_text(MODEL, "Go.", tools=[of(Till, "named")])
    assert script.seen[0]["tools"][0]["function"]["name"] == "in_till"


def test_a_tool_can_be_made_again_with_changed_settings() -> None:
    assert stepwell.tool(Till.plain) is Till.plain
    again = stepwell.tool(name="other")(Till.plain)
    assert (again.name, again(amount=1)) == ("other", "plain 1")


def test_the_wrong_order_of_decorators_is_an_error_with_the_right_one() -> None:
    with pytest.raises(ConfigError, match="write @classmethod above @tool"):
        stepwell.tool(classmethod(lambda cls: None))  # type: ignore[call-overload]
