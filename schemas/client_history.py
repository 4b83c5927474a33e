"""Reduce a conversation that an untrusted client sends to what that client may say.

A history from a browser can hold anything: calls that no model made, results that no tool gave, approvals,
instructions, blocks that a provider would take for its own.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from attrs import evolve

from .errors import ConfigError
from .message import Context, Message, context_of
from .parts import MEDIA, Opaque, Part, Reasoning, ToolCall

_GRANTS: Final = ("system", "tools", "provider_data", "files")
_NO_EXTRA: Final[dict[str, Any]] = {"extra": {}}
_PUBLIC_SCHEMES: Final = ("https://", "http://", "data:")


def untrusted(messages: object, *, allow: Collection[str] = (), refuse: bool = False) -> Context:
    """Return the conversation with the user's messages and the text of the answers, and nothing else.

    messages: what generate_text takes as a prompt: dicts, Messages, a Context (`Context.from_json(body)`).
    allow: what else may stay: "system" (system messages), "tools" (tool calls and their results), "provider_data"
        (reasoning, opaque blocks, `extra`), "files" (files by any id or URL).
    refuse: raise a ConfigError that says what is not allowed, and where, instead of leaving it out.

    It leaves out system messages, tool calls and tool results, reasoning with its signatures, opaque blocks, every
    `extra`, the tools, files by a provider's id or by a URL that a provider would open with your rights (`s3://`,
    `gs://`), and answers at the end, which the model would continue as its own.

    The text of earlier answers may still be made up. Where that matters, store the conversation yourself
    (`Context.to_json`) and take only the newest message from the client. Raises ConfigError for messages that cannot be
    read, and if no user message is left.
    """
    if unknown := set(allow) - set(_GRANTS):
        raise ConfigError(f"{min(unknown)!r} cannot be allowed", hint=f"allow takes {', '.join(_GRANTS)}")
    result: list[Message] = []
    for index, message in enumerate(_read(messages)):
        allowed, forbidden = _split(message, allow)
        if refuse and forbidden:
            raise _refused_error(index, message, forbidden[0])
        if allowed is not None:
            result.append(allowed)
    while result and result[-1].role == "assistant" and not result[-1].tool_calls:
        if refuse:
            raise _refused_error(len(result) - 1, result[-1], "an answer at the end")
        result.pop()
    if not any(message.role == "user" for message in result):
        raise ConfigError("the client's messages hold no message of the user")
    return Context(tuple(result))


def _read(messages: object) -> tuple[Message, ...]:
    try:
        return context_of(messages).messages
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ConfigError(f"the client's messages cannot be read ({type(error).__name__})") from None


def _split(message: Message, allow: Collection[str]) -> tuple[Message | None, list[str]]:
    """Return the message with what is allowed (None if that is nothing), and the names of what is not allowed."""
    if message.role == "system" and "system" not in allow:
        return None, ["a system message"]
    if message.role == "tool" and "tools" not in allow:
        return None, ["a tool's result"]
    kinds = [_forbidden_kind(part, allow) for part in message.content]
    forbidden = [kind for kind in kinds if kind]
    parts = [part for part, kind in zip(message.content, kinds, strict=True) if not kind]
    if "provider_data" not in allow:
        if message.extra or any(getattr(part, "extra", None) for part in parts):
            forbidden.append("a provider's data")
        parts = [part if isinstance(part, Opaque) else evolve(part, **_NO_EXTRA) for part in parts]
        message = evolve(message, extra={})
    if not parts and message.role != "tool":
        return None, forbidden
    return evolve(message, content=parts), forbidden


def _forbidden_kind(part: Part, allow: Collection[str]) -> str | None:
    """Return a name for the part if it is not allowed, else None."""
    if isinstance(part, ToolCall):
        return None if "tools" in allow else "a tool call"
    if isinstance(part, Reasoning | Opaque):
        return None if "provider_data" in allow else "reasoning" if isinstance(part, Reasoning) else "an opaque block"
    if isinstance(part, MEDIA) and "files" not in allow:
        if part.file_id is not None:
            return "a file of the provider"
        if part.url is not None and not part.url.lower().startswith(_PUBLIC_SCHEMES):
            return "a file that is neither on the web nor in the message"
    return None


def _refused_error(index: int, message: Message, forbidden: str) -> ConfigError:
    return ConfigError(
        f"the client's message {index} ({message.role}) holds {forbidden}, which a client may not send",
        hint="leave refuse out to drop it, or allow it",
    )
