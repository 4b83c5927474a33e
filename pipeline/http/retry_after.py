"""Read how long a provider wants us to wait."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from math import isfinite


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds of `retry-after-ms` or `retry-after` (seconds or an HTTP date); None if it cannot be read."""
    try:
        if (text := headers.get("retry-after-ms")) is not None:
            return _sane(_number(text) / 1000)
        if (text := headers.get("retry-after")) is None:
            return None
        return _sane(_number(text))
    except ValueError:
        pass
    try:
        at = parsedate_to_datetime(headers["retry-after"])
    except (KeyError, ValueError, IndexError):
        return None
    return _sane((at.replace(tzinfo=at.tzinfo or UTC) - datetime.now(UTC)).total_seconds())


def _number(text: str) -> float:
    """Return the number; the largest of several, which proxies may have added."""
    return max(map(float, text.split(",")))


def _sane(seconds: float) -> float | None:
    return seconds if isfinite(seconds) and seconds >= 0 else None
