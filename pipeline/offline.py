"""Run a pipeline without a network: stop at the request that it would send, go on with a response from anywhere."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from functools import partial
from typing import Any

from .effects import Send, StepGenerator
from .http.request import Request
from .http.response import Response


def until_send(flow: StepGenerator, resume: Callable[[], Any]) -> Generator[Any, Any, Request | Response]:
    """Run the flow to the next request that it would send, or to its end. Other effects are passed on to the driver.

    flow: the pipeline's flow.
    resume: starts the flow or sends it a result, and returns its next effect.
    """
    try:
        effect = resume()
        while not isinstance(effect, Send):
            try:
                result = yield effect
            except Exception as error:
                effect = flow.throw(error)
            else:
                effect = flow.send(result)
    except StopIteration as stop:
        done: Response = stop.value
        return done
    return effect.request


def prepare_offline(flow: StepGenerator) -> Generator[Any, Any, Request | Response]:
    """Return the request that the flow would send, and close the flow; or its response, if it needs no network."""
    try:
        return (yield from until_send(flow, partial(next, flow)))
    finally:
        flow.close()


def finish_offline(
    flow: StepGenerator, status: int, headers: Mapping[str, str], body: bytes
) -> Generator[Any, Any, Response]:
    """Return the response that the flow makes of this answer, which was received at another time."""
    result = yield from until_send(flow, partial(next, flow))
    while isinstance(result, Request):
        result = yield from until_send(flow, partial(flow.send, Response(result, status, headers, body)))
    return result
