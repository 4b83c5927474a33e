"""A custom model whose `__init__` leaves out that of the base class: it works, and its methods are whole calls."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from stepwell import Client, Reply
from stepwell.errors import ConfigError
from stepwell.llm import CustomLLM
from stepwell.providers.declare.registry import Registry


class Ending(CustomLLM):
    def __init__(self, ending: str) -> None:
        self.ending = ending

    def complete(self, prompt: str) -> str:
        return prompt + self.ending


@dataclass
class Wrapping(CustomLLM):
    ending: str = "!"

    def complete(self, prompt: str) -> str:
        return prompt + self.ending


class Named(CustomLLM):
    def __init__(self, ending: str) -> None:
        self.ending = ending
        super().__init__(model_name="named", temperature=0)

    def complete(self, prompt: str, temperature: float = 1) -> str:
        return f"{prompt}{self.ending}{temperature}"


@pytest.mark.parametrize("make", [Ending, Wrapping, lambda ending: copy.copy(Ending(ending))])
def test_an_init_that_does_not_call_that_of_the_base_class_makes_whole_calls(make: Callable[[str], CustomLLM]) -> None:
    llm = make("!")
    reply = llm.complete("hello")
    assert isinstance(reply, Reply)
    assert reply.text == "hello!"
    assert list(llm.stream("{a}", a="b")) == ["b!"]
    registry = Registry()
    registry.register(llm.provider)
    assert Client(registry=registry).generate_text(str(llm.model), "hi").text == "hi!"


def test_what_the_base_class_is_given_later_counts() -> None:
    llm = Named("!")
    assert llm.complete("hello").text == "hello!0"
    assert llm.model.id == "named"


def test_a_model_in_the_place_of_its_provider_is_refused_with_what_to_pass() -> None:
    with pytest.raises(ConfigError, match=r"a Ending is not a provider; pass its \.provider"):
        Registry().register(Ending("!"))  # type: ignore[arg-type]
