"""Write a conversation as one text, for models that take nothing else, or check the text that a function made."""

from __future__ import annotations

from collections.abc import Sequence

from ..schemas.errors import ConfigError, NotSupported
from ..schemas.message import Message
from ..schemas.parts import Reasoning, Refusal, Text, ToolCall


def plain_prompt(messages: Sequence[Message]) -> str:
    """Return the text of a single user message as it is; else "role: text" for each message, and "assistant:".

    Raises NotSupported for anything that is not text.
    """
    if len(messages) == 1 and messages[0].role == "user":
        return _text(messages[0])
    lines = [f"{message.name or message.role}: {_text(message)}" for message in messages]
    return "\n".join([*lines, "assistant:"])


def text_by(value: object, name: str) -> str:
    """Return the text that the function of that name returned. Raises ConfigError for anything else."""
    if not isinstance(value, str):
        raise ConfigError(f"{name} gave a {type(value).__name__}", hint="let it return a string")
    return value


def _text(message: Message) -> str:
    pieces = []
    for part in message.content:
        if isinstance(part, Text | Refusal):
            pieces.append(part.text)
        elif isinstance(part, ToolCall):
            pieces.append(f"{part.name}({part.arguments_json})")
        elif not isinstance(part, Reasoning):
            raise NotSupported(f"a {part.type} cannot be put into a text", hint="send text only, or to another model")
    return "".join(pieces)
