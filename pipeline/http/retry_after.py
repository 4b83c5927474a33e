"""How long a provider asks us to wait."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from math import isfinite


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait, from `retry-after-ms` or `retry-after` (seconds or an HTTP date); None for nonsense."""
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
    """The number; of several, which proxies on the way have added, the largest."""
    return max(map(float, text.split(",")))


def _sane(seconds: float) -> float | None:
    return seconds if isfinite(seconds) and seconds >= 0 else None
