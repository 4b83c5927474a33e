"""Remove from answers what only the provider that wrote them understands, before they are sent to another.

Signatures, encrypted reasoning, the blocks of server tools and the details that a wire keeps under `extra` are valid
for the provider that made them and for those that accept its signatures, and there for models of the same family. All
others refuse them, even those with the same format. Text stays. The message names its author; where it does not, the
format alone decides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from attrs import evolve, frozen

from ...model_metadata.ids import named_family
from ...model_metadata.provider_ids import canonical
from ...schemas.message import Message
from ...schemas.model import Model
from ...schemas.parts import (
    MEDIA,
    Audio,
    File,
    Image,
    Opaque,
    Part,
    Reasoning,
    Refusal,
    ServerToolCall,
    ServerToolResult,
    Text,
    ToolCall,
    Video,
)
from .file_owners import MEDIA_NAMES, check_owners, is_unowned, other_owner, stored_by_others

_LABELS = frozenset(("id", "type", "status", "message"))
"""Names in `extra` by which a provider finds its own answer: without them, no content is lost."""


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
    by_form: bool = True
    """whether the form of a file's reference says whose it is; see file_owners.py"""

    def is_foreign(self, message: Message) -> bool:
        """Check whether the message is known to be by another provider."""
        model = message.model
        if model is None or model.startswith(self.trusted_prefixes):
            return False
        # A provider may have been called by another spelling of its id.
        return f"{canonical(model.partition(':')[0])}:" not in self.trusted_prefixes

    def is_unreadable(self, message: Message) -> bool:
        """Check whether the message is known to be by another provider, or by a model of another family at this one.

        A gateway passes the signatures on to the vendor, who refuses those of others: "Corrupted thought signature"
        (https://github.com/decolua/9router/issues/4136), "Invalid `signature` in `thinking` block"
        (https://github.com/anomalyco/opencode/issues/6418).
        """
        name, own = message.model, self.model.id
        if name is None or name == f"{self.model.provider}:{own}":
            return False
        known = named_family(name.partition(":")[2]), named_family(own)
        return ("" not in known and known[0] != known[1]) or self.is_foreign(message)

    def can_replay(self, part: Part, message: Message, foreign: bool) -> bool:
        """Check whether a part of an answer that is neither plain text nor a call can be sent as it is."""
        if foreign and self._is_private(part):
            return False
        kind = type(part)
        if isinstance(part, MEDIA) and self._stored_at(part) is not None:
            return False
        if isinstance(part, Opaque):
            return part.wire == self.wire and part.data is not None
        if kind is Refusal:
            return True
        return self.accepts_part(part, self.model)

    def check_files(self, parts: Iterable[object]) -> None:
        """Raise NotSupported for a file by reference that another provider stores."""
        check_owners(parts, self.model.provider, by_form=self.by_form)

    def _stored_at(self, part: Image | File | Audio | Video) -> str | None:
        return other_owner(part, self.model.provider, by_form=self.by_form)

    def fitted(self, messages: Iterable[Message]) -> tuple[list[Message], list[str]]:
        """Return the messages without what cannot be sent, and descriptions of that, each once.

        Raises NotSupported for a file by reference that another provider stores, in a message that is not an answer.
        """
        lost: set[str] = set()
        messages = tuple(messages)
        self._check_answered(messages)
        return [self._fit(message, lost) for message in messages], sorted(lost)

    def _check_answered(self, messages: Sequence[Message]) -> None:
        """Raise NotSupported for a file by an id of unknown form that a foreign provider has given an answer about: it
        is stored there."""
        owner = ""  # the foreign provider, if any, whose answer comes next; an answer of no known model does not count
        for message in reversed(messages):
            if message.role == "assistant":
                if self.is_foreign(message):
                    owner = _maker(message)
                elif message.model is not None:
                    owner = ""
            elif owner:
                for part in message.content:
                    if is_unowned(part):
                        raise stored_by_others(part, owner, self.model.provider)

    def _fit(self, message: Message, lost: set[str]) -> Message:
        """Return the message with only what is sent; add the names of what is left out to `lost`."""
        if message.role != "assistant":
            self.check_files(message.content)
            blocks = [part for part in message.content if isinstance(part, Opaque)]
            lost.update(f"{_block(part)} of {part.wire}" for part in blocks if part.wire != self.wire and part.data)
            return message
        foreign = self.is_unreadable(message)
        parts: list[Part] = []
        for part in message.content:
            if isinstance(part, Opaque) and part.data is None:
                continue  # nothing of it is sent
            kept, loss = self._kept(part, message, foreign)
            if loss:
                lost.add(loss)
            if kept is not None:
                parts.append(kept)
        same = len(parts) == len(message.content) and all(a is b for a, b in zip(parts, message.content, strict=True))
        return message if same else evolve(message, content=parts)

    def _kept(self, part: Part, message: Message, foreign: bool) -> tuple[Part | None, str]:
        """Return what of a part of an answer is sent, None for nothing, and the name of what is left out."""
        kept, loss = self._without_private(part, message) if foreign and self._is_private(part) else (part, "")
        if kept is None or self._is_sent(kept, message, foreign):
            return kept, loss
        owner = self._stored_at(kept) if isinstance(kept, MEDIA) else None
        return None, f"{MEDIA_NAMES[type(kept)]} that is stored at {owner}" if owner else _unsendable(part, message)

    def _is_sent(self, part: Part, message: Message, foreign: bool) -> bool:
        return isinstance(part, Text | Refusal | ToolCall) or self.can_replay(part, message, foreign)

    def _is_private(self, part: Part) -> bool:
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
        maker = f"{message.model}" if maker == self.model.provider else maker
        if isinstance(part, Opaque):
            return None, f"{_block(part)} of {maker}"
        if getattr(part, "file_id", None):
            return None, f"{MEDIA_NAMES[type(part)]} that is stored at {maker}"
        if isinstance(part, Reasoning):
            plain = Reasoning(part.text)
            if part.text and self.accepts_part(plain, self.model):
                return plain, f"the signature on reasoning of {maker}"
            return None, f"{_describe(part)} of {maker}"
        loses = not part.extra[self.wire].keys() <= _LABELS and type(part) not in MEDIA_NAMES
        rest = _rest(part, self.wire)
        extra = {name: value for name, value in part.extra.items() if name != self.wire}
        return (
            evolve(part, extra={**extra, self.wire: rest} if rest else extra),
            f"a part of an answer that only {maker} understands" if loses else "",
        )


def _unsendable(part: Part, message: Message) -> str:
    """Describe a part that is not sent back; "" for one without content."""
    if isinstance(part, Opaque):
        return f"{_block(part)} of {part.wire}"
    if not isinstance(part, Reasoning):
        return f"{MEDIA_NAMES[type(part)]} of an answer"
    maker = _maker(message) or part.wire
    content = part.text or part.signature or part.encrypted or part.extra
    return f"{_describe(part)}{f' of {maker}' if maker else ''}" if content else ""


def _block(part: Opaque) -> str:
    """Name a block of a provider's own."""
    if isinstance(part, ServerToolCall | ServerToolResult):
        return f"a use of {part.kind}"  # the same for call and result
    return "an opaque block"


def _maker(message: Message) -> str:
    return (message.model or "").partition(":")[0]


def _describe(part: Reasoning) -> str:
    return "signed reasoning" if part.signature or part.encrypted else "reasoning"


def _rest(part: Part, wire: str) -> dict[str, Any]:
    """Return the details of a part that every provider understands: of a call, whether its tool takes free text."""
    extra: Mapping[str, Any] = {} if isinstance(part, Opaque) else part.extra[wire]
    return {"type": extra["type"]} if isinstance(part, ToolCall) and "type" in extra else {}
