"""What a stream is made of: its chunks, and what a stream of a tool loop gives beside them."""

from .schemas.chunks import (
    Alternative,
    Finish,
    MetadataUpdate,
    PartDone,
    PartEnd,
    ReasoningDelta,
    RefusalDelta,
    Start,
    StreamChunk,
    TextDelta,
    ToolCallDelta,
    ToolCallEnd,
    ToolCallStart,
    UsageUpdate,
)
from .workflows.tools.call import ToolRun

__all__ = [
    "Alternative",
    "Finish",
    "MetadataUpdate",
    "PartDone",
    "PartEnd",
    "ReasoningDelta",
    "RefusalDelta",
    "Start",
    "StreamChunk",
    "TextDelta",
    "ToolCallDelta",
    "ToolCallEnd",
    "ToolCallStart",
    "ToolRun",
    "UsageUpdate",
]
