"""Make a Model of a catalog row, the JSON object of a model.

A row has the fields of models.dev: `name family limit{context,input,output} modalities{input,output} cost{...}
tool_call reasoning structured_output temperature attachment knowledge release_date status provider{npm,api,shape}`,
and any others. Patches and user rows may also have fields of our own: `wire`, `base_url`, and in `cost` those that
`_cost` lists, `retires`, the day (ISO) from which a deprecated model cannot be called, and `successor`, the model that
its provider recommends instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, TypeAlias

from ..schemas.errors import ConfigError
from ..schemas.json_types import JSONObject
from ..schemas.model import Model
from ..schemas.prices import BUCKETS, FEES, Prices, Tier, exact_decimal
from .families import wire_of

Row: TypeAlias = JSONObject

KNOWN_FIELDS = frozenset(
    {"id", "name", "family", "limit", "modalities", "cost", "tool_call", "reasoning", "structured_output"}
    | {"temperature", "attachment", "knowledge", "release_date", "status", "wire", "base_url"}
)
_TEXT = frozenset({"text"})

FIELD_ALIASES: Mapping[str, tuple[str, ...]] = {
    "context_window": ("limit", "context"),
    "max_output_tokens": ("limit", "output"),
    "input": ("modalities", "input"),
    "output": ("modalities", "output"),
    "tools": ("tool_call",),
    "prices": ("cost",),
}


def as_row(changes: Row) -> dict[str, Any]:
    """Return a row for one that may use the names of Model's fields: {"context_window": 8192} or {"tools": True}.

    Raises ConfigError for what is no mapping, and where one would have to be.
    """
    row: dict[str, Any] = {}
    if not isinstance(changes, Mapping):
        raise ConfigError(f"the facts of a model cannot be {changes!r:.40}", hint='{"context_window": 8192}')
    for name, value in changes.items():
        *folders, last = FIELD_ALIASES.get(name, (name,))
        place = row
        for folder in folders:
            place = place.setdefault(folder, {})
            if not isinstance(place, dict):
                raise ConfigError(f"{folder!r} cannot be {place!r:.40}", hint="it is a mapping")
        place[last] = merged(place.get(last), value)
    return row


def merged(old: object, new: object) -> Any:
    """Return `old` replaced by `new`, objects key by key; None as a value removes the key."""
    if not (isinstance(old, Mapping) and isinstance(new, Mapping)):
        return dict(new) if isinstance(new, Mapping) else new
    together = dict(old)
    for key, value in new.items():
        if value is None:
            together.pop(key, None)
        else:
            together[key] = merged(together.get(key), value)
    return together


def model_of(provider: str, id: str, row: Row, *, as_of: str | None = None, source: str | None = None) -> Model:
    """Return the Model of a row.

    provider: the provider's id.
    id: the model's id.
    row: the row.
    as_of: the day (ISO) of its prices, unless it says otherwise.
    source: the source of its prices, unless it says otherwise.

    Raises ConfigError, with the model's name, for a price that is not one.
    """
    limit = row.get("limit") or {}
    modalities = row.get("modalities") or {}
    served = row.get("provider") or {}
    return Model(
        provider=provider,
        id=id,
        known=True,
        name=row.get("name"),
        family=row.get("family"),
        wire=row.get("wire") or wire_of(served.get("npm"), served.get("shape")),
        base_url=(row.get("base_url") or served.get("api") or "").rstrip("/") or None,
        context_window=limit.get("context") or None,
        max_output_tokens=limit.get("output") or None,
        input=frozenset(modalities.get("input") or _TEXT),
        output=frozenset(modalities.get("output") or _TEXT),
        tools=row.get("tool_call"),
        reasoning=row.get("reasoning"),
        structured_output=row.get("structured_output"),
        temperature=row.get("temperature"),
        attachment=row.get("attachment"),
        knowledge=row.get("knowledge"),
        release_date=row.get("release_date"),
        status=row.get("status"),
        prices=_prices(f"{provider}:{id}", row, as_of, source),
        facts=_facts(row),
    )


def _facts(row: Row) -> dict[str, Any]:
    most = (row.get("limit") or {}).get("input")
    facts = {name: value for name, value in row.items() if name not in KNOWN_FIELDS}
    return {**facts, "max_input_tokens": most} if most else facts


def _prices(name: str, row: Row, as_of: str | None, source: str | None) -> Prices | None:
    cost = row.get("cost")
    if isinstance(cost, Prices):
        return cost
    if not cost:
        return None
    try:
        read = {"as_of": cost.get("as_of", as_of), "source": cost.get("source", source)}
        prices = _cost(cost, read, _modes(row, cost, read))
    except (ConfigError, AttributeError, KeyError, TypeError, ArithmeticError) as error:
        fault = error.message if isinstance(error, ConfigError) else "its cost does not have the form of a row's cost"
        raise ConfigError(f"{name}: {fault}", hint="correct or leave out the row's cost") from error
    return prices if any(getattr(prices, bucket) is not None for bucket in BUCKETS) else None


def _modes(row: Row, cost: Row, read: Row) -> dict[str, Prices]:
    """Return the prices of the row's other ways of being served.

    Each has a `cost` of its own or, in our rows, `times`: its factor on the normal price. It is listed by its name, and
    also by the service tier that requests it, if there is one: answers name the tier.

    row: the model's row.
    cost: its cost.
    read: the day and the source of the prices.
    """
    modes: dict[str, Prices] = {}
    for name, how in (row.get("modes") or {}).items():
        if "times" not in how and not how.get("cost"):
            continue
        modes[name] = _cost(cost, read).times(how["times"]) if "times" in how else _cost(how["cost"], read)
        if tier := (how.get("body") or {}).get("service_tier"):
            modes.setdefault(tier, modes[name])
    return modes


def _cost(cost: Row, read: Row, modes: Mapping[str, Prices] | None = None) -> Prices:
    """Return the Prices of a `cost` object.

    cost: dollars per million tokens by bucket, and `tiers`, each with `over`. In our rows also:
        `batch_factor`, `batch_cache_read_factor`: the factors of a batch on the normal price.
        `other_charges`: what else is charged, in words.
        `web_search`: dollars per thousand searches by the provider's own tool.
        `regions`: the factor on the normal price of tokens, by the provider's name for the region: {"us": "1.1"}.
        `tiers_over`: where the tiers start, if not where they say.
        for any bucket, `{"of": "input", "times": "2"}`: a multiple of another price, here and in every tier.
    read: the day and the source of the prices.
    modes: the prices of other ways of being served.
    """
    over = cost.get("tiers_over")
    tiers = (Tier(over or tier["over"], Prices(**_rates(tier, cost))) for tier in cost.get("tiers") or ())
    return Prices(
        **_rates(cost, cost),
        **{name: cost.get(name) for name in ("batch_factor", "batch_cache_read_factor", "other_charges", *FEES)},
        tiers=tuple(tiers),
        regions=cost.get("regions") or {},
        modes=modes or {},
        as_of=read["as_of"],
        source=read["source"],
    )


def _rates(row: Row, cost: Row) -> dict[str, Any]:
    multiples = {bucket: cost[bucket] for bucket in BUCKETS if isinstance(cost.get(bucket), Mapping)}
    rates: dict[str, Decimal] = {
        bucket: price
        for bucket in BUCKETS
        if not isinstance(row.get(bucket), Mapping) and (price := exact_decimal(row.get(bucket))) is not None
    }
    for bucket, rule in multiples.items():
        factor, of = exact_decimal(rule["times"]), rates.get(rule["of"])
        if factor is not None and of is not None:
            rates[bucket] = (factor * of).normalize() + 0  # 10, not 1E+1
    return rates
