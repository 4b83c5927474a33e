"""The key and the address that one call was given for itself, and which other models they are for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

from .providers.declare.addresses import origin
from .providers.declare.assemble import trusted_url
from .providers.declare.environment import Environment
from .providers.declare.provider import Provider, canonical
from .schemas.model import Model
from .schemas.secret import MaskedDict

LOGIN_NAMES = ("api_key", "base_url")
_NOTHING: Mapping[str, Any] = {}


@frozen
class CallLogin:
    """What a call was given of `api_key` and `base_url`. They were meant for one provider, and go along where another
    model of it is asked in the call's place; no other provider gets them."""

    provider: Provider
    model: Model
    address: str
    """Where the call itself goes."""
    given: Mapping[str, Any] = field(repr=False)

    @classmethod
    def of(cls, provider: Provider, model: Model, address: str, options: Mapping[str, Any]) -> CallLogin | None:
        """Take the login out of a call's options; None where they have none."""
        given = MaskedDict((name, options[name]) for name in LOGIN_NAMES if options.get(name) is not None)
        return cls(provider, model, given.get("base_url", address), given) if given else None

    def beside(
        self, provider: Provider, model: Model, address: str, options: Mapping[str, Any], environment: Environment
    ) -> Mapping[str, Any]:
        """Give what goes along to a model that is asked at `address`, beside the options that are named for it alone.

        A key of its own replaces both. Another address gets the key only if both are such as the environment's keys for
        this provider go to, which would be sent in its place."""
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
