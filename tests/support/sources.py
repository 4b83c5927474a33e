"""The project's own files, read and parsed once for all tests."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


def python_files(*folders: str) -> list[Path]:
    """Find every Python file below these folders of the project."""
    return [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]


def name_of(path: Path) -> str:
    """Return the file's path in the project, for a message."""
    return path.relative_to(ROOT).as_posix()


@cache
def text_of(path: Path) -> str:
    return path.read_text()


@cache
def tree_of(path: Path) -> ast.Module:
    """Return the file's syntax tree. It is shared: do not change it."""
    return ast.parse(text_of(path), str(path))


@cache
def nodes_of(path: Path) -> list[ast.AST]:
    """Return every node of the file's syntax tree."""
    return list(ast.walk(tree_of(path)))


def listed(offenders: list[str]) -> str:
    """Write all offenders, a line each, for the message of a rule that is broken."""
    return "\n  ".join([f"{len(offenders)} in all:", *offenders])
