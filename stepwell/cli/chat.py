"""`stepwell chat`: hold a conversation in the terminal, or in a pipe with one turn a line."""

from __future__ import annotations

import argparse
import sys

from ..api import Client
from ..pipeline.step import Halt, on_request
from ..schemas.atomic_files import write_file
from ..schemas.errors import StepwellError
from ..schemas.files import RECORD_BYTES, read_file
from ..schemas.message import Context
from ..schemas.reply import CallWarning, Reply
from .ask import at_terminal, options_of, show, usual_options
from .endings import print_ending
from .naming import one_model, say_who
from .printing import print_warnings, say

_HELP = "/quit leaves, /clear forgets, /save PATH and /load PATH keep the conversation"


def chat(arguments: argparse.Namespace) -> None:
    """Ask, answer and remember, until /quit or the end of input. A failed turn is reported and not remembered."""
    context: Context | None = Context()
    arguments.model = one_model(arguments.model, arguments.model_flag)
    interactive = at_terminal()
    with Client() as client:
        print_warnings(_check_call(client, arguments))
        if interactive:
            say(f"{arguments.model or client.default_model}: {_HELP}", on_stderr=True)
        elif arguments.model is None:
            say_who(client.default_model, "answers")
        while context is not None and (line := _line(interactive)) is not None:
            try:
                if line.startswith("/"):
                    context = _command(line, context)
                elif line:
                    context = _turn(client, arguments, context, line)
            except StepwellError as error:
                if not interactive:
                    raise
                say(f"stepwell: {error}", on_stderr=True)


def _check_call(client: Client, arguments: argparse.Namespace) -> tuple[CallWarning, ...]:
    """Return the warnings that every call would have.

    Raises the error that every call would have before it is sent: an unknown provider, no key, a misspelt option.
    """
    stop = on_request("stop", lambda request: Halt(Reply(warnings=request.warnings)))
    before_sending = client.pipeline.before("prepare_request", stop)
    return client.generate_text(arguments.model, "-", pipeline=before_sending, **options_of(arguments)).warnings


def _turn(client: Client, arguments: argparse.Namespace, context: Context, line: str) -> Context:
    """Ask a question; return the conversation with its answer, or with the part before Ctrl-C stopped it."""
    question = context.append(line)
    options = {**usual_options(arguments.model or client.default_model), **options_of(arguments)}
    stream = client.stream_text(arguments.model, question, **options)
    try:
        reply = show(stream, arguments.hide_reasoning)
        print_ending(reply, options)
        return question.append(reply.message)
    except KeyboardInterrupt:
        if not at_terminal():
            raise
        say("\n(stopped)", on_stderr=True)
    try:
        partial = stream.reply()
    except StepwellError as error:
        partial = error.partial
    return question.append(partial.message) if partial is not None and partial.text else context


def _line(interactive: bool) -> str | None:
    if interactive:
        say("> ", end="", on_stderr=True)
    line = sys.stdin.readline() if sys.stdin is not None else ""
    return line.strip() if line else None


def _command(line: str, context: Context) -> Context | None:
    """Run a command; return the conversation after it, None to leave."""
    name, _, path = line.partition(" ")
    match name:
        case "/quit" | "/exit":
            return None
        case "/clear":
            return Context()
        case "/save" if path:
            write_file(path, context.to_json().encode())
        case "/load" if path:
            return Context.from_json(read_file(path, at_most=RECORD_BYTES))
        case _:
            say(_HELP, on_stderr=True)
    return context
