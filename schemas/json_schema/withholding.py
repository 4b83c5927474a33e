"""What of a growing value may be shown before it is whole, so that nothing has to be taken back."""

from __future__ import annotations

from ..json_types import Schema
from .dialects.reading import Reader, SchemaView
from .partial import Hold, Path
from .root import alternatives, property_of
from .safety import checked_schema
from .validate import fits_part

__all__ = ["continues", "hold_back"]


def hold_back(schema: Schema) -> Hold:
    """What `PartialJSON` is to hold back of a value that is meant to fit the schema.

    A null that may stand for an absent property is known to be one only at the end (`root.without_nulls`). A word out
    of a list of choices counts when it is whole: its beginning may be another choice.
    """
    root = checked_schema(schema)
    reader = Reader(root, lambda *_: None)
    places: dict[Path, list[SchemaView]] = {(): alternatives(root, reader)}
    known: dict[tuple[Path, bool], bool] = {}

    def views_at(path: Path) -> list[SchemaView]:
        if path not in places:
            inside = [part for view in views_at(path[:-1]) for part in _parts(view, path[-1])]
            places[path] = [view for part in inside for view in alternatives(part, reader)]
        return places[path]

    def hold(path: Path, null: bool) -> bool:
        if (path, null) not in known:
            known[path, null] = unsure(views_at(path[:-1]), path[-1]) if null else _chosen(views_at(path))
        return known[path, null]

    def unsure(views: list[SchemaView], name: str | None) -> bool:
        """Whether a null here may go in the end, by one of the alternatives at least."""
        optional = [view for view in views if view.type == "object" and name not in view.keywords.get("required", ())]
        return not all(fits_part(None, part, schema) for view in optional for part in _parts(view, name))

    return hold


def _parts(view: SchemaView, name: str | None) -> list[Schema]:
    """The schemas of a property, or those that an item may have."""
    if name is not None:
        return [property_of(view, name)] if view.type == "object" else []
    return [*view.keywords.get("prefixItems", ()), view.keywords.get("items", True)] if view.type == "array" else []


def _chosen(views: list[SchemaView]) -> bool:
    texts = [view for view in views if view.type == "string"]
    return bool(texts) and all("enum" in view.keywords for view in texts) and all(view.kind == "one" for view in views)


def continues(before: object, after: object) -> bool:
    """Whether all of `before`, which was shown, is still there in `after`."""
    if isinstance(before, dict):
        return isinstance(after, dict) and all(
            name in after and continues(part, after[name]) for name, part in before.items()
        )
    if isinstance(before, list):
        return isinstance(after, list) and len(before) <= len(after) and all(map(continues, before, after))
    if isinstance(before, str):
        return isinstance(after, str) and after.startswith(before)
    return type(before) is type(after) and before == after
