"""Read a tool_choice in the form of any vendor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...schemas.tool import CHOICES, chosen_name


def plain_choice(choice: object) -> tuple[Any, bool | None]:
    """Return a tool_choice in the form that all formats share, and whether several calls may come, if it says so.

    An object around a word (`{"type": "auto"}`) becomes the word, one around a tool's name `{"name": ...}`. Anything
    else stays as it is: it is a provider's own.
    """
    if not isinstance(choice, Mapping):
        return choice, None
    said = {name: value for name, value in choice.items() if name != _ONE_CALL}
    one = choice.get(_ONE_CALL)
    several = None if one is None else not one
    if said.keys() == {"type"} and said["type"] in CHOICES:
        return said["type"], several
    name = chosen_name(said)
    return ({"name": name}, several) if name is not None and said.keys() <= _OF_NAME else (choice, None)


_ONE_CALL = "disable_parallel_tool_use"
_OF_NAME = {"type", "function", "name"}
