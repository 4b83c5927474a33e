"""`stepwell chat`: a conversation in the terminal, or in a pipe with one turn a line."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ..client import Client
from ..core import DEFAULT_MODEL
from ..schemas.errors import ConfigError, StepwellError
from ..schemas.message import Context
from .ask import options_of, show

_HELP = "/quit leaves, /clear forgets, /save PATH and /load PATH keep the conversation"


def chat(arguments: argparse.Namespace) -> None:
    """Ask, answer, remember, until /quit or the end of input. A failed turn is told and not remembered."""
    context = Context()
    talking = sys.stdin.isatty()
    if talking:
        print(f"{arguments.model or DEFAULT_MODEL}: {_HELP}", file=sys.stderr)
    with Client() as client:
        while (line := _line(talking)) is not None:
            if line.startswith("/"):
                if (changed := _command(line, context)) is None:
                    return
                context = changed
            elif line:
                try:
                    stream = client.stream_text(arguments.model, context.append(line), **options_of(arguments))
                    context = context.append(line, show(stream, arguments.hide_reasoning).message)
                except StepwellError as error:
                    if not talking:
                        raise
                    print(f"stepwell: {error}", file=sys.stderr)


def _line(talking: bool) -> str | None:
    if talking:
        print("> ", end="", flush=True, file=sys.stderr)
    line = sys.stdin.readline()
    return line.strip() if line else None


def _command(line: str, context: Context) -> Context | None:
    """The conversation after a command; None to leave."""
    name, _, path = line.partition(" ")
    match name:
        case "/quit" | "/exit":
            return None
        case "/clear":
            return Context()
        case "/save" if path:
            Path(path).write_bytes(context.to_json())
        case "/load" if path:
            try:
                return Context.from_json(Path(path).read_bytes())
            except OSError as error:
                raise ConfigError(f"cannot read {path}: {error.strerror}") from None
        case _:
            print(_HELP, file=sys.stderr)
    return context
