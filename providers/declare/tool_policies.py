"""What providers accept as ids and names of tool calls."""

from __future__ import annotations

from attrs import frozen


@frozen(kw_only=True)
class ToolCallIdPolicy:
    """What a provider accepts as a tool call's id: `alphabet` is a regex character class, `max_length` in characters.

    `required` is False where calls go without ids.
    """

    alphabet: str = "A-Za-z0-9_-"
    max_length: int = 64
    required: bool = True
    exact_length: int | None = None


@frozen(kw_only=True)
class ToolNamePolicy:
    """What a provider accepts as a tool's name: `alphabet` is a regex character class, `first` that of the first
    character where it is narrower, `max_length` in characters. Nearly all follow OpenAI, "a-z, A-Z, 0-9, or contain
    underscores and dashes, with a maximum length of 64": https://platform.openai.com/docs/api-reference/chat/create
    """

    alphabet: str = "A-Za-z0-9_-"
    first: str | None = None
    max_length: int = 64
