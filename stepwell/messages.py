"""The parts of conversations and replies."""

from typing import TYPE_CHECKING

from .schemas.citation import Citation
from .schemas.client_history import untrusted
from .schemas.logprobs import TokenLogprob
from .schemas.message import Context, Message, assistant, system, tool_result, user
from .schemas.other_names import suggesting
from .schemas.parts import (
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
from .schemas.reply import CallWarning, Ranked, Reply, Verdict
from .schemas.server_tools import server_tool

__all__ = [
    "Audio",
    "CallWarning",
    "Citation",
    "Context",
    "File",
    "Image",
    "Message",
    "Opaque",
    "Part",
    "Ranked",
    "Reasoning",
    "Refusal",
    "Reply",
    "ServerToolCall",
    "ServerToolResult",
    "Text",
    "TokenLogprob",
    "ToolCall",
    "Verdict",
    "Video",
    "assistant",
    "server_tool",
    "system",
    "tool_result",
    "untrusted",
    "user",
]


if not TYPE_CHECKING:  # for a type checker, any name would then exist
    __getattr__ = suggesting(__name__)
