"""Providers and overrides that hold for the whole process."""

from __future__ import annotations

from typing import Any

from .providers.dsl.overrides import OVERRIDES
from .providers.dsl.provider import Provider
from .providers.dsl.registry import REGISTRY
from .schemas.change import Change
from .settings import checked_pattern


def override(models: str, **steps: Any) -> Change:
    """Replace single steps for one model, a pattern of models or a provider, in the whole process.

        override("openai:gpt-5*", translate_options=my_function)

    The most specific pattern wins. It holds until the `undo()` of what is returned, or to the end of a `with` block
    around it. Raises UnknownStep for a name that no step has, ConfigError for what a step cannot be.
    """
    return OVERRIDES.add(checked_pattern(models, REGISTRY), **steps)


def provider(id: str) -> Provider:
    """Give a provider that the process knows. Raises UnknownProvider, with the nearest known id."""
    return REGISTRY.get_or_raise(id)


def register(provider: Provider) -> Provider:
    """Make a provider known to the whole process under its id."""
    return REGISTRY.register(provider)
