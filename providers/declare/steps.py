"""The steps that can be replaced one by one, and the values that each may have."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from inspect import isgeneratorfunction
from types import FunctionType
from typing import Any, TypedDict

from ...pipeline.http.request import Request
from ...pipeline.http.response import Response
from ...pipeline.pipeline import Pipeline
from ...schemas.chunks import StreamChunk
from ...schemas.errors import InvalidOption, ProviderError, UnknownStep
from ...schemas.functions import checked_function, parameters_of
from ...schemas.json_types import JSONSchema
from ...schemas.model import Model
from ...schemas.nearest import nearest
from ...schemas.parts import Part
from ..auth.auth import Auth
from .constraints import Constraints, checked_constraints
from .credentials import Credentials
from .embed_limits import EmbedLimit
from .extending import Extending, takes_call
from .object_support import ObjectSupport
from .prefill import PrefillSupport
from .rule_tables import AnyRule, AnyTranslate, rule_table
from .tool_policies import ToolCallIdPolicy, ToolNamePolicy
from .wire import CALLED_WITH, DecodeResponse, ExtractUsage, InitStreamState, Wire

Attach = (
    Callable[[Pipeline, Any], Pipeline]
    | Callable[[Pipeline, Any, Any], Pipeline]
    | Callable[[Pipeline, Any, Any, Any], Pipeline]
)
"""Its parameters are the pipeline, the provider, and those of `model` and `operation` that it names."""


class StepOverrides(TypedDict, total=False):
    """The steps that a provider, a row of its models, or a user can replace, each with the type of its value."""

    prepare_request: Callable[[Request], Request] | None
    """change a request before its options are translated: `(request)` returns it"""
    attach: Attach | None
    """change the pipeline: `(pipeline, provider)` returns one; parameters `model` and `operation` get the call's"""
    attach_stream: Attach | None
    """the same for streamed calls, in the place of `attach`"""
    build_body: Callable[[Request], Any]
    """make the body: `(request)`"""
    encode_body: Callable[[Any], bytes]
    """make bytes of a body: `(body)`"""
    decode_response: DecodeResponse
    """make a Reply of a whole answer: `(data, model)`; a parameter `response` gets its status, headers and request"""
    extract_usage: ExtractUsage
    """make the Usage of the same: `(data, model)`, or None"""
    find_error: Callable[[Response], ProviderError | None]
    """make the error that a response reports: `(response)`; None for a successful one"""
    translate_options: Iterable[AnyRule] | AnyTranslate
    """rules that make a provider's own options of the common ones, or a function `(options, model)`"""
    parse_stream_protocol: Callable[[bytes, Any], tuple[list[Any], Any]] | None
    """split a stream's bytes into events: `(data, buffer)` returns events and what is left; no `data` at the end"""
    init_stream_state: InitStreamState
    """make the state that a stream is decoded with: `(model)`; a parameter `response` as above"""
    begins_stream: Callable[[bytes, str], bool] | None
    """check whether a body is a stream: `(beginning, content_type)`; None takes all for one"""
    decode_stream_event: Callable[[Any, Model, Any], tuple[list[StreamChunk], Any]] | None
    """make chunks of an event: `(event, model, state)` returns them and the new state"""
    flush_stream_state: Callable[[Model, Any], list[StreamChunk]]
    """make the last chunks: `(model, state)`"""
    authenticate: Auth
    """put the key into a request: `(request)` returns it, or a generator `(request, call)` as for `around`. It is
    called for every attempt, also where there is no key (`credential` is None)"""
    normalize_model_id: Callable[[str], str]
    """make the id that a model is listed by: `(id)`"""
    thinking_constraints: Constraints | None
    """a mapping: the limits that thinking sets for other options"""
    tool_call_id_policy: ToolCallIdPolicy
    """a ToolCallIdPolicy: which ids of tool calls are accepted"""
    tool_name_policy: ToolNamePolicy
    """a ToolNamePolicy: which names of tools are accepted"""
    accepts_part: Callable[[Part, Model], bool]
    """check whether a part of an earlier answer is sent back: `(part, model)`"""
    object_support: ObjectSupport
    """an ObjectSupport: how JSON Schemas are taken"""
    default_env_key: str | Callable[[], str | None]
    """the environment variable that holds the key, or a function without arguments that returns its name"""


