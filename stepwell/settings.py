"""What a client and a call are set up with, checked where it is given: keys, addresses, HTTP clients, patterns."""

from __future__ import annotations

from collections.abc import Mapping
from inspect import iscoroutinefunction
from typing import Any
from urllib.parse import urlsplit

from .pipeline.http.request import Headers
from .providers.declare.assemble import checked_headers
from .providers.declare.overrides import Overrides
from .providers.declare.place import ANY, EVERYWHERE, PROVIDER_STEPS, Place, place_for
from .providers.declare.provider import Provider, canonical
from .providers.declare.registry import Registry
from .providers.declare.steps import checked_steps
from .providers.declare.wire import Wire
from .schemas.errors import ConfigError, InvalidOption, UnknownProvider
from .schemas.nearest import nearest
from .schemas.options import CALL_OPTIONS, check_value
from .schemas.secret import Secret, header_secret
from .schemas.undo import Undo

_WILD = "*?["


def keys_of(given: Any, registry: Registry) -> dict[str, Any]:
    """`api_keys=` of a client, as it is kept. Raises InvalidOption, InvalidKey and UnknownProvider."""
    kept = {}
    for name, key in _by_provider("api_keys", given, registry):
        # Only a mapping needs to be checked against its provider, which is loaded for it.
        provider = registry.get_or_raise(name) if isinstance(key, Mapping) else None
        kept[name] = credential_of(key, f"api_keys[{name!r}]", provider)
    return kept


def addresses_of(given: Any, registry: Registry) -> dict[str, str]:
    """`base_urls=` of a client, as it is kept. Raises InvalidOption and UnknownProvider."""
    return {name: checked_url(url, f"base_urls[{name!r}]") for name, url in _by_provider("base_urls", given, registry)}


def _by_provider(what: str, given: Any, registry: Registry) -> list[tuple[str, Any]]:
    if given is None:
        return []
    if not isinstance(given, Mapping):
        raise InvalidOption(f"{what} cannot be a {type(given).__name__}", hint=f"{what}={{'openai': '…'}}")
    for name in given:
        if not isinstance(name, str) or not registry.knows(name):
            raise UnknownProvider(
                f"{what} names {name!r:.40}, which no provider is called",
                hint=f"{registry.nearest(str(name))} One of your own is registered before the client is made",
            )
    return [(canonical(name), value) for name, value in given.items()]


def headers_of(given: Any) -> Headers:
    """Headers as given. Raises InvalidOption for those that cannot be sent."""
    if given is not None and not isinstance(given, Mapping):
        raise InvalidOption(f"headers cannot be a {type(given).__name__}", hint="headers={'x-name': '…'}")
    return checked_headers(given or {})


def retries_of(given: Any) -> int:
    """How often to send again. Raises InvalidOption for what is no such number."""
    if given is None:
        raise InvalidOption("retries cannot be None", hint="0 turns them off, 2 is what you get without")
    check_value("retries", given, CALL_OPTIONS["retries"].schema, where="a client")
    return int(given)


def credential_of(given: Any, where: str, provider: Provider | None) -> Any:
    """A credential as it is kept: Secrets, in a mapping where there are several; a function that gives one stays.

    Raises InvalidOption, InvalidKey and MissingKey for what its provider does not take."""
    if isinstance(given, Mapping) and provider is not None:
        return provider.takes().read(given, where=where, provider=provider.id)
    if isinstance(given, str | Secret):
        return header_secret(given, where=where)
    if callable(given):
        return given
    raise InvalidOption(f"{where} cannot be a {type(given).__name__}", hint="pass a string")


def checked_url(given: Any, where: str = "base_url") -> str:
    """An address to send to. Raises InvalidOption for one without http(s) and a host, or with a password in it."""
    url: str = given.strip() if isinstance(given, str) else ""
    if not url.startswith(("http://", "https://")) or not url.isascii() or len(url.split()) != 1:
        raise InvalidOption(f"{where} is not an http:// or https:// address")
    if "@" in url.partition("://")[2].partition("/")[0]:
        raise InvalidOption(f"{where} holds a user name or password", hint="pass the key as api_key")
    try:
        parts = urlsplit(url)
        usable = url.isprintable() and parts.hostname and parts.port != 0
    except ValueError:  # half an IPv6 address, a port that is no number
        usable = False
    if not usable:
        raise InvalidOption(f"{where} has no host and port that can be connected to", hint="https://host:port/path")
    return url


