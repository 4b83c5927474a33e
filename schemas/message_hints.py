"""Say how to write what is no message, and what other forms of messages have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

from .errors import ConfigError

_CALLS = "pass an answer with 'tool_calls': [{'id': …, 'function': {'name': …, 'arguments': …}}]"
_RESULT = "pass a message of its own: {'role': 'tool', 'tool_call_id': …, 'content': …}"
_IN_OUR_FORM = {
    "image": "pass {'type': 'image_url', 'image_url': {'url': 'data:image/png;base64,…'}} or Image(data=…) of stepwell",
    "tool_use": _CALLS,
    "function_call": _CALLS,
    "tool_result": _RESULT,
    "function_call_output": _RESULT,
    "thinking": "pass 'reasoning_content' beside the content, or Reasoning(text, signature=…) of stepwell.messages",
    "input_audio": "pass Audio(data=…, media_type=…) of stepwell.messages",
    "parts": "pass 'content', which is text or a list of parts: {'type': 'text', 'text': …}",
}
"""How to write here what other forms of messages have, by its type or key."""
_ROLE_NAMES = ("system", "developer", "user", "assistant", "tool")


def form_hint(kind: object, otherwise: str = "") -> str:
    """Return how to write a part or a key of another form of messages in this one."""
    return _IN_OUR_FORM.get(str(kind), otherwise)


def no_message(item: object) -> ConfigError:
    """Return the error for an item of a conversation that no message can be made of."""
    without, hint = "", 'pass {"role": "user", "content": "…"}'
    if isinstance(item, Mapping):
        without, hint = " without a role", form_hint(item.get("type"), hint)
    elif hasattr(item, "message") and hasattr(item, "context"):  # a Reply, whose module imports that of messages
        hint = "append reply.message, or go on from reply.context"
    elif hasattr(item, "role"):
        hint = "pass its model_dump()"
    elif callable(item) or hasattr(item, "callback"):
        hint = "tools come after the prompt: run_tools(model, prompt, tools)"
    return ConfigError(f"a message cannot be a {type(item).__name__}{without}", hint=hint)


def refuse_pairs(messages: Sequence[object]) -> None:
    """Raise ConfigError for a text that is the name of a role, before another text: each would be a user message."""
    for role, text in pairwise(messages):
        if isinstance(role, str) and role in _ROLE_NAMES and isinstance(text, str):
            made = "tool_result(call, text)" if role == "tool" else f'{{"role": "{role}", "content": "…"}}'
            raise ConfigError(f"each text is a user message of its own, also {role!r}", hint=f"write append({made})")
