"""Print in any locale, and within 80 columns."""

from __future__ import annotations

import io
import sys
import textwrap
from collections.abc import Iterable, Sequence

from ..schemas.errors import visible
from ..schemas.json_text import spaced

WIDTH = 80
_INDENT = 4


def print_in_any_locale() -> None:
    """Print characters that the output's encoding lacks as escapes (ASCII, a pipe on Windows) instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors in ("strict", "surrogateescape"):
            stream.reconfigure(errors="backslashreplace")


def say(text: object = "", *, end: str = "\n", on_stderr: bool = False) -> None:
    """Print text. On a terminal its control characters are made visible: much comes from servers and models.

    All commands print by this function alone.
    """
    stream = sys.stderr if on_stderr else sys.stdout
    if stream is not None:
        shown = visible(str(text)) if stream.isatty() else text
        print(shown, end=end, flush=not end, file=stream)  # a part of a line is wanted at once


def print_json(value: object) -> None:
    """Print one line of JSON, with escapes if the output is not Unicode."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    say(spaced(value, ascii=not encoding.lower().replace("-", "").startswith("utf")))


def print_warnings(warnings: Iterable[object]) -> None:
    """Print each warning of a call on stderr."""
    for warning in warnings:
        say(f"warning: {warning}", on_stderr=True)


def print_table(head: Sequence[str], rows: Iterable[tuple[Sequence[str], Iterable[str]]]) -> None:
    """Print a table within 80 columns. A first cell that is too long for its column gets a line of its own.

    head: the titles of the columns.
    rows: the cells of each row, and lines of text below it.
    """
    rows = [([cell.translate(_ONE_LINE) for cell in cells], below) for cells, below in rows]
    widths = [max(len(cells[at]) for cells in [head, *(cells for cells, _ in rows)]) for at in range(len(head))]
    widths[0] = min(widths[0], max(len(head[0]), WIDTH - sum(width + 2 for width in widths[1:])))
    for cells, below in [(head, ()), *rows]:
        first, *others = cells
        if len(first) > widths[0]:
            print_wrapped(first, 0)
            first = ""
        line = "  ".join(f"{cell:<{width}}" for cell, width in zip((first, *others), widths, strict=True))
        print_wrapped(line.rstrip(), 0)
        for text in below:
            print_wrapped(f"{'':<{_INDENT}}{text}", _INDENT)


_ONE_LINE = str.maketrans({"\n": "\\n", "\r": "\\r"})
"""For names that users have made: each row is a line."""


def print_wrapped(line: str, indent: int) -> None:
    """Print a line, wrapped at 80 columns; continuation lines are indented by two columns more than `indent`."""
    if len(line) <= WIDTH:
        say(line)
        return
    start = line[: len(line) - len(line.lstrip())]
    say(
        textwrap.fill(
            line.lstrip(), WIDTH, initial_indent=start, subsequent_indent=" " * (indent + 2), break_on_hyphens=False
        )
    )
