"""Policies for the ids and names of tool calls that providers accept."""

from __future__ import annotations

from attrs import frozen


@frozen(kw_only=True)
class ToolCallIdPolicy:
    """The ids of tool calls that a provider accepts."""

    alphabet: str = "A-Za-z0-9_-"
    """the characters, as a regex character class"""
    max_length: int = 64
    """in characters"""
    required: bool = True
    """False where calls go without ids"""
    exact_length: int | None = None
    """in characters, for a provider that accepts no other length"""


@frozen(kw_only=True)
class ToolNamePolicy:
    """The names of tools that a provider accepts.

    Nearly all follow OpenAI, "a-z, A-Z, 0-9, or contain underscores and dashes, with a maximum length of 64":
    https://platform.openai.com/docs/api-reference/chat/create
    """

    alphabet: str = "A-Za-z0-9_-"
    """the characters, as a regex character class"""
    first: str | None = None
    """the same for the first character, where fewer are allowed"""
    max_length: int = 64
    """in characters"""


COMMON_CALL_IDS = ToolCallIdPolicy()
COMMON_TOOL_NAMES = ToolNamePolicy()
