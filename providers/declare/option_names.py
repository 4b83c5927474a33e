"""Names of options: recognise those of other libraries and vendors, and check those in tables of rules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ...schemas.errors import InvalidOption
from ...schemas.nearest import nearest
from ...schemas.options import CALL_OPTIONS, OPERATION_OPTIONS, Option
from .extending import Extending
from .rules import Rules, description_of, is_packaged


def suggest_option(name: str, table: Mapping[str, Option]) -> str:
    """Return a hint for an option that the table does not have.

    It names the option that others call by this name, or what to use in its place, else the nearest known name.
    """
    from ...schemas.foreign_names import OPTIONS, SPELLINGS  # only for a mistake

    if name in OPTIONS:
        return OPTIONS[name]
    synonyms = [
        each for each in SPELLINGS.get(name.replace("_", "").lower(), ()) if each in table or each in CALL_OPTIONS
    ]
    return f"did you mean {' or '.join(map(repr, synonyms))}?" if synonyms else nearest(name, {*table, *CALL_OPTIONS})


def check_names(tables: Iterable[Rules | Extending], own: Iterable[str], where: str) -> None:
    """Check that rules read options which exist: canonical ones, the provider's own, and those that a rule writes.

    tables: the tables of rules.
    own: the provider's own options.
    where: where the tables are, named in errors.

    Nothing is checked beside a function that the user wrote, which may write any name. Raises InvalidOption.
    """
    # What extends a table is a function of the user, too.
    tables = [table.function if isinstance(table, Extending) else table for table in tables]
    rules = [rule for table in tables for rule in ((table,) if callable(table) else table)]
    if not all(hasattr(rule, "reads") or is_packaged(rule) for rule in rules):
        return
    names = set(own).union(*OPERATION_OPTIONS.values(), *(getattr(rule, "writes", ()) for rule in rules))
    for rule in rules:
        for name in getattr(rule, "reads", ()):
            if name not in names:
                raise InvalidOption(
                    f"{where}: no call has an option {name!r}, as in the rule {description_of(rule)!r}",
                    hint=_canonical(name, names) or nearest(name, names),
                )


def _canonical(name: str, names: set[str]) -> str:
    """Return a hint with the option that other libraries call by this name; "" if there is none."""
    from ...schemas.foreign_names import SPELLINGS  # only for a mistake

    meant = [each for each in SPELLINGS.get(name.replace("_", "").lower(), ()) if each in names]
    return f"rules use {' or '.join(meant)}" if meant else ""
