"""The steps that can be replaced on their own, and what each may be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...schemas.errors import InvalidOption, UnknownStep
from ...schemas.nearest import nearest
from .constraints import checked_constraints
from .object_support import ObjectSupport
from .rules import rule_table
from .wire import ToolCallIdPolicy, ToolNamePolicy

STEPS = (
    "prepare_request",
    "attach",
    "attach_stream",
    "build_body",
    "encode_body",
    "decode_response",
    "extract_usage",
    "find_error",
    "translate_options",
    "parse_stream_protocol",
    "init_stream_state",
    "decode_stream_event",
    "flush_stream_state",
    "authenticate",
    "normalize_model_id",
    "thinking_constraints",
    "tool_call_id_policy",
    "tool_name_policy",
    "accepts_part",
    "object_support",
    "default_env_key",
)
"""What can be replaced on its own, for a provider, for some of its models, or by a user."""

_DATA: Mapping[str, type] = {
    "tool_call_id_policy": ToolCallIdPolicy,
    "tool_name_policy": ToolNamePolicy,
    "object_support": ObjectSupport,
}

_NONE = frozenset(("prepare_request", "attach", "attach_stream", "parse_stream_protocol", "decode_stream_event"))
"""Steps that there may be none of."""
_NAMED = frozenset(("default_env_key",))
"""Steps that may be a word in the place of a function that gives one."""


def checked_steps(steps: Mapping[str, Any]) -> dict[str, Any]:
    """Steps by name, as they are kept. Raises UnknownStep for a name that no step has, InvalidOption for a value that
    cannot be that step."""
    return {name: _checked(name, value) for name, value in steps.items()}


def _checked(name: str, value: Any) -> Any:
    if name not in STEPS:
        raise UnknownStep(f"there is no step {name!r} to override", hint=nearest(name, STEPS))
    if name == "translate_options":
        return rule_table(value)
    if name == "thinking_constraints":
        return checked_constraints(value)
    if name in _DATA:
        if not isinstance(value, _DATA[name]):
            raise InvalidOption(f"{name} cannot be a {type(value).__name__}", hint=f"pass a {_DATA[name].__name__}")
    elif (
        not callable(value)
        and not (value is None and name in _NONE)
        and not (name == "default_env_key" and isinstance(value, str))
    ):
        raise InvalidOption(f"{name} cannot be a {type(value).__name__}", hint="pass a function")
    return value
