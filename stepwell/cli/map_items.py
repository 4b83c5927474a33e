"""`stepwell map`: ask the same about each line of a file; the results go to a file, the summary to stderr."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from ..api import Client
from ..model_metadata.similar_models import models_like
from ..providers.declare.registry import REGISTRY
from ..schemas.errors import ConfigError, UnknownModel
from ..schemas.files import SETTINGS_BYTES, read_file
from ..schemas.json_text import JSONDecodeError, loads
from ..workflows.map.inputs import ENDINGS, json_lines
from ..workflows.map.run import MapRun
from ..workflows.map.summary import MapSummary
from .ask import options_of
from .naming import is_model, one_model, say_who
from .printing import print_warnings, say


def run_map(arguments: argparse.Namespace) -> int:
    """Map the file. Return 1 if items have an error as their result, else 0."""
    items: Any
    model, items = model_and_items(arguments.words, arguments.model_flag)
    if items == "-":
        items = json_lines(sys.stdin.buffer, "standard input")
    with Client() as client:
        if model is None:
            say_who(client.default_model, "answers")
        run = client.map(
            items,
            model=model,
            prompt=arguments.prompt,
            schema=_schema(arguments.schema),
            key=arguments.key,
            workers=arguments.workers,
            out=arguments.out,
            retry_failed=arguments.retry_failed,
            order="as_done" if arguments.as_done else "kept",
            progress=None if arguments.out or not sys.stdout.isatty() else False,
            journal=arguments.journal,
            mode=arguments.mode,
            within=arguments.within,
            **_options(arguments),
        )
        summary = run.run() if arguments.out else _print_results(run)
    print_warnings(summary.warnings)
    say(summary, on_stderr=True)
    if arguments.plot:
        summary.plot(arguments.plot)
    return 1 if summary.failed or summary.skipped_failed else 0


def model_and_items(words: list[str], flag: str | None) -> tuple[str | None, str]:
    """Return the model, None if none is named, and the file of the items.

    words: the arguments of the command line.
    flag: what was given with --model.

    Raises ConfigError for other words, and UnknownModel for a model's name without a provider.
    """
    files = [word for word in words if word == "-" or word.lower().endswith(ENDINGS)]
    others = [word for word in words if word not in files]
    model = others.pop(0) if others and is_model(others[0]) else None
    if not files and others:
        files = [others.pop(0)]  # whose error says what a file of items is
    if not files:
        raise ConfigError("there are no items", hint="name a file of items, or - for lines of JSON on standard input")
    others += files[1:]
    for other in others:
        if meant := models_like(other, REGISTRY.knows):
            raise UnknownModel(f"{other!r} does not name a model", hint=f"write {' or '.join(meant)}")
        way = "--out" if other in files else "--prompt"
        raise ConfigError(f"map takes one file of items, not also {other!r:.60}", hint=f"write {way} {other!r:.60}")
    return one_model(model, flag), files[0]


def _options(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the options of the calls. Raises ConfigError for one without a value."""
    for word in arguments.option:
        if "=" not in word:
            raise ConfigError(f"{word!r} is not an option", hint="write -o NAME=VALUE; results go to --out FILE.jsonl")
    return options_of(arguments)


def _print_results(run: MapRun) -> MapSummary:
    """Print each result as a line of JSON, and return the summary."""
    for result in run:
        say(result.line().decode(), end="")
    return run.summary


def _schema(path: str | None) -> object:
    """Read the JSON Schema of a file; None without one. Raises ConfigError for a file that is not JSON."""
    if path is None:
        return None
    try:
        return loads(read_file(path, at_most=SETTINGS_BYTES, label="the schema"))
    except JSONDecodeError as error:
        raise ConfigError(f"the schema {path} is not JSON: {error.msg}", hint="write a JSON Schema") from None
