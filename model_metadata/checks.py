"""Check rows and search terms that people write; an error names the right word for a misspelt one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from ..schemas.errors import ConfigError, InvalidOption, UnknownProvider
from ..schemas.nearest import closest, misspelt, nearest
from ..schemas.prices import BUCKETS, FEES, Prices
from .rows import FIELD_ALIASES, KNOWN_FIELDS, Row

MODALITIES = ("text", "image", "pdf", "audio", "video", "embedding", "ranking")
STABLE = "stable"
STATUSES = ("alpha", "beta", "deprecated")

_LIMITS = ("context", "output", "input")
_RATES = (*BUCKETS, "over")
_FACTORS = ("batch_factor", "batch_cache_read_factor", "regions")
_COST = (*BUCKETS, *FEES, *_FACTORS, "tiers", "tiers_over", "other_charges", "as_of", "source")
_FACTS = frozenset(("modes", "provider", "interleaved", "open_weights", "retires", "successor"))
_KNOWN = (KNOWN_FIELDS - {"id"}) | FIELD_ALIASES.keys() | _FACTS
_MEANT: Mapping[str, str] = {
    **dict.fromkeys(
        ("context", "context_length", "context_size", "max_context", "max_input_tokens", "num_ctx"), "context_window"
    ),
    **dict.fromkeys(("max_tokens", "max_output", "max_completion_tokens", "output_limit"), "max_output_tokens"),
    **dict.fromkeys(("pricing", "costs", "input_cost_per_token", "input_price", "output_price"), "prices"),
    **dict.fromkeys(("function_calling", "supports_tools", "supports_function_calling", "tool_use"), "tools"),
    **dict.fromkeys(("supports_reasoning", "thinking"), "reasoning"),
    **dict.fromkeys(("vision", "supports_vision", "modality"), "input"),
}
"""What other catalogs call the fields: as facts of a user's own, they would change nothing."""
_KINDS: Mapping[str, tuple[type, ...]] = {
    **dict.fromkeys(
        ("name", "family", "knowledge", "release_date", "status", "wire", "base_url", "retires", "successor"), (str,)
    ),
    **dict.fromkeys(
        ("tool_call", "reasoning", "structured_output", "temperature", "attachment", "open_weights"), (bool,)
    ),
    "interleaved": (str, bool),
    **dict.fromkeys(("limit", "modalities", "provider", "modes"), (Mapping,)),
    "cost": (Mapping, Prices),
}


def checked_row(row: Row, where: str) -> dict[str, Any]:
    """Check a row that a person wrote, and return it with a single modality made a list.

    row: the row, as `as_row` returns it. None as a value, which removes something, is accepted.
    where: what the row is for, named in errors.

    Raises ConfigError for a value of the wrong type and for an unknown name that resembles a known one. Any other name
    is accepted as a custom fact.
    """
    for name, value in row.items():
        if name not in _KNOWN and (close := _MEANT.get(name) or misspelt(name, _KNOWN)):
            raise ConfigError(f"{where}: a row has no {name!r}", hint=f"did you mean {close!r}?")
        if name in _KINDS and value is not None and not isinstance(value, _KINDS[name]):
            kinds = " or ".join(kind.__name__.lower() for kind in _KINDS[name])
            raise ConfigError(f"{where}: {name!r} cannot be {value!r}", hint=f"it is a {kinds}")
    if (status := row.get("status")) is not None:
        _check_word("status", status, STATUSES, where)
    for name, value in (row.get("limit") or {}).items():
        _check_word("limit", name, _LIMITS, where)
        if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 0):
            raise ConfigError(f"{where}: the limit {name!r} cannot be {value!r}", hint="it is a whole number of tokens")
    _check_cost(row.get("cost"), where)
    if not row.get("modalities"):
        return dict(row)
    return {**row, "modalities": {side: _modalities(side, values, where) for side, values in row["modalities"].items()}}


def _modalities(side: str, values: str | Iterable[str] | None, where: str) -> list[str] | None:
    _check_word("modalities", side, ("input", "output"), where)
    if values is None:
        return None
    words = list(values) if isinstance(values, Iterable) and not isinstance(values, str) else [values]
    for word in words:
        _check_word(side, word, MODALITIES, where)
    return words


def _check_cost(cost: object, where: str) -> None:
    if not isinstance(cost, Mapping):
        return
    for name in cost:
        _check_word("prices", name, _COST, where)
    tiers = cost.get("tiers")
    for tier in tiers if isinstance(tiers, list | tuple) else ():
        for name in tier if isinstance(tier, Mapping) else ():
            _check_word("a tier of prices", name, _RATES, where)


def _check_word(field: str, word: str, known: Iterable[str], where: str) -> None:
    if word not in known:
        raise ConfigError(f"{where}: {field} cannot be or contain {word!r}", hint=nearest(str(word), known))


def words(modalities: str | Iterable[str] | None, option: str) -> frozenset[str]:
    """Return the modalities to search for. Raises InvalidOption for a word that is not a modality."""
    result = frozenset((modalities,) if isinstance(modalities, str) else modalities or ())
    for word in sorted(result - set(MODALITIES)):
        raise InvalidOption(f"no model has the {option} {word!r}", hint=nearest(word, MODALITIES))
    return result


def check_text(value: object, option: str) -> None:
    """Raise InvalidOption for a search term that is no text."""
    if value is not None and not isinstance(value, str):
        raise InvalidOption(f"{option} cannot be {value!r:.40}", hint="pass text")


def checked_status(status: str | None) -> str | None:
    """Return a status to search for. Raises InvalidOption for one that no model can have."""
    if status is not None and status not in (STABLE, *STATUSES):
        raise InvalidOption(f"no model has the status {status!r}", hint=nearest(status, (STABLE, *STATUSES)))
    return status


def dollars(limit: Decimal | float | str | None, option: str) -> Decimal | None:
    """Return a price limit as a number. Raises InvalidOption for anything that is not a number."""
    try:
        price = None if limit is None else Decimal(str(limit))
    except InvalidOperation:
        price = Decimal("nan")
    if price is not None and price.is_nan():
        raise InvalidOption(f"{option} cannot be {limit!r}", hint="dollars per million tokens, 0.5 for instance")
    return price


def why_unlisted(id: str, provider: str, listed: Iterable[str]) -> str:
    """Return a text that says that the list of its provider lacks a model, and which listed one may be meant. It may be
    a typo, or a newer model."""
    close = closest(id, listed, 0.9)
    meant = f"; did you mean {close!r}?" if close else ""
    return f"not in our list of {provider}'s models: its limits, abilities and prices are unknown{meant}"


def unlisted(provider: str, known: Iterable[str]) -> UnknownProvider:
    """Return the error for a provider without any model in the catalog."""
    close = misspelt(provider, known)
    hint = f"did you mean {close!r}?" if close else "models.providers() lists all; add() adds a model"
    return UnknownProvider(f"no model of a provider {provider!r} is listed", hint=hint)
