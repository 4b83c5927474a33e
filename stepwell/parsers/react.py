"""ReAct in plain text (https://arxiv.org/abs/2210.03629): tools for models that were never taught to call them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from attrs import frozen

from ..schemas.errors import ConfigError, ObjectInvalid
from ..schemas.json_schema.decode import loads_exact
from ..schemas.json_text import dumps, spaced
from ..schemas.tool import Tool
from .arguments import read_arguments, read_call
from .parser import OutputParser, unreadable

STOP: Final = "\nObservation:"
"""Give it as `stop=`: where the model goes on to invent what a tool returned, there is nothing more to read."""


@frozen
class Action:
    """A tool to be called. `arguments_json` is the text of a JSON object, not yet held to the tool's schema."""

    thought: str
    tool: str
    arguments_json: str


@frozen
class Answer:
    """The model is done: what it says to the user."""

    thought: str
    text: str


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
    """What to tell a model about the tools and the form of its steps. Raises ConfigError when there are no tools."""
    tools = list(tools)
    if not tools:
        raise ConfigError("ReAct needs at least one tool", hint="pass tools, or ask without ReAct")
    return _PROMPT.format(
        tools="\n".join(map(_described, tools)),
        names=", ".join(tool.name for tool in tools),
        example=_example(tools[0].parameters),
    )


@frozen(init=False)
class ReActParser(OutputParser[Action | Answer]):
    """`react_prompt` and `parse_react` for some tools, as an output parser."""

    tools: tuple[Tool, ...]
    instructions: str

    def __init__(self, tools: Iterable[Tool]) -> None:
        tools = tuple(tools)
        self.__attrs_init__(tools, react_prompt(tools))

    def parse(self, text: str) -> Action | Answer:
        return parse_react(text, self.tools)


def observation(result: str) -> str:
    """A tool's result as the text of the next user message."""
    return f"Observation: {result}"


def _described(tool: Tool) -> str:
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


