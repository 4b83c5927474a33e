"""Read `provider_options`: those of one provider, or those of several by provider id."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .model_metadata.provider_ids import canonical
from .providers.declare.provider import Provider
from .providers.declare.registry import Registry
from .schemas.errors import InvalidOption
from .schemas.secret import MaskedDict


def is_keyed(extra: object, registry: Registry) -> bool:
    """Check whether provider_options are keyed by provider id: `{"openai": {...}, "anthropic": {...}}`.

    They do if one of the names is a provider's and has a mapping.
    """
    return isinstance(extra, Mapping) and any(
        isinstance(value, Mapping) and _is_provider(name, registry) for name, value in extra.items()
    )


def provider_options_for(provider: Provider, extra: Mapping[str, Any], registry: Registry) -> Mapping[str, Any]:
    """Return the call's provider_options. Where they are keyed by provider id, they have this provider's id as a key.

    Raises InvalidOption for options keyed by provider id among which a key is no provider's, occurs twice, or has a
    value that is no mapping.
    """
    if not is_keyed(extra, registry):
        return extra
    by_id: dict[str, Any] = {}
    for name, value in extra.items():
        if not _is_provider(name, registry):
            raise InvalidOption(
                f"provider_options are keyed by provider id, and no provider is called {name!r:.40}",
                hint=f"{registry.nearest(str(name))} An option is given under its provider: "
                f"{{{provider.id!r}: {{{name!r:.40}: …}}}}",
            )
        if value is not None and not isinstance(value, Mapping):
            raise InvalidOption(
                f"provider_options[{name!r:.40}] cannot be a {type(value).__name__}",
                hint="give a mapping of that provider's options",
            )
        id = provider.id if canonical(name) == canonical(provider.id) else name
        if id in by_id:
            raise InvalidOption(f"provider_options names {id!r} twice, once as {name!r:.40}", hint="leave one out")
        by_id[id] = value or {}
    return MaskedDict({**by_id, provider.id: by_id.get(provider.id, {})})


def _is_provider(name: object, registry: Registry) -> bool:
    return isinstance(name, str) and registry.knows(name)
