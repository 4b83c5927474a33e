"""Prefill: the text so far is sent as the last message of the assistant, and the model continues it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from typing import Any

from attrs import frozen

from ...pipeline.http.request import PREFILL_ECHOED, PREFILLED, Request
from ...schemas.errors import NotSupported
from ...schemas.model import Model


@frozen
class PrefillSupport:
    """Which models of a provider continue a prefilled answer over one wire, and how a request marks one."""

    models: tuple[str, ...] = ("*",)
    """patterns of ids; of these, a family's own rules may refuse some"""
    while_thinking: bool = False
    """whether models that can reason accept one, too"""
    message: Mapping[str, Any] = {}
    """fields to add to the last message"""
    body: Mapping[str, Any] = {}
    """fields to add to the body"""
    address: tuple[str, str] | None = None
    """a part of the URL, and its replacement"""
    echoed: bool = False
    """whether the answer repeats the prefilled text"""

    def accepts(self, model: Model) -> bool:
        """Check whether a model continues a prefilled answer."""
        able = self.while_thinking or model.reasoning is not True
        return able and any(fnmatchcase(model.id, pattern) for pattern in self.models)


def prepare_prefill(request: Request, support: PrefillSupport | None) -> Request:
    """Return a request that ends with a prefilled answer with the URL and state that its provider needs.

    support: None if no model of the provider continues one over this wire.

    Raises NotSupported if the model does not continue one.
    """
    if support is None or not support.accepts(request.model):
        raise NotSupported(
            f"{request.model} is not known to continue a prefilled answer",
            hint="continue_stream(anew=True) asks for a new answer instead",
        )
    if support.address is not None:
        request = request.replace(url=request.url.replace(*support.address, 1))
    return request.with_state(PREFILL_ECHOED, True) if support.echoed else request


def with_prefill_marked(
    build_body: Callable[[Request], Any], support: PrefillSupport | None
) -> Callable[[Request], Any]:
    """Return a build_body that adds the provider's marks to a prefilled answer; the same one if there are none."""
    if support is None or not (support.message or support.body):
        return build_body

    def build(request: Request) -> Any:
        body = build_body(request)
        if request.get(PREFILLED):
            *messages, last = body["messages"]
            return {**body, "messages": [*messages, {**last, **support.message}], **support.body}
        return body

    return build
