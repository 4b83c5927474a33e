"""Count the calls that steps make besides the call itself, so that its reply shows what all of them cost."""

from __future__ import annotations

from collections.abc import Callable

from ..schemas.reply import Reply
from ..schemas.usage import total_usage
from .effects import CallModel, Flow, Start
from .http.request import Request
from .http.response import Response


def note_reply(response: Response | None, reply: Reply) -> None:
    """Note the reply of one exchange with a provider, and mark its response."""
    if response is not None and (calls := response.request.calls) is not None:
        response.call = object()
        calls.append((response.call, reply))


def noting_calls(flow: Flow, request: Request) -> Flow:
    """Run a flow, and note the replies of the whole calls (CallModel) that it makes, also in its tasks."""
    calls = request.calls
    if calls is None:
        return (yield from flow)
    try:
        effect = next(flow)
        while True:
            if type(effect) is Start:
                effect.flow = noting_calls(effect.flow, request)
            try:
                result = yield effect
            except BaseException as error:
                effect = flow.throw(error)
            else:
                if type(effect) is CallModel:
                    _note_call(result, calls.append)
                effect = flow.send(result)
    except StopIteration as stop:
        return stop.value


def _note_call(result: object, note: Callable[[tuple[object, Reply]], None]) -> None:
    if isinstance(result, Reply):
        note((object(), result))
    elif (response := getattr(result, "response", None)) is not None:
        response.on_end(lambda reply, error: note((object(), reply)) if reply is not None else None)


def with_inner_calls(reply: Reply, response: Response) -> Reply:
    """Return the reply, with the calls that steps have made for it as its `steps`, and the usage of all.

    A reply that came by one call is returned as it is. That of a step (a flow, or a reply of its own) is no call.
    """
    calls = response.request.calls
    if not calls or (len(calls) == 1 and calls[0][0] is response.call):
        return reply
    inner = [each for mark, each in calls if mark is not response.call and each.message is not reply.message]
    if not inner:
        return reply
    is_call = response.call is not None or response.source is not None or len(inner) < len(calls)
    steps = (*inner, reply) if is_call else tuple(inner)
    return reply.replace(steps=steps, usage=total_usage(step.usage for step in steps))
