"""A conversation as a client tells it, whom nobody needs to believe.

A history that comes from a browser can hold anything: calls that no model made, results that no tool gave, approvals,
instructions, blocks that a provider would take for its own. Here it is cut down to what a client may say.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from attrs import evolve

from .errors import ConfigError
from .message import Context, Message, context_of
from .parts import Audio, File, Image, Opaque, Part, Reasoning, ToolCall, Video

_GRANTS: Final = ("system", "tools", "provider_data", "files")
_NO_EXTRA: Final[dict[str, Any]] = {"extra": {}}
_MEDIA: Final = (Image, File, Audio, Video)
_FETCHED_AS_ANYONE: Final = ("https://", "http://", "data:")


def untrusted(messages: Any, *, allow: Collection[str] = (), refuse: bool = False) -> Context:
    """The conversation with nothing in it but what the user says and the text that the model is said to have answered.

    `messages` is what generate_text takes: dicts in OpenAI's form, Messages, a Context (`Context.from_json(body)`).
    Left out are system messages, tool calls and tool results, reasoning with its signatures, opaque blocks, every
    `extra`, the tools on offer, files by a provider's id or by an address that a provider would open with your rights
    (`s3://`, `gs://`), and answers at the end, which the model would take for its own beginning. With `refuse=True`
    these are a ConfigError that says what stands where. `allow` lets some through: "system", "tools" (calls and their
    results), "provider_data" (reasoning, opaque blocks, `extra`), "files" (any file id and address).

    The text of earlier answers can still be made up: keep the conversation yourself (`Context.to_json`), and take the
    newest message alone from the client, where that matters. Raises ConfigError for messages that cannot be read, and
    when nothing of the user's is left.
    """
    if unknown := set(allow) - set(_GRANTS):
        raise ConfigError(f"{min(unknown)!r} cannot be allowed", hint=f"allow takes {', '.join(_GRANTS)}")
    kept: list[Message] = []
    for place, message in enumerate(_read(messages)):
        allowed, forged = _divided(message, allow)
        if refuse and forged:
            raise _refused(place, message, forged[0])
        if allowed is not None:
            kept.append(allowed)
    while kept and kept[-1].role == "assistant" and not kept[-1].tool_calls:
        if refuse:
            raise _refused(len(kept) - 1, kept[-1], "an answer at the end")
        kept.pop()
    if not any(message.role == "user" for message in kept):
        raise ConfigError("the client's messages hold nothing that the user says")
    return Context(tuple(kept))


def _read(messages: Any) -> tuple[Message, ...]:
    try:
        return context_of(messages).messages
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ConfigError(f"the client's messages cannot be read ({type(error).__name__})") from None


def _divided(message: Message, allow: Collection[str]) -> tuple[Message | None, list[str]]:
    """The message with what is allowed, None where that is nothing, and the names of what is not."""
    if message.role == "system" and "system" not in allow:
        return None, ["a system message"]
    if message.role == "tool" and "tools" not in allow:
        return None, ["a tool's result"]
    parts: list[Part] = []
    forged: list[str] = []
    for part in message.content:
        if name := _forged(part, allow):
            forged.append(name)
        else:
            parts.append(part)
    if "provider_data" not in allow:
        if message.extra or any(getattr(part, "extra", None) for part in parts):
            forged.append("a provider's data")
        parts = [part if isinstance(part, Opaque) else evolve(part, **_NO_EXTRA) for part in parts]
        message = evolve(message, extra={})
    if not parts and message.role != "tool":
        return None, forged
    return evolve(message, content=parts), forged


def _forged(part: Part, allow: Collection[str]) -> str | None:
    """What the part is, if it is not allowed."""
    if isinstance(part, ToolCall):
        return None if "tools" in allow else "a tool call"
    if isinstance(part, Reasoning | Opaque):
        return None if "provider_data" in allow else "reasoning" if isinstance(part, Reasoning) else "an opaque block"
    if isinstance(part, _MEDIA) and "files" not in allow:
        if part.file_id is not None:
            return "a file of the provider's"
        if part.url is not None and not part.url.lower().startswith(_FETCHED_AS_ANYONE):
            return "a file that is neither on the web nor in the message"
    return None


def _refused(place: int, message: Message, what: str) -> ConfigError:
    return ConfigError(
        f"message {place} of the client's ({message.role}) holds {what}, which a client may not send",
        hint="leave refuse out to drop it, or allow it",
    )
