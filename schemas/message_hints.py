"""Errors for what is no message, which say how to write it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .dict_form import form_hint
from .errors import ConfigError
from .tool import tool_behind

_ROLES = ("system", "developer", "user", "assistant", "tool")


def no_message(item: object) -> ConfigError:
    """Return the error for an item of a conversation that no message can be made of."""
    without, hint = "", 'pass {"role": "user", "content": "…"}'
    if isinstance(item, Mapping):
        without, hint = " without a role", form_hint(item.get("type"), hint)
    elif hasattr(item, "message") and hasattr(item, "context"):  # a Reply, whose module imports that of messages
        hint = "append reply.message, or go on from reply.context"
    elif hasattr(item, "role"):
        hint = "pass its model_dump()"
    elif callable(item) or tool_behind(item) is not None:
        hint = "tools come after the prompt: run_tools(model, prompt, tools)"
    return ConfigError(f"a message cannot be a {type(item).__name__}{without}", hint=hint)


def refuse_pairs(messages: Sequence[object]) -> None:
    """Raise ConfigError for a text that is the name of a role, before another text: each would be a user message."""
    for role, text in zip(messages, messages[1:], strict=False):
        if isinstance(role, str) and role in _ROLES and isinstance(text, str):
            made = "tool_result(call, text)" if role == "tool" else f'{{"role": "{role}", "content": "…"}}'
            raise ConfigError(f"each text is a user message of its own, also {role!r}", hint=f"write append({made})")
