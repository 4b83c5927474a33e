"""The key and the address that one call was given for itself, and the other models that they are for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

from .model_metadata.provider_ids import canonical
from .providers.declare.addresses import origin
from .providers.declare.environment import Environment
from .providers.declare.login_steps import trusted_url
from .providers.declare.provider import Provider
from .schemas.model import Model
from .schemas.secret import MaskedDict

LOGIN_NAMES = ("api_key", "base_url")
_NOTHING: Mapping[str, Any] = {}


@frozen
class CallLogin:
    """The `api_key` and `base_url` of one call, which were given for one provider.

    They are passed on to another model of that provider that is called in the first one's place, and to no other.
    """

    provider: Provider
    model: Model
    address: str
    """where the call itself is sent"""
    given: Mapping[str, Any] = field(repr=False)

    @classmethod
    def of(cls, provider: Provider, model: Model, address: str, options: Mapping[str, Any]) -> CallLogin | None:
        """Return the login among a call's options; None if they have none."""
        given = MaskedDict((name, options[name]) for name in LOGIN_NAMES if options.get(name) is not None)
        return cls(provider, model, given.get("base_url", address), given) if given else None

    def for_model(
        self, provider: Provider, model: Model, address: str, options: Mapping[str, Any], environment: Environment
    ) -> Mapping[str, Any]:
        """Return what is passed on to another model.

        provider: the other model's provider.
        model: the other model.
        address: the base URL of its plan.
        options: those given for that model only. A key among them replaces both.
        environment: the variables that the addresses may name.

        Another address gets the key only if keys of the environment, which would be sent instead, may be sent to both.
        """
        if canonical(provider.id) != canonical(self.provider.id) or options.get("api_key") is not None:
            return _NOTHING
        named = options.get("base_url")
        if named is None and "base_url" in self.given:
            return self.given
        key = self.given.get("api_key")
        if key is None or (named is not None and isinstance(key, Mapping) and self.provider.takes().place(key)):
            return _NOTHING
        address = address if named is None else str(named)
        if address == self.address or origin(address) == origin(self.address) is not None:
            return MaskedDict(api_key=key)
        from_home = trusted_url(self.provider, self.model, environment)(self.address)
        to_home = trusted_url(provider, model, environment)(address)
        return MaskedDict(api_key=key) if from_home and to_home else _NOTHING
