"""Output parsers: their instructions, their results, and their one error."""

from __future__ import annotations

import enum
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepwell import Context, Image, Tool, assistant, system, user
from stepwell.parsers.choice import ChoiceParser
from stepwell.parsers.json import JSONParser, SchemaParser
from stepwell.parsers.lists import ListParser
from stepwell.parsers.parser import OutputParser
from stepwell.parsers.react import ReActParser
from stepwell.parsers.regex import RegexParser
from stepwell.parsers.tagged import TagParser
from stepwell.schemas.errors import ConfigError, ObjectInvalid, SchemaError


@attrs.frozen
class City:
    name: str
    people: int


class Mood(enum.Enum):
    GOOD = "good"
    NOT_GOOD = "not good"


READ: list[tuple[OutputParser[Any], str, Any]] = [
    (JSONParser(), '{"a": [1, 2]}', {"a": [1, 2]}),
    (JSONParser(), 'Sure:\n```json\n{"a": [1, 2,]}\n```\nBye.', {"a": [1, 2]}),
    (JSONParser(), "42", 42),
    (SchemaParser(City), '{"name": "Pune", "people": 7}', City("Pune", 7)),
    (SchemaParser(list[int]), "[1, 2]", [1, 2]),
    (SchemaParser({"type": "object", "required": ["a"]}), '{"a": null}', {"a": None}),
    (ListParser(), "red, green ,blue", ["red", "green", "blue"]),
    (ListParser(), 'red, "green, dark"', ["red", "green, dark"]),
    (ListParser("lines"), "red\n\n green\n", ["red", "green"]),
    (
        ListParser("numbered"),
        "Here you are:\n1. red\n2) green\n   and more\n10. blue\n\nBye.",
        ["red", "green and more", "blue"],
    ),
    (ListParser("bulleted"), "So:\n- red\n* green\n• blue", ["red", "green", "blue"]),
    (ChoiceParser(["spam", "ham"]), "Spam.", "spam"),
    (ChoiceParser(["spam", "ham"]), "I think so.\nAnswer: **ham**", "ham"),
    (ChoiceParser(["spam", "ham"]), "The mail is **spam**, no doubt.", "spam"),
    (ChoiceParser({"yes": True, "no": False}), "'No'", False),
    (ChoiceParser(Mood), "NOT  good", Mood.NOT_GOOD),
    (RegexParser(r"\d+"), "it is 42.", "42"),
    (RegexParser(r"(\d+) km"), "it is 42 km", "42"),
    (RegexParser(r"(\d+)-(\d+)?"), "1-", ("1", None)),
    (RegexParser(r"(?P<key>\w+)\s*=\s*(?P<value>.*)$"), "so a = b c", {"key": "a", "value": "b c"}),
    (TagParser("answer"), "Well <b>, <answer>\n42 </answer>", "42"),
    (TagParser("answer"), "<answer>1</answer> no: <ANSWER>2</ANSWER>", "2"),
    (TagParser("title", "body"), "<title>T</title><body>B</body>", {"title": "T", "body": "B"}),
    (TagParser("data", inner=JSONParser()), "<data>[1]</data>", [1]),
]


@pytest.mark.parametrize(("parser", "text", "value"), READ, ids=[f"{type(p).__name__}-{t[:20]!r}" for p, t, _ in READ])
def test_good_answers_are_read(parser: OutputParser[Any], text: str, value: Any) -> None:
    assert parser.parse(text) == value


UNREADABLE: list[tuple[OutputParser[Any], str, str]] = [
    (JSONParser(), "no JSON here", "not valid JSON"),
    (JSONParser(), '{"a": [1, 2', "ends before its value does"),
    (SchemaParser(City), '{"name": "Pune"}', "people"),
    (SchemaParser(list[int]), "[1, 2", "ends before its value does"),
    (ListParser("numbered"), "red, green", "no list"),
    (ListParser(), " , ,", "no list"),
    (ChoiceParser(["spam", "ham"]), "It is not spam.", "none of spam, ham"),
    (ChoiceParser(["spam", "ham"]), "spam\nham", "several of spam, ham"),
    (RegexParser(r"\d"), "none", "does not match"),
    (TagParser("answer"), "<answer>half", "no text between <answer> and </answer>"),
    (TagParser("answer"), "<answer>1</answer> <answer>half", "no text between"),
    (TagParser("data", inner=JSONParser()), "<data>[1</data>", "ends before"),
]


@pytest.mark.parametrize(("parser", "text", "why"), UNREADABLE, ids=[t for _, t, _ in UNREADABLE])
def test_other_answers_are_errors_that_keep_the_text(parser: OutputParser[Any], text: str, why: str) -> None:
    with pytest.raises(ObjectInvalid, match=why) as caught:
        parser.parse(text)
    assert caught.value.text in text != ""


def test_every_violation_of_a_schema_is_reported() -> None:
    with pytest.raises(ObjectInvalid) as caught:
        SchemaParser(list[City]).parse('[{"name": 1, "people": "x"}]')
    assert {violation.pointer for violation in caught.value.violations} == {"/0/name", "/0/people"}


PARSERS = [*(parser for parser, _, _ in READ), ReActParser([Tool("now")])]
NOISE = st.sampled_from(
    ["{", "}", "[", "]", '"', ",", ":", "1", "\n", "- ", "1. ", "<answer>", "</answer>", "**", "spam", "a", "\ud800"]
)


@given(st.sampled_from(PARSERS), st.lists(NOISE | st.text(max_size=3), max_size=20).map("".join))
def test_any_text_gives_a_value_or_object_invalid(parser: OutputParser[Any], text: str) -> None:
    try:
        parser.parse(text)
    except ObjectInvalid as error:
        assert error.text in text


@pytest.mark.parametrize("parser", PARSERS, ids=lambda parser: type(parser).__name__)
def test_every_parser_has_instructions(parser: OutputParser[Any]) -> None:
    assert parser.format("Hello").messages[0].text == f"Hello\n\n{parser.instructions}"
    assert isinstance(hash(parser.instructions), int) and len(parser.instructions) > 10


def test_instructions_are_added_to_the_last_user_message() -> None:
    picture = Image(url="https://example.org/a.png")
    context = Context((system("S"), user(["Look", picture]), assistant("yes")))
    asked = ListParser().format(context)
    assert [message.role for message in asked] == ["system", "user", "assistant"]
    assert picture in asked.messages[1].content
    assert asked.messages[1].text.endswith(ListParser().instructions)
    assert ListParser().format(system("S")).messages[-1] == user(ListParser().instructions)


class Foreign:
    """A parser that inherits nothing."""

    instructions = ""

    def format(self, prompt: Any) -> Context:
        return Context((user("always this"),))

    def parse(self, text: str) -> int:
        return len(text)


def test_any_object_with_the_three_methods_is_a_parser() -> None:
    parser: OutputParser[int] = Foreign()
    assert parser.parse("abc") == 3


@pytest.mark.parametrize(
    "make",
    [
        lambda: ListParser("dotted"),  # type: ignore[arg-type]
        lambda: ChoiceParser([]),
        lambda: ChoiceParser(["a", "A"]),
        lambda: TagParser(),
        lambda: TagParser("a b"),
        lambda: SchemaParser({"$ref": "https://example.org/schema.json"}),
        lambda: RegexParser("("),
        lambda: RegexParser(r"(a)\1"),
        lambda: RegexParser("a{100000}"),
    ],
)
def test_an_impossible_parser_is_refused_at_once(make: Any) -> None:
    with pytest.raises(ConfigError) as caught:
        make()
    assert isinstance(caught.value, SchemaError) or caught.value.hint
