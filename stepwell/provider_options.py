"""The options that belong to one provider: `provider_options`, and those that name a conversation which it keeps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .model_metadata.provider_ids import canonical
from .pipeline.http.request import Request
from .providers.declare.provider import Provider
from .providers.declare.registry import Registry
from .schemas.errors import InvalidOption, NotSupported
from .schemas.model import Model
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


def without_foreign_options(
    request: Request, first: Model, options: Mapping[str, object], registry: Registry
) -> Request:
    """Return the request to another model without the options that hold for the provider of the first one alone.

    options: those that were given for the other model, which stay.

    Raises NotSupported where the call goes on from an answer that the first provider keeps: the other one would be
    sent the last messages of a conversation that it does not know.
    """
    if canonical(request.model.provider) == canonical(first.provider):
        return request
    extra = request.options.get("provider_options") or {}
    keyed = is_keyed(extra, registry)
    given = {name for name, value in request.options.items() if value is not None}
    given = given.union(extra.get(first.provider, ()) if keyed else extra) - options.keys()
    for name in sorted(given & _conversation_ids(first, registry)):
        raise NotSupported(
            f"the conversation is kept at {first.provider}, and {name} says nothing to {request.model.provider}",
            hint=f"send the whole conversation, without {name}",
        )
    if extra and not keyed and "provider_options" not in options:
        why = f"those for {first.provider} were left out; key them by provider id to give each its own"
        request = request.warn("provider_options", why)
        return request.replace(options={**request.options, "provider_options": None})
    return request


def _conversation_ids(model: Model, registry: Registry) -> frozenset[str]:
    """Return the options of a model's provider that name a conversation which it keeps."""
    wires = registry.get_or_raise(model.provider).wires
    return frozenset(name for wire in wires for name in wire.conversation_id_options)


def _is_provider(name: object, registry: Registry) -> bool:
    return isinstance(name, str) and registry.knows(name)
