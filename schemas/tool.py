"""A tool that a model may call."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from attrs import field, frozen

from .errors import ConfigError

_NAME = re.compile(r"[a-zA-Z0-9_.-]{1,128}\Z")
NO_PARAMETERS: Mapping[str, Any] = {"type": "object", "properties": {}}


def _parameters(given: Mapping[str, Any] | None) -> Mapping[str, Any]:
    return given or NO_PARAMETERS


@frozen(hash=False)
class Tool:
    """`parameters` is a JSON Schema of an object (none: a tool without arguments); `callback` what runs it.

    `strict` asks the provider to enforce the schema; `timeout` is the seconds that one call may take. `server` is a
    provider's own declaration of a tool that the provider itself runs (web search and the like); it is sent as it
    stands, and only to that provider.
    Raises ConfigError for a name that no provider would take.
    """

    name: str
    description: str = ""
    parameters: Mapping[str, Any] = field(default=None, converter=_parameters)
    callback: Callable[..., Any] | None = field(default=None, eq=False, repr=False)
    strict: bool | None = None
    timeout: float | None = None
    server: Mapping[str, Any] | None = None
    extra: Mapping[str, Any] = field(factory=dict, repr=False)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """What the callback returns: a tool made from a function is still called like one."""
        if self.callback is None:
            raise ConfigError(f"the tool {self.name!r} has no function to call", hint="pass Tool(callback=...)")
        return self.callback(*args, **kwargs)

    def __attrs_post_init__(self) -> None:
        if not _NAME.match(self.name):
            raise ConfigError(
                f"{self.name!r} is not a tool name", hint="use 1 to 128 letters, digits, '_', '-' or '.' and no spaces"
            )
