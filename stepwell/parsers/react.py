"""ReAct in plain text (https://arxiv.org/abs/2210.03629): tools for models that were not trained to call them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from attrs import frozen

from ..providers.text_calls.arguments import named_call, read_arguments, read_call
from ..schemas.errors import ConfigError, ObjectInvalid
from ..schemas.json_schema.decode import loads_exact
from ..schemas.json_text import dumps
from ..schemas.lines import LINE_END
from ..schemas.tool import Tool
from .parser import OutputParser, unreadable

STOP: Final = "\nObservation:"
"""Pass it as `stop=`: what follows would be a tool's result that the model made up."""


@frozen
class Action:
    """A tool call that the model wrote."""

    thought: str
    """What the model wrote before it; may be empty."""
    tool: str
    """The tool's name."""
    arguments_json: str
    """JSON text of an object, not yet checked against the tool's schema."""


@frozen
class Answer:
    """The model's final answer."""

    thought: str
    """What the model wrote before it; may be empty."""
    text: str
    """What the model says to the user."""


_PROMPT = """You can use these tools:

{tools}

To use a tool, write these three lines and then stop:

Thought: what you need to know
Action: the name of one tool ({names})
Action Input: its arguments as one JSON object, for example {example}

You will be given the result, as

Observation: what the tool returned

and can think again. When you need no more tools, write these two lines instead:

Thought: what you know now
Answer: your answer to the user"""


def react_prompt(tools: Iterable[Tool]) -> str:
    """Write the instructions for a model: the tools and the form of its steps. Raises ConfigError without tools."""
    tools = list(tools)
    if not tools:
        raise ConfigError("ReAct needs at least one tool", hint="pass tools, or ask without ReAct")
    return _PROMPT.format(
        tools="\n".join(map(_describe_tool, tools)),
        names=", ".join(tool.name for tool in tools),
        example=_example(tools[0].parameters),
    )


@frozen(init=False)
class ReActParser(OutputParser[Action | Answer]):
    """`react_prompt` and `parse_react` for given tools, as an output parser."""

    tools: tuple[Tool, ...]
    instructions: str

    def __init__(self, tools: Iterable[Tool]) -> None:
        tools = tuple(tools)
        self.__attrs_init__(tools, react_prompt(tools))

    def parse(self, text: str) -> Action | Answer:
        """Return the text's first action, or else its answer; see `parse_react`."""
        return parse_react(text, self.tools)


def observation(result: str) -> str:
    """Write a tool's result as the text of the next user message."""
    return f"Observation: {result}"


def _describe_tool(tool: Tool) -> str:
    about = " ".join(tool.description.split())
    return f"- {tool.name}: {about}\n  arguments (JSON Schema): {dumps(tool.parameters).decode()}"


_SAMPLES = {"string": "...", "integer": 1, "number": 1, "boolean": True, "array": [], "object": {}}


def _example(parameters: Mapping[str, Any]) -> str:
    kinds = {
        name: schema.get("type") if isinstance(schema, Mapping) else None
        for name, schema in parameters.get("properties", {}).items()
    }
    sample = {name: _SAMPLES.get(kind, "...") if isinstance(kind, str) else "..." for name, kind in kinds.items()}
    return dumps(sample).decode()


