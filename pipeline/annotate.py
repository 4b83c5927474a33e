"""Fill in the fields of a reply that its exchange decides: model, request id, headers, price, the calls made for it."""

from __future__ import annotations

from ..schemas.attempt import attempts_of, failed_answer
from ..schemas.errors import StepwellError
from ..schemas.message import Context
from ..schemas.model import Model
from ..schemas.prices import FREE
from ..schemas.reply import CallWarning, Reply, joined_warnings
from ..schemas.usage import NO_USAGE, later_usage, sound_usage, total_usage
from .http.request import Request
from .http.response import DROPPED, Response, end_dropped


def attach_partial(error: StepwellError, partial: Reply) -> None:
    """Attach the reply as far as it had come to its error, with the usage that was reported with the error."""
    if error.usage is not None:
        partial.usage, _ = later_usage(partial.usage, error.usage)
    error.partial, error.usage = partial, partial.usage


def attach_attempts(error: StepwellError, request: Request) -> None:
    """Attach the attempts of the call to its error, and report one whose answer had begun and then failed."""
    noted = request.attempts
    if noted is None:
        return
    if (failed := failed_answer(noted, request.model, error)) is not None:
        _, at, _, status, *_ = failed
        seconds = request.world.now() - request.started - at
        facts = {"error": type(error).__name__, "status": status, "seconds": round(seconds, 3)}
        request.world.report("failure", model=request.model, **facts)
    error.attempts = attempts_of(noted)


def check_usage(reply: Reply, request: Request) -> None:
    """Make the counts of the reply sound, with a warning for what is changed.

    None is below zero, no part is larger than its whole, and usage that lacks a count of its kind is not complete.
    """
    if request.operation == "count_tokens":
        return  # a count is its answer, and is checked as one
    reply.usage, wrong = sound_usage(reply.usage, has_output=request.operation == "chat")
    for why in wrong:
        warn(reply, request.model, "usage", f"{request.model.provider} counted wrongly: {why}")


def warn(reply: Reply, model: Model, subject: str, why: str) -> None:
    """Add one more warning to the reply itself, unless it is there."""
    reply.warnings = joined_warnings(reply.warnings, (CallWarning(subject, why, str(model)),))


def annotate(reply: Reply, response: Response) -> Reply:
    """Set provider, model, prompt, headers, request id and warnings on the reply itself, and return it."""
    request = response.request
    model = request.model
    reply.provider = reply.provider or model.provider
    reply.model = reply.model or model.id
    name = f"{model.provider}:{model.id}"
    for message in (reply.message, *reply.alternatives):
        # In place, too: nothing else holds the message yet, and a copy would cost 2.1 µs a call instead of 0.1.
        object.__setattr__(message, "model", name)
    reply.prompt = reply.prompt or request.context
    reply.billed_model = model
    reply.request_id = reply.request_id or response.request_id
    reply.headers = response.headers
    reply.noted = () if request.attempts is None else request.attempts  # read when asked for
    reply.already_paid = request.operation in FREE
    if reply.usage is not NO_USAGE:
        check_usage(reply, request)
    if request.warnings:
        reply.warnings = joined_warnings(request.warnings, reply.warnings)
    if request.options and (count := request.options.get("n")) and reply.finish_reason and request.operation == "chat":
        received = 1 + len(reply.alternatives)
        if received != count:
            warn(reply, model, "n", f"{received} answers were received, but {count} were requested")
    return reply


def note_reply(response: Response | None, reply: Reply) -> None:
    """Add the reply of one exchange to the request's `calls`. `response.call` then identifies it in that list.

    The reply of a response that is there already takes the place of its earlier one.
    """
    if response is not None and (calls := response.request.calls) is not None:
        if response.call is not None:
            calls[:] = [each for each in calls if each[0] is not response.call]
        response.call = object()
        calls.append((response.call, reply))


def with_inner_calls(reply: Reply, response: Response) -> Reply:
    """Return the reply with the replies of all calls made for it as its `steps`, and the sum of their usage.

    If there was only one call, the reply is returned unchanged. A reply that a step made without a call is not one of
    the `steps`.
    """
    calls = response.request.calls
    if not calls:
        return reply
    inner = [each for mark, each in calls if mark is not response.call and each.message is not reply.message]
    if not inner:
        return reply
    is_call = response.call is not None or response.source is not None or len(inner) < len(calls)
    steps = (*inner, reply) if is_call else tuple(inner)
    return reply.replace(steps=steps, usage=total_usage(step.usage for step in steps))


def completed_reply(response: Response, prompt: Context) -> Reply:
    """Return the reply of an unstreamed call, after running its on-end callbacks.

    prompt: the context that the caller passed, before any step changed it.
    """
    reply = response.reply
    if reply is None:
        raise StepwellError(
            "the pipeline ended without a reply", hint="a step replaced decode_response, or did not call the next one"
        )
    reply.prompt = prompt
    if response.callbacks:
        response.ended(reply, None)
        reply = response.reply or reply  # with the warnings of these callbacks
    if DROPPED:
        end_dropped(wait=False)
    if response.call is not None and len(response.request.calls or ()) == 1:
        return reply
    return with_inner_calls(reply, response)
