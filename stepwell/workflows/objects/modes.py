"""The modes of asking for an object, and the choice of one for a model.

All give the same result: a schema that a mode does not enforce is checked here, and the answer repaired.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from attrs import frozen

from ...options import PromptLike
from ...plan import Plan
from ...providers.declare.object_support import MODES, ONLY_JSON, Dialect, ObjectSupport
from ...schemas.errors import InvalidOption, NotSupported, SchemaError
from ...schemas.json_text import dumps
from ...schemas.message import Context, context_of
from ...schemas.nearest import nearest
from ...schemas.reply import Reply
from ...schemas.tool import Tool
from .output_spec import OutputSpec

Mode = Literal["json_schema", "strict_tool", "tool", "json", "prompt"]
"""The modes of asking for an object."""

_CALL = "Give the answer by calling {name}."


@frozen
class ObjectRequest:
    """A prompt and options that ask for an object in one mode."""

    mode: str
    context: Context
    options: Mapping[str, Any]
    tool: Tool | None = None
    """The tool whose call is the answer, in the modes that have one."""

    def text_of(self, reply: Reply) -> str:
        """Return the JSON text of the answer: the arguments of the tool's call, or the text."""
        if self.tool is None:
            return reply.text
        answers = (call.arguments_json for call in reply.tool_calls if call.name == self.tool.name)
        return next(answers, reply.text)


def object_request(
    plan: Plan, spec: OutputSpec, prompt: PromptLike, options: Mapping[str, Any], mode: str | None
) -> ObjectRequest:
    """Choose the mode, and build the request for an object.

    plan: the plan of the call, which has the model.
    spec: the schema.
    prompt, options: those of the call.
    mode: one of MODES; None is the best that the model has.

    Raises InvalidOption for a mode that does not exist, NotSupported for one that the model does not have.
    """
    for name in ("tools", "tool_choice", "response_format"):
        if options.get(name) is not None:
            raise InvalidOption(f"{name!r} cannot be combined with a schema", hint="use generate_text")
    support: ObjectSupport = plan.object_support
    chosen = _choose_mode(plan, support, spec, mode)
    context = context_of(prompt).with_tools()
    match chosen:
        case "json_schema":
            schema = {"name": spec.name, "schema": spec.sent, "strict": True}
            if spec.description:
                schema["description"] = spec.description
            response_format = {"type": "json_schema", "json_schema": schema}
            if not support.shown:
                context = context.with_instructions(ONLY_JSON.format(schema=dumps(spec.sent).decode()))
            return ObjectRequest(chosen, context, {**options, "response_format": response_format})
        case "strict_tool" | "tool":
            tool = Tool(
                spec.name,
                spec.description or "Give the answer.",
                spec.sent,
                strict=True if chosen == "strict_tool" else None,
            )
            instructed = context.with_instructions(_CALL.format(name=tool.name))
            return ObjectRequest(
                chosen, instructed, {**options, "tools": [tool], "tool_choice": {"name": tool.name}}, tool
            )
        case _:
            instructed = context.with_instructions(ONLY_JSON.format(schema=dumps(spec.sent).decode()))
            return ObjectRequest(
                chosen, instructed, {**options, "response_format": "json"} if chosen == "json" else options
            )


def _choose_mode(plan: Plan, support: ObjectSupport, spec: OutputSpec, requested: str | None) -> str:
    if requested is None:
        return next(mode for mode in support.modes if _works(mode, plan, support, spec))
    if requested not in MODES:
        raise InvalidOption(f"there is no object mode {requested!r}", hint=nearest(requested, MODES))
    if requested not in support.modes:
        raise NotSupported(f"{plan.model} has no object mode {requested!r}", hint=f"it has {', '.join(support.modes)}")
    return requested


def _works(mode: str, plan: Plan, support: ObjectSupport, spec: OutputSpec) -> bool:
    """Return whether the model has the mode, and its vendor enforces this schema in it."""
    model = plan.model
    match mode:
        case "json_schema":
            assumed = support.sure or not model.known
            able = assumed if model.structured_output is None else model.structured_output
            return able and (not support.always_enforced or _is_enforced(support.answers, spec))
        case "strict_tool":
            return (
                model.tools is not False
                and model.structured_output is True
                and _is_enforced(support.strict_tools, spec)
            )
        case "tool":
            return model.tools is True or (model.tools is None and not model.known)
        case _:
            return True


def _is_enforced(dialect: Dialect | None, spec: OutputSpec) -> bool:
    try:
        return dialect is None or bool(dialect(spec.sent).strict)
    except SchemaError:
        return False
