"""Repairs of calls and results that do not match, and of another model's reasoning."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from exchanges import exchanged, reported
from histories import UNLAWFUL, call

from stepwell import Context, Message, Tool
from stepwell.messages import Reasoning, ToolCall
from stepwell.providers.declare.tool_policies import ToolCallIdPolicy
from stepwell.providers.history.pairing import NO_RESULT, paired
from stepwell.schemas.message import assistant, is_turn, system, tool_result, user

OPEN = "a call without a result was given one that says so"
APART = "a result that was not next to its call was moved to it"
LOOSE = "a result without a call became user text"


def outline(messages: Any) -> list[Any]:
    """Describe each message in short: role, calls or result, text."""
    return [
        (message.role[0], message.tool_call_id or "".join(each.id for each in message.tool_calls), message.text)
        for message in messages
    ]


@pytest.mark.parametrize(
    ("history", "lawful", "repairs"),
    [
        (
            "a call never answered",
            [("u", "", "a"), ("a", "c1c2", ""), ("t", "c1", "sunny"), ("t", "c2", NO_RESULT), ("u", "", "never mind")],
            [OPEN],
        ),
        (
            "no call answered",
            [
                ("u", "", "a"),
                ("a", "c1c2", ""),
                ("t", "c1", NO_RESULT),
                ("t", "c2", NO_RESULT),
                ("u", "", "never mind"),
            ],
            [OPEN],
        ),
        ("a call at the end", [("u", "", "a"), ("a", "c1", ""), ("t", "c1", NO_RESULT)], [OPEN]),
        (
            "a result apart from its call",
            [("u", "", "a"), ("a", "c1", ""), ("t", "c1", "sunny"), ("u", "", "wait"), ("u", "", "b")],
            [APART],
        ),
        (
            "a result before its call",
            [("u", "", "a"), ("a", "c1", ""), ("t", "c1", "sunny"), ("u", "", "b")],
            [APART],
        ),
        (
            "a beginning cut off",
            [("u", "", "The result of a tool:sunny"), ("a", "", "It is sunny."), ("u", "", "b")],
            [LOOSE],
        ),
        (
            "a result without a call",
            [("u", "", "a"), ("u", "", "The result of the tool look_up:sunny"), ("u", "", "b")],
            [LOOSE],
        ),
        (
            "a result given twice",
            [
                ("u", "", "a"),
                ("a", "c", ""),
                ("t", "c", "sunny"),
                ("u", "", "The result of a tool:rainy"),
                ("u", "", "b"),
            ],
            [LOOSE],
        ),
    ],
)
def test_every_call_has_one_result_right_behind_it(history: str, lawful: list[Any], repairs: list[str]) -> None:
    messages, warned = paired(UNLAWFUL[history].messages, ToolCallIdPolicy())
    assert outline(messages) == lawful and warned == repairs
    again, nothing = paired(messages, ToolCallIdPolicy())
    assert again == messages and nothing == []


def test_a_result_that_was_added_is_marked_as_an_error_and_reported() -> None:
    body, reply = exchanged("anthropic:claude-sonnet-4-5", UNLAWFUL["no call answered"])
    results = [block for block in body["messages"][2]["content"] if block["type"] == "tool_result"]
    assert all(block["is_error"] and block["content"] == NO_RESULT for block in results) and len(results) == 2
    assert reported(reply) == [OPEN] and reply.context.messages[:-1] == UNLAWFUL["no call answered"].messages


def test_a_tools_result_is_not_a_user_turn() -> None:
    messages, _ = paired(UNLAWFUL["a result without a call"].messages, ToolCallIdPolicy())
    assert [is_turn(message) for message in messages] == [True, False, True]
    (error,), _ = paired([tool_result("x", "no", name="f", is_error=True)], ToolCallIdPolicy())
    assert error.text == "The error of the tool f:no"


def test_ids_that_come_again_are_made_unique_and_the_first_keeps_its_own() -> None:
    twice = [user("a"), assistant([call("x"), call("x")]), tool_result("x", "one"), tool_result("x", "two")]
    later = [*twice, user("b"), assistant(call("x")), tool_result("x", "three")]
    short, long = paired(twice, ToolCallIdPolicy())[0], paired(later, ToolCallIdPolicy())[0]
    assert long[: len(short)] == short, "a longer conversation begins like the shorter one"
    made = [each.id for message in long for each in message.tool_calls]
    assert made[0] == "x" and len(set(made)) == 3
    results = {message.tool_call_id: message.text for message in long if message.role == "tool"}
    assert results == dict(zip(made, ("one", "two", "three"), strict=True))


def test_results_without_ids_belong_to_the_next_call_of_their_tool() -> None:
    calls = [ToolCall("1", "f", ""), ToolCall("2", "g", ""), ToolCall("3", "f", "")]
    given = [Message("tool", "g", name="g"), Message("tool", "first f", name="f"), Message("tool", "any")]
    messages, warned = paired([assistant(calls), *given], ToolCallIdPolicy())
    assert outline(messages[1:]) == [("t", "1", "first f"), ("t", "2", "g"), ("t", "3", "any")] and warned == []


@pytest.mark.parametrize("given", [{"previous_response_id": "r"}, {"provider_options": {"conversation": "c"}}])
def test_a_result_whose_call_is_stored_by_the_provider_is_unchanged(given: dict[str, Any]) -> None:
    body, reply = exchanged("openai:gpt-5", Context([tool_result("c1", "r")]), wire="openai_responses", **given)
    assert body["input"] == [{"type": "function_call_output", "call_id": "c1", "output": "r"}] and reported(reply) == []


# -- thinking that another model did not do -------------------------------------------------------------------------

TOOLS = (Tool("f", "d"),)
BUDGET = {"reasoning_budget": 2000, "max_tokens": 4000}
CALL = ToolCall("c", "f", "{}")
FOREIGN = (user("a"), assistant(CALL), tool_result("c", "r"))
BEDROCK = "amazon_bedrock:anthropic.claude-sonnet-4-5-20250929-v1:0"


def thought(wire: str) -> Reasoning:
    return Reasoning("hm", "sig", wire=wire)


@pytest.mark.parametrize(
    ("model", "wire"), [("anthropic:claude-sonnet-4-5", "anthropic_messages"), (BEDROCK, "bedrock_converse")]
)
class TestThinkingByBudget:
    """https://platform.claude.com/docs/en/build-with-claude/extended-thinking: "a final `assistant` message must start
    with a thinking block"."""

    def asked(self, model: str, *messages: Message, **options: Any) -> tuple[bool, list[str]]:
        body, reply = exchanged(model, Context(messages, TOOLS), **(options or BUDGET))
        return b'"budget_tokens":2000' in orjson.dumps(body), reported(reply, "thinking")

    def test_thinking_is_left_out_if_the_answer_began_without_it(self, model: str, wire: str) -> None:
        sent, why = self.asked(model, *FOREIGN)
        assert not sent and len(why) == 1 and "without thinking" in why[0]
        words = assistant(["let me look", CALL])
        assert not self.asked(model, user("a"), words, tool_result("c", "r"), system("be brief"))[0]
        assert not self.asked(model, *FOREIGN, user("never mind"))[0], "the text is in the turn of the results"
        second = [assistant([thought(wire), ToolCall("d", "f", "")]), tool_result("d", "r")]
        assert not self.asked(model, *FOREIGN, *second)[0], "it is the beginning of the answer that counts"

    def test_thinking_stays_if_the_answer_began_with_it_or_ended(self, model: str, wire: str) -> None:
        own = [user("a"), assistant([thought(wire), CALL]), tool_result("c", "r")]
        assert self.asked(model, *own) == (True, [])
        second = [assistant(ToolCall("d", "f", "")), tool_result("d", "r")]
        assert self.asked(model, *own, *second) == (True, []), "its own answers do not think twice"
        assert self.asked(model, *FOREIGN, assistant("ok"), user("b")) == (True, [])
        assert self.asked(model, user("a")) == (True, [])


def test_adaptive_thinking_may_begin_halfway() -> None:
    body, reply = exchanged("anthropic:claude-opus-4-7", Context(FOREIGN, TOOLS), reasoning_effort="high")
    assert body["thinking"]["type"] == "adaptive" and reported(reply, "thinking") == []
