"""Read how long a provider wants us to wait."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC
from math import isfinite


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Return the seconds of `retry-after-ms`, else of `retry-after` (seconds or an HTTP date); None if unusable.

    headers: those of the answer.
    now: the time, in seconds since 1970.

    Of several values, which proxies may have added, the longest counts, and those that cannot be read are ignored.
    """
    for name, unit in (("retry-after-ms", 1000), ("retry-after", 1)):
        if (text := headers.get(name)) is not None:
            usable = [wait / unit for wait in _waits(text, now) if isfinite(wait) and wait >= 0]
            if usable:
                return max(usable)
    return None


def _waits(text: str, now: float) -> Iterator[float]:
    # This also splits a date at the comma after its day of the week: the day is ignored, the rest is read as the date.
    for piece in text.split(","):
        try:
            yield float(piece)
        except ValueError:
            if (wait := _until(piece, now)) is not None:
                yield wait


def _until(date: str, now: float) -> float | None:
    """Return the seconds until an HTTP date; None for anything else."""
    from email.utils import parsedate_to_datetime  # heavy: few servers send a date

    try:
        at = parsedate_to_datetime(date)
        return at.replace(tzinfo=at.tzinfo or UTC).timestamp() - now
    except (ValueError, IndexError, OverflowError):
        return None
