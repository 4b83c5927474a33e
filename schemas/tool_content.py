"""The result of a tool as the content of a message."""

from __future__ import annotations

from collections.abc import Sequence

from .errors import ToolFailed
from .json_schema.write_value import plain_data
from .json_text import dumps
from .parts import PARTS, Audio, File, Image, Part, Text, Video

_SENDABLE = (Text, Image, File, Audio, Video)
_CONTENT = (str, *PARTS)


def sendable(value: object, tool: str) -> str | Part | Sequence[str | Part]:
    """Return a tool's result as the content of a message: text and parts as they are, all else as JSON.

    NaN and infinities, which JSON does not have, become "NaN", "Infinity" and "-Infinity". Raises ToolFailed
    for a value without a JSON form.
    """
    if isinstance(value, str):
        return str.__str__(value) or "(no output)"  # a plain str, also of a subclass
    if value is None:
        return "(no output)"
    if isinstance(value, _SENDABLE):
        return value
    if isinstance(value, list | tuple) and any(isinstance(item, _SENDABLE) for item in value):
        return list(value)
    try:
        plain = plain_data(value)
        return plain if isinstance(value, BaseException) else dumps(plain).decode()
    except (TypeError, RecursionError):
        raise ToolFailed(f"it returned a {type(value).__name__}, which has no JSON form", tool=tool) from None


def content_of_result(value: object, tool: str) -> str | Part | Sequence[str | Part]:
    """Return what a program gives as the result of a call: content as it is, all else as `sendable` writes it."""
    is_content = isinstance(value, _CONTENT) or (
        isinstance(value, list | tuple) and value and all(isinstance(item, _CONTENT) for item in value)
    )
    return value if is_content else sendable(value, tool)  # type: ignore[return-value]
