"""In a model's text lines end at CR, LF or both. Other characters that str.splitlines takes for an end stand in the
middle of what the model wrote: they are kept."""

from __future__ import annotations

import pytest

from stepwell import Tool
from stepwell.parsers import ChoiceParser, ListParser, ReActParser, SchemaParser, TagParser

NO_ENDS = "\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"
ITEM = f"a{'b'.join(NO_ENDS)}c"
ENDS = pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=repr)
TOOL = Tool("find", "Find.", {"type": "object", "properties": {"q": {"type": "string"}}, "required": ["q"]})


@ENDS
def test_a_list_is_split_at_the_ends_of_lines_only(end: str) -> None:
    assert ListParser("lines").parse(f"{ITEM}{end}{ITEM}") == [ITEM, ITEM]
    assert ListParser("comma").parse(f"{ITEM}, {ITEM},{end}{ITEM}") == [ITEM, ITEM, ITEM]
    assert ListParser("bulleted").parse(f"- {ITEM}{end}- x{end}  {ITEM}") == [ITEM, f"x {ITEM}"]
    assert ListParser("numbered").parse(f"Here:{end}1. {ITEM}{end}2. {ITEM}") == [ITEM, ITEM]


@ENDS
def test_a_choice_is_a_line_of_its_own(end: str) -> None:
    parser = ChoiceParser(["spam", "ham"])
    assert parser.parse(f"Let me see.{end}spam{end}That is it.") == "spam"
    assert parser.parse(f"not{NO_ENDS[-1]}ham{end}spam") == "spam"


@ENDS
def test_a_call_in_text_has_its_labels_at_the_ends_of_lines_only(end: str) -> None:
    action = ReActParser([TOOL]).parse(f'Thought: go{end}Action: find{end}Action Input: {{"q": "{ITEM[0::2]}"}}')
    assert (action.tool, action.thought) == ("find", "go")
    answer = ReActParser([TOOL]).parse(f"Thought: hm\u2028Action: find{end}Answer: done")
    assert answer.text == "done"
    pairs = ReActParser([TOOL]).parse(f"Action: find{end}q: a\u2028b")
    assert pairs.arguments_json == '{"q": "a\u2028b"}'


def test_values_and_texts_between_tags_keep_them() -> None:
    assert TagParser("a").parse(f"<a>{ITEM}</a>") == ITEM
    assert SchemaParser({"type": "string"}).parse('"a\u2028b"') == "a\u2028b"
