"""Decide what of a growing value is held back, so that nothing that was shown has to be withdrawn."""

from __future__ import annotations

from functools import cache

from ..json_types import Schema
from .dialects.reading import Reader, SchemaView
from .partial import Hold, Path
from .root import property_of
from .safety import checked_schema
from .validate import fits_part

__all__ = ["continues", "hold_back"]


def hold_back(schema: Schema) -> Hold:
    """Return the check whether `PartialJSON` must hold back a value of this schema until it is complete.

    It holds back a null that may stand for an absent property, which is decided only at the end (`root.without_nulls`),
    and a string with a list of choices, because its beginning may be another choice.
    """
    root = checked_schema(schema)
    reader = Reader(root)

    @cache
    def views_at(path: Path) -> list[SchemaView]:
        parts = [part for view in views_at(path[:-1]) for part in _parts(view, path[-1])] if path else [root]
        return [view for part in parts for view in reader.alternatives(part)]

    @cache
    def hold(path: Path, null: bool) -> bool:
        return may_be_removed(views_at(path[:-1]), path[-1]) if null else _is_choice(views_at(path))

    def may_be_removed(views: list[SchemaView], name: str | None) -> bool:
        """Return whether at least one of the alternatives would remove a null here in the end."""
        optional = [view for view in views if view.type == "object" and name not in view.keywords.get("required", ())]
        return not all(fits_part(None, part, schema) for view in optional for part in _parts(view, name))

    return hold


def _parts(view: SchemaView, name: str | None) -> list[Schema]:
    """Return the schemas of a property; for None, those of the items of a list."""
    if name is not None:
        return [property_of(view, name)] if view.type == "object" else []
    return [*view.keywords.get("prefixItems", ()), view.keywords.get("items", True)] if view.type == "array" else []


def _is_choice(views: list[SchemaView]) -> bool:
    texts = [view for view in views if view.type == "string"]
    return bool(texts) and all("enum" in view.keywords for view in texts) and all(view.kind == "one" for view in views)


def continues(before: object, after: object) -> bool:
    """Return whether `after` still contains all of `before`."""
    if isinstance(before, dict):
        return isinstance(after, dict) and all(
            name in after and continues(part, after[name]) for name, part in before.items()
        )
    if isinstance(before, list):
        return isinstance(after, list) and len(before) <= len(after) and all(map(continues, before, after))
    if isinstance(before, str):
        return isinstance(after, str) and after.startswith(before)
    return type(before) is type(after) and before == after
