"""Regular expressions that are compiled when they are first used: most programs need few of them."""

from __future__ import annotations

import re
from typing import Any, AnyStr, cast


class _LatePattern:
    """A stand-in with the methods of a pattern; each is looked up once."""

    def __init__(self, pattern: str | bytes, flags: int) -> None:
        self._pattern, self._flags = pattern, flags

    def __getattr__(self, name: str) -> Any:
        value = self.__dict__[name] = getattr(re.compile(self._pattern, self._flags), name)
        return value


def late_pattern(pattern: AnyStr, flags: int = 0) -> re.Pattern[AnyStr]:
    """Return a pattern as re.compile does, for calls of its methods."""
    return cast(re.Pattern[AnyStr], _LatePattern(pattern, flags))
