"""Register providers and overrides for the whole process."""

from __future__ import annotations

from typing import Unpack

from .providers.declare.overrides import OVERRIDES
from .providers.declare.provider import Provider
from .providers.declare.registry import REGISTRY
from .providers.declare.steps import StepOverrides
from .providers.declare.wire import Wire
from .schemas.undo import Undo
from .settings import overridden


def override(
    models: str, *, wire: str | Wire | None = None, operation: str | None = None, **steps: Unpack[StepOverrides]
) -> Undo:
    """Replace single steps for one model, a pattern of models or a provider, in the whole process:

        override("openai:gpt-5*", translate_options=my_function)
        override("openai:gpt-5*", wire="openai_chat", build_body=my_body)

    models: `provider:model-id`, with `*`, `?` and `[...]` as wildcards, or a provider's id. The most specific wins.
    wire, operation: what a wire's steps (build_body, decode_response, ...) were written for; None is the provider's one
        wire for chat, "*" is any. A call where several wires could be meant raises ConfigError, which names them.
        A provider's steps (translate_options, authenticate, ...) hold for all unless one is named.
    steps: the new steps by name.

    It holds until the `undo()` of what is returned, or to the end of a `with` block around it. Raises UnknownStep for a
    name that is not a step's, ConfigError for what a step or a place cannot be.
    """
    return overridden(OVERRIDES, REGISTRY, models, wire=wire, operation=operation, **steps)


def provider(id: str) -> Provider:
    """Return a provider that the process knows. Raises UnknownProvider, with the nearest known id."""
    return REGISTRY.get_or_raise(id)


def register(provider: Provider) -> Provider:
    """Make a provider known to the whole process under its id."""
    return REGISTRY.register(provider)
