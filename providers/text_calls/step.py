"""The step that reads tool calls out of the text of answers."""

from __future__ import annotations

from ...pipeline.http.request import Request
from ...pipeline.http.response import Response
from ...pipeline.step import Step, after
from ...pipeline.stream.rewrite_text import pass_through
from .forms import KnownForms
from .stage import TextCalls


def read_text_calls(*forms: str) -> Step:
    """Read tool calls that a model wrote as text, streamed or not: `Client(pipeline=[read_text_calls()])`.

    Only answers to requests that offer tools are looked at. Nothing of a call is shown as text. A call that cannot be
    read becomes one whose arguments do not parse: no loop runs it, and the model gets to read why.

    forms: the names of the forms to read (see `stepwell.steps.TEXT_CALL_FORMS`); by default all that begin with a mark.
        "json" and "python" have none: an answer that is nothing but calls of offered tools is read as these calls.

    Raises InvalidOption for an unknown form.
    """
    known = KnownForms(*forms)

    def read(response: Response, request: Request) -> None:
        reply = response.reply
        tools = [tool for tool in request.context.tools if tool.server is None]
        if not tools or request.options.get("tool_choice") == "none":
            return
        if reply is None or any(known.anywhere.search(each.text) for each in (reply.message, *reply.alternatives)):
            pass_through(response, TextCalls(known, tools, request.world.new_id))

    return after("read_text_calls", read)
