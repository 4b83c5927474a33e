"""Register providers and overrides for the whole process."""

from __future__ import annotations

from typing import Unpack

from .providers.declare.overrides import OVERRIDES
from .providers.declare.provider import Provider
from .providers.declare.registry import REGISTRY
from .providers.declare.steps import PlacedSteps
from .schemas.undo import Undo
from .settings import overridden


def override(models: str, **steps: Unpack[PlacedSteps]) -> Undo:
    """Replace or extend single steps for one model, a pattern of models or a provider, in the whole process:

        override("openai:gpt-5*", translate_options=my_function)
        override("openai:gpt-5*", wire="openai_chat", build_body=extending(my_function))
        override("groq:*", when=lambda request: len(request.context.messages) > 20, build_body=my_body)

    models: `provider:model-id`, with `*`, `?` and `[...]` as wildcards, or a provider's id.
    steps: the new steps by name, and where they hold:

        - `wire` and `operation`: what a wire's steps (build_body, decode_response, ...) are for. None is the provider's
          only wire for chat, "*" any wire or operation. If several wires fit, raises ConfigError with their names. A
          provider's steps (translate_options, authenticate, ...) apply to all wires if none is named.
        - `stream`: True for streamed calls only, False for unstreamed ones.
        - `when`: a function of the Request as the caller made it (its context, options, headers, ...), asked once for
          each call, before the first step; the steps hold if it returns something true.

    Of several overrides of one step, that of the most specific pattern wins, then that of the narrower scope (a
    client's over the process's, this one's over a provider's own), then the later one. Where the winner is
    `extending(function)`, it is wrapped around the next one.

    It ends with `undo()` on the returned Undo, or at the end of a `with` block around that. Raises UnknownStep for an
    unknown step name, ConfigError for an impossible value, wire or operation, or if there is no step.
    """
    return overridden(OVERRIDES, REGISTRY, models, **steps)


def provider(id: str) -> Provider:
    """Return a provider that the process knows. Raises UnknownProvider, with the nearest known id."""
    return REGISTRY.get_or_raise(id)


def register(provider: Provider) -> Provider:
    """Make a provider known to the whole process under its id.

    It replaces another of this id without a warning, a built-in one too, since that is how a provider is changed:
    `register(provider("groq").with_steps(...))`, or a notebook's cell that is run again. The last one counts, from then
    on and in clients that were made before, with its facts of models alone. "acme-x" and "Acme_X" are one id.

    Raises ConfigError for what is not a provider.
    """
    return REGISTRY.register(provider)


def unregister(id: str) -> None:
    """Remove a provider from the process, also a built-in one. Raises UnknownProvider if there is none of this id."""
    REGISTRY.unregister(id)
