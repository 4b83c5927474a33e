"""`stepwell map`: ask the same about each line of a file; the results go to a file, the summary to stderr."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from ..api import Client
from ..schemas.errors import ConfigError
from ..schemas.files import SETTINGS_BYTES, read_file
from ..schemas.json_text import JSONDecodeError, loads
from ..workflows.map.inputs import json_lines
from ..workflows.map.run import MapRun
from ..workflows.map.summary import MapSummary
from .ask import options_of
from .naming import named, say_who
from .printing import print_warnings, say


def run_map(arguments: argparse.Namespace) -> int:
    """Map the file. Return 1 if items have an error as their result, else 0."""
    items: Any = arguments.items
    if items == "-":
        items = json_lines(sys.stdin.buffer, "standard input")
    with Client() as client:
        if arguments.model is None:
            say_who(client.default_model, "answers", "pass --model provider:model-id")
        run = client.map(
            items,
            model=named(arguments.model),
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
            **options_of(arguments),
        )
        summary = run.run() if arguments.out else _print_results(run)
    print_warnings(summary.warnings)
    say(summary, on_stderr=True)
    if arguments.plot:
        summary.plot(arguments.plot)
    return 1 if summary.failed or summary.skipped_failed else 0


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
