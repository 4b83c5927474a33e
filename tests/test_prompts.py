"""Prompt templates: plain names, filled once, with clear errors for missing ones."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepwell import Context, Image, Message, assistant, system, user
from stepwell.prompts import ChatTemplate, PromptTemplate, Slot, template_of
from stepwell.schemas.errors import ConfigError

PICTURE = Image(url="https://example.org/{not_a_field}.png")


def test_names_are_filled_and_braces_are_escaped() -> None:
    template = PromptTemplate('Answer {question} as {{"answer": {example}}}.')
    assert template.variables == ("question", "example")
    assert template.format(question="why?", example=42) == 'Answer why? as {"answer": 42}.'


def test_braces_in_values_are_not_fields() -> None:
    template = PromptTemplate("{a} {b}")
    assert template.format(a="{b} {{ {a.__class__}", b="}") == "{b} {{ {a.__class__} }"


def test_lists_and_dicts_are_written_as_json() -> None:
    assert PromptTemplate("{rows}").format(rows=[{"city": "Köln"}, None]) == '[{"city": "Köln"}, null]'


def test_some_values_can_be_filled_in_first() -> None:
    template = PromptTemplate("{a}, {b}, {a}")
    first = template.partial(a="x")
    assert (template.variables, first.variables) == (("a", "b"), ("b",))
    assert first.format(b="y") == "x, y, x"
    assert first.format(a="z", b="y") == "z, y, z"


HALF = ["{", "}", "{a", "a}", "{{}", "{a{b}}"]
NO_NAMES = ["{}", "{ }", "{0}", "{a.b}", "{a.__class__.__mro__}", "{a[0]}", "{a!r}", "{a:>10}", "{a b}", "{a-b}"]


@pytest.mark.parametrize("text", [*HALF, *NO_NAMES, '{"json": 1}'])
def test_anything_but_a_name_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="line 2 of the template is not a name in braces.*{{ and }}"):
        PromptTemplate(f"First line\n{text}")


def test_missing_and_unknown_values_are_named() -> None:
    template = PromptTemplate("{city} and {country}")
    with pytest.raises(ConfigError, match="lacks values for 'city', 'country'"):
        template.format()
    with pytest.raises(ConfigError, match="lacks a value for 'country'"):
        template.format(city="Pune")
    with pytest.raises(ConfigError, match=r"no field 'contry'; did you mean 'country'\?"):
        template.format(city="Pune", contry="India")
    with pytest.raises(ConfigError, match="no field 'x'; it has no fields at all"):
        PromptTemplate("plain").partial(x="1")
    with pytest.raises(ConfigError, match="the value of 'city' is None"):
        template.partial(city=None)


def test_errors_do_not_quote_values() -> None:
    with pytest.raises(ConfigError) as caught:
        PromptTemplate("{a}").format(b="my secret")
    assert "secret" not in str(caught.value)


def test_a_chat_is_filled_message_by_message() -> None:
    template = ChatTemplate(
        [
            system("You speak {language}."),
            Slot("history"),
            Message("user", ["About {topic}:", PICTURE]),
            {"role": "assistant", "content": "Yes?"},
            "Go on in {language}.",
        ]
    )
    assert template.variables == ("language", "history", "topic")
    history = Context((user("{hi}"), assistant("hello")))
    filled = template.partial(language="Latin").context(topic="cats", history=history)
    assert filled == Context(
        (
            system("You speak Latin."),
            user("{hi}"),
            assistant("hello"),
            Message("user", ["About cats:", PICTURE]),
            assistant("Yes?"),
            user("Go on in Latin."),
        )
    )
    assert len(template.context(topic="cats", history=[], language="Latin")) == 4


def test_a_chat_template_names_missing_values() -> None:
    template = ChatTemplate([Slot("history"), "{question}"])
    with pytest.raises(ConfigError, match="lacks values for 'history', 'question'"):
        template.context()
    with pytest.raises(ConfigError, match="no field 'questions'"):
        template.context(history=[], questions="?")
    with pytest.raises(ConfigError, match="line 1 of the template"):
        ChatTemplate(["{a.b}"])


def test_a_template_is_made_of_every_accepted_form() -> None:
    assert template_of("{a}") == PromptTemplate("{a}")
    assert template_of(["{a}"]) == ChatTemplate([user("{a}")])
    assert template_of(PromptTemplate("{a}")) == PromptTemplate("{a}")
    with pytest.raises(ConfigError, match="cannot be a int"):
        template_of(3)
    assert PromptTemplate("Say {a}.").context(a="hi") == Context((user("Say hi."),))


class Trap:
    """A value that raises when anything but its text is used."""

    def __str__(self) -> str:
        return "text"

    def __getattr__(self, name: str) -> object:
        raise AssertionError(f"{name} was reached")

    def __getitem__(self, name: object) -> object:
        raise AssertionError(f"{name} was reached")

    def __format__(self, spec: str) -> str:
        raise AssertionError("a format was run")


@given(
    st.lists(st.sampled_from(["{", "}", "{{", "}}", "a", ".", "[0]", "!r", ":>9", "__class__", " ", "é"])).map("".join)
)
def test_no_template_reaches_into_a_value(text: str) -> None:
    try:
        template = PromptTemplate(text)
    except ConfigError:
        return
    assert all(name.isidentifier() for name in template.variables)
    template.format(**{name: Trap() for name in template.variables})


@given(st.text())
def test_any_text_with_doubled_braces_comes_back_as_it_was(text: str) -> None:
    template = PromptTemplate(text.replace("{", "{{").replace("}", "}}"))
    assert template.variables == () and template.format() == text
