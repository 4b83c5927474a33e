"""What `print(reply)` shows of an answer without text: vectors, a ranking, calls of tools, pictures, a refusal."""

from __future__ import annotations

from array import array
from collections import Counter
from reprlib import Repr
from typing import TYPE_CHECKING, Any

from .model import Model
from .parts import MEDIA

if TYPE_CHECKING:
    from .reply import Reply

_MOST = 5
"""How many places of a ranking are shown."""
_NAMES = {"audio": "audio file"}
_REPR = Repr()
_REPR.maxstring = _REPR.maxother = 200
_REPR.maxlevel = 3


def shown_without_text(reply: Reply[Any]) -> str:
    """Return what an answer holds in place of text, in angle brackets; "" for nothing at all."""
    what = _shown(reply)
    return f"<{what}>" if what else ""


def _shown(reply: Reply[Any]) -> str:
    if reply.object is not None:
        return _shown_object(reply.object)
    if reply.refusal:
        return f"refused: {reply.refusal}"
    if reply.tool_calls:
        return f"calls {', '.join(call.name for call in reply.tool_calls)}"
    media = Counter(part.type for part in reply.message.content if isinstance(part, MEDIA))
    if media:
        return " and ".join(_counted(count, _NAMES.get(kind, kind)) for kind, count in media.items())
    if reply.reasoning:
        return f"reasoning alone: it ended with {reply.finish_reason!r}"
    counted = reply.usage.input_tokens if not reply.usage.output_tokens else None
    return f"{counted:,} tokens of input" if counted else ""


def _shown_object(value: object) -> str:
    """Return how many results of which kind there are, or the value itself, cut."""
    if isinstance(value, list | tuple) and value:
        first, count = value[0], len(value)
        if isinstance(first, list | tuple | array) and first and isinstance(first[0], int | float):
            return f"{_counted(count, 'vector')} of {len(first)}"
        if isinstance(first, Model):
            return _counted(count, "model")
        if hasattr(first, "flagged"):
            return f"{_counted(count, 'verdict')}, {sum(each.flagged for each in value)} flagged"
        if hasattr(first, "score"):
            places = [str(each.index) for each in value[:_MOST]] + ["..."] * (count > _MOST)
            return f"ranking of {_counted(count, 'document')}, best first: {', '.join(places)}"
    return " ".join(_REPR.repr(value).split("\n"))


def _counted(count: int, kind: str) -> str:
    return f"{count:,} {kind}" + "s" * (count != 1)
