"""Read the description and the parameters from a docstring in the style of Google, NumPy or Sphinx."""

from __future__ import annotations

import ast
import inspect
import re
import sys
from collections.abc import Callable
from textwrap import dedent
from typing import Final

from ..memo import memo

_GOOGLE = re.compile(
    r"(Args|Arguments|Parameters|Params|Attributes|Keyword Args|Keyword Arguments|Other Parameters):\s*"
)
_OTHER_GOOGLE = re.compile(
    r"(?:Returns?|Yields?|Raises):.*|(?:Examples?|Notes?|Warnings?|Warns|See Also|References):\s*"
)
_GOOGLE_ENTRY = re.compile(r"\*{0,2}(\w+)\s*(?:\([^)]*\))?\s*:\s*(.*)")
_NUMPY_ENTRY = re.compile(r"(\*{0,2}\w+(?:\s*,\s*\*{0,2}\w+)*)\s*(?::.*)?")
_NUMPY_SECTIONS: Final = frozenset({"parameters", "other parameters", "attributes"})
_SPHINX = re.compile(r":(\w+)\b([^:]*):\s*(.*)")
_SPHINX_KINDS: Final = frozenset({"param", "parameter", "arg", "argument", "key", "keyword", "ivar", "var"})


def docstring_of(described: object) -> str | None:
    """Return the docstring of a function, method, class or callable object itself, not that of a parent class.

    `python -OO` removes docstrings: there it is read from the source code, if that can be found.
    """
    text: str | None = vars(described).get("__doc__") if isinstance(described, type) else described.__doc__
    if isinstance(described, type) and text is not None and text.startswith(f"{described.__name__}("):
        text = None  # dataclass and NamedTuple replace a missing docstring with the signature
    if text is not None or sys.flags.optimize < 2:
        return text
    if not inspect.isroutine(described) and not isinstance(described, type):
        described = type(described)  # a callable object has the docstring of its class
    return _from_source[inspect.unwrap(getattr(described, "__func__", described))]


@memo(1024)
def _from_source(described: Callable[..., object] | type) -> str | None:
    try:
        (node,) = ast.parse(dedent(inspect.getsource(described))).body
    except (OSError, TypeError, SyntaxError, ValueError):
        return None  # compiled files without source, a console, a built-in
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return None
    return ast.get_docstring(node, clean=False)


def read_docstring(text: str | None) -> tuple[str, dict[str, str]]:
    """Return the description (all before the first section) and the description of each parameter."""
    lines = [line.rstrip() for line in inspect.cleandoc(text or "").splitlines()]
    described: dict[str, str] = {}
    first_section, at = len(lines), 0
    while at < len(lines):
        start = at
        if _is_underlined(lines, at):
            at = _numpy_section(lines, at, described)
        elif _GOOGLE.fullmatch(lines[at]):
            at = _google_section(lines, at + 1, described)
        elif (field := _SPHINX.match(lines[at])) is not None:
            at = _sphinx_field(lines, at, field, described)
        else:
            at += 1
            if not _OTHER_GOOGLE.fullmatch(lines[start]):
                continue
        first_section = min(first_section, start)
    return "\n".join(lines[:first_section]).strip(), described


def _is_underlined(lines: list[str], at: int) -> bool:
    return at + 1 < len(lines) and lines[at] != "" and re.fullmatch(r"\s*-{3,}", lines[at + 1]) is not None


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _block(lines: list[str], at: int, above: int) -> tuple[str, int]:
    """Join an indented block into one paragraph.

    lines: all lines.
    at: the index of the block's first line.
    above: the indentation of the line before it; the block's lines, unless blank, have more.

    Returns the paragraph and the index of the line after it.
    """
    words: list[str] = []
    while at < len(lines) and (not lines[at] or _indent(lines[at]) > above):
        words += lines[at].split()
        at += 1
    return " ".join(words), at


def _google_section(lines: list[str], at: int, described: dict[str, str]) -> int:
    while at < len(lines) and (not lines[at] or _indent(lines[at])):
        indent, entry = _indent(lines[at]), _GOOGLE_ENTRY.fullmatch(lines[at].strip())
        at += 1
        if entry is not None:
            more, at = _block(lines, at, indent)
            described[entry[1]] = f"{entry[2]} {more}".strip()
    return at


def _numpy_section(lines: list[str], at: int, described: dict[str, str]) -> int:
    has_parameters = lines[at].strip().lower() in _NUMPY_SECTIONS
    at += 2
    while at < len(lines):
        line = lines[at]
        if _indent(line) or _is_underlined(lines, at):
            break
        at += 1
        if not line:
            continue
        entry = _NUMPY_ENTRY.fullmatch(line)
        if not has_parameters or entry is None:
            break
        more, at = _block(lines, at, 0)
        for name in entry[1].split(","):
            described[name.strip().lstrip("*")] = more
    return at


def _sphinx_field(lines: list[str], at: int, field: re.Match[str], described: dict[str, str]) -> int:
    more, after = _block(lines, at + 1, _indent(lines[at]))
    words = field[2].split()
    if field[1] in _SPHINX_KINDS and words:
        described[words[-1].lstrip("*")] = f"{field[3]} {more}".strip()
    return after
