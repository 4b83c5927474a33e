"""Count the calls that steps make besides the call itself, so that its reply shows what all of them cost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from weakref import proxy

from ..schemas.errors import StepError
from ..schemas.reply import Reply
from .annotate import with_inner_calls
from .effects import CallModel, Flow, StartTask, response_in
from .http.request import Request, StateKey

DEPTH = StateKey("calls_deep", 0, travels=True)
"""How many calls a call is made within: whole calls, and calls that went on to another model."""
MAX_DEPTH = 16


def nested(request: Request, depth: int, *, hint: str) -> Request:
    """Return the request with a note of how many calls it is made within. Raises StepError for over MAX_DEPTH."""
    if depth > MAX_DEPTH:
        raise StepError(f"calls are nested {MAX_DEPTH} deep", hint=hint)
    return request.with_state(DEPTH, depth)


def noting_calls(flow: Flow, request: Request) -> Flow:
    """Run a flow, and note the replies of the whole calls (CallModel) that it makes, also in its tasks."""
    if request.calls is None:
        return flow
    noting = noting_once_begun(flow, request)
    next(noting)  # to its first yield: an error thrown into a generator that has not begun would not reach the flow
    return noting


def noting_once_begun(flow: Flow, request: Request) -> Flow:
    """Do what `noting_calls` does, but leave it to the caller to begin the flow by `next`, which returns None."""
    note = ([] if request.calls is None else request.calls).append
    effect: Any = None
    try:
        while True:
            try:
                result = yield effect
            except BaseException as error:
                partial = getattr(error, "partial", None)
                if type(effect) is CallModel and not effect.noted and partial is not None:
                    effect.noted = True
                    note((object(), partial))
                effect = flow.throw(error)
            else:
                if type(effect) is CallModel and not effect.noted:
                    effect.noted = True  # the flow of a stream is watched by each step that it passes
                    _note_call(result, note)
                effect = flow.send(result)
            if type(effect) is CallModel:
                effect.noted, effect.depth = False, request.get(DEPTH) + 1
            elif type(effect) is StartTask:
                effect.flow = noting_calls(effect.flow, request)
    except StopIteration as stop:
        return stop.value


def _note_call(result: object, note: Callable[[tuple[object, Reply]], None]) -> None:
    if isinstance(result, Reply):
        note((object(), result))
    elif (response := response_in(result)) is not None:
        # A weak reference: the response holds `ended`, and a reference cycle would keep a dropped response open.
        streamed: Any = proxy(response)

        def ended(reply: Reply | None, error: BaseException | None) -> None:
            if reply is not None:
                note((object(), with_inner_calls(reply, streamed)))

        response.on_end(ended)
