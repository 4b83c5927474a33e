"""Tools for models without tools: which of them the answer may call."""

from __future__ import annotations

from typing import Any

import pytest

from stepwell.pipeline.http.request import Request
from stepwell.pipeline.pipeline import Pipeline
from stepwell.pipeline.steps.constrained_tools import constrained_tools
from stepwell.schemas.json_schema.validate import errors_of
from stepwell.schemas.message import Context
from stepwell.schemas.model import Model
from stepwell.schemas.tool import Tool

ADD, SEARCH = Tool("add"), Tool("search")


@pytest.mark.parametrize(
    "choice",
    [ADD, {"name": "add"}, {"type": "function", "function": {"name": "add"}}, {"type": "tool", "name": "add"}],
    ids=["tool", "name", "function", "type and name"],
)
def test_a_chosen_tool_is_the_only_one_that_can_be_called(choice: Any) -> None:
    request = Request("chat", Model("acme", "m"), Context(("hi",), (ADD, SEARCH)), options={"tool_choice": choice})
    sent = next(Pipeline([constrained_tools()]).flow(request)).request  # type: ignore[union-attr]
    schema = sent.options["response_format"]["json_schema"]["schema"]
    assert schema["properties"]["name"] == {"const": "add"}
    assert "search" not in sent.context.messages[0].text


def test_the_references_of_a_tools_schema_are_right_inside_the_one_schema_of_all_tools() -> None:
    node = {"type": "object", "properties": {"next": {"$ref": "#/$defs/Node"}}}
    linked = Tool("linked", "", {"$ref": "#/$defs/Node", "$defs": {"Node": node}})
    for tools in ((linked,), (ADD, linked)):
        request = Request("chat", Model("acme", "m"), Context(("hi",), tools), options={"tool_choice": "required"})
        sent = next(Pipeline([constrained_tools()]).flow(request)).request  # type: ignore[union-attr]
        schema = sent.options["response_format"]["json_schema"]["schema"]
        deep = {"name": "linked", "arguments": {"next": {"next": {}}}}
        assert errors_of(deep, schema) == []
        assert errors_of({**deep, "arguments": {"next": {"next": 3}}}, schema)
