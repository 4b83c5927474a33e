"""Names of options: recognise those of other libraries and vendors, and check those in tables of rules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeVar

from ...schemas.errors import InvalidOption
from ...schemas.nearest import nearest
from ...schemas.options import CALL_OPTIONS, OPERATION_OPTIONS, Option
from .extending import Extending
from .rule_tables import Rules, facts_of, is_packaged

Row = TypeVar("Row")


def suggest_option(name: str, table: Mapping[str, Option]) -> str:
    """Return a hint for an option that the table does not have.

    It names the option that others call by this name, or what to use in its place, else the nearest known name.
    """
    from ...schemas.foreign_arguments import OPTIONS, SPELLINGS  # only for a mistake

    if name in OPTIONS:
        return OPTIONS[name]
    synonyms = [
        each for each in SPELLINGS.get(name.replace("_", "").lower(), ()) if each in table or each in CALL_OPTIONS
    ]
    return f"did you mean {' or '.join(map(repr, synonyms))}?" if synonyms else nearest(name, {*table, *CALL_OPTIONS})


def unknown_field(name: str, known: Iterable[str]) -> InvalidOption:
    """Return the error for what a declaration of a provider cannot have."""
    from ...schemas.foreign_arguments import DECLARED  # only for a mistake

    return InvalidOption(f"a provider has no {name!r}", hint=DECLARED.get(name) or nearest(name, known))


def checked_models(models: object, row: type[Row]) -> Mapping[str, Row]:
    """Return the steps for some models, by pattern, of a declaration. Raises InvalidOption for anything else."""
    if models is None:
        return {}
    if not isinstance(models, Mapping):
        hint = "any model can be called, without a list of them; models={'small-*': override(translate_options=[...])}"
        raise InvalidOption(f"models cannot be a {type(models).__name__}", hint=hint)
    for pattern, each in models.items():
        if not isinstance(each, row):
            hint = "steps are models={'small-*': override(...)}; limits and prices of a model go into model_facts={…}"
            raise InvalidOption(f"the models {pattern!r:.40} cannot be a {type(each).__name__}", hint=hint)
    return models


def check_names(tables: Iterable[Rules | Extending], own: Iterable[str], where: str) -> None:
    """Check that rules read options which exist: canonical ones, the provider's own, and those that a rule writes.

    tables: the tables of rules.
    own: the provider's own options.
    where: where the tables are, named in errors.

    Nothing is checked beside a function that the user wrote, which may write any name. Raises InvalidOption.
    """
    # What extends a table is a function of the user, too.
    given = [table.function if isinstance(table, Extending) else table for table in tables]
    rules = [rule for table in given for rule in ((table,) if callable(table) else table)]
    if not all(facts_of(rule) is not None or is_packaged(rule) for rule in rules):
        return
    facts = [found for rule in rules if (found := facts_of(rule)) is not None]
    names = set(own).union(*OPERATION_OPTIONS.values(), *(each.writes for each in facts))
    for each in facts:
        for name in each.reads:
            if name not in names:
                raise InvalidOption(
                    f"{where}: no call has an option {name!r}, as in the rule {each.description!r}",
                    hint=_canonical_hint(name, names) or nearest(name, names),
                )


def _canonical_hint(name: str, names: set[str]) -> str:
    """Return a hint with the option that other libraries call by this name; "" if there is none."""
    from ...schemas.foreign_arguments import SPELLINGS  # only for a mistake

    meant = [each for each in SPELLINGS.get(name.replace("_", "").lower(), ()) if each in names]
    return f"rules use {' or '.join(meant)}" if meant else ""
