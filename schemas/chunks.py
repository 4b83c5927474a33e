"""The chunks of a stream. `index` is the position of a part in the message; all chunks of one part have the same.

Chunks are mutable for speed: one is created for each token, and creating one takes 0.18 µs, or 0.39 if it is frozen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

from attrs import define, field

from .citation import Citation, Spans
from .foreign_names import Hinted
from .parts import Part
from .usage import Usage


class HintedChunk(Hinted, hints="chunk"):
    """A base class of chunks."""

    __slots__ = ()


@define
class Start(HintedChunk):
    """The beginning of the answer, with the provider's id for it and the model that gives it."""

    type: ClassVar[Literal["start"]] = "start"
    id: str | None = None
    model: str | None = None


@define
class TextDelta(HintedChunk):
    """More of a text part."""

    type: ClassVar[Literal["text"]] = "text"
    text: str
    index: int = 0


@define
class ReasoningDelta(HintedChunk):
    """More of a reasoning part."""

    type: ClassVar[Literal["reasoning"]] = "reasoning"
    text: str
    index: int = 0


@define
class RefusalDelta(HintedChunk):
    """More of a refusal part."""

    type: ClassVar[Literal["refusal"]] = "refusal"
    text: str
    index: int = 0


@define
class PartEnd(HintedChunk):
    """The end of a text or reasoning part. `fields` are its fields beside the text: signature, encrypted, id, extra."""

    type: ClassVar[Literal["part_end"]] = "part_end"
    index: int = 0
    fields: Mapping[str, Any] = field(factory=dict)


@define
class PartDone(HintedChunk):
    """A whole part in one chunk: an image, a redacted block, an opaque block."""

    type: ClassVar[Literal["part"]] = "part"
    part: Part
    index: int = 0


@define
class Cited(HintedChunk):
    """The sources of a text, as they become known: at its end, mostly.

    `index` is the part that they are of; None: they are of the answer's text as a whole. What their spans count is in
    `spans`; on the Reply they count characters of each part.
    """

    type: ClassVar[Literal["citations"]] = "citations"
    citations: Sequence[Citation]
    index: int | None = None
    spans: Spans = "characters"


@define
class ToolCallStart(HintedChunk):
    """The beginning of a tool call."""

    type: ClassVar[Literal["tool_call_start"]] = "tool_call_start"
    index: int
    id: str
    name: str


@define
class ToolCallDelta(HintedChunk):
    """More of the JSON text of a call's arguments, which may not be parsed before the call ends."""

    type: ClassVar[Literal["tool_call_delta"]] = "tool_call_delta"
    index: int
    arguments_json: str


@define
class ToolCallEnd(HintedChunk):
    """The end of a tool call, which may be run only now.

    The other fields are those of the ToolCall. A wire gives `extra` alone; the rest is added before anyone reads it.
    """

    type: ClassVar[Literal["tool_call_end"]] = "tool_call_end"
    index: int
    extra: Mapping[str, Any] = field(factory=dict)
    id: str = ""
    name: str = ""
    arguments_json: str = ""


@define
class UsageUpdate(HintedChunk):
    """The usage so far, in totals: a count never becomes lower. A final one may correct estimates, but not to zero."""

    type: ClassVar[Literal["usage"]] = "usage"
    usage: Usage
    final: bool = False


@define
class MetadataUpdate(HintedChunk):
    """Metadata of the reply (logprobs, fingerprints): lists are appended, other values replaced."""

    type: ClassVar[Literal["metadata"]] = "metadata"
    values: Mapping[str, Any]


@define
class Warned(HintedChunk):
    """Warnings about the answer, which are added to the reply's."""

    type: ClassVar[Literal["warning"]] = "warning"
    warnings: tuple[Any, ...]


@define
class Seam(HintedChunk):
    """The place where an answer that broke off goes on; see `continue_stream`.

    `how` is cursor (the provider had kept the rest), beginning (the model went on with what it had said; a tool call
    that had not ended is dropped), or anew: the answer starts again, so that all that came before is to be dropped.
    `error` is the class of the error that broke it off.
    """

    type: ClassVar[Literal["seam"]] = "seam"
    how: Literal["cursor", "beginning", "anew"]
    error: str = ""


@define
class Alternative(HintedChunk):
    """A chunk of a further choice than the first, if n > 1."""

    type: ClassVar[Literal["alternative"]] = "alternative"
    choice: int
    chunk: StreamChunk


@define
class Finish(HintedChunk):
    """The end of the answer.

    `reason` is stop, length, tool_calls, content_filter or error, or the provider's own reason if none of these fits;
    `raw` is always the provider's own.
    """

    type: ClassVar[Literal["finish"]] = "finish"
    reason: str
    raw: str | None = None


STREAM_END = Finish("")
"""What a wire's decode_stream_event returns for the final event of a stream: the decoder then flushes at once and does
not wait for the end of the body. It is compared by identity and never leaves the decoder."""

HALVES = Finish("")
"""Put before the chunks of an event that holds half of a surrogate pair: the decoder joins it with the other half, in
the next event of the same part. It is compared by identity, as STREAM_END is."""

WHOLE = Finish("")
"""Put before a delta that repeats the whole text of its part, as ends of items do: the decoder takes away what the
deltas before it have given. It is compared by identity, as STREAM_END is."""


Delta = TextDelta | ReasoningDelta | RefusalDelta | ToolCallDelta
"""More of a part that grows."""

StreamChunk = (
    Start
    | TextDelta
    | ReasoningDelta
    | RefusalDelta
    | PartEnd
    | PartDone
    | Cited
    | ToolCallStart
    | ToolCallDelta
    | ToolCallEnd
    | UsageUpdate
    | MetadataUpdate
    | Warned
    | Seam
    | Alternative
    | Finish
)
