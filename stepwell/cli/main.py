"""Parse the arguments, run a command, and turn an error into one line on stderr and the exit code of its class.

0 is success, 1 any other error, 2 usage or configuration, 3 keys, 4 refused by the provider, 5 rate limit, quota or
budget, 6 context too long, 7 network, 8 an answer that cannot be read, 9 an object that does not fit its schema, 10 a
tool, 130 interrupted. STEPWELL_RAISE=1 shows the traceback instead.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module

from .. import __version__
from ..schemas.errors import StepwellError
from .printing import print_in_any_locale

_COMMANDS = {
    "ask": ("ask", "ask"),
    "chat": ("chat", "chat"),
    "embed": ("embed", "run_embed"),
    "models": ("listing", "print_models"),
    "providers": ("listing", "providers"),
    "pipeline": ("listing", "pipeline"),
    "local": ("local", "run_local"),
}
"""The module and the function of each command, imported when it runs: `stepwell --help` takes a third of the time."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code."""
    print_in_any_locale()
    arguments = _parser().parse_args(argv)
    try:
        _function_of(arguments.command)(arguments)
        if sys.stdout is not None:
            sys.stdout.flush()
    except StepwellError as error:
        if os.environ.get("STEPWELL_RAISE"):
            raise
        print(f"stepwell: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print(file=sys.stderr)
        return 130
    except BrokenPipeError:
        # The reader has closed the pipe (`stepwell ... | head`): no error, and nothing more may be written at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="stepwell", description="Language models as pipelines of small named steps.")
    parser.add_argument("--version", action="version", version=f"stepwell {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    command = _command(commands, "ask", "ask once; the prompt may also come from standard input")
    command.add_argument(
        "words", nargs="*", metavar="[MODEL] PROMPT", help="a model if it looks like one, then the prompt"
    )
    _call_options(command)
    command.add_argument("--no-stream", action="store_true", help="wait for the whole answer")
    command.add_argument("--json", action="store_true", help="print the reply as JSON")
    command.add_argument(
        "--image", action="append", default=[], metavar="PATH", help="an image to send with the prompt"
    )

    command = _command(commands, "chat", "a conversation; /quit leaves, /save PATH and /load PATH keep it")
    command.add_argument("model", nargs="?", help="provider:model-id (default: $STEPWELL_MODEL, else the local model)")
    _call_options(command)

    command = _command(
        commands,
        "embed",
        "vectors of texts, one line of JSON each; without texts, of the lines of standard input",
    )
    command.add_argument("words", nargs="*", metavar="[MODEL] TEXT", help="a model if it looks like one, then texts")
    command.add_argument("--file", metavar="PATH", help="embed the lines of this file as well")
    kinds = ["query", "document", "similarity", "classification", "clustering"]
    command.add_argument("--kind", choices=kinds, metavar="KIND", help=", ".join(kinds))
    command.add_argument("--dimensions", type=int, metavar="N", help="length of the vectors, if the model can choose")
    command.add_argument(
        "--cache", nargs="?", const=True, metavar="PATH", help="keep vectors in this file, or in your cache folder"
    )
    command.add_argument("--batch-size", type=int, metavar="N", help="most texts in one call")
    command.add_argument("--workers", type=int, default=4, metavar="N", help="calls at once (4)")
    command.add_argument("-o", "--option", action="append", default=[], metavar="NAME=VALUE", help="any other option")
    command.add_argument("--json", action="store_true", help="print one object, with usage and cost")

    command = _command(commands, "models", "models with their abilities and prices")
    command.add_argument("text", nargs="?", help="a provider, or words that must occur in id or name")
    command.add_argument("--provider")
    for ability in ("reasoning", "tools", "structured-output"):
        command.add_argument(f"--{ability}", action="store_true", default=None)
    command.add_argument("--input", action="append", metavar="MODALITY", help="text, image, audio, video or pdf")
    command.add_argument("--output", action="append", metavar="MODALITY")
    command.add_argument("--context-at-least", type=int, metavar="TOKENS")
    command.add_argument("--max-input-price", metavar="USD", help="dollars per million tokens")
    command.add_argument("--max-output-price", metavar="USD")
    command.add_argument("--json", action="store_true")

    command = _command(commands, "providers", "each provider: wire, address, key variable, key present")
    command.add_argument("--json", action="store_true")

    command = _command(commands, "pipeline", "the steps of a call, and where each comes from")
    command.add_argument("model", nargs="?")
    command.add_argument("--operation", default="chat")
    command.add_argument("--stream", action="store_true")
    command.add_argument("--wire")
    imports = "import this first: your overrides, providers, models"
    command.add_argument("--import", dest="modules", action="append", default=[], metavar="MODULE", help=imports)

    command = _command(commands, "local", "the embedded model: `stepwell local install` fetches it")
    command.add_argument("action", choices=["install", "path"])
    return parser


def _command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, text: str
) -> argparse.ArgumentParser:
    command = commands.add_parser(name, help=text, description=text)
    command.set_defaults(command=name)
    return command


def _function_of(command: str) -> Callable[[argparse.Namespace], None]:
    module, name = _COMMANDS[command]
    function: Callable[[argparse.Namespace], None] = getattr(import_module(f".{module}", __package__), name)
    return function


def _call_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("-s", "--system", help="a system message")
    command.add_argument("-t", "--temperature", type=float)
    command.add_argument("-n", "--max-tokens", type=int)
    command.add_argument("--effort", dest="reasoning_effort", help="how hard to think: none, low, medium, high ...")
    command.add_argument("-o", "--option", action="append", default=[], metavar="NAME=VALUE", help="any other option")
    command.add_argument("--hide-reasoning", action="store_true", help="do not show the thinking on stderr")
