"""A pipeline whose network is somebody else: run up to where it would send, and on from there with what came."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from functools import partial
from typing import Any

from .effects import Send, StepGenerator
from .http.request import Request
from .http.response import Response


def until_send(flow: StepGenerator, resume: Callable[[], Any]) -> Generator[Any, Any, Request | Response]:
    """Run the flow on, doing what it asks for, to the next request that it would send, or to its end."""
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
    """The request that the flow would send, which it never does; or its response, where it needs no network."""
    try:
        return (yield from until_send(flow, partial(next, flow)))
    finally:
        flow.close()


def finish_offline(
    flow: StepGenerator, status: int, headers: Mapping[str, str], body: bytes
) -> Generator[Any, Any, Response]:
    """The flow's response to this answer, whenever it was given."""
    asked = yield from until_send(flow, partial(next, flow))
    while isinstance(asked, Request):
        asked = yield from until_send(flow, partial(flow.send, Response(asked, status, headers, body)))
    return asked
