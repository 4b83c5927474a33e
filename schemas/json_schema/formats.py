"""The string formats of JSON Schema that are checked; any other format is ignored."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime, time
from importlib import import_module
from typing import Final


def _matches(pattern: str) -> Callable[[str], bool]:
    compiled = re.compile(pattern)
    return lambda text: compiled.fullmatch(text) is not None


def _read_by(read: Callable[[str], object], shape: Callable[[str], bool] = lambda text: True) -> Callable[[str], bool]:
    def holds(text: str) -> bool:
        try:
            read(text)
        except ValueError:
            return False
        return shape(text)

    return holds


_HOST = r"(?=.{1,253}\Z)[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*"

# Every pattern here takes time linear in the text. A date-time may lack its offset, as datetime's own may.
FORMATS: Final[dict[str, Callable[[str], bool]]] = {
    "date": _read_by(date.fromisoformat, _matches(r"\d{4}-\d\d-\d\d")),
    "date-time": _read_by(datetime.fromisoformat, _matches(r"\d{4}-\d\d-\d\d[Tt ].+")),
    "time": _read_by(time.fromisoformat, _matches(r"\d\d:\d\d.*")),
    "duration": _matches(r"P(?=.)(\d+W|(\d+Y)?(\d+M)?(\d+D)?(T(?=.)(\d+H)?(\d+M)?(\d+(\.\d+)?S)?)?)"),
    "uuid": _matches(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"),
    "email": _matches(r"[^@\s]+@[^@\s]+"),
    "hostname": _matches(_HOST),
    # ipaddress is rarely needed.
    "ipv4": _read_by(lambda text: import_module("ipaddress").IPv4Address(text)),
    "ipv6": _read_by(lambda text: import_module("ipaddress").IPv6Address(text)),
    "uri": _matches(r"[A-Za-z][A-Za-z0-9+.-]*:\S*"),
}
