"""What only one provider understands of an answer, and what becomes of it before another.

Signatures, encrypted reasoning, a server tool's blocks and the details that a wire keeps under `extra` are good for the
provider that made them, and for its kin; anybody else refuses them, though it may speak the same format. The words
stay. Who wrote an answer stands on the message; where it does not, the format alone decides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from attrs import evolve, frozen

from ...schemas.message import Message
from ...schemas.model import Model
from ...schemas.parts import Audio, File, Image, Opaque, Part, Reasoning, Refusal, Text, ToolCall, Video

_LABELS = frozenset(("id", "type", "status", "message"))
"""Names in `extra` by which a provider finds again what it said: without them nothing of it is lost."""
_MEDIA = {Image: "a picture", Audio: "a sound", Video: "a film", File: "a file"}


@frozen
class Origins:
    """The target: its `wire`, whose blocks it takes; the beginnings of the names of models that are its `own`; and
    `accepts_part(part, model)` of its wire."""

    wire: str
    trusted_prefixes: tuple[str, ...]
    model: Model
    accepts_part: Callable[[Part, Model], bool]

    def foreign(self, message: Message) -> bool:
        """Whether it is known that another provider wrote this."""
        model = message.model
        if model is None or model.startswith(self.trusted_prefixes):
            return False
        # A provider may have been called by another spelling of its id.
        return f"{model.partition(':')[0].lower().replace('-', '_')}:" not in self.trusted_prefixes

    def can_replay(self, part: Part, message: Message, foreign: bool) -> bool:
        """Whether a part of an answer, no plain text and no call, can be left as it is."""
        if foreign and self._private(part):
            return False
        kind = type(part)
        if kind is Opaque or kind is Refusal:
            return kind is Refusal or part.wire == self.wire  # type: ignore[union-attr]
        # Where a format has no place for reasoning, nobody expects to find the model's own there.
        return self.accepts_part(part, self.model) or (_unmarked(part) and message.model is not None and not foreign)

    def fitted(self, messages: Iterable[Message]) -> tuple[list[Message], list[str]]:
        """The messages without what cannot be sent here, and what that was, each kind once."""
        lost: dict[str, None] = {}
        return [self._fitted(message, lost) for message in messages], sorted(lost)

    def _fitted(self, message: Message, lost: dict[str, None]) -> Message:
        if message.role != "assistant":
            for part in message.content:
                if isinstance(part, Opaque) and part.wire != self.wire:
                    lost[f"an opaque block of {part.wire}"] = None
            return message
        foreign = self.foreign(message)
        parts = []
        for part in message.content:
            kept: Part | None = self._own_words(part, message, lost) if foreign and self._private(part) else part
            if kept is not None and not isinstance(kept, Text | Refusal | ToolCall):
                kept = self._if_replayed(kept, message, foreign, lost)
            if kept is not None:
                parts.append(kept)
        same = len(parts) == len(message.content) and all(a is b for a, b in zip(parts, message.content, strict=True))
        return message if same else evolve(message, content=parts)

    def _private(self, part: Any) -> bool:
        """Whether there is something in this format that only its maker understands."""
        if isinstance(part, Opaque):
            return part.wire == self.wire
        if getattr(part, "file_id", None):
            return True
        if isinstance(part, Reasoning) and part.wire == self.wire and (part.signature or part.encrypted):
            return True
        return self.wire in part.extra and _rest(part, self.wire) != part.extra[self.wire]

    def _own_words(self, part: Any, message: Message, lost: dict[str, None]) -> Part | None:
        """The part with what everybody understands of it."""
        maker = (message.model or "").partition(":")[0]
        if isinstance(part, Opaque):
            lost[f"an opaque block of {maker}"] = None
            return None
        if getattr(part, "file_id", None):
            lost[f"{_MEDIA[type(part)]} that lies with {maker}"] = None
            return None
        if isinstance(part, Reasoning):
            plain = Reasoning(part.text)
            if part.text and self.accepts_part(plain, self.model):
                lost[f"the signature on reasoning of {maker}"] = None
                return plain
            lost[f"{_described(part)} of {maker}"] = None
            return None
        if not part.extra[self.wire].keys() <= _LABELS and type(part) not in _MEDIA:
            lost[f"what only {maker} understands of its answer"] = None
        rest = _rest(part, self.wire)
        extra = {name: value for name, value in part.extra.items() if name != self.wire}
        made: Part = evolve(part, extra={**extra, self.wire: rest} if rest else extra)
        return made

    def _if_replayed(self, part: Part, message: Message, foreign: bool, lost: dict[str, None]) -> Part | None:
        """The part, if it is sent back; None, and told, if not."""
        if self.can_replay(part, message, foreign):
            return part
        if isinstance(part, Opaque):
            lost[f"an opaque block of {part.wire}"] = None
        elif isinstance(part, Reasoning):
            maker = (message.model or "").partition(":")[0] or part.wire
            if part.text or part.signature or part.encrypted:
                lost[f"{_described(part)} of {maker}" if maker else _described(part)] = None
        else:
            lost[f"{_MEDIA[type(part)]} of an answer"] = None
        return None


def _unmarked(part: Part) -> bool:
    return isinstance(part, Reasoning) and part.wire is None and not part.signature and not part.encrypted


def _described(part: Reasoning) -> str:
    return "signed reasoning" if part.signature or part.encrypted else "reasoning"


def _rest(part: Any, wire: str) -> dict[str, Any]:
    """What a wire keeps of a part that is nobody's secret: of a call, whether its tool takes free text."""
    kept = part.extra[wire]
    return {"type": kept["type"]} if isinstance(part, ToolCall) and "type" in kept else {}
