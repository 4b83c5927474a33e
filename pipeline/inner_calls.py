"""Count the calls that steps make besides the call itself, so that its reply shows what all of them cost."""

from __future__ import annotations

from collections.abc import Callable

from ..schemas.reply import Reply
from .effects import CallModel, Flow, StartTask
from .http.request import Request


def noting_calls(flow: Flow, request: Request) -> Flow:
    """Run a flow, and note the replies of the whole calls (CallModel) that it makes, also in its tasks."""
    calls = request.calls
    if calls is None:
        return (yield from flow)
    try:
        effect = next(flow)
        while True:
            if type(effect) is StartTask:
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