class PlacedSteps(StepOverrides, total=False):
    """The arguments of an override: the steps, and the place where they hold; see place.py."""

    wire: str | Wire | None
    """the wire that they were written for, "*" for all"""
    operation: str | None
    """the operation that they were written for, "*" for all"""
    stream: bool | None
    """True for streamed calls only, False for unstreamed ones"""
    when: Callable[[Request], object] | None
    """`when(request)` decides, before the first step of each call, whether they hold for it"""


class ProviderFacts(StepOverrides, total=False):
    """The steps of a provider, and its other fields, which are explained in Provider."""

    name: str
    base_url: str
    base_url_env: str | None
    place: str
    trusted_hosts: Sequence[str]
    docs: str
    env_key: str | Sequence[str] | Mapping[str, str] | None
    key_optional: bool
    auth: Auth | None
    credentials: Credentials | None
    headers: Mapping[str, str]
    options: Mapping[str, JSONSchema]
    usual_options: Mapping[str, object]
    json_with_tools: bool
    accepts_signatures_of: str | Sequence[str] | None
    prefill: Mapping[str, PrefillSupport]
    spoken: Mapping[str, str]
    embed_batches: Mapping[str, EmbedLimit]
    model_facts: Mapping[str, Mapping[str, Any]]


STEPS = tuple(StepOverrides.__annotations__)
"""The names of the steps that can be replaced one by one."""

_DATA: Mapping[str, type] = {
    "tool_call_id_policy": ToolCallIdPolicy,
    "tool_name_policy": ToolNamePolicy,
    "object_support": ObjectSupport,
}

_NONE = frozenset(
    ("prepare_request", "attach", "attach_stream", "parse_stream_protocol", "begins_stream", "decode_stream_event")
)
"""Steps that may be None."""

STEPS_CALLED_WITH: Mapping[str, tuple[int | None, tuple[str, ...]]] = {
    **CALLED_WITH,
    **dict.fromkeys(("attach", "attach_stream"), (2, ("model", "operation"))),
    **dict.fromkeys(("prepare_request", "normalize_model_id"), (1, ())),
    "authenticate": (None, ()),
    "default_env_key": (0, ()),
}
"""As CALLED_WITH, for all steps."""


def checked_steps(steps: Mapping[str, Any]) -> dict[str, Any]:
    """Check steps by name, and return their values.

    Raises UnknownStep for a name that no step has, InvalidOption for a value that cannot be that step.
    """
    return {name: checked_step(name, value) for name, value in steps.items()}


def _hint_to_extend(function: object) -> str | None:
    """Return a hint for a function whose first parameter is, by its name, the step in force."""
    if type(function) is not FunctionType or not _IN_FORCE.issuperset(parameters_of(function)[:1] or ("",)):
        return None
    return f"write extending({function.__name__}), which passes it the step in force"


_IN_FORCE = frozenset(("inherited", "previous", "original", "base", "parent", "inner", "default", "current", "old"))


_KEY_IN_HEADER = "auth=header_key('x-acme-key') sends the key in that header, a function puts it anywhere"


def checked_step(name: str, value: object) -> Any:
    if name not in STEPS:
        hint = f"{nearest(name, STEPS)}; a step of the pipeline is changed by client.pipeline, or by attach"
        raise UnknownStep(f"there is no step {name!r} to override", hint=hint)
    if isinstance(value, Extending):
        return value
    if name == "translate_options":
        return rule_table(value)
    if name == "thinking_constraints":
        return checked_constraints(value)
    if name in _DATA:
        if not isinstance(value, _DATA[name]):
            raise InvalidOption(f"{name} cannot be a {type(value).__name__}", hint=f"pass a {_DATA[name].__name__}")
    elif not (value is None and name in _NONE) and not (name == "default_env_key" and isinstance(value, str)):
        in_header = name == "authenticate" and isinstance(value, str)
        how = _KEY_IN_HEADER if in_header else _hint_to_extend(value)
        checked_function(value, name, *STEPS_CALLED_WITH[name], hint=how)
        if name == "authenticate" and isgeneratorfunction(value) and not takes_call(value):
            raise InvalidOption(
                "an authenticate that yields effects takes (request, call)",
                hint="end it with: return (yield from call(request))",
            )
    return value
