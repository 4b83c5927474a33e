"""The steps that can be replaced on their own, and what each may be."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypedDict

from ...pipeline.http.request import Request
from ...pipeline.http.response import Response
from ...pipeline.pipeline import Pipeline
from ...schemas.chunks import StreamChunk
from ...schemas.errors import InvalidOption, ProviderError, UnknownStep
from ...schemas.model import Model
from ...schemas.nearest import nearest
from ...schemas.parts import Part
from ...schemas.reply import Reply
from ...schemas.usage import Usage
from ..auth.auth import Auth
from .constraints import Constraints, checked_constraints
from .object_support import ObjectSupport
from .rules import Rule, Translate, rule_table
from .wire import ToolCallIdPolicy, ToolNamePolicy


class StepOverrides(TypedDict, total=False):
    """What may be given for each step that can be replaced: for a provider, for some of its models, or by a user."""

    prepare_request: Callable[[Request], Request] | None
    """change the request before its body is built"""
    attach: Callable[[Pipeline, Any], Pipeline] | None
    """change the pipeline; given the provider, too"""
    attach_stream: Callable[[Pipeline, Any], Pipeline] | None
    """change the pipeline of streamed calls"""
    build_body: Callable[[Request], Any]
    """make the body of a request"""
    encode_body: Callable[[Any], bytes]
    """make bytes of a body"""
    decode_response: Callable[[Any, Model], Reply]
    """read an answer's body"""
    extract_usage: Callable[[Any, Model], Usage | None]
    """find the usage in an answer's body"""
    find_error: Callable[[Response], ProviderError | None]
    """tell an error answer from a good one"""
    translate_options: Iterable[Rule] | Translate
    """rules that make a provider's own options of the canonical ones, or a function that does"""
    parse_stream_protocol: Callable[[bytes, Any], tuple[list[Any], Any]] | None
    """split a stream's bytes into events"""
    init_stream_state: Callable[[Model], Any]
    """make the state that a stream is decoded with"""
    decode_stream_event: Callable[[Any, Model, Any], tuple[list[StreamChunk], Any]] | None
    """make chunks of an event"""
    flush_stream_state: Callable[[Model, Any], list[StreamChunk]]
    """make the chunks that are due at the end"""
    authenticate: Auth
    """put the key into the request"""
    normalize_model_id: Callable[[str], str]
    """give the id that a model is listed by"""
    thinking_constraints: Constraints | None
    """what thinking demands of the other options"""
    tool_call_id_policy: ToolCallIdPolicy
    """which ids of tool calls are taken"""
    tool_name_policy: ToolNamePolicy
    """which names of tools are taken"""
    accepts_part: Callable[[Part, Model], bool]
    """whether a part of an earlier answer is sent back"""
    object_support: ObjectSupport
    """how JSON Schemas are taken"""
    default_env_key: str | Callable[..., str | None]
    """the environment variable that holds the key"""


STEPS = tuple(StepOverrides.__annotations__)
"""What can be replaced on its own."""

_DATA: Mapping[str, type] = {
    "tool_call_id_policy": ToolCallIdPolicy,
    "tool_name_policy": ToolNamePolicy,
    "object_support": ObjectSupport,
}

_NONE = frozenset(("prepare_request", "attach", "attach_stream", "parse_stream_protocol", "decode_stream_event"))
"""Steps that there may be none of."""


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
