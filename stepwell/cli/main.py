"""Parse the arguments, run a command, and turn an error into one line on stderr and the exit code of its class.

0 is success, 1 any other error, or items of a map that failed, 2 usage or configuration, 3 keys, 4 refused by the
provider, 5 rate limit, quota or budget, 6 context too long, 7 network, 8 an answer that cannot be read, 9 an object
that does not fit its schema, 10 a tool, 130 interrupted. STEPWELL_RAISE=1 shows the traceback instead.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any, NamedTuple

from .. import __version__
from ..providers import WIRES
from ..schemas.errors import ConfigError, StepwellError
from .printing import print_in_any_locale, say

Argument = tuple[tuple[str, ...], dict[str, Any]]


def _argument(*flags: str, **settings: Any) -> Argument:
    """Describe an argument, by the parameters of `ArgumentParser.add_argument`."""
    return flags, settings


_OPTION = _argument("-o", "--option", action="append", default=[], metavar="NAME=VALUE", help="any other option")
_JSON = _argument("--json", action="store_true")
_IMPORT = _argument(
    "--import",
    dest="modules",
    action="append",
    default=[],
    metavar="MODULE",
    help="import this first: a module that registers your providers, overrides, models",
)
_CALL = (
    _argument("-s", "--system", help="a system message"),
    _argument("-t", "--temperature", type=float),
    _argument("-n", "--max-tokens", type=int, help="the most tokens of an answer"),
    _argument("--effort", dest="reasoning_effort", help="how hard to think: none, low, medium, high ..."),
    _OPTION,
    _argument("--hide-reasoning", action="store_true", help="do not show the thinking on stderr"),
)
_MODEL_FLAG = _argument("-m", "--model", dest="model_flag", metavar="MODEL", help="the model, not as a word")
_KINDS = ["query", "document", "similarity", "classification", "clustering"]


class _Command(NamedTuple):
    """A command, whose module is imported when it runs: `stepwell --help` takes a third of the time."""

    module: str
    function: str
    about: str
    arguments: Sequence[Argument]


_MODEL = "provider:model-id (default: $STEPWELL_MODEL, else local:smollm2)"
_COMMANDS = {
    "ask": _Command(
        "ask",
        "ask",
        "ask once; the prompt may also come from standard input",
        (
            _argument("words", nargs="*", metavar="[MODEL] PROMPT", help=f"{_MODEL}, then the prompt"),
            _MODEL_FLAG,
            *_CALL,
            _argument("--no-stream", action="store_true", help="wait for the whole answer"),
            _IMPORT,
            _argument("--json", action="store_true", help="print the reply as JSON"),
            _argument("--image", action="append", default=[], metavar="PATH", help="an image to send with the prompt"),
        ),
    ),
    "chat": _Command(
        "chat",
        "chat",
        "a conversation; /quit leaves, /save PATH and /load PATH keep it",
        (
            _argument("model", nargs="?", help=_MODEL),
            _MODEL_FLAG,
            *_CALL,
            _IMPORT,
        ),
    ),
    "embed": _Command(
        "embed",
        "run_embed",
        "vectors of texts, one line of JSON each; without texts, of the lines of standard input",
        (
            _argument("words", nargs="*", metavar="[MODEL] TEXT", help=f"{_MODEL}, then texts"),
            _MODEL_FLAG,
            _argument("--file", metavar="PATH", help="embed the lines of this file as well"),
            _argument("--kind", choices=_KINDS, metavar="KIND", help=", ".join(_KINDS)),
            _argument("--dimensions", type=int, metavar="N", help="length of the vectors, if the model can choose"),
            _argument(
                "--cache",
                nargs="?",
                const=True,
                metavar="PATH",
                help="keep vectors in this file, or in your cache folder",
            ),
            _argument("--batch-size", type=int, metavar="N", help="most texts in one call"),
            _argument("--workers", type=int, default=4, metavar="N", help="calls at once (4)"),
            _OPTION,
            _IMPORT,
            _argument("--json", action="store_true", help="print one object, with usage and cost"),
        ),
    ),
    "map": _Command(
        "map_items",
        "run_map",
        "ask the same about each item of a file; killed and run again, it goes on",
        (
            _argument(
                "words",
                nargs="*",
                metavar="[MODEL] IN",
                help=f"{_MODEL}, then the items: JSONL, CSV, TSV or Parquet; - for lines of JSON on standard input",
            ),
            _argument("--prompt", help="a template: 'Is this kind? {text}'; {item} is the whole item"),
            _MODEL_FLAG,
            _argument("--out", metavar="OUT.jsonl", help="the results (default: standard output)"),
            _argument("--schema", metavar="FILE", help="a JSON Schema, for results that are objects"),
            _argument("--key", metavar="FIELD", help="the field by which an item is known again"),
            _argument("--workers", type=int, default=16, metavar="N", help="items at once (16)"),
            _argument("--as-done", action="store_true", help="results as they are done, not in the items' order"),
            _argument("--retry-failed", action="store_true", help="send the items again whose result is an error"),
            _argument(
                "--mode",
                choices=["live", "batch", "auto"],
                default="live",
                metavar="MODE",
                help="live (default), batch, auto",
            ),
            _argument("--within", default="24h", metavar="TIME", help="auto is live if a batch may take longer (24h)"),
            _argument("--journal", metavar="FILE", help="record the parts of each answer, for a run that is killed"),
            _argument("--plot", metavar="FILE.svg", help="draw how long the items took, and the errors"),
            *_CALL[:-1],
            _IMPORT,
        ),
    ),
    "models": _Command(
        "listing",
        "print_models",
        "models with their abilities and prices",
        (
            _argument("text", nargs="?", help="a provider, or words that must occur in id or name"),
            _argument("--provider"),
            _argument("--reasoning", action="store_true", default=None),
            _argument("--tools", action="store_true", default=None),
            _argument("--structured-output", action="store_true", default=None),
            _argument("--input", action="append", metavar="MODALITY", help="text, image, audio, video or pdf"),
            _argument("--output", action="append", metavar="MODALITY"),
            _argument("--context-at-least", type=int, metavar="TOKENS"),
            _argument("--max-input-price", metavar="USD", help="dollars per million tokens"),
            _argument("--max-output-price", metavar="USD"),
            _JSON,
        ),
    ),
    "providers": _Command("listing", "providers", "each provider: wire, address, key variable, key present", (_JSON,)),
    "pipeline": _Command(
        "listing",
        "pipeline",
        "the steps of a call, and where each comes from",
        (
            _argument("model", nargs="?", help=_MODEL),
            _MODEL_FLAG,
            _argument("--operation", default="chat"),
            _argument("--stream", action="store_true"),
            _argument("--wire"),
            _IMPORT,
        ),
    ),
    "jobs": _Command(
        "jobs",
        "run_jobs",
        "the jobs of a journal: `stepwell jobs work.sqlite`, or show or forget one",
        (
            _argument("path", help="what Client(journal=...) was given"),
            _argument("action", nargs="?", choices=["show", "forget"]),
            _argument("job", nargs="?", metavar="JOB"),
            _argument("--part", default="", help="show or forget this part of it: its name or the beginning"),
            _JSON,
        ),
    ),
    "local": _Command(
        "local",
        "run_local",
        "the embedded model: `stepwell local install` fetches it",
        (_argument("action", choices=["install", "path"]),),
    ),
    "new-provider": _Command(
        "new_provider",
        "new_provider",
        "write the declaration of a provider and its test, here",
        (
            _argument("name", help="its id, which also names the file: letters, digits, _, - and dots"),
            _argument("--base-url", metavar="URL", help="where it is called: https://api.acme.example/v1"),
            _argument(
                "--wire",
                choices=sorted(WIRES),
                default="openai_chat",
                metavar="WIRE",
                help=f"the format that it speaks (default: %(default)s): {', '.join(sorted(WIRES))}",
            ),
            _argument("--no-key", action="store_true", help="it is a server that takes no key"),
        ),
    ),
    "docs": _Command(
        "docs",
        "docs",
        "the documentation: its list of pages, a page, or where words occur in it",
        (_argument("words", nargs="*", metavar="PAGE or WORD", help="steps, tutorial, errors ...; or words to find"),),
    ),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code."""
    print_in_any_locale()
    arguments = _parsed(sys.argv[1:] if argv is None else [*argv])
    try:
        for name in getattr(arguments, "modules", ()):
            _import(name)
        row = _COMMANDS[arguments.command]
        code = getattr(import_module(f".{row.module}", __package__), row.function)(arguments) or 0
        if sys.stdout is not None:
            sys.stdout.flush()
    except StepwellError as error:
        if os.environ.get("STEPWELL_RAISE"):
            raise
        text = str(error)
        if hasattr(arguments, "modules"):
            from ..providers.declare.registry import NEEDS_REGISTER  # `stepwell --help` does without it

            text = text.replace(NEEDS_REGISTER, "one of your own needs --import MODULE, a module that registers it")
        say(f"stepwell: {text}", on_stderr=True)
        return error.exit_code
    except KeyboardInterrupt:
        say(on_stderr=True)
        return 130
    except OSError as error:
        if error.filename is not None or os.environ.get("STEPWELL_RAISE"):  # not of the output, which has no name
            raise
        # The reader has closed the pipe (`stepwell ... | head`), which is no error, or the disk is full: what is still
        # to be written must not be tried again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            say(f"stepwell: the output cannot be written: {error.strerror}", on_stderr=True)
            return 1
        return 0
    return code


