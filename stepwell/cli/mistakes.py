"""Say what is meant by a command line that cannot be read. It is loaded for a mistake alone."""

from __future__ import annotations

from collections.abc import Collection

from ..schemas.nearest import misspelt
from ..schemas.options import CHAT_OPTIONS
from .naming import is_model

_COMMANDS = {
    "list": "models",
    "ls": "models",
    "run": "ask",
    "complete": "ask",
    "generate": "ask",
    "prompt": "ask",
    "embeddings": "embed",
    "batch": "map",
    "install": "local install",
    "help": "--help",
    "version": "--version",
}
"""What other programs call a command, and what it is here."""
_FLAGS = {
    "--output": "--out",
    "--schema-file": "--schema",
    "--concurrency": "--workers",
    "--jobs": "--workers",
    "--threads": "--workers",
    "--reasoning-effort": "--effort",
    "--reasoning": "--effort",
    "--instructions": "--system",
    "--attachment": "--image",
    "--id": "--key",
}
"""What other programs call a flag, and what it is here."""


def unknown_command(name: str, known: Collection[str]) -> str:
    """Return what to say of a first word that is no command.

    name: the word.
    known: the names of the commands.
    """
    what = f"there is no command {name!r:.60}"
    if name.startswith("-"):
        return f"{name:.60} is no command; write a command first: {', '.join(known)}"
    if is_model(name) or any(map(str.isspace, name)):
        return f"{what}; did you mean: stepwell ask {name if is_model(name) else '...'}"
    meant = _COMMANDS.get(name) or misspelt(name, known)
    return f"{what}; did you mean: stepwell {meant}" if meant else f"{what}; known are {', '.join(known)}"


def unknown_arguments(command: str, unknown: list[str], flags: Collection[str]) -> str:
    """Return what to say of arguments that a command does not take.

    command: its name.
    unknown: the arguments, in order.
    flags: those that it takes.
    """
    first = next((word for word in unknown if word.startswith("-")), None)
    if first is None:
        hint = f"; stepwell models {unknown[0]} lists the models of one" if command == "providers" else ""
        return f"unexpected: {' '.join(map(repr, unknown))}{hint}"
    return f"there is no {first.partition('=')[0]:.60}{_hint(command, first.partition('=')[0], flags)}"


def _hint(command: str, flag: str, flags: Collection[str]) -> str:
    option = flag.strip("-").replace("-", "_")
    meant = _FLAGS.get(flag)
    if meant is None or meant not in flags:
        meant = misspelt(flag, [each for each in flags if each.startswith("--")])
    if meant is not None:
        return f"; did you mean {meant}?"
    if option in CHAT_OPTIONS and "--option" in flags:
        return f"; write -o {option}=VALUE"
    if option == "prompt":
        return f"; the prompt is written without it: stepwell {command} [MODEL] PROMPT"
    if option == "stream" and "--no-stream" in flags:
        return "; answers are streamed, unless there is --no-stream"
    return f"; known are {', '.join(sorted(each for each in flags if each.startswith('--')))}"
