"""The LLM interface over the real embedded model."""

from __future__ import annotations

from typing import Literal

import attrs
import pytest

from stepwell import system, user
from stepwell.llm.llm import LLM
from stepwell.parsers.lists import ListParser
from stepwell.parsers.regex import RegexParser
from stepwell.schemas.errors import StepLimit

from sync_and_async import Ask

remembered = pytest.mark.usefixtures("remembered_model")


def llm_of(**settings: object) -> LLM:
    return LLM("local:smollm2", **{"temperature": 0, "seed": 1, "max_tokens": 16, **settings})  # type: ignore[arg-type]


@attrs.frozen
class Animal:
    name: str
    legs: int
    diet: Literal["plants", "meat"]


@remembered
def test_chat_complete_and_their_streams_agree(ask: Ask) -> None:
    llm = llm_of(system_prompt="You are brief.")
    whole = ask(llm, "chat", [user("Say hello.")])
    assert whole.text == ask(llm, "complete", "Say hello.").text == "".join(ask(llm, "stream", "Say hello.")[0])
    assert whole.usage.output_tokens and whole.usage.output_tokens <= 16
    assert [message.role for message in whole.context] == ["system", "user", "assistant"]


@pytest.mark.usefixtures("local_model")  # what is remembered comes too fast to see an object grow
def test_objects_are_returned_complete_and_streamed(ask: Ask) -> None:
    llm = llm_of(max_tokens=60)
    assert isinstance(ask(llm, "structured_predict", Animal, "Describe a {name}.", name="cow"), Animal)
    items, reply = ask(llm.as_structured(Animal), "stream_chat", [user("Describe a cow.")])
    assert len(items) > 2 and items[-1] == reply.object
    assert isinstance(reply.object, Animal)


@remembered
def test_parsers_read_real_answers(ask: Ask) -> None:
    fruits = llm_of(output_parser=ListParser("numbered"), max_tokens=30)
    assert len(ask(fruits, "predict", "Name {n} fruits.", n=3)) >= 2
    reported = [system("Answer with one word: yes or no."), user("Is {thing} a fruit?")]
    said = ask(llm_of(output_parser=RegexParser(r"(?i:\b(yes|no)\b)"), stop="."), "predict", reported, thing="an apple")
    assert said.lower() in ("yes", "no")


# A model of this size keeps to the form of a ReAct step only when it is held to it.
STEP = r"""root ::= "Thought: I look.\nAction: get_weather\nAction Input: {\"city\": \"" [A-Z] [a-z]+ "\"}" """


@remembered
@pytest.mark.parametrize(
    "how", [{"react": False}, {"react": True, "provider_options": {"grammar": STEP}}], ids=["native", "react"]
)
def test_tools_are_called_with_arguments_that_fit(ask: Ask, how: dict[str, object]) -> None:
    asked: list[str] = []

    def get_weather(city: str) -> str:
        """Get the weather of a city now."""
        asked.append(city)
        return "sunny, 21 degrees"

    try:
        reply = ask(llm_of(max_tokens=40), "predict_and_call", [get_weather], "Weather in Paris?", max_steps=2, **how)
    except StepLimit as limit:  # held to an action, it never gets to say its answer
        reply = limit.partial
    assert asked and all(isinstance(city, str) and city for city in asked)
    assert len(reply.steps) == 2
