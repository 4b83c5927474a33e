"""Conversations, valid and not, that are sent over every wire."""

from __future__ import annotations

from typing import Any

from stepwell import Context, Image, Tool
from stepwell.messages import Opaque, Reasoning, Text, ToolCall
from stepwell.schemas.message import Message, assistant, system, tool_result, user
from stepwell.schemas.parts import Refusal

ITEM = {"type": "reasoning", "id": "rs", "summary": [], "encrypted_content": "blob"}
LONG_ID = "fc_0a1b2c|" + "x" * 90
LONG_NAME = "mcp__a_server_with_a_name_that_goes_on__and_a_tool_with_one_that_does_as_well"
CITY: dict[str, Any] = {"type": "object", "properties": {"city": {"type": "string"}}}
TOOLS = (Tool("look_up", "Look a city up.", CITY),)
TWICE = ('"{\\"city\\":\\"Pune\\"}"', '"{}"', '""')
NO_OBJECTS = ('{"city": 1', "look up Pune", "[1]", "7", '"Pune"', "true", "{'a': 1}", "\ud83d", '{"n": NaN')


def call(id: str, name: str = "look_up", arguments: str = '{"city":"Pune"}') -> ToolCall:
    return ToolCall(id, name, arguments)


LAWFUL: dict[str, Context] = {
    "tools": Context(
        [
            user("weather?"),
            assistant([Text("let me look"), call("call_1")]),
            tool_result("call_1", "sunny"),
            assistant("It is sunny."),
            user("thanks"),
        ],
        TOOLS,
    ),
    "parallel tools": Context(
        [
            user("both?"),
            assistant([call("a"), call("b", arguments="")]),
            tool_result("a", "sunny"),
            tool_result("b", "no such city", is_error=True),
            user("so?"),
        ],
        TOOLS,
    ),
    "signed reasoning": Context(
        [
            user("think"),
            assistant(
                [
                    Reasoning("hmm", "sig-1", wire="anthropic_messages"),
                    Opaque(
                        "anthropic_messages",
                        {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {}},
                    ),
                    Reasoning(
                        "", encrypted="blob", wire="openai_responses", extra={"openai_responses": {"item": ITEM}}
                    ),
                    Text("done"),
                ]
            ),
            user("more"),
        ]
    ),
    "images": Context(
        [
            user(["see", Image(data=b"\x89PNG")]),
            assistant(call("i", arguments="{}")),
            tool_result("i", ["a picture", Image(data=b"\x89PNG")]),
            user("what is it?"),
        ],
        TOOLS,
    ),
    "system turns": Context(
        [system("be kind"), user("a"), user("b"), assistant(""), system("be brief"), assistant("c"), user("d")]
    ),
    "ids of another vendor": Context(
        [
            user("go"),
            assistant([call(LONG_ID), call("toolu:2/x")]),
            tool_result(LONG_ID, "one"),
            tool_result("toolu:2/x", "two"),
            user("on"),
        ],
        TOOLS,
    ),
    "names of another vendor": Context(
        [
            user("go"),
            assistant([call("1", "look.up"), call("2", LONG_NAME), call("3", "9 lives!"), call("4", "look_up")]),
            *(tool_result(id, "r") for id in "1234"),
            user("on"),
        ],
        (*TOOLS, Tool("look.up", "The same, in another city.", CITY), Tool(LONG_NAME)),
    ),
    "instructions alone": Context([system("Begin a story."), system("Be brief.")]),
    "the model speaks first": Context([assistant("Hello"), user("hi")]),
    "a refusal": Context(
        [user("a"), assistant(Refusal("no")), user("b"), assistant(["but", Refusal("no")]), user("c")]
    ),
    "an empty answer": Context([user("a"), assistant(""), user("b")]),
    "arguments encoded twice": Context(
        [
            user("go"),
            assistant([call(str(at), arguments=text) for at, text in enumerate(TWICE)]),
            *(tool_result(str(at), "r") for at in range(len(TWICE))),
            user("on"),
        ],
        TOOLS,
    ),
    "results in another order": Context(
        [user("a"), assistant([call("1"), call("2")]), tool_result("2", "two"), tool_result("1", "one"), user("b")],
        TOOLS,
    ),
    "one id for two calls": Context(
        [user("a"), assistant([call("x"), call("x")]), tool_result("x", "one"), tool_result("x", "two"), user("b")],
        TOOLS,
    ),
    "an id that comes again": Context(
        [
            *(user("a"), assistant(call("call_0")), tool_result("call_0", "one")),
            *(user("b"), assistant(call("call_0")), tool_result("call_0", "two")),
        ],
        TOOLS,
    ),
    "no ids": Context(
        [
            user("a"),
            assistant([call(""), call("", "other")]),
            Message("tool", "two", name="other"),
            Message("tool", "one", name="look_up"),
            user("b"),
        ],
        TOOLS,
    ),
}
"""Conversations in which nothing is missing, however they are labelled."""

UNLAWFUL: dict[str, Context] = {
    "a call never answered": Context(
        [user("a"), assistant([call("c1"), call("c2")]), tool_result("c1", "sunny"), user("never mind")], TOOLS
    ),
    "no call answered": Context([user("a"), assistant([call("c1"), call("c2")]), user("never mind")], TOOLS),
    "arguments that are no object": Context(
        [
            user("go"),
            assistant([call(str(at), arguments=text) for at, text in enumerate(NO_OBJECTS)]),
            *(tool_result(str(at), "the arguments are no object", is_error=True) for at in range(len(NO_OBJECTS))),
            user("on"),
        ],
        TOOLS,
    ),
    "a call at the end": Context([user("a"), assistant(call("c1"))], TOOLS),
    "a call in the middle": Context([user("a"), assistant(call("c1")), assistant("b"), user("c")], TOOLS),
    "an open call of an id that comes again": Context(
        [user("a"), assistant(call("x")), user("b"), assistant(call("x")), tool_result("x", "sunny")], TOOLS
    ),
    "a result apart from its call": Context(
        [user("a"), assistant(call("c1")), user("wait"), tool_result("c1", "sunny"), user("b")], TOOLS
    ),
    "a result before its call": Context(
        [user("a"), tool_result("c1", "sunny"), assistant(call("c1")), user("b")], TOOLS
    ),
    "a result without a call": Context([user("a"), tool_result("c9", "sunny", name="look_up"), user("b")], TOOLS),
    "a beginning cut off": Context([tool_result("c1", "sunny"), assistant("It is sunny."), user("b")], TOOLS),
    "a result given twice": Context(
        [user("a"), assistant(call("c")), tool_result("c", "sunny"), tool_result("c", "rainy"), user("b")], TOOLS
    ),
}
"""Conversations that every provider refuses as they are."""

HISTORIES = LAWFUL | UNLAWFUL
