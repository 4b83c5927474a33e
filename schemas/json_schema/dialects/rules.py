"""A dialect of JSON Schema, declared as a table of what it can express."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

from attrs import frozen

from ...json_types import JSONSchema, Schema
from . import Dialected, Dropped


@frozen(eq=False, repr=False)
class DialectRules:
    """The abilities of a dialect."""

    name: str
    """How messages name the dialect."""
    keywords: Mapping[str, frozenset[str]]
    """The keywords that it accepts for each type, beside the structural ones."""
    formats: Mapping[str, frozenset[str]]
    """The values of `format` that it accepts for each type."""
    admit: Callable[[str, Any, str], str | None] = lambda keyword, value, type: None
    """Returns why an accepted keyword cannot be sent with this value for this type, or None."""
    enums: frozenset[str] = frozenset({"string", "number", "integer", "boolean"})
    """The types whose values may be listed in an `enum`."""
    anything: JSONSchema | None = None
    """The schema that comes closest to allowing any value."""
    any_value: bool = False
    """Whether `anything` really allows any value."""
    closed: bool = False
    """Objects must have `additionalProperties: false`."""
    all_required: bool = False
    """All properties must be required; optional ones may be null."""
    maps: bool = False
    """Objects may have a schema for properties of any name."""
    tuples: Literal["none", "any", "exact"] = "none"
    """Which `prefixItems` it accepts: none, any, or only those of lists of exactly that length."""
    references: bool = True
    """It accepts `$ref` and `$defs`."""
    recursion: bool = True
    """It accepts recursive references."""
    annotations_beside_references: bool = False
    """Write the title and description of a `$ref` beside an `anyOf` around it; otherwise leave them out."""
    annotations_beside_unions: bool = True
    """It accepts a title and description beside `anyOf`."""
    alone: tuple[str, ...] = ()
    """Keywords beside which it ignores all others; the first that is sent counts."""
    nullable: Literal["union", "flag"] = "union"
    """How null is allowed: as one more alternative, or by `nullable: true`."""
    object_root: bool = False
    """The root must be an object."""
    ordering: str = ""
    """The keyword, if any, that lists the names of an object's properties in their order."""
    hints: bool = True
    """Mention in descriptions what cannot be expressed."""
    fall_back: Callable[[Schema], Dialected] | None = None
    """Writes what is sent instead if the dialect cannot be enforced."""
    limits: Callable[[dict[str, Any]], list[Dropped]] = lambda schema: []
    """Returns what of a written schema exceeds the dialect's limits of size."""
