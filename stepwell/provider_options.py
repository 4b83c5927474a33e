"""`provider_options`: one provider's own, or by provider id, each one's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .providers.declare.provider import Provider, canonical
from .providers.declare.registry import Registry
from .schemas.errors import InvalidOption


def is_keyed(extra: Any, registry: Registry) -> bool:
    """Whether these are kept by provider id, `{"openai": {...}, "anthropic": {...}}`: they are if one of the names is a
    provider's and has a mapping."""
    return isinstance(extra, Mapping) and any(
        isinstance(value, Mapping) and _is_provider(name, registry) for name, value in extra.items()
    )


def provider_options_for(provider: Provider, extra: Mapping[str, Any], registry: Registry) -> Mapping[str, Any]:
    """Return the options as given where they are this provider's; keyed ones with its own under its id, perhaps none.

    Raises InvalidOption for a name among keyed ones that is no provider, or stands there for one without a mapping or
    twice."""
    if not is_keyed(extra, registry):
        return extra
    kept: dict[str, Any] = {}
    for name, value in extra.items():
        if not _is_provider(name, registry):
            raise InvalidOption(
                f"provider_options are keyed by provider id, and no provider is called {name!r:.40}",
                hint=f"{registry.nearest(str(name))} An option stands under its provider: "
                f"{{{provider.id!r}: {{{name!r:.40}: …}}}}",
            )
        if value is not None and not isinstance(value, Mapping):
            raise InvalidOption(
                f"provider_options[{name!r:.40}] cannot be a {type(value).__name__}",
                hint="give a mapping of that provider's options",
            )
        id = provider.id if canonical(name) == canonical(provider.id) else name
        if id in kept:
            raise InvalidOption(f"provider_options names {id!r} twice, once as {name!r:.40}", hint="leave one out")
        kept[id] = value or {}
    return {**kept, provider.id: kept.get(provider.id, {})}


def _is_provider(name: Any, registry: Registry) -> bool:
    return isinstance(name, str) and registry.knows(name)
