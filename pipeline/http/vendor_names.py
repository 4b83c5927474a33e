"""The names that a vendor gives to what general steps look for in its requests and answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from attrs import frozen


@frozen(kw_only=True)
class VendorNames:
    """Names of headers and of fields in a JSON body, the usual ones first. Providers declare those of the vendors."""

    request_id: tuple[str, ...] = ("x-request-id", "request-id")
    """response headers that hold the id of the exchange"""
    output_limit: tuple[str, ...] = ("max_tokens",)
    """request fields, also options, that limit the tokens of an answer"""
    answer_count: tuple[str, ...] = ("n",)
    """request fields that say how many answers are wanted"""
    groups: tuple[str, ...] = ()
    """request fields whose objects may hold the two above in place of the body itself"""
    service_tier: tuple[str, ...] = ("service_tier",)
    """request fields that choose a service tier, by its name or as an object with its name under `type`"""


COMMON_NAMES = VendorNames()


def counts_in(places: Iterable[Mapping[str, Any]], names: Iterable[str]) -> list[int]:
    """Return the whole numbers above zero that are under these names."""
    values = [place.get(name) for place in places for name in names]
    return [value for value in values if isinstance(value, int) and not isinstance(value, bool) and value > 0]
