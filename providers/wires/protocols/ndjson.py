"""Newline-delimited JSON: one value on each line, as Ollama streams.

Only LF ends a line; a CR before it, spaces and blank lines are dropped. A last line without LF is an event, too.
"""

from __future__ import annotations

from .framing import MAX_EVENT, Tail, resume

_LINE_END = (b"\n",)
_SPACE = b" \t\r"


def parse(data: bytes, buffer: bytes | Tail) -> tuple[list[bytes], bytes | Tail]:
    """Return the lines that `data` completes. Raises ResponseTooLarge for a line over 32 MiB."""
    if buffer is None and data.endswith(b"\n") and len(data) <= MAX_EVENT:
        return _lines(data), None
    return resume(data, buffer, _LINE_END, _lines, len)


def begins(start: bytes, content_type: str) -> bool:
    """Check whether a body with this start can be a stream of objects: JSON in many lines is one object, not a
    stream."""
    line, end, _ = start.partition(b"\n")
    return start[:1] == b"{" and (not end or line.rstrip(_SPACE)[-1:] == b"}")


def _lines(text: bytes) -> list[bytes]:
    return [line for raw in text.split(b"\n") if (line := raw.strip(_SPACE))]
