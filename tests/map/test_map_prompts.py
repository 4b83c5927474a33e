"""The prompt of each item of a map: a template without a field of the items would ask the same of all of them."""

from __future__ import annotations

from typing import Any

import pytest
from mapping import echo, map_async, map_sync, read_async, read_sync

from stepwell.errors import ConfigError
from stepwell.llm import ChatTemplate, PromptTemplate, Slot
from stepwell.messages import Image
from stepwell.testing import FakeModel

ITEMS = [{"text": "a"}, {"text": "b"}]
WITHOUT_A_FIELD: dict[str, Any] = {
    "text": "Is this friendly?",
    "braces of the text": "Is {{text}} friendly?",
    "no text at all": "",
    "a template": PromptTemplate("Is this friendly?"),
    "a template with all its fields filled": PromptTemplate("Is {text} friendly?").partial(text="this"),
    "messages": [{"role": "system", "content": "Be brief."}, "Is this friendly?"],
    "a chat template": ChatTemplate(["Is this friendly?"]),
    "a chat template with all its places filled": ChatTemplate([Slot("past"), "{text}"]).partial(past=[], text="x"),
    "a picture alone": [Image(url="https://example.com/cat.png")],
}
WITH_ONE: dict[str, Any] = {
    "a field beside a filled one": PromptTemplate("{tone}: {text}").partial(tone="kind"),
    "the whole item": "Is {item} friendly?",
    "a field of one message": [{"role": "system", "content": "Judge {text}."}, "Is this friendly?"],
    "a place for messages": ChatTemplate(["Is this friendly?", Slot("text")]),
    "a function, whose result may be the same": lambda item: "Say a number.",
}


@pytest.mark.parametrize("run", [map_sync, map_async, read_sync, read_async])
@pytest.mark.parametrize("prompt", WITHOUT_A_FIELD.values(), ids=WITHOUT_A_FIELD)
def test_a_prompt_without_a_field_of_the_items_is_refused_before_anything_is_sent(prompt: Any, run: Any) -> None:
    fake = FakeModel(echo, repeat=True)
    with pytest.raises(ConfigError, match=r"uses no field of the items; .*write \{text\} .* or \{item\}") as caught:
        run(fake, ITEMS, prompt=prompt)
    filled = not isinstance(prompt, str | list) and prompt.given
    assert ("are filled already" in str(caught.value)) is bool(filled) and not fake.requests


@pytest.mark.parametrize("prompt", WITH_ONE.values(), ids=WITH_ONE)
def test_a_prompt_with_a_field_is_sent_for_each_item(prompt: Any) -> None:
    fake = FakeModel(echo, repeat=True)
    assert map_sync(fake, ITEMS, prompt=prompt).answered == len(fake.requests) == 2
