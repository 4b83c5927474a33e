"""What a stream is made of. `index` is the place of a part in the message: chunks of one part share it.

Chunks are mutable on purpose: one is made for each token, and a frozen class costs twice as much
(0.39 against 0.18 µs).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from attrs import define, field

from .parts import Part
from .usage import Usage


@define
class Start:
    """The answer begins; the provider's id for it and the model that gives it."""

    type: ClassVar[Literal["start"]] = "start"
    id: str | None = None
    model: str | None = None


@define
class TextDelta:
    type: ClassVar[Literal["text"]] = "text"
    text: str
    index: int = 0


@define
class ReasoningDelta:
    type: ClassVar[Literal["reasoning"]] = "reasoning"
    text: str
    index: int = 0


@define
class RefusalDelta:
    type: ClassVar[Literal["refusal"]] = "refusal"
    text: str
    index: int = 0


@define
class PartEnd:
    """A text or reasoning part is whole. `fields` are what it gained besides text: signature, encrypted, id, extra."""

    type: ClassVar[Literal["part_end"]] = "part_end"
    index: int = 0
    fields: Mapping[str, Any] = field(factory=dict)


@define
class PartDone:
    """A part that came in one piece: an image, a redacted block, an opaque block."""

    type: ClassVar[Literal["part"]] = "part"
    part: Part
    index: int = 0


@define
class ToolCallStart:
    type: ClassVar[Literal["tool_call_start"]] = "tool_call_start"
    index: int
    id: str
    name: str


@define
class ToolCallDelta:
    """More of the arguments' JSON text. A prefix that happens to parse means nothing."""

    type: ClassVar[Literal["tool_call_delta"]] = "tool_call_delta"
    index: int
    arguments_json: str


@define
class ToolCallEnd:
    """The wire says that the call is whole; only now may it be run. `extra` as in ToolCall."""

    type: ClassVar[Literal["tool_call_end"]] = "tool_call_end"
    index: int
    extra: Mapping[str, Any] = field(factory=dict)


@define
class UsageUpdate:
    """The usage so far; the last one stands."""

    type: ClassVar[Literal["usage"]] = "usage"
    usage: Usage


@define
class MetadataUpdate:
    """What has no place of its own (logprobs, fingerprints, citations): lists grow, everything else is replaced."""

    type: ClassVar[Literal["metadata"]] = "metadata"
    values: Mapping[str, Any]


@define
class Warned:
    """Something about the answer that its reader should know; it ends up among the reply's warnings."""

    type: ClassVar[Literal["warning"]] = "warning"
    warnings: tuple[Any, ...]


@define
class Alternative:
    """A chunk of another choice than the first, when n > 1."""

    type: ClassVar[Literal["alternative"]] = "alternative"
    choice: int
    chunk: Any


@define
class Finish:
    """The answer is whole. `reason` is stop, length, tool_calls, content_filter or error, or the provider's own
    word where none of these fits; `raw` is always the provider's word."""

    type: ClassVar[Literal["finish"]] = "finish"
    reason: str
    raw: str | None = None


STREAM_END = Finish("")
"""Given by a wire's decode_stream_event for the event after which nothing comes: what flush_stream_state gives is due
at once, and the end of the bytes is not waited for. Known by identity; nobody sees it but the decoder."""

HALVES = Finish("")
"""Put before the chunks of an event that holds half of a surrogate pair: the other half may come with the next event of
the same part, so that the decoder is to join them. Known by identity, as LAST_WORD is."""


StreamChunk = (
    Start
    | TextDelta
    | ReasoningDelta
    | RefusalDelta
    | PartEnd
    | PartDone
    | ToolCallStart
    | ToolCallDelta
    | ToolCallEnd
    | UsageUpdate
    | MetadataUpdate
    | Warned
    | Alternative
    | Finish
)
