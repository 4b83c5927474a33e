"""Shared code of the adapters: choices of tools, and the error for a missing framework."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from ..schemas.errors import ConfigError, MissingExtra
from ..schemas.tool import Tool


def missing(error: ImportError, package: str, extra: str) -> ImportError | MissingExtra:
    """Return what to raise for a failed import: MissingExtra, or the error itself if another module is missing.

    error: the failed import.
    package: the framework's import name.
    extra: the extra of stepwell that installs it.
    """
    if (error.name or "").partition(".")[0] != package:
        return error
    name = package.replace("_", "-")
    if sys.modules.get(package) is None:
        return MissingExtra(f"this adapter needs {name}", hint=f"run: pip install 'stepwell[{extra}]'")
    # It is there, but lacks what is imported from it.
    return MissingExtra(
        f"this adapter needs another version of {name}: {error!s:.150}", hint=f"run: pip install -U 'stepwell[{extra}]'"
    )


def choice_of(choice: object, tools: Sequence[Tool]) -> Any:
    """Return stepwell's `tool_choice` for a tool's name, `any`, a bool, or a vendor's object; None for no choice.

    Raises ConfigError for the name of a tool that is not bound.
    """
    if choice is None or isinstance(choice, bool):
        return "required" if choice else None
    if isinstance(choice, Mapping):
        name = choice.get("name") or choice.get("function", {}).get("name")
        choice = name or choice.get("type", "auto")
    if choice in ("auto", "none", "required"):
        return choice
    if choice == "any":
        return "required"
    if choice not in [tool.name for tool in tools]:
        raise ConfigError(
            f"tool_choice names {choice!r}, which is not among the tools",
            hint=f"use auto, any, none or one of {', '.join(tool.name for tool in tools)}",
        )
    return {"name": choice}
