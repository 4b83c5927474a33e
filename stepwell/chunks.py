"""The chunks of a stream, and the ToolRun that a stream of a tool loop has as well."""

from typing import TYPE_CHECKING

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
from .schemas.other_names import suggesting
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


if not TYPE_CHECKING:  # for a type checker, any name would then exist
    __getattr__ = suggesting(__name__)
