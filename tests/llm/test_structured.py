"""A structured LLM returns an object from every method."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from stepwell import Client
from stepwell.costs import Usage
from stepwell.llm.llm import LLM
from stepwell.messages import ToolCall
from stepwell.parsers.choice import ChoiceParser
from stepwell.schemas.errors import ObjectInvalid, SchemaError
from stepwell.schemas.message import assistant
from stepwell.schemas.reply import Reply
from stepwell.testing.fake import FakeModel

from sync_and_async import Ask


@attrs.frozen
class City:
    name: str
    people: int


PUNE = City("Pune", 7)
JSON = '{"name": "Pune", "people": 7}'


def llm_of(fake: FakeModel, **settings: Any) -> LLM:
    return LLM("fake:m", client=Client(registry=fake.registry), object_mode="prompt", **settings)


@pytest.mark.parametrize("name", ["chat", "complete"])
def test_replies_have_the_object(ask: Ask, name: str) -> None:
    fake = FakeModel(JSON)
    reply = ask(llm_of(fake, system_prompt="S", seed=1).as_structured(City), name, "About Pune", temperature=0)
    assert (reply.object, reply.text) == (PUNE, JSON)
    assert fake.requests[0].options == {"seed": 1, "temperature": 0}
    assert fake.requests[0].context.messages[0].text.startswith("S\n\n")


@pytest.mark.parametrize("name", ["stream_chat", "stream_complete", "stream"])
def test_streams_are_of_objects(ask: Ask, name: str) -> None:
    items, reply = ask(llm_of(FakeModel(JSON)).as_structured(City), name, "About Pune")
    assert items[-1] == reply.object == PUNE


def test_predict_gives_the_object_and_uses_no_parser(ask: Ask) -> None:
    llm = llm_of(FakeModel(JSON), output_parser=ChoiceParser(["a", "b"])).as_structured(City)
    assert ask(llm, "predict", "About {city}", city="Pune") == PUNE


def test_another_schema_can_be_asked_for_once(ask: Ask) -> None:
    llm = llm_of(FakeModel("[1, 2]")).as_structured(City, name="city")
    assert ask(llm, "structured_predict", list[int], "Count") == [1, 2]


def test_tools_are_run_before_the_object_is_asked_for(ask: Ask) -> None:
    def people(city: str) -> int:
        """Count the people of a city."""
        return 7

    turns = [ToolCall("1", "people", '{"city": "Pune"}'), Reply(assistant("Seven."), "stop", "stop", Usage(5, 1))]
    fake = FakeModel(*turns, Reply(assistant(JSON), "stop", "stop", Usage(9, 2)))
    reply = ask(llm_of(fake).as_structured(City), "predict_and_call", [people], "How many in Pune?")
    assert reply.object == PUNE
    assert (reply.usage.input_tokens, reply.usage.output_tokens, len(reply.steps)) == (14, 3, 3)
    asked = fake.requests[-1].context
    assert [message.role for message in asked][-4:] == ["assistant", "tool", "assistant", "user"]


def test_an_object_that_does_not_fit_is_repaired_and_then_an_error(ask: Ask) -> None:
    fake = FakeModel('{"name": "Pune"}', repeat=True)
    with pytest.raises(ObjectInvalid, match="people"):
        ask(llm_of(fake, max_repairs=2).as_structured(City), "chat", "About Pune")
    assert len(fake.requests) == 3


def test_a_schema_that_cannot_be_used_is_refused_at_once() -> None:
    with pytest.raises(SchemaError):
        llm_of(FakeModel()).as_structured({"$ref": "https://example.org/city.json"})


def test_options_can_still_be_changed() -> None:
    fake = FakeModel(JSON)
    assert llm_of(fake).as_structured(City).with_options(seed=3).chat("About Pune").object == PUNE
    assert fake.requests[0].options == {"seed": 3}
