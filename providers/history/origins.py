"""Remove from answers what only the provider that wrote them understands, before they are sent to another.

Signatures, encrypted reasoning, the blocks of server tools and the details that a wire keeps under `extra` are valid
for the provider that made them and for those that accept its signatures. All others refuse them, even those with the
same format. Text stays. The message names its author; where it does not, the format alone decides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from attrs import evolve, frozen

from ...model_metadata.provider_ids import canonical
from ...schemas.message import Message
from ...schemas.model import Model
from ...schemas.parts import Audio, File, Image, Opaque, Part, Reasoning, Refusal, Text, ToolCall, Video

_LABELS = frozenset(("id", "type", "status", "message"))
"""Names in `extra` by which a provider finds its own answer: without them, no content is lost."""
_MEDIA = {Image: "an image", Audio: "an audio file", Video: "a video", File: "a file"}


@frozen(eq=False)
class Origins:
    """The target of a history."""

    wire: str
    """the format whose blocks it takes"""
    trusted_prefixes: tuple[str, ...]
    """beginnings of the names of models whose signatures it accepts"""
    model: Model
    accepts_part: Callable[[Part, Model], bool]
    """see Wire"""

    def is_foreign(self, message: Message) -> bool:
        """Check whether the message is known to be by another provider."""
        model = message.model
        if model is None or model.startswith(self.trusted_prefixes):
            return False
        # A provider may have been called by another spelling of its id.
        return f"{canonical(model.partition(':')[0])}:" not in self.trusted_prefixes

    def can_replay(self, part: Part, message: Message, foreign: bool) -> bool:
        """Check whether a part of an answer that is neither plain text nor a call can be sent as it is."""
        if foreign and self._private(part):
            return False
        kind = type(part)
        if kind is Opaque or kind is Refusal:
            return kind is Refusal or part.wire == self.wire  # type: ignore[union-attr]
        return self.accepts_part(part, self.model)

    def fitted(self, messages: Iterable[Message]) -> tuple[list[Message], list[str]]:
        """Return the messages without what cannot be sent, and descriptions of that, each once."""
        lost: set[str] = set()
        return [self._fit(message, lost) for message in messages], sorted(lost)

    def _fit(self, message: Message, lost: set[str]) -> Message:
        if message.role != "assistant":
            foreign_blocks = [part for part in message.content if isinstance(part, Opaque) and part.wire != self.wire]
            lost.update(f"an opaque block of {part.wire}" for part in foreign_blocks)
            return message
        foreign = self.is_foreign(message)
        parts: list[Part] = []
        for part in message.content:
            rest, what = self._without_private(part, message) if foreign and self._private(part) else (part, "")
            if rest is not None and not self._is_sent(rest, message, foreign):
                rest, what = None, _unsendable(part, message)
            if what:
                lost.add(what)
            if rest is not None:
                parts.append(rest)
        same = len(parts) == len(message.content) and all(a is b for a, b in zip(parts, message.content, strict=True))
        return message if same else evolve(message, content=parts)

    def _is_sent(self, part: Part, message: Message, foreign: bool) -> bool:
        return isinstance(part, Text | Refusal | ToolCall) or self.can_replay(part, message, foreign)

    def _private(self, part: Part) -> bool:
        """Check whether the part holds something in this format that only its author understands."""
        if isinstance(part, Opaque):
            return part.wire == self.wire
        if getattr(part, "file_id", None):
            return True
        if isinstance(part, Reasoning) and part.wire == self.wire and (part.signature or part.encrypted):
            return True
        return self.wire in part.extra and _rest(part, self.wire) != part.extra[self.wire]

    def _without_private(self, part: Part, message: Message) -> tuple[Part | None, str]:
        """Return the part with only what every provider understands, or None if nothing is left, and what is lost."""
        maker = _maker(message)
        if isinstance(part, Opaque):
            return None, f"an opaque block of {maker}"
        if getattr(part, "file_id", None):
            return None, f"{_MEDIA[type(part)]} that is stored at {maker}"
        if isinstance(part, Reasoning):
            plain = Reasoning(part.text)
            if part.text and self.accepts_part(plain, self.model):
                return plain, f"the signature on reasoning of {maker}"
            return None, f"{_describe(part)} of {maker}"
        loses = not part.extra[self.wire].keys() <= _LABELS and type(part) not in _MEDIA
        rest = _rest(part, self.wire)
        extra = {name: value for name, value in part.extra.items() if name != self.wire}
        return (
            evolve(part, extra={**extra, self.wire: rest} if rest else extra),
            f"a part of an answer that only {maker} understands" if loses else "",
        )


def _unsendable(part: Part, message: Message) -> str:
    """Describe a part that is not sent back; "" for one without content."""
    if isinstance(part, Opaque):
        return f"an opaque block of {part.wire}"
    if not isinstance(part, Reasoning):
        return f"{_MEDIA[type(part)]} of an answer"
    maker = _maker(message) or part.wire
    content = part.text or part.signature or part.encrypted or part.extra
    return f"{_describe(part)}{f' of {maker}' if maker else ''}" if content else ""


def _maker(message: Message) -> str:
    return (message.model or "").partition(":")[0]


def _describe(part: Reasoning) -> str:
    return "signed reasoning" if part.signature or part.encrypted else "reasoning"


def _rest(part: Part, wire: str) -> dict[str, Any]:
    """Return the details of a part that every provider understands: of a call, whether its tool takes free text."""
    extra: Mapping[str, Any] = {} if isinstance(part, Opaque) else part.extra[wire]
    return {"type": extra["type"]} if isinstance(part, ToolCall) and "type" in extra else {}
