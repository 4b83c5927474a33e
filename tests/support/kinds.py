"""One provider of each kind, for laws that hold of every provider.

Most providers are OpenAI's wire at another address, with nothing of their own: what a law finds in one of them, it
finds in each. Which are of one kind follows from their declarations: one with a rule more is a kind of its own.
"""

from __future__ import annotations

from collections.abc import Iterable

from attrs import evolve

from stepwell.providers.declare.provider import Provider

NAMES = ("id", "name", "docs", "source")
"""The fields of a declaration that say which provider it is, and not how it is spoken to."""


def kind_of(provider: Provider) -> Provider:
    """Return the declaration without its mere names: its id, its plain address, the variables of its key."""
    address, keys = provider.base_url, provider.env_key
    if "$" not in address:
        address = f"{address.partition(':')[0]}://kind.test"
    if isinstance(keys, tuple):
        keys = tuple(f"KEY_{at}" for at in range(len(keys)))
    return evolve(provider, base_url=address, env_key=keys, **dict.fromkeys(NAMES, "kind"))


def one_of_each_kind(providers: Iterable[Provider]) -> list[Provider]:
    """Return the first provider of each kind, in the order given."""
    kinds: list[Provider] = []
    found: list[Provider] = []
    for provider in providers:
        kind = kind_of(provider)
        if kind not in kinds:
            kinds.append(kind)
            found.append(provider)
    return found
