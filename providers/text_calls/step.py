"""The step that reads tool calls out of the text of answers."""

from __future__ import annotations

from ...pipeline.http.request import Request
from ...pipeline.http.response import Response
from ...pipeline.step import Step, after
from ...pipeline.stream.rewrite_text import pass_through
from ...schemas.missing_argument import saying_how_it_is_made
from .forms import known_forms
from .stage import TextCalls


@saying_how_it_is_made
def read_text_calls(*forms: str) -> Step:
    """Read tool calls that a model wrote as text, streamed or not: `Client(pipeline=[read_text_calls()])`.

    Only answers to requests that offer tools are looked at. Nothing of a call is shown as text. A call that cannot be
    read becomes one whose arguments do not parse: no loop runs it, and the model gets to read why.

    forms: the names of the forms to read (see `stepwell.steps.TEXT_CALL_FORMS`); by default all that begin with a mark.
        "json" and "python" have none: an answer that is nothing but calls of offered tools is read as these calls.

    Raises InvalidOption for an unknown form.
    """
    return reading_step("read_text_calls", forms)


def reading_step(name: str, forms: tuple[str, ...]) -> Step:
    """Make this step under another name: that of a model's family stands beside one that the caller adds."""
    known = known_forms(*forms)

    def read(response: Response, request: Request) -> None:
        offered, reply = request.context.tools, response.reply
        if not offered or request.options.get("tool_choice") == "none":
            return
        if reply is not None and not reply.alternatives and not known.anywhere.search(reply.message.text):
            return
        tools = [tool for tool in offered if tool.server is None]
        if tools:
            pass_through(response, TextCalls(known, tools, request.world.new_id))

    return after(name, read)
