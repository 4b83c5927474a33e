"""The chunks of a stream, and the ToolRun that a stream of a tool loop has as well."""

from .schemas.chunks import (
    Alternative,
    Cited,
    Finish,
    MetadataUpdate,
    PartDone,
    PartEnd,
    ReasoningDelta,
    RefusalDelta,
    Seam,
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
    "Cited",
    "Finish",
    "MetadataUpdate",
    "PartDone",
    "PartEnd",
    "ReasoningDelta",
    "RefusalDelta",
    "Seam",
    "Start",
    "StreamChunk",
    "TextDelta",
    "ToolCallDelta",
    "ToolCallEnd",
    "ToolCallStart",
    "ToolRun",
    "UsageUpdate",
]
