"""What `print(reply)` shows of an answer without text: vectors, a ranking, calls of tools, pictures, a refusal."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Sequence
from reprlib import Repr

from .errors import visible
from .model import Model
from .parts import MEDIA, Part, Reasoning, Refusal, ToolCall
from .usage import Usage

_MOST = 5
"""How many places of a ranking are shown."""
_NAMES = {"audio": "audio file"}
_REPR = Repr()
_REPR.maxstring = _REPR.maxother = 200
_REPR.maxlevel = 3


def shown_without_text(value: object, content: Sequence[Part], usage: Usage, finish_reason: str | None) -> str:
    """Return what an answer holds in place of text, in angle brackets; "" for nothing at all.

    value: its object.
    content: the parts of its message.
    usage, finish_reason: those of the answer.
    """
    what = _shown_parts(content) if value is None else _shown_object(value)
    if not what and any(isinstance(part, Reasoning) and part.text for part in content):
        what = f"reasoning alone: it ended with {finish_reason!r}"
    if not what and usage.input_tokens and not usage.output_tokens:
        what = f"{usage.input_tokens:,} tokens of input"
    return f"<{visible(what)}>" if what else ""


def _shown_parts(content: Sequence[Part]) -> str:
    if refusal := "".join(part.text for part in content if isinstance(part, Refusal)):
        return f"refused: {refusal}"
    if calls := [part.name for part in content if isinstance(part, ToolCall)]:
        return f"calls {', '.join(calls)}"
    media = Counter(part.type for part in content if isinstance(part, MEDIA))
    return " and ".join(_counted(count, _NAMES.get(kind, kind)) for kind, count in media.items())


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