# A label begins a line and may be decorated: "**Action:**", "### Final Answer:", "2. Thought 2:".
# Every repetition is bounded or of one class of characters, so that matching is linear in the text.
_LABEL = re.compile(
    r"(?:^|(?<=\r))[ \t]*(?:(?:#{1,6}|[>*+-]|\d{1,3}[.)])[ \t]+){0,2}(?P<mark>[*_`]{0,3})"
    r"(?:(?P<thought>thoughts?)|(?P<input>action[ _-]?input|input|args|arguments|parameters)"
    r"|(?P<action>action)|(?P<observation>observation)|(?P<answer>(?:final[ _-]?)?answer))"
    r"[ \t]{0,3}\d{0,3}[ \t]{0,3}(?P<mark_end>[*_`]{0,3})[ \t]{0,3}[:：]",
    re.I | re.M,
)
_ACTION_IN_LINE = re.compile(r"\baction[ \t]{0,3}:(?=.{1,120}?\baction[ _-]?input[ \t]{0,3}:)", re.I | re.S)
_ANSWER_IN_LINE = re.compile(r"(?<=\s)(?:final[ _-]?)?answer[ \t]{0,3}:", re.I)
_INPUT_IN_LINE = re.compile(r"\baction[ _-]?input[ \t]{0,3}:", re.I)
_THINKING = re.compile(r"\A\s*<think>.*?(?:</think>|\Z)", re.S)
_BRACKETED = re.compile(r"([^\[({\n]{1,200}?)[`*\"'\s]{0,20}(?=[\[({])")
_NAME = re.compile(r"[\w.-]{1,128}\Z", re.ASCII)
_NO_ACTION = frozenset(("", "none", "na", "noaction", "noactionneeded", "noactionrequired", "nothing"))
_DONE = frozenset(("finish", "finalanswer", "answer"))


def parse_react(text: str, tools: Sequence[Tool]) -> Action | Answer:
    """Return the first action in the model's text, or else its answer.

    A second action, and everything after an "Observation:" that the model wrote itself, is ignored. Text without any
    label is an answer. The tool's name gets the spelling of `tools` if it is one of them, and stays as written if not.

    Raises ObjectInvalid, with the text, for an incomplete call (arguments that are missing, not closed or no object),
    an empty answer, and a thought without action or answer. An argument that is a bare word looks complete even when
    the token limit cut it: do not run an action from a reply whose finish reason is "length".
    """
    visible = _THINKING.sub("", text, count=1)
    labels = list(_LABEL.finditer(visible))
    end = next((label.start() for label in labels if label["observation"]), len(visible))
    visible = visible[:end]
    labels = [label for label in labels if label.start() < end]
    first = next((label for label in labels if label["action"] or label["answer"]), None)
    if first is None:
        inline = _ACTION_IN_LINE.search(visible)
        if inline is None:
            return _read_unlabelled(visible.strip(), labels, text, tools)
        return _action(_thought(visible[: inline.start()]), visible[inline.end() :], text, tools)
    thought, rest = _thought(visible[: first.start()]), visible[_body(first, visible) :]
    return _answer(thought, rest, text) if first["answer"] else _action(thought, rest, text, tools)


def _action(thought: str, body: str, text: str, tools: Sequence[Tool]) -> Action | Answer:
    """Read what follows the label "Action:".

    thought: the model's thought before it.
    body: the text after the label.
    text: the whole answer, for errors.
    tools: the tools on offer.
    """
    labels = [label for label in _LABEL.finditer(body) if label.start() > 0]
    until = next((label for label in labels if not label["input"]), None)
    name, arguments, read = _call_parts(*_split(body[: until.start()] if until else body))
    folded = _comparable_name(name)
    if folded in _NO_ACTION | _DONE and _find_tool(name, tools) is None:
        answer = next((label for label in labels if label["answer"]), None)
        if answer is not None:
            return _answer(thought, body[_body(answer, body) :], text)
        if folded in _DONE:
            return _answer(thought, arguments.strip()[1:-1] if read is read_call else arguments, text)
        raise _invalid("the model wrote an action without a tool, and no answer", text)
    tool = _find_tool(name, tools)
    if tool is None and not _NAME.match(name):
        names = ", ".join(each.name for each in tools)
        raise _invalid(f"the model's action names none of the tools {names}", text)
    arguments_json = read(arguments, tool.parameters if tool else {})
    if arguments_json is None:
        raise _invalid("the model wrote an incomplete call: its arguments are not a whole JSON object", text)
    return Action(thought, tool.name if tool else name, arguments_json)


