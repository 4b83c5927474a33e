"""Check the names of the options in tables of rules."""

from __future__ import annotations

from collections.abc import Iterable

from ...schemas.errors import InvalidOption
from ...schemas.nearest import nearest
from ...schemas.options import OPERATION_OPTIONS
from .rules import Rules, description_of, is_packaged


def check_names(tables: Iterable[Rules], own: Iterable[str], where: str) -> None:
    """Check that rules read options which exist: canonical ones, the provider's own, and those that a rule writes.

    tables: the tables of rules.
    own: the provider's own options.
    where: where the tables are, named in errors.

    Nothing is checked beside a function that the user wrote, which may write any name. Raises InvalidOption.
    """
    rules = [rule for table in tables for rule in ((table,) if callable(table) else table)]
    if not all(hasattr(rule, "reads") or is_packaged(rule) for rule in rules):
        return
    names = set(own).union(*OPERATION_OPTIONS.values(), *(getattr(rule, "writes", ()) for rule in rules))
    for rule in rules:
        for name in getattr(rule, "reads", ()):
            if name not in names:
                raise InvalidOption(
                    f"{where}: no call has an option {name!r}, as in the rule {description_of(rule)!r}",
                    hint=nearest(name, names),
                )