# A label stands at the start of a line, and may be decorated: "**Action:**", "### Final Answer:", "2. Thought 2:".
# Every repeat is of one class of characters or bounded, so that matching is linear in the text.
_LABEL = re.compile(
    r"^[ \t]*(?:(?:#{1,6}|[>*+-]|\d{1,3}[.)])[ \t]+){0,2}(?P<mark>[*_`]{0,3})"
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
    """What the model's text asks for: its first action, or else its answer.

    All from an "Observation:" of the model's own on is left aside, and so is a second action. Text without any label
    is an answer. The tool's name is brought into the spelling of `tools` where it is one of them, and is given as
    written where it is not. Raises ObjectInvalid, with the text, for half a call (arguments that are missing, left
    open or not an object), an empty answer, and a thought that leads nowhere. A bare word that the token limit cut
    looks whole: do not run what came with the finish reason "length".
    """
    said = _THINKING.sub("", text, count=1)
    labels = list(_LABEL.finditer(said))
    end = next((label.start() for label in labels if label["observation"]), len(said))
    said = said[:end]
    labels = [label for label in labels if label.start() < end]
    first = next((label for label in labels if label["action"] or label["answer"]), None)
    if first is None:
        inline = _ACTION_IN_LINE.search(said)
        if inline is None:
            return _unlabelled(said.strip(), labels, text, tools)
        return _action(_thought(said[: inline.start()]), said[inline.end() :], text, tools)
    thought, rest = _thought(said[: first.start()]), said[_body(first, said) :]
    return _answer(thought, rest, text) if first["answer"] else _action(thought, rest, text, tools)


def _action(thought: str, said: str, text: str, tools: Sequence[Tool]) -> Action | Answer:
    """What stands behind the label "Action:"."""
    labels = [label for label in _LABEL.finditer(said) if label.start() > 0]
    until = next((label for label in labels if not label["input"]), None)
    named, given = _split(said[: until.start()] if until else said)
    name, arguments, read = _parts(named, given)
    folded = _folded(name)
    if folded in _NO_ACTION | _DONE and _known(name, tools) is None:
        answer = next((label for label in labels if label["answer"]), None)
        if answer is not None:
            return _answer(thought, said[_body(answer, said) :], text)
        if folded in _DONE:
            return _answer(thought, arguments.strip()[1:-1] if read is read_call else arguments, text)
        raise _invalid("the model wrote an action without a tool, and no answer", text)
    tool = _known(name, tools)
    if tool is None and not _NAME.match(name):
        raise _invalid(f"the model's action names none of the tools {_names(tools)}", text)
    found = read(arguments, tool.parameters if tool else {})
    if found is None:
        raise _invalid("the model wrote half a call: its arguments are not a whole JSON object", text)
    return Action(thought, tool.name if tool else name, found)


def _split(said: str) -> tuple[str, str | None]:
    """What stands before and behind the first label of an input, which may be in the middle of a line."""
    found = [label for label in _LABEL.finditer(said) if label["input"]][:1]
    inline = _INPUT_IN_LINE.search(said)
    if inline and (not found or inline.start() < found[0].start()):
        return said[: inline.start()].strip(), said[inline.end() :]
    return (said[: found[0].start()].strip(), said[_body(found[0], said) :]) if found else (said.strip(), None)


ReadArguments = Callable[[str, Mapping[str, Any]], str | None]


def _parts(named: str, given: str | None) -> tuple[str, str, ReadArguments]:
    """The tool's name, the text of its arguments, and how to read that."""
    if given is None and (blob := _blob(named)):
        return *blob, read_arguments
    bracketed = _BRACKETED.match(named)
    if given is not None:
        return _bare(bracketed[1] if bracketed else named), given, read_arguments
    if bracketed is not None:
        rest = named[bracketed.end() :]
        return _bare(bracketed[1]), rest, read_arguments if rest[0] == "{" else read_call
    name, _, rest = named.partition("\n")
    return _bare(name), rest, read_arguments


def _blob(said: str) -> tuple[str, str] | None:
    """A call that is one JSON object: {"name": ..., "arguments": ...}, in any of its common spellings."""
    found = read_arguments(said, {}) if "{" in said else None
    if found is None or not said.lstrip("`jsonJSON \n").startswith("{"):
        return None
    value = loads_exact(found)
    name = next((value[key] for key in ("name", "tool", "action", "tool_name") if key in value), None)
    given = next(
        (value[key] for key in ("arguments", "action_input", "parameters", "args", "input") if key in value), ""
    )
    if not isinstance(name, str):
        return None
    return name, given if isinstance(given, str) else spaced(given)


def _unlabelled(said: str, labels: list[re.Match[str]], text: str, tools: Sequence[Tool]) -> Action | Answer:
    if any(label["thought"] for label in labels):
        if inline := _ANSWER_IN_LINE.search(said):
            return _answer(_thought(said[: inline.start()]), said[inline.end() :], text)
        raise _invalid("the model wrote a thought, but neither an action nor an answer", text)
    blob = _blob(said)
    if blob and _known(blob[0], tools):
        return _action("", said, text, tools)
    return _answer("", said, text)


def _answer(thought: str, said: str, text: str) -> Answer:
    if not said.strip():
        raise _invalid("the model's answer is empty", text)
    return Answer(thought, said.strip())


def _body(label: re.Match[str], said: str) -> int:
    """Where the text behind a label begins: past the marks that close its decoration."""
    mark, end = label["mark"], label.end()
    return end + len(mark) if mark and not label["mark_end"] and said.startswith(mark, end) else end


def _thought(said: str) -> str:
    labels = [label for label in _LABEL.finditer(said) if label["thought"]]
    starts = [0, *(_body(label, said) for label in labels)]
    ends = [*(label.start() for label in labels), len(said)]
    return "\n".join(part for a, b in zip(starts, ends, strict=True) if (part := said[a:b].strip()))


def _bare(name: str) -> str:
    return name.strip().strip("`*\"'.,:;<>").strip()


def _folded(name: str) -> str:
    return re.sub(r"[\W_]", "", name).casefold()


def _known(name: str, tools: Sequence[Tool]) -> Tool | None:
    """The tool of that name: exactly, in another spelling, or the only one that a sentence mentions."""
    for spelled in (str, _folded):
        found = [tool for tool in tools if spelled(tool.name) == spelled(name)]
        if len(found) == 1:
            return found[0]
    words = set(re.findall(r"[\w.-]+", name))
    found = [tool for tool in tools if tool.name in words]
    return found[0] if len(found) == 1 else None


def _names(tools: Sequence[Tool]) -> str:
    return ", ".join(tool.name for tool in tools)


def _invalid(message: str, text: str) -> ObjectInvalid:
    return unreadable(message, text, "ask it to keep to the form Thought, Action, Action Input, or Answer")
