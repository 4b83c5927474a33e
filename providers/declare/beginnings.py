"""How an answer that has begun is sent back, for its model to go on with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from typing import Any

from attrs import frozen

from ...pipeline.http.request import BEGUN, ECHOED, Request
from ...schemas.errors import NotSupported
from ...schemas.model import Model


@frozen
class Beginnings:
    """Which models of a provider go on with a begun answer over one wire, and what marks it as such."""

    models: tuple[str, ...] = ("*",)
    """patterns of ids; of these, a family's own rules may refuse some"""
    while_thinking: bool = False
    """whether models that can think take one, too"""
    message: Mapping[str, Any] = {}
    """fields of the last message"""
    body: Mapping[str, Any] = {}
    """fields of the body"""
    address: tuple[str, str] | None = None
    """the beginning of the URL, and what replaces it"""
    echoed: bool = False
    """whether the answer repeats the beginning"""

    def take(self, model: Model) -> bool:
        """Check whether a model goes on with a begun answer."""
        able = self.while_thinking or model.reasoning is not True
        return able and any(fnmatchcase(model.id, pattern) for pattern in self.models)


def prepare_beginning(request: Request, beginnings: Beginnings | None) -> Request:
    """Prepare a request that ends with a begun answer. Raises NotSupported if the model does not go on with one."""
    if beginnings is None or not beginnings.take(request.model):
        raise NotSupported(
            f"{request.model} is not known to go on with an answer that is begun for it",
            hint="continue_stream(anew=True) asks for a new answer in its place",
        )
    if beginnings.address is not None:
        request = request.replace(url=request.url.replace(*beginnings.address, 1))
    return request.with_state(ECHOED, True) if beginnings.echoed else request


def marking(build_body: Callable[[Request], Any], beginnings: Beginnings | None) -> Callable[[Request], Any]:
    """Return a build_body that marks a begun answer as the provider wants it; the same one if nothing marks it."""
    if beginnings is None or not (beginnings.message or beginnings.body):
        return build_body

    def build(request: Request) -> Any:
        body = build_body(request)
        if request.get(BEGUN):
            *messages, last = body["messages"]
            return {**body, "messages": [*messages, {**last, **beginnings.message}], **beginnings.body}
        return body

    return build
