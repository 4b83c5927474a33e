"""Clean the data of models.dev into catalog rows.

Accepts api.json as https://models.dev serves it, or an object {"generated_at", "source", "providers"} around it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeGuard

from attrs import define, field

from ..schemas.errors import ConfigError
from ..schemas.json_text import loads

Row = dict[str, Any]

SOURCE = "models.dev (MIT)"

_FILE_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")
_PROVIDER_KEYS = ("id", "name", "npm", "api", "env", "doc")
_DROPPED = ("id", "cost", "description", "last_updated", "experimental", "experimental_modes", "interleaved_field")
_TEXT_ONLY = {"input": ["text"], "output": ["text"]}
_OPTIONAL_LINES = ("cache_read", "cache_write", "reasoning")


@define
class ParsedCatalog:
    """The providers of one api.json, by id, and messages about what was left out."""

    providers: dict[str, Row] = field(factory=dict)
    problems: list[str] = field(factory=list)
    as_of: str | None = None


def parse_catalog(content: object) -> ParsedCatalog:
    """Clean a decoded api.json. Raises ConfigError for anything else."""
    if not isinstance(content, Mapping):
        raise ConfigError("this is not models.dev data: expected an object of providers")
    catalog = ParsedCatalog(as_of=str(content.get("generated_at") or "")[:10] or None)
    inner = content.get("providers")
    providers = inner if isinstance(inner, Mapping) and "models" not in inner else content
    for id, provider in sorted(providers.items()):
        if not isinstance(provider, Mapping) or not isinstance(provider.get("models"), Mapping):
            raise ConfigError(f"this is not models.dev data: {id!r} has no models")
        if not _FILE_NAME.fullmatch(id):
            catalog.problems.append(f"{id!r} left out: it cannot be a file name")
            continue
        catalog.providers[id] = _provider(id, provider, catalog.problems)
    return catalog


def _provider(id: str, data: Mapping[str, Any], problems: list[str]) -> Row:
    head = {key: data[key] for key in _PROVIDER_KEYS if data.get(key)}
    rows = {}
    for name, row in sorted(data["models"].items()):
        try:
            rows[name] = clean_row(f"{id}:{name}", row, problems)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            problems.append(f"{id}:{name} left out: it does not have the form of a row ({error})")
    return {**head, "id": id, "models": rows}


def clean_row(name: str, data: Mapping[str, Any], problems: list[str]) -> Row:
    """Return the row of one model without empty, default and repeated values.

    name: the model's name, for messages.
    data: its row in models.dev.
    problems: collects messages about impossible values, which are left out.
    """
    row = {key: value for key, value in data.items() if key not in _DROPPED and value not in (None, "", {}, [])}
    for key, default in (("name", data.get("id")), ("modalities", _TEXT_ONLY)):
        if row.get(key) == default:
            row.pop(key, None)
    row["limit"] = {key: value for key, value in (data.get("limit") or {}).items() if value}
    interleaved = data.get("interleaved") or data.get("interleaved_field")
    if interleaved:
        row["interleaved"] = interleaved["field"] if isinstance(interleaved, Mapping) else interleaved
    if "provider" in row:
        row["provider"] = {{"api_shape": "shape"}.get(key, key): value for key, value in row["provider"].items()}
    row["modes"] = _modes(data, name, problems) or row.get("modes", {})
    row["cost"] = _cost(data.get("cost") or {}, name, problems)
    return {key: value for key, value in row.items() if value not in ({}, [])}


def _modes(data: Mapping[str, Any], name: str, problems: list[str]) -> Row:
    modes = (data.get("experimental") or {}).get("modes") or data.get("experimental_modes") or {}
    return {mode: _mode(what, f"{name} ({mode})", problems) for mode, what in modes.items()}


def _mode(data: Mapping[str, Any], name: str, problems: list[str]) -> Row:
    cost = data.get("cost") or {}
    served = data.get("provider") or {}
    mode = {
        "cost": _cost(cost[0] if isinstance(cost, list) else cost, name, problems),
        "body": served.get("body") or loads(data.get("provider_body_json") or "{}"),
        "headers": served.get("headers") or loads(data.get("provider_headers_json") or "{}"),
    }
    return {key: value for key, value in mode.items() if value}


def _cost(data: Mapping[str, Any], name: str, problems: list[str]) -> Row:
    cost = _lines(data)
    tiers = [
        {"over": (tier.get("tier") or {}).get("size") or tier.get("min_context") or 0, **_lines(tier)}
        for tier in data.get("tiers") or ()
    ]
    long_context = data.get("context_over_200k")
    if isinstance(long_context, Mapping) and not tiers:
        tiers = [{"over": 200_000, **_lines(long_context)}]
    if tiers:
        cost["tiers"] = sorted(tiers, key=lambda tier: int(tier["over"]))
    wrong = [
        f"{line} {price}" for row in (cost, *tiers) for line, price in row.items() if _is_number(price) and price < 0
    ]
    if wrong:
        problems.append(f"{name}: prices left out, {', '.join(wrong)}")
        return {}
    return cost


def _lines(data: Mapping[str, Any]) -> Row:
    """Return the prices of a row. Beside an input price, a zero for an optional price means none, and is left out."""
    lines = {line: _plain(price) for line, price in data.items() if _is_number(price) and line != "min_context"}
    unless_zero = _OPTIONAL_LINES if lines.get("input") else ()
    return {line: price for line, price in lines.items() if price or line not in unless_zero}


def _plain(price: float) -> float | int:
    """Remove rounding errors: 0.30000000000000004 becomes 0.3."""
    price = float(f"{price:.12g}")
    return int(price) if price.is_integer() else price


def _is_number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
