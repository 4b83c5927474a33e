"""Calls with an output parser: the text is parsed, or the model sees the error and is asked again, a bounded number of
times."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from stepwell import AsyncClient, Client, Reply
from stepwell.costs import Usage
from stepwell.llm import LLM
from stepwell.parsers.asking import ask_and_parse
from stepwell.parsers.choice import ChoiceParser
from stepwell.parsers.json import SchemaParser
from stepwell.parsers.lists import ListParser
from stepwell.parsers.tagged import TagParser
from stepwell.schemas.errors import ConfigError, ObjectInvalid, RateLimitError
from stepwell.schemas.message import assistant
from stepwell.testing.fake import FakeModel

PARSER = ChoiceParser(["yes", "no"])
Carry = Callable[..., Reply]


def sync(fake: FakeModel, *args: Any, **kwargs: Any) -> Reply:
    flow = ask_and_parse("fake:m", *args, **kwargs)
    reply: Reply = Client(registry=fake.registry).run_workflow(flow)
    return reply


def in_async(fake: FakeModel, *args: Any, **kwargs: Any) -> Reply:
    async def run() -> Reply:
        async with AsyncClient(registry=fake.registry) as client:
            reply: Reply = await client.run_workflow(ask_and_parse("fake:m", *args, **kwargs))
            return reply

    return asyncio.run(run())


@pytest.fixture(params=[sync, in_async], ids=["sync", "async"])
def ask(request: pytest.FixtureRequest) -> Carry:
    carry: Carry = request.param
    return carry


def reply_with(text: str, reason: str = "stop") -> Reply:
    return Reply(assistant(text), reason, reason, Usage(10, 2))


def test_an_answer_is_read_at_once(ask: Carry) -> None:
    fake = FakeModel("Yes.")
    reply = ask(fake, "Is it?", PARSER, {"temperature": 0})
    assert (reply.object, reply.text, reply.steps) == ("yes", "Yes.", ())
    assert fake.requests[0].context.messages[0].text == f"Is it?\n\n{PARSER.instructions}"
    assert fake.requests[0].options == {"temperature": 0}
    assert [message.text for message in reply.context] == ["Is it?", "Yes."]


def test_an_answer_that_cannot_be_parsed_is_shown_to_the_model_and_asked_again(ask: Carry) -> None:
    fake = FakeModel(reply_with("Maybe."), reply_with("no"))
    reply = ask(fake, "Is it?", PARSER, {})
    assert reply.object == "no"
    assert (reply.usage.input_tokens, reply.usage.output_tokens, len(reply.steps)) == (20, 4, 2)
    first, second = fake.requests
    assert [message.role for message in second.context] == ["user", "assistant", "user"]
    assert second.context.messages[:1] == first.context.messages
    assert "the answer names none of yes, no" in second.context.messages[2].text


def test_every_violation_is_shown(ask: Carry) -> None:
    fake = FakeModel('{"a": "x"}', '{"a": 1, "b": 2}')
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a", "b"]}
    assert ask(fake, "Go", SchemaParser(schema), {}).object == {"a": 1, "b": 2}
    shown = fake.requests[1].context.messages[2].text
    assert "/a" in shown and "'b'" in shown


def test_after_the_last_repair_the_error_has_all_details(ask: Carry) -> None:
    fake = FakeModel(reply_with("Maybe."), reply_with("Perhaps."), reply_with("Who knows?"))
    with pytest.raises(ObjectInvalid, match="none of yes, no") as caught:
        ask(fake, "Is it?", PARSER, {}, max_repairs=2)
    assert caught.value.text == "Who knows?" == caught.value.partial.text
    assert caught.value.usage == Usage(30, 6)


@pytest.mark.parametrize("reason", ["length", "content_filter"])
def test_cut_or_refused_answers_are_not_repaired(ask: Carry, reason: str) -> None:
    fake = FakeModel(reply_with("May", reason))
    with pytest.raises(ObjectInvalid):
        ask(fake, "Is it?", PARSER, {})
    assert len(fake.requests) == 1


def test_a_cut_answer_is_parsed_only_if_its_form_marks_its_end(ask: Carry) -> None:
    with pytest.raises(ObjectInvalid, match="cut off") as caught:
        ask(FakeModel(reply_with("red, gre", "length")), "Go", ListParser(), {})
    assert caught.value.text == "red, gre"
    assert ask(FakeModel(reply_with("<a>red</a> and I", "length")), "Go", TagParser("a"), {}).object == "red"
    with pytest.raises(ObjectInvalid, match="cut off"):
        ask(FakeModel(reply_with("[1, 2", "length")), "Go", SchemaParser(list[int]), {})


def test_an_error_on_the_second_try_keeps_the_usage_of_the_first(ask: Carry) -> None:
    fake = FakeModel(reply_with("Maybe."), RateLimitError("slow down"))
    with pytest.raises(RateLimitError) as caught:
        ask(fake, "Is it?", PARSER, {})
    assert caught.value.usage == Usage(10, 2)


def test_fewer_than_no_repairs_are_refused(ask: Carry) -> None:
    with pytest.raises(ConfigError):
        ask(FakeModel(), "Is it?", PARSER, {}, max_repairs=-1)


class ReadsOnly:
    """A parser as LangChain has them."""

    def parse(self, text: str) -> str:
        return text


@pytest.mark.parametrize(
    ("parser", "says"),
    [
        (ListParser, r"is the class ListParser; make an object of it: ListParser\(\)"),
        (ReadsOnly(), "a ReadsOnly is no output parser: it has no method 'format'; inherit from"),
        (str.upper, "no method 'format'"),
        ("comma", "a str is no output parser: it has no method 'parse'"),
    ],
    ids=["class", "another library's", "function", "text"],
)
def test_what_is_no_parser_is_refused_when_the_llm_is_made(parser: Any, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        LLM("fake:m", output_parser=parser)


def test_the_choices_are_no_text() -> None:
    with pytest.raises(ConfigError, match="of which each letter would be one"):
        ChoiceParser("yes")
