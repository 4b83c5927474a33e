"""Runs one command as a shell would: what is typed or piped in, what comes out, and the exit code."""

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
    """The exit code, stdout and stderr of a command; without `stdin`, somebody sits at a terminal and types nothing."""
    monkeypatch.setattr(sys, "stdin", Terminal() if stdin is None else io.StringIO(stdin))
    try:
        code = main(words)
    except SystemExit as left:
        code = int(left.code or 0)
    out, err = capsys.readouterr()
    return code, out, err
