"""What a workflow of several calls returns has the warnings of each, also of those whose answers it did not keep."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from stepwell import AsyncClient, Client
from stepwell.errors import ObjectInvalid
from stepwell.llm import LLM
from stepwell.parsers import ChoiceParser
from stepwell.parsers.asking import ask_and_parse
from stepwell.schemas.parts import ToolCall
from stepwell.steps import CallNext, Request, StepGenerator, around
from stepwell.testing import FakeModel

SCHEMA = {"type": "object", "properties": {"age": {"type": "integer"}}, "required": ["age"]}
BAD, GOOD = '{"age": "old"}', '{"age": 3}'
CALL = ToolCall("c", "double", '{"number": 2}')


def double(number: int) -> int:
    """Double a number."""
    return 2 * number


class Warner:
    """A step whose first call has a warning that the others lack, as one that was sent again after a kill."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, request: Request, call: CallNext) -> StepGenerator:
        self.calls += 1
        return (yield from call(request.warn("maybe_billed", "it was in flight") if self.calls == 1 else request))


WORKFLOWS: dict[str, tuple[list[Any], Any]] = {
    "object": ([BAD, GOOD], lambda client: client.generate_object("fake:any", "hi", SCHEMA)),
    "tools": ([CALL, "four"], lambda client: client.run_tools("fake:any", "hi", [double])),
    "parser": (["maybe", "yes"], lambda client: client.run_workflow(
        ask_and_parse("fake:any", "hi", ChoiceParser(["yes", "no"]), {}))),
}  # fmt: skip


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_warning_of_the_first_call_is_on_the_reply(name: str) -> None:
    turns, run = WORKFLOWS[name]
    with Client(registry=FakeModel(*turns).registry, pipeline=around(Warner())) as client:
        reply = run(client)
        assert len(reply.steps) == 2 and reply.maybe_billed

    async def run_async() -> Any:
        async with AsyncClient(registry=FakeModel(*turns).registry, pipeline=around(Warner())) as client:
            return await run(client)

    assert asyncio.run(run_async()).maybe_billed


def test_a_warning_of_the_first_call_is_on_the_reply_of_a_streamed_loop() -> None:
    with Client(registry=FakeModel(CALL, "four").registry, pipeline=around(Warner())) as client:
        assert client.stream_tools("fake:any", "hi", [double]).reply().maybe_billed


def test_an_error_after_repairs_has_them_too() -> None:
    with Client(registry=FakeModel(BAD, BAD).registry, pipeline=around(Warner())) as client:
        with pytest.raises(ObjectInvalid) as raised:
            client.generate_object("fake:any", "hi", SCHEMA, max_repairs=1)
        assert [each.subject for each in raised.value.warnings] == ["maybe_billed"]


def test_the_object_made_of_a_loops_answer_has_those_of_the_loop() -> None:
    client = Client(registry=FakeModel(CALL, "four", GOOD).registry, pipeline=around(Warner()))
    reply = LLM("fake:any", client=client).as_structured(SCHEMA).predict_and_call([double], "hi")
    assert reply.maybe_billed and reply.object == {"age": 3}
