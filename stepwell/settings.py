"""Check what a client and a call are set up with, where it is given: keys, addresses, headers, patterns of models."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any, TypeAlias, TypeVar, Unpack
from urllib.parse import urlsplit

from attrs import evolve

from .model_metadata.provider_ids import canonical
from .pipeline.http.headers import Headers, checked_headers
from .pipeline.http.urls import Address, refuse_login, without_dots
from .providers.declare.addresses import origin
from .providers.declare.credentials import Given
from .providers.declare.environment import Environment
from .providers.declare.overrides import OVERRIDES, Overrides, check_rules
from .providers.declare.place import ANY, EVERYWHERE, PROVIDER_STEPS
from .providers.declare.provider import Override, Provider, override
from .providers.declare.registry import REGISTRY, Registry
from .providers.declare.steps import PlacedSteps
from .providers.declare.wire import Wire
from .schemas.errors import ConfigError, InvalidOption, UnknownProvider
from .schemas.nearest import nearest
from .schemas.options import CALL_OPTIONS, check_value
from .schemas.secret import MaskedDict, Secret, header_secret
from .schemas.undo import Undo

StoredCredential: TypeAlias = Secret | Given | Callable[[], str]
"""A credential as it is stored: a Secret, several under their names, or a function that gives one."""

_WILD = "*?["
Value = TypeVar("Value")


def keys_of(api_keys: Mapping[str, object] | None, registry: Registry) -> dict[str, StoredCredential]:
    """Return `api_keys=` of a client as it is stored. Raises InvalidOption, InvalidKey and UnknownProvider."""
    # Only a mapping needs to be checked against its provider, which is loaded for it.
    return {
        name: credential_of(
            key, f"api_keys[{name!r}]", registry.get_or_raise(name) if isinstance(key, Mapping) else None
        )
        for name, key in _by_provider("api_keys", api_keys, registry)
    }


def addresses_of(base_urls: Mapping[str, str] | None, registry: Registry) -> dict[str, str]:
    """Return `base_urls=` of a client as it is stored. Raises InvalidOption and UnknownProvider."""
    return {
        name: checked_url(url, f"base_urls[{name!r}]") for name, url in _by_provider("base_urls", base_urls, registry)
    }


def _by_provider(setting: str, mapping: Mapping[str, Value] | None, registry: Registry) -> list[tuple[str, Value]]:
    if mapping is None:
        return []
    if not isinstance(mapping, Mapping):
        raise InvalidOption(f"{setting} cannot be a {type(mapping).__name__}", hint=f"{setting}={{'openai': '…'}}")
    for name in mapping:
        if not isinstance(name, str) or not registry.knows(name):
            raise UnknownProvider(
                f"{setting} names {name!r:.40}, which no provider is called",
                hint=f"one of your own is registered before the client is made; {registry.nearest(str(name))}",
            )
    return [(canonical(name), value) for name, value in mapping.items()]


def headers_of(headers: object) -> Headers:
    """Return headers as they are stored. Raises InvalidOption for those that cannot be sent."""
    if headers is not None and not isinstance(headers, Mapping):
        raise InvalidOption(f"headers cannot be a {type(headers).__name__}", hint="headers={'x-name': '…'}")
    return checked_headers(headers or {})


def retries_of(retries: object) -> int:
    """Return how often to send again. Raises InvalidOption for anything that is not a number of times."""
    if retries is None:
        raise InvalidOption("retries cannot be None", hint="0 turns them off; the default is 2")
    check_value("retries", retries, CALL_OPTIONS["retries"].schema, where="a client")
    return int(retries)  # type: ignore[call-overload, no-any-return]  # check_value has seen that it is an integer


def credential_of(credential: object, where: str, provider: Provider | None) -> StoredCredential:
    """Return a credential as it is stored: Secrets, in a mapping where there are several. A function stays as it is.

    credential: a string, a Secret, a mapping, or a function without arguments.
    where: the argument that it was given in, for messages.
    provider: what a mapping is checked against.

    Raises InvalidOption, InvalidKey and MissingKey for what the provider does not take.
    """
    if isinstance(credential, Mapping) and provider is not None:
        return provider.takes().read(credential, where=where, provider=provider.id)
    if isinstance(credential, str | Secret):
        return header_secret(credential, where=where)
    if callable(credential):
        return credential
    raise InvalidOption(f"{where} cannot be a {type(credential).__name__}", hint="pass a string")


def credential_at(
    url: str, credential: StoredCredential | None, provider: Provider, address: str, homes: Environment | None
) -> StoredCredential | None:
    """Return the client's credential if it may be sent to a call's `base_url`; else the call needs its own key.

    It may go to the origin of `address`, which is the plan's own, and to the provider's other hosts. `homes` are the
    variables that name those; None, where the client has an address of its own for the provider, allows no other.
    """
    same_origin = origin(url) is not None and origin(url) == origin(address)
    if not same_origin and (homes is None or not provider.is_trusted_url(url, homes)):
        return None
    if isinstance(credential, Given):  # the call's address replaces one that came with the key
        return provider.takes().without_places(credential)
    return credential


def checked_url(value: object, where: str = "base_url") -> str:
    """Return an address to send to, without spaces around it, and without the segments "." and ".." in its path.

    Raises InvalidOption for one without http(s) and a host, or with a password in it.
    """
    url = Address(value.strip() if isinstance(value, str) else "")
    at = max(0, url.find("://"))  # not in pieces: the locals of a frame would show a password
    url = Address(url[:at].lower() + url[at:])
    if not url.startswith(("http://", "https://")) or len(url.split()) != 1:
        raise InvalidOption(f"{where} is not an http:// or https:// address", hint="https://host/path")
    if not url.isascii():
        hint = "write the name of a host as xn--…, and in a path %C3%A4 for an ä"
        raise InvalidOption(f"{where} has letters beyond ASCII", hint=hint)
    refuse_login(url, where)
    try:
        parts = urlsplit(url)
        usable = url.isprintable() and parts.hostname and parts.port != 0
        usable = usable and ("]" not in parts.netloc or parts.netloc.rpartition("]")[2][:1] in ("", ":"))
    except ValueError:  # half an IPv6 address, a port that is not a number
        usable = False
    if not usable:
        raise InvalidOption(f"{where} has no host and port that can be connected to", hint="https://host:port/path")
    return Address(without_dots(url))


def hide_credentials(options: Mapping[str, Any]) -> None:
    """Change the options of a call that may hold credentials, in place, to values whose repr shows none.

    It is called where a public function gets them, so that no frame's locals show a key to a crash reporter.
    """
    if not isinstance(options, dict):
        return
    key, url = options.get("api_key"), options.get("base_url")
    if isinstance(key, str):
        options["api_key"] = Secret(key)
    if isinstance(url, str):
        options["base_url"] = Address(url)
    for name in ("api_key", "headers", "provider_options"):
        if type(value := options.get(name)) is dict:
            options[name] = MaskedDict(value)


def unknown_setting(unknown: Mapping[str, object], known: Iterable[str]) -> InvalidOption:
    """Return the error for a setting that a client does not have."""
    name = next(iter(unknown))
    from .schemas.foreign_arguments import SETTINGS  # only for a mistake

    return InvalidOption(f"a client has no setting {name!r}", hint=SETTINGS.get(name) or nearest(name, known))


def misplaced_setting(given: tuple[object, ...]) -> InvalidOption:
    """Return the error for what a client was given without a name."""
    from .schemas.foreign_arguments import SETTINGS  # only for a mistake

    hint = SETTINGS["model"] if isinstance(given[0], str) else "Client(api_keys={'openai': '…'}), and so on"
    return InvalidOption(
        f"a client takes no {type(given[0]).__name__} without a name: all its settings have one", hint=hint
    )


def checked_registry(registry: object) -> Registry:
    """Return the `registry=` of a client, by default that of the process. Raises ConfigError for anything else."""
    if registry is None:
        return REGISTRY
    if not isinstance(registry, Registry):
        hint = "pass its .registry" if hasattr(registry, "registry") else "pass a Registry"
        raise ConfigError(f"registry cannot be a {type(registry).__name__}", hint=hint)
    return registry


def checked_pattern(models: object, registry: Registry) -> str:
    """Return a pattern of models, `openai:gpt-5*`, or a provider's id, unchanged.

    Raises InvalidOption for anything that is not a pattern, UnknownProvider where it names no provider that is known.
    """
    if not isinstance(models, str) or not models:
        raise InvalidOption("models to override are named by a pattern", hint="'openai:gpt-5*', or a provider's id")
    provider, colon, _ = models.partition(":")
    if any(sign in provider for sign in _WILD):
        written = (provider, canonical(provider))  # canonical ids have _ for -, which may be part of a range
        if colon or models[0] == "*" or any(fnmatchcase(id, each) for id in registry.ids() for each in written):
            return models
    elif registry.knows(provider):
        return models
    if colon:
        hint = f"one of your own is registered before it is overridden; {registry.nearest(provider)}"
    else:
        hint = f"a model is named with its provider: 'openai:{models:.40}', or '*:{models:.40}' for all"
    raise UnknownProvider(f"no provider is called {provider!r:.40}", hint=hint)


def refused_job(journal: object) -> ConfigError:
    """Make the error for a `job=` that cannot be recorded."""
    if journal is None:
        return ConfigError("job= needs a journal", hint='Client(journal="work.sqlite")')
    return ConfigError("a call within a flow belongs to the job of the flow", hint="pass job= to run_workflow alone")


def overridden(overrides: Overrides, registry: Registry, models: str, **steps: Unpack[PlacedSteps]) -> Undo:
    """Add a user's override to `overrides`; the arguments are those of `stepwell.override`.

    Raises ConfigError for one that could never take effect.
    """
    pattern = checked_pattern(models, registry)
    change = override(scope=f"override of {models}", **steps)
    id = pattern.partition(":")[0]
    if not PROVIDER_STEPS.issuperset(change.steps) or change.place != EVERYWHERE:
        if any(sign in id for sign in _WILD):
            _check_anywhere(change, registry, steps.get("wire"))
        elif (provider := registry.get(id)) is not None:
            change.place.check(change.steps, provider.wires, provider.id, change.scope)
    meant = (each for each in registry if fnmatchcase(each.id, canonical(id)) or fnmatchcase(each.id, id))
    check_rules((change,), (*overrides.all(), *OVERRIDES.all()), meant)
    return overrides.add(pattern, **steps)


def overrides_of(overrides: object) -> tuple[Override, ...]:
    """Return the overrides of one call. Raises InvalidOption for anything but Overrides."""
    given = tuple(overrides) if isinstance(overrides, list | tuple) else (overrides,)
    for each in given:
        if not isinstance(each, Override):
            hint = "overrides=stepwell.declare.override(build_body=my_function), or a list of them"
            raise InvalidOption(f"overrides cannot be a {type(each).__name__}", hint=hint)
    return tuple(evolve(each, scope=each.scope or f"override of this call{each.place.suffix}") for each in given)


def _check_anywhere(change: Override, registry: Registry, wire: str | Wire | None) -> None:
    """Raise InvalidOption for a wire or an operation that no provider has. A Wire itself needs no provider."""
    place = change.place
    wires = [wire] if isinstance(wire, Wire) else []
    if place.wire in (None, ANY, *(each.name for each in wires)) and place.operation in (None, ANY):
        return
    for provider in registry:
        if place.fault(change.steps, provider.wires) is None:
            return
        wires += provider.wires
    _, hint = place.fault(change.steps, wires) or ("", "")
    raise InvalidOption(f"{change.scope}: no provider has {place}", hint=hint)