def _import(name: str) -> None:
    """Import a module of the user's, which may override, register and patch; the current folder comes first."""
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        import_module(name)
    except ImportError as error:
        raise ConfigError(f"cannot import {name!r}: {error}", hint="name a module, as for python -m") from None


def _parsed(argv: list[str]) -> argparse.Namespace:
    """Read the command line. Raises SystemExit, with what is wrong on stderr, for one that cannot be read."""
    parser, commands = _parsers()
    name, *rest = argv or [""]
    command = commands.get(name)
    if command is None:
        if name not in ("", "-h", "--help", "--version"):
            from .mistakes import unknown_command

            parser.error(unknown_command(name, commands))
        return parser.parse_args(argv)
    # Options may stand between words: `stepwell ask -t 0 MODEL -n 100 PROMPT`.
    arguments, unknown = command.parse_known_intermixed_args(rest)
    if unknown:
        from .mistakes import unknown_arguments

        flags = {flag for flags, _ in _COMMANDS[name].arguments for flag in flags if flag.startswith("-")}
        command.error(unknown_arguments(name, unknown, flags))
    return arguments


def _parsers() -> tuple[argparse.ArgumentParser, dict[str, argparse.ArgumentParser]]:
    """Return the parser of the whole command line, and that of each command by its name."""
    parser = argparse.ArgumentParser(prog="stepwell", description="Language models as pipelines of small named steps.")
    parser.add_argument("--version", action="version", version=f"stepwell {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, row in _COMMANDS.items():
        command = commands.add_parser(name, help=row.about, description=row.about)
        command.set_defaults(command=name)
        for flags, settings in row.arguments:
            command.add_argument(*flags, **settings)
    return parser, commands.choices
