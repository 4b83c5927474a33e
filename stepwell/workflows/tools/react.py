"""ReAct as a pipeline step: tools in plain text, for models that were not trained to call them.

In the request, the tools and all earlier calls and results become text; in the answer, the text becomes a call or an
answer. The caller sees tool calls as from any other model, in generate_text and streams as well.
"""

from __future__ import annotations

from collections.abc import Sequence

from ...parsers.react import STOP, Action, observation, parse_react, react_prompt
from ...pipeline.around import around
from ...pipeline.effects import CallNext, StepGenerator
from ...pipeline.http.request import Request
from ...pipeline.step import Step
from ...pipeline.stream.rewrite_text import rewrite_text
from ...schemas.chunks import Finish, PartEnd, ReasoningDelta, StreamChunk, TextDelta
from ...schemas.errors import ObjectInvalid
from ...schemas.json_text import dumps
from ...schemas.message import Context, Message, assistant, user
from ...schemas.missing_argument import saying_how_it_is_made
from ...schemas.parts import MEDIA, ToolCall
from ...schemas.reply import WHOLE
from ...schemas.reply_chunks import call_chunks
from ...schemas.tool import Tool

_OPTIONS = ("tool_choice", "parallel_tool_calls")


@saying_how_it_is_made
def react_tools() -> Step:
    """Offer tools in plain text and read calls out of the answer. Put it outermost: `Client(pipeline=[react_tools()])`.

    There is one call in an answer. Half a call becomes one whose arguments do not parse: no loop runs it, and the model
    gets to read why.
    """

    def run(request: Request, call: CallNext) -> StepGenerator:
        tools = request.context.tools
        if not tools or request.options.get("tool_choice") == "none":
            return call(request)
        return _react(request, call, tools)

    return around("react_tools", run)


def _react(request: Request, call: CallNext, tools: tuple[Tool, ...]) -> StepGenerator:
    stop = request.options.get("stop") or ()
    options = {name: value for name, value in request.options.items() if name not in _OPTIONS}
    options["stop"] = [*([stop] if isinstance(stop, str) else stop), STOP]
    instructed = as_text(request.context).with_instructions(react_prompt(tools))
    response = yield from call(request.replace(context=instructed, options=options))
    return rewrite_text(response, lambda text, finish: _parse_chunks(text, finish, tools))


def as_text(context: Context) -> Context:
    """Return the conversation without tools: calls as the model would have written them, results as observations."""
    messages: list[Message] = []
    for message in context.messages:
        if message.role == "tool":
            files = (part for part in message.content if isinstance(part, MEDIA))
            messages.append(user(observation(message.text), *files))
        elif message.tool_calls:
            messages.append(assistant(_react_text(message)))
        else:
            messages.append(message)
    return Context(tuple(messages))


def _react_text(message: Message) -> str:
    thoughts = filter(None, (message.reasoning, message.text))
    lines = [f"Thought: {thought}" for thought in thoughts]
    for call in message.tool_calls:
        lines += [f"Action: {call.name}", f"Action Input: {call.arguments_json or '{}'}"]
    return "\n".join(lines)


def _parse_chunks(text: str, finish: Finish, tools: Sequence[Tool]) -> list[StreamChunk]:
    """Return the chunks of a thought and a call, or of a thought and an answer."""
    if not text.strip():
        return [finish]
    cut = finish.reason not in WHOLE
    calling = Finish("tool_calls", finish.raw)
    try:
        parsed = parse_react(text, tools)
    except ObjectInvalid as error:
        if cut or "call" not in error.message:
            return [TextDelta(text, 1), finish]
        # A malformed call becomes one that is invalid, for the model to read why: with its arguments as it wrote them.
        name = next((tool.name for tool in tools if tool.name in text), tools[0].name)
        _, label, wrote = text.rpartition("Action Input:")
        if not label or ToolCall("", name, wrote).error is None:  # there are none, or it wrote more after them
            wrote = dumps([error.message]).decode()
        return [*call_chunks(2, "", name, wrote.strip()), calling]
    if not isinstance(parsed, Action):
        return [*_thought_chunks(parsed.thought), TextDelta(parsed.text, 1), finish]
    if cut:
        return [TextDelta(text, 1), finish]
    return [*_thought_chunks(parsed.thought), *call_chunks(2, "", parsed.tool, parsed.arguments_json), calling]


def _thought_chunks(text: str) -> list[StreamChunk]:
    return [ReasoningDelta(text, 0), PartEnd(0)] if text else []
