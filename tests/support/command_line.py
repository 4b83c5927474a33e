"""Run a command of the CLI with its input, output and exit code."""

from __future__ import annotations

import io
import sys
from typing import Any

import pytest

from stepwell.cli import main


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def run(monkeypatch: pytest.MonkeyPatch, capsys: Any, *words: str, stdin: str | None = None) -> tuple[int, str, str]:
    """Run a command and return its exit code, stdout and stderr; without `stdin` it is a terminal without input."""
    monkeypatch.setattr(sys, "stdin", Terminal() if stdin is None else io.StringIO(stdin))
    try:
        code = main(words)
    except SystemExit as left:
        code = int(left.code or 0)
    out, err = capsys.readouterr()
    return code, out, err
