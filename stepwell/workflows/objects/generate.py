"""Ask for an object, read it, and if it does not fit, show the model what is wrong and ask again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from attrs import evolve

from ...events import span
from ...options import ModelLike, PromptLike
from ...pipeline.effects import CallModel, Flow
from ...planner import CallPlanner
from ...schemas.errors import ConfigError, ObjectInvalid, StepwellError
from ...schemas.message import Context, context_of, reminder, tool_result
from ...schemas.parts import Text, ToolCall
from ...schemas.reply import CallWarning, Reply, all_warnings
from ...schemas.usage import total_usage
from ...settings import hide_credentials
from ..next_options import options_after
from .modes import ObjectRequest, object_request
from .output_spec import spec_of

MAX_SHOWN = 10
_AGAIN = """That does not fit what was asked for:
{violations}
Give the whole answer again, corrected."""


def generate(
    planner: CallPlanner,
    model: ModelLike,
    prompt: PromptLike,
    schema: object,
    *,
    mode: str | None,
    max_repairs: int,
    name: str | None,
    description: str | None,
    options: Mapping[str, Any],
) -> Flow:
    """Run generate_object, whose arguments these are. Return the Reply with its `.object`.

    schema: what generate_object takes, or an OutputSpec made of it.
    """
    hide_credentials(options)
    spec = spec_of(schema, prompt, name, description)
    plan = planner.plan("chat", model, wire=options.get("wire"), overrides=options.get("overrides"))
    request = object_request(plan, spec, prompt, options, mode)
    with span("generate_object", model=str(model), name=spec.name, mode=request.mode) as work:
        replies, (value, repairs) = yield from ask_until_read(
            model,
            request.context,
            request.options,
            max_repairs,
            lambda reply: spec.read(request.text_of(reply), cut=reply.finish_reason == "length"),
            _append_violations,
        )
        work.note(attempts=len(replies))
        return object_reply(replies, request, value, repairs, context_of(prompt))


def ask_until_read(
    model: ModelLike,
    context: Context,
    options: Mapping[str, Any],
    max_repairs: int,
    read: Callable[[Reply], Any],
    complain: Callable[[Context, Reply, ObjectInvalid], Context],
) -> Flow:
    """Ask until an answer can be read. Return all the replies, and what was read of the last.

    model, options: those of each call.
    context: the conversation of the first call.
    max_repairs: how often the model is shown what is wrong.
    read: reads an answer, or raises ObjectInvalid.
    complain: returns the conversation with an answer and what is wrong with it.

    Raises ObjectInvalid, with the last reply and all usage, when the repairs are used up. A refusal and an answer that
    was cut at the token limit are not repaired.
    """
    if max_repairs < 0:
        raise ConfigError("max_repairs cannot be less than 0", hint="pass 0 to fail at the first unreadable answer")
    replies: list[Reply] = []
    while True:
        try:
            reply: Reply = yield CallModel(model, context, options)
        except (StepwellError, AssertionError) as error:  # the latter of a fake
            if replies:
                error.add_note("it is of a call to correct the answer before, which does not fit the schema")
            if not isinstance(error, StepwellError):
                raise
            if replies:
                error.usage = total_usage([*(each.usage for each in replies), error.usage])
                error.partial = error.partial or replies[-1]
            raise
        replies.append(reply)
        try:
            return replies, read(reply)
        except ObjectInvalid as invalid:
            hopeless = reply.finish_reason in ("length", "content_filter") or reply.refusal
            if len(replies) > max_repairs or hopeless:
                raise object_error(invalid, reply, replies) from None
            context, options = complain(context, reply, invalid), options_after(reply, options)


def object_error(invalid: ObjectInvalid, reply: Reply, replies: list[Reply]) -> ObjectInvalid:
    """Add to an error its answer, the usage of all calls, and a hint what to do."""
    if reply.refusal or reply.finish_reason == "content_filter":
        invalid.args = ("the model refused to give the object",)
        invalid.text, invalid.hint = reply.refusal or invalid.text, "the refusal is in .text"
    elif reply.finish_reason == "length":
        invalid.args = ("the answer was cut off at the token limit before the object was whole",)
        invalid.hint = "raise max_tokens"
    elif invalid.hint is None:
        invalid.hint = "the answer is in .text, all that does not fit in .violations"
    invalid.partial, invalid.request_id, invalid.warnings = reply, reply.request_id, all_warnings(replies)
    invalid.provider, invalid.model = reply.provider, reply.model
    invalid.usage = total_usage(each.usage for each in replies)
    return invalid


def _append_violations(context: Context, reply: Reply, invalid: ObjectInvalid) -> Context:
    """Append the answer and what is wrong with it: as the result of the call, where the answer was a call."""
    rows = [f"- {violation}" for violation in invalid.violations[:MAX_SHOWN]]
    complaint = _AGAIN.format(violations="\n".join(rows))
    answer = [reply.message] if reply.message.content else []
    results = [tool_result(call.id, complaint, name=call.name) for call in reply.tool_calls]
    return context.append(*answer, *(results or [reminder(complaint)]))


def object_reply(
    replies: list[Reply], request: ObjectRequest, value: object, repairs: list[str], prompt: Context
) -> Reply:
    """Return the last reply with the object, and with its JSON as the text in every mode."""
    last = replies[-1]
    message = last.message
    if request.tool is not None and last.tool_calls:
        others = [part for part in message.content if not isinstance(part, ToolCall | Text)]
        message = evolve(message, content=[*others, Text(request.text_of(last))])
    # A schema that the vendor does not enforce has been checked here, so there is no need for a warning.
    warnings = [each for each in all_warnings(replies) if each.subject not in ("response_format", "tools")]
    warnings += [CallWarning("object", f"the JSON was repaired: {what}", str(last.model)) for what in repairs]
    return last.replace(
        message=message,
        object=value,
        usage=total_usage(each.usage for each in replies) if len(replies) > 1 else last.usage,
        finish_reason="stop" if last.finish_reason == "tool_calls" else last.finish_reason,
        warnings=tuple(warnings),
        metadata={**last.metadata, "object_mode": request.mode},
        steps=tuple(replies) if len(replies) > 1 else (),
        prompt=prompt,
    )