def checked_http(given: Any, *, asynchronous: bool) -> Any:
    """An HTTP client of the caller's own, or None. Raises ConfigError for one of the other colour, or for anything
    without httpx's interface."""
    if given is None:
        return None
    send = getattr(given, "send", None)
    if not callable(send) or not callable(getattr(given, "build_request", None)):
        raise ConfigError(f"http cannot be a {type(given).__name__}", hint="pass a client with httpx's interface")
    is_async = iscoroutinefunction(send)
    # What is neither, a wrapper or a double, is taken at its word.
    if is_async and not asynchronous:
        raise ConfigError("http is an asynchronous client", hint="use AsyncClient, or pass httpx.Client()")
    if asynchronous and not is_async and hasattr(given, "close") and not hasattr(given, "aclose"):
        raise ConfigError("http is a synchronous client", hint="use Client, or pass httpx.AsyncClient()")
    return given


def unknown_setting(unknown: Mapping[str, Any], known: Any) -> InvalidOption:
    """The error for settings that a client has none of."""
    name = next(iter(unknown))
    singular = {"api_key": "api_keys={'openai': …}", "base_url": "base_urls={'openai': …}"}
    meant = singular.get(name)
    hint = f"it goes by provider: {meant}, or with a single call: {name}=…" if meant else nearest(name, known)
    return InvalidOption(f"a client has no setting {name!r}", hint=hint)


def checked_pattern(models: Any, registry: Registry) -> str:
    """A pattern of models, `openai:gpt-5*`, or a provider's id. Raises UnknownProvider where no provider is meant."""
    if not isinstance(models, str) or not models:
        raise InvalidOption("models to override are named by a pattern", hint="'openai:gpt-5*', or a provider's id")
    provider, colon, _ = models.partition(":")
    if any(sign in provider for sign in _WILD) or registry.knows(provider):
        return models
    if colon:
        hint = f"{registry.nearest(provider)} One of your own is registered before it is overridden"
    else:
        hint = f"a model is named with its provider: 'openai:{models:.40}', or '*:{models:.40}' for all"
    raise UnknownProvider(f"no provider is called {provider!r:.40}", hint=hint)


def overridden(
    overrides: Overrides,
    registry: Registry,
    models: Any,
    *,
    wire: str | Wire | None = None,
    operation: str | None = None,
    **steps: Any,
) -> Undo:
    """Add an override of a user's to these. Raises ConfigError for one that could never be in force."""
    pattern = checked_pattern(models, registry)
    place = place_for(wire, operation, steps)
    id = pattern.partition(":")[0]
    if not PROVIDER_STEPS.issuperset(checked_steps(steps)) or place != EVERYWHERE:
        scope = f"override of {models}"
        if any(sign in id for sign in _WILD):
            _check_anywhere(place, steps, registry, wire, scope)
        elif (provider := registry.get(id)) is not None:
            place.check(steps, provider.wires, provider.id, scope)
    return overrides.add(pattern, wire=wire, operation=operation, **steps)


def _check_anywhere(
    place: Place, steps: Mapping[str, Any], registry: Registry, wire: str | Wire | None, scope: str
) -> None:
    """Raise InvalidOption for a wire or an operation that no provider has. A Wire itself is no typing error."""
    wires = [wire] if isinstance(wire, Wire) else []
    if place.wire in (None, ANY, *(each.name for each in wires)) and place.operation in (None, ANY):
        return
    for provider in registry:
        if place.fault(steps, provider.wires) is None:
            return
        wires += provider.wires
    _, hint = place.fault(steps, wires) or ("", "")
    raise InvalidOption(f"{scope}: no provider has {place}", hint=hint)
