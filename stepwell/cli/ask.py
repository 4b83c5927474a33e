"""`stepwell ask`: print the answer on stdout, reasoning and warnings on stderr."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from typing import Any

from ..api import Client
from ..pipeline.stream.stream import Stream
from ..providers.declare.registry import REGISTRY
from ..schemas.chunks import ReasoningDelta, TextDelta
from ..schemas.errors import ConfigError
from ..schemas.json_text import loads
from ..schemas.message import user
from ..schemas.parts import Image, Part
from ..schemas.reply import Reply
from .endings import print_ending
from .naming import model_and_text, say_who
from .printing import print_json, print_warnings, say


def ask(arguments: argparse.Namespace) -> None:
    """Ask once. Text on standard input is added below the prompt."""
    model, words = model_and_text(arguments.words, arguments.model_flag, alone=at_terminal())
    prompt = "\n\n".join(part for part in (" ".join(words), piped().strip()) if part)
    content: list[str | Part] = [Image.from_file(path) for path in arguments.image]
    if prompt.strip():
        content.append(prompt)
    if not content:
        raise ConfigError("there is nothing to ask", hint="give a prompt, or text on standard input")
    with Client() as client:
        if model is None:
            say_who(client.default_model, "answers")
        options = {**usual_options(model or client.default_model), **options_of(arguments)}
        if arguments.no_stream or arguments.json:
            reply = client.generate_text(model, user(content), **options)
            if arguments.json:
                print_json(reply_as_json(reply))
                return
            say(reply.text)
        else:
            reply = show(client.stream_text(model, user(content), **options), arguments.hide_reasoning)
    print_ending(reply, options)
    print_warnings(reply.warnings)


def show(stream: Stream, hide_reasoning: bool = False) -> Reply:
    """Print a stream as it comes; return its reply."""
    thinking = False
    with stream:
        for chunk in stream:
            if isinstance(chunk, TextDelta):
                if thinking:
                    say(on_stderr=True)
                    thinking = False
                say(chunk.text, end="")
            elif isinstance(chunk, ReasoningDelta) and not hide_reasoning:
                thinking = True
                say(chunk.text, end="", on_stderr=True)
    reply = stream.reply()
    say()
    return reply


def options_of(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the options of a call from the command line."""
    named = ("system", "temperature", "max_tokens", "reasoning_effort")
    options = {name: getattr(arguments, name) for name in named if getattr(arguments, name) is not None}
    return {**options, **extra_options(arguments.option)}


def usual_options(model: str) -> Mapping[str, object]:
    """Return the options that a call on the command line has where the user gives none, by the model's provider."""
    provider = REGISTRY.get(model.partition(":")[0])
    return {} if provider is None else provider.usual_options


def extra_options(words: list[str]) -> dict[str, Any]:
    """Return the options that were written as -o NAME=VALUE. A value is JSON if it parses as such, else text."""
    options: dict[str, Any] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals:
            raise ConfigError(f"{word!r} is not an option", hint="write -o NAME=VALUE")
        try:
            options[name] = loads(value)
        except ValueError:
            options[name] = value
    return options


def reply_as_json(reply: Reply) -> dict[str, Any]:
    """Return a reply as `--json` prints it."""
    usage = {
        name: getattr(reply.usage, name)
        for name in ("input_tokens", "output_tokens", "cached_input_tokens", "reasoning_tokens")
    }
    return {
        "text": reply.text,
        "reasoning": reply.reasoning or None,
        "tool_calls": [{"id": c.id, "name": c.name, "arguments": c.arguments} for c in reply.tool_calls],
        "finish_reason": reply.finish_reason,
        "usage": usage,
        "cost": None if reply.cost.total is None else str(reply.cost.total),
        "model": reply.model,
        "provider": reply.provider,
        "id": reply.id,
        "request_id": reply.request_id,
        "warnings": [str(warning) for warning in reply.warnings],
    }


def at_terminal() -> bool:
    """Return whether standard input is a terminal; it may also be closed."""
    return sys.stdin is not None and sys.stdin.isatty()


def piped() -> str:
    """Return all text of standard input; "" from a terminal. Raises ConfigError for input that is not text."""
    if sys.stdin is None or sys.stdin.isatty():
        return ""
    try:
        return sys.stdin.read()
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"standard input is not text in {error.encoding}", hint="pass an image by --image PATH"
        ) from None
