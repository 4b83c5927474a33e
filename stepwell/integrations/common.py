"""What the adapters share: names of models, options, choices of tools, and words for a framework that is missing."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from ..planner import DEFAULT_MODEL
from ..providers.declare.environment import process_environment
from ..schemas.errors import ConfigError, MissingExtra
from ..schemas.tool import Tool


def default_model() -> str:
    """The model that is meant where none is named: `STEPWELL_MODEL`, else the local one."""
    return process_environment().get("STEPWELL_MODEL") or DEFAULT_MODEL


def missing(error: ImportError, package: str, extra: str) -> ImportError | MissingExtra:
    """What to raise for a failed import: MissingExtra with the command to run, or the error itself if it is not the
    framework that is missing."""
    if (error.name or "").partition(".")[0] != package:
        return error
    name = package.replace("_", "-")
    if sys.modules.get(package) is None:
        return MissingExtra(f"this adapter needs {name}", hint=f"run: pip install 'stepwell[{extra}]'")
    # It is there, but lacks what is imported from it.
    return MissingExtra(
        f"this adapter needs another version of {name}: {error!s:.150}", hint=f"run: pip install -U 'stepwell[{extra}]'"
    )


def collect_options(cls: Any, given: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a pydantic class, with those that it has no field for moved into its field `options`."""
    known = {*cls.model_fields, *(field.alias for field in cls.model_fields.values())}
    options = {name: value for name, value in given.items() if name not in known}
    kept = {name: value for name, value in given.items() if name in known}
    return {**kept, "options": {**(given.get("options") or {}), **options}} if options else kept


def choice_of(choice: Any, tools: Sequence[Tool]) -> Any:
    """`tool_choice` in stepwell's words, from a tool's name, `any`, a bool, or a vendor's object.

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