def _split(body: str) -> tuple[str, str | None]:
    """Return the text before and after the first label of an input, which may be within a line."""
    labels = [label for label in _LABEL.finditer(body) if label["input"]][:1]
    inline = _INPUT_IN_LINE.search(body)
    if inline and (not labels or inline.start() < labels[0].start()):
        return body[: inline.start()].strip(), body[inline.end() :]
    return (body[: labels[0].start()].strip(), body[_body(labels[0], body) :]) if labels else (body.strip(), None)


ReadArguments = Callable[[str, Mapping[str, Any]], str | None]


def _call_parts(action: str, action_input: str | None) -> tuple[str, str, ReadArguments]:
    """Return the tool's name, the text of its arguments, and the function that reads them.

    action: the text after "Action:".
    action_input: the text after "Action Input:"; None without that label.
    """
    if action_input is None and (call := _json_call(action)):
        return *call, read_arguments
    bracketed = _BRACKETED.match(action)
    if action_input is not None:
        return _bare(bracketed[1] if bracketed else action), action_input, read_arguments
    if bracketed is not None:
        rest = action[bracketed.end() :]
        return _bare(bracketed[1]), rest, read_arguments if rest[0] == "{" else read_call
    end = LINE_END.search(action)
    return _bare(action[: end.start()] if end else action), action[end.end() :] if end else "", read_arguments


def _json_call(body: str) -> tuple[str, str] | None:
    """Read a call written as one JSON object, {"name": ..., "arguments": ...}, in any of its common spellings."""
    found = read_arguments(body, {}) if "{" in body else None
    if found is None or not body.lstrip("`jsonJSON \n").startswith("{"):
        return None
    return named_call(loads_exact(found))


def _read_unlabelled(body: str, labels: list[re.Match[str]], text: str, tools: Sequence[Tool]) -> Action | Answer:
    if any(label["thought"] for label in labels):
        if inline := _ANSWER_IN_LINE.search(body):
            return _answer(_thought(body[: inline.start()]), body[inline.end() :], text)
        raise _invalid("the model wrote a thought, but neither an action nor an answer", text)
    call = _json_call(body)
    if call and _find_tool(call[0], tools):
        return _action("", body, text, tools)
    return _answer("", body, text)


def _answer(thought: str, body: str, text: str) -> Answer:
    if not body.strip():
        raise _invalid("the model's answer is empty", text)
    return Answer(thought, body.strip())


def _body(label: re.Match[str], text: str) -> int:
    """Return where the text of a label begins, after the marks that close its decoration."""
    mark, end = label["mark"], label.end()
    return end + len(mark) if mark and not label["mark_end"] and text.startswith(mark, end) else end


def _thought(text: str) -> str:
    labels = [label for label in _LABEL.finditer(text) if label["thought"]]
    starts = [0, *(_body(label, text) for label in labels)]
    ends = [*(label.start() for label in labels), len(text)]
    return "\n".join(part for a, b in zip(starts, ends, strict=True) if (part := text[a:b].strip()))


def _bare(name: str) -> str:
    return name.strip().strip("`*\"'.,:;<>").strip()


def _comparable_name(name: str) -> str:
    return re.sub(r"[\W_]", "", name).casefold()


def _find_tool(name: str, tools: Sequence[Tool]) -> Tool | None:
    """Return the tool of that name: exactly, in another spelling, or the only one that a sentence mentions."""
    for spelled in (str, _comparable_name):
        found = [tool for tool in tools if spelled(tool.name) == spelled(name)]
        if len(found) == 1:
            return found[0]
    words = set(re.findall(r"[\w.-]+", name))
    found = [tool for tool in tools if tool.name in words]
    return found[0] if len(found) == 1 else None


def _invalid(message: str, text: str) -> ObjectInvalid:
    return unreadable(message, text, "ask it to keep to the form Thought, Action, Action Input, or Answer")
