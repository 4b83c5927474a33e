"""Say how to write what is no message, and what other forms of messages have."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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
    "blocks": "pass 'content', which is text or a list of parts: {'type': 'text', 'text': …}",
}
"""How to write here what other forms of messages have, by its type or key."""
_ROLE_NAMES = ("system", "developer", "user", "assistant", "tool")
_ROLES_OF_OTHERS = {"human": "user", "ai": "assistant", "model": "assistant"}


def form_hint(kind: object, otherwise: str = "") -> str:
    """Return how to write a part or a key of another form of messages in this one."""
    return _IN_OUR_FORM.get(str(kind), otherwise)


def no_message(item: object, read: Callable[[object], object]) -> ConfigError:
    """Return the error for an item of a conversation that no message can be made of. `read` makes messages."""
    without, hint = "", _with_role(item)
    if isinstance(item, Mapping):
        without, hint = " without a role", form_hint(item.get("type"), _with_role(item))
    elif _is_reply(item):
        hint = "append reply.message, or go on from reply.context"
    elif isinstance(item, list):
        hint = "pass its messages one by one, as in append(*messages)"
    elif _is_dumped_well(item, read):
        hint = "pass its model_dump()"
    elif callable(item) or hasattr(item, "callback"):
        hint = "tools come after the prompt: run_tools(model, prompt, tools)"
    return ConfigError(f"a message cannot be a {type(item).__name__}{without}", hint=hint)


def no_prompt(prompt: object, read: Callable[[object], object]) -> ConfigError:
    """Return the error for what no conversation can be made of. `read` makes messages."""
    hint = "pass a string, a Context or a list of messages"
    if _is_reply(prompt):
        hint = "go on from its context: reply.context.append(…)"
    elif _is_dumped_well(prompt, read):
        hint = "pass its model_dump()"
    return ConfigError(f"a prompt cannot be a {type(prompt).__name__}", hint=hint)


def no_content(content: object, part: object = None) -> ConfigError:
    """Return the error for what cannot be a message's content, or hold a part of it."""
    if part is None or hasattr(content, "model_dump"):  # pydantic's objects iterate over their fields
        hint = "use text, parts or a list; json.dumps(...) makes text of data"
        return ConfigError(f"a message's content cannot be a {type(content).__name__}", hint=hint)
    hint = "use text or a part: Image.from_file(path), File.from_file(path)"
    if hasattr(part, "content") and hasattr(part, "role"):
        hint = "a message is no part of another; use its content"
    return ConfigError(f"a message's content cannot hold a {type(part).__name__}", hint=hint)


def no_tools(tools: object) -> ConfigError:
    """Return the error for what is no list of tools, which may be the second message of a conversation."""
    hint = "the messages are one list: Context([user(…), assistant(…)]); tools are another: Context(messages, [tool])"
    return ConfigError(f"the tools of a Context cannot be a {type(tools).__name__}", hint=hint)


def no_call(call: object) -> ConfigError:
    """Return the error for what cannot be a tool call of a message in dict form."""
    form = 'pass {"id": …, "function": {"name": …, "arguments": …}}'
    if isinstance(call, Mapping):
        return ConfigError("a tool call of a message has no name", hint=form)
    if hasattr(call, "model_dump"):
        form = "pass its model_dump(), or that of the whole message"
    return ConfigError(f"a tool call of a message cannot be a {type(call).__name__}", hint=form)


def _is_reply(item: object) -> bool:
    return hasattr(item, "message") and hasattr(item, "context")  # its module imports that of messages


def _is_dumped_well(item: object, read: Callable[[object], object]) -> bool:
    """Return whether the model_dump() of an object of another library has the form of messages here."""
    if isinstance(item, type) or not hasattr(item, "model_dump"):
        return False
    try:
        read(item.model_dump())
    except Exception:  # also one of the other library's own
        return False
    return True


def _with_role(item: object) -> str:
    """Return the form of a message, with the role of an object or a dict of another library, where it has one."""
    if isinstance(item, Mapping):
        said: object = item.get("type")
    else:
        said = getattr(item, "role", None) or getattr(item, "type", None)
    role = str(getattr(said, "value", said))  # LlamaIndex has an Enum
    role = _ROLES_OF_OTHERS.get(role, role)
    return f'pass {{"role": "{role if role in _ROLE_NAMES else "user"}", "content": "…"}}'


def refuse_pairs(messages: Sequence[object]) -> None:
    """Raise ConfigError for a text that is the name of a role, before another text: each would be a user message."""
    for role, text in pairwise(messages):
        if isinstance(role, str) and role in _ROLE_NAMES and isinstance(text, str):
            made = "tool_result(call, text)" if role == "tool" else f'{{"role": "{role}", "content": "…"}}'
            raise ConfigError(f"each text is a user message of its own, also {role!r}", hint=f"write append({made})")
