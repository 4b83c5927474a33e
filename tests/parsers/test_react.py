"""ReAct steps in the spellings of real models: one call or one answer, and never a truncated call."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepwell import Tool
from stepwell.parsers.react import STOP, Action, Answer, observation, parse_react, react_prompt
from stepwell.schemas.errors import ConfigError, ObjectInvalid


def parameters(required: list[str], **properties: str) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {name: {"type": kind} for name, kind in properties.items()},
        "required": required,
    }


TOOLS = [
    Tool("get_weather", "The weather of a city", parameters(["city"], city="string", unit="string")),
    Tool("add", "Add two numbers", parameters(["a", "b"], a="number", b="number")),
    Tool("now", "What time it is"),
    Tool("wait", "Wait some seconds", parameters(["seconds"], seconds="integer")),
]

CALLS = [
    ("as asked", 'Thought: T\nAction: add\nAction Input: {"a": 1, "b": 2}'),
    ("bold", '**Thought:** T\n**Action:** `add`\n**Action Input:** {"a": 1, "b": 2}'),
    ("bold before the colon", '**Thought**: T\n**Action**: add\n**Action Input**: {"a": 1, "b": 2}'),
    ("headings", '### Thought: T\n### Action: add\n### Action Input: {"a": 1, "b": 2}'),
    ("a list", '- Thought: T\n- Action: add\n- Action Input: {"a": 1, "b": 2}'),
    ("numbered labels", 'Thought 1: T\nAction 1: add\nAction Input 1: {"a": 1, "b": 2}'),
    ("capitals", 'THOUGHT: T\nACTION: ADD\nACTION INPUT: {"a": 1, "b": 2}'),
    ("underscores", 'Thought: T\nAction: add\naction_input: {"a": 1, "b": 2}'),
    ("arguments", 'Thought: T\nAction: add\nArguments: {"a": 1, "b": 2}'),
    ("no label for the thought", 'T\nAction: add\nAction Input: {"a": 1, "b": 2}'),
    ("a fence", 'Thought: T\nAction: add\nAction Input:\n```json\n{\n  "a": 1,\n  "b": 2\n}\n```'),
    ("a fence left open", 'Thought: T\nAction: add\nAction Input: ```json\n{"a": 1, "b": 2}'),
    ("prose around", 'Thought: T\nAction: Use the add tool.\nAction Input: Here: {"a": 1, "b": 2}. Done.'),
    ("one line", 'Thought: T Action: add Action Input: {"a": 1, "b": 2}'),
    ("two labels in a line", 'Thought: T\nAction: add, Action Input: {"a": 1, "b": 2}'),
    ("without a second label", 'Thought: T\nAction: add\n{"a": 1, "b": 2}'),
    ("behind the name", 'Thought: T\nAction: add {"a": 1, "b": 2}'),
    ("a Python call", "Thought: T\nAction: add(a=1, b=2)"),
    ("positions", "Thought: T\nAction: add(1, 2)"),
    ("the paper's brackets", "Thought: T\nAction: add[1, 2]"),
    ("an object in brackets", 'Thought: T\nAction: add({"a": 1, "b": 2})'),
    ("one object", 'Thought: T\nAction: {"name": "add", "arguments": {"a": 1, "b": 2}}'),
    ("one object in a fence", 'Thought: T\nAction:\n```json\n{"action": "add", "action_input": {"a": 1, "b": 2}}\n```'),
    ("Python's values", "Thought: T\nAction: add\nAction Input: {'a': 1, 'b': 2,}"),
    ("thinking aloud first", '<think>Action: now</think>Thought: T\nAction: add\nAction Input: {"a": 1, "b": 2}'),
    (
        "an invented result",
        'Thought: T\nAction: add\nAction Input: {"a": 1, "b": 2}\nObservation: 3\nThought: I know\nAnswer: 3',
    ),
    (
        "a second call",
        'Thought: T\nAction: add\nAction Input: {"a": 1, "b": 2}\nAction: now\nAction Input: {}',
    ),
    ("Windows' line ends", 'Thought: T\r\nAction: add\r\nAction Input: {"a": 1, "b": 2}\r\n'),
]


@pytest.mark.parametrize(("text"), [text for _, text in CALLS], ids=[name for name, _ in CALLS])
def test_a_call_is_read_in_every_spelling(text: str) -> None:
    found = parse_react(text, TOOLS)
    assert isinstance(found, Action)
    assert (found.thought, found.tool, json.loads(found.arguments_json)) == ("T", "add", {"a": 1, "b": 2})


@pytest.mark.parametrize(
    ("text", "tool", "arguments"),
    [
        ("Action: get_weather\nAction Input: Paris", "get_weather", {"city": "Paris"}),
        ('Action: get_weather\nAction Input: "Paris"', "get_weather", {"city": "Paris"}),
        ("Action: get_weather[New York]", "get_weather", {"city": "New York"}),
        ("Action: get_weather(city='Rome', unit=None)", "get_weather", {"city": "Rome", "unit": None}),
        ("Action: get_weather\nAction Input: {'city': 'L\\'Aquila'}", "get_weather", {"city": "L'Aquila"}),
        ('Action: get_weather\nAction Input: {"city": "two\nlines"}', "get_weather", {"city": "two\nlines"}),
        ("Action: Get Weather\nAction Input: 1001", "get_weather", {"city": "1001"}),
        ("Action: get_weather\nAction Input: city=Paris", "get_weather", {"city": "Paris"}),
        (
            "Action: get_weather\nAction Input: city: New York\nunit: C",
            "get_weather",
            {"city": "New York", "unit": "C"},
        ),
        ("Action: add\nAction Input: a=1, b=2", "add", {"a": 1, "b": 2}),
        ("Action: add\nAction Input: a: 1\nb: 2.5", "add", {"a": 1, "b": 2.5}),
        ("Action: get_weather\nAction Input: Paris: the old town", "get_weather", {"city": "Paris: the old town"}),
        ("Action: wait\nAction Input: 5", "wait", {"seconds": 5}),
        ("Action: now", "now", {}),
        ("Action: now()", "now", {}),
        ("Action: now\nAction Input: None", "now", {}),
        ('{"name": "now", "arguments": {}}', "now", {}),
        ('Action: fly\nAction Input: {"to": "the moon"}', "fly", {"to": "the moon"}),
    ],
)
def test_arguments_are_made_an_object(text: str, tool: str, arguments: dict[str, Any]) -> None:
    found = parse_react(text, TOOLS)
    assert isinstance(found, Action)
    assert (found.tool, json.loads(found.arguments_json)) == (tool, arguments)


def test_good_json_stays_as_it_was_written() -> None:
    found = parse_react('Action: add\nAction Input: {"a":1.0,  "b": 2e0} and so on', TOOLS)
    assert isinstance(found, Action) and found.arguments_json == '{"a":1.0,  "b": 2e0}'


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("Thought: T\nAnswer: 42", "42"),
        ("Thought: T\nFinal Answer: 42", "42"),
        ("Thought: T Answer: 42", "42"),
        ("**Thought:** T\n**Answer:** **42** it is", "**42** it is"),
        ("Thought: T\nAnswer: two\n\nlines", "two\n\nlines"),
        ("Thought: T\nAction: None\nAnswer: 42", "42"),
        ("Thought: T\nAction: Finish[42]", "42"),
        ("Thought: T\nAction: Final Answer\nAction Input: 42", "42"),
        ("Thought: T\nAnswer: 42\nObservation: right", "42"),
        ("Thought: T\nAnswer: do this\nAction: add", "do this\nAction: add"),
    ],
)
def test_an_answer_is_read(text: str, answer: str) -> None:
    assert parse_react(text, TOOLS) == Answer("T", answer)


@pytest.mark.parametrize("text", ["Paris.", "Parameters:\n- city", '{"city": "Paris"}', "An action: sit."])
def test_text_without_labels_is_an_answer(text: str) -> None:
    assert parse_react(text, TOOLS) == Answer("", text)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "empty"),
        ("Answer: ", "empty"),
        ("Observation: 3", "empty"),
        ("Thought: hm", "neither an action nor an answer"),
        ("<think>forever", "empty"),
        ("Action: add", "incomplete call"),
        ("Action: add\nAction Input:", "incomplete call"),
        ('Action: add\nAction Input: {"a": 1, "b": ', "incomplete call"),
        ('Action: add\nAction Input: {"a": 1, "b": 2\nObservation: 3}', "incomplete call"),
        ('Action: get_weather\nAction Input: {"city": "Par', "incomplete call"),
        ('Action: get_weather\nAction Input: {"city": "Par\nObservation: fine"}', "incomplete call"),
        ("Action: add(1, 2", "incomplete call"),
        ("Action: get_weather('Paris (old town)", "incomplete call"),
        ("Action: get_weather(city='Paris)", "incomplete call"),
        ("Action: wait\nAction Input: a while", "incomplete call"),
        ('Action: add\nAction Input: {"a": 1, "a": 2}', "incomplete call"),
        ('Action: {"name": "add", "argum', "incomplete call|names none"),
        ("Action: None", "without a tool"),
        ("Action: I will look it up", "names none of the tools get_weather, add"),
    ],
)
def test_text_that_is_neither_call_nor_answer_is_an_error_with_the_text(text: str, why: str) -> None:
    with pytest.raises(ObjectInvalid, match=why) as caught:
        parse_react(text, TOOLS)
    assert caught.value.text == text
    assert caught.value.hint


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.text(), lambda inner: st.lists(inner, max_size=3)
)
LABELS = ["Thought:", "Action:", "Action Input:", "Answer:", "Observation:", "<think>", "</think>", "```json\n", "```"]
SIGNS = ["add", "now", *"{}[]()\"'\\=,:1 \n", '"a"', "None", "**", "é", "\ud800"]
PIECES = st.sampled_from(LABELS + SIGNS)


@given(st.dictionaries(st.text(max_size=5), VALUES, max_size=4), st.booleans())
def test_any_complete_object_is_accepted_and_no_prefix_of_it(arguments: dict[str, Any], ascii: bool) -> None:
    head = "Thought: T\nAction: add\nAction Input: "
    written = json.dumps(arguments, ensure_ascii=ascii)
    found = parse_react(head + written, TOOLS)
    assert isinstance(found, Action) and json.loads(found.arguments_json) == arguments
    for end in range(1, len(written)):
        with pytest.raises(ObjectInvalid):
            parse_react(head + written[:end], TOOLS)


@given(st.lists(PIECES | st.text(max_size=4), max_size=25).map("".join))
def test_any_text_gives_a_step_or_object_invalid(text: str) -> None:
    try:
        found = parse_react(text, TOOLS)
    except ObjectInvalid as error:
        assert error.text == text
        return
    if isinstance(found, Action):
        assert isinstance(json.loads(found.arguments_json), dict)
    else:
        assert found.text.strip()


NONSENSE = [
    'Action: add\nAction Input: {"' + '\\"' * 50_000,
    "Action: add\nAction Input: " + "[" * 50_000,
    "Action: add(" + "'" * 99_999,
    "Action: " + "add " * 30_000,
    "Action: " * 20_000,
    "*" * 99_999,
    "\n#" * 50_000,
    "Action: add(" + "[" * 900 + "]" * 900 + ")",
    "Action: add\nAction Input: {'a': " + "[" * 900 + "]" * 900 + "}",
]


@pytest.mark.parametrize("text", NONSENSE, ids=range(len(NONSENSE)))
def test_long_malformed_text_has_a_short_error(text: str) -> None:
    try:
        parse_react(text, TOOLS)
    except ObjectInvalid as error:
        assert len(str(error)) < 800


def test_the_prompt_names_every_tool_and_its_own_example_is_read() -> None:
    prompt = react_prompt(TOOLS)
    for tool in TOOLS:
        assert tool.name in prompt and tool.description in prompt
    example = next(line for line in prompt.splitlines() if "for example" in line).partition("for example ")[2]
    found = parse_react(f"Thought: x\nAction: get_weather\nAction Input: {example}", TOOLS)
    assert isinstance(found, Action) and json.loads(found.arguments_json).keys() == {"city", "unit"}
    with pytest.raises(ConfigError, match="at least one tool"):
        react_prompt([])


def test_generation_stops_where_an_observation_begins() -> None:
    assert ("\n" + observation("3")).startswith(STOP)
