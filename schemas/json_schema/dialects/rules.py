"""A dialect as a table of what it can say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

from attrs import frozen

from ...json_types import Schema
from . import Dialected, Dropped


@frozen(eq=False, repr=False)
class DialectRules:
    """What a dialect can say.

    `words` are the keywords it takes for each type beyond the structural ones; `admit(keyword, value, type)` says why
    one of them cannot be sent after all, or None; beside the first of `alone` that is sent all others are lost.
    `anything` is how it says that any value is allowed, as far as it can. With `closed`, objects say
    `additionalProperties: false`; with `maps`, they may say what properties of any name look like. `tuples` says which
    `prefixItems` it takes. `nullable` is how null joins a union: as one more alternative or as Gemini's flag.
    `fall_back` writes what is sent instead when the dialect cannot be enforced.
    """

    name: str
    keywords: Mapping[str, frozenset[str]]
    formats: Mapping[str, frozenset[str]]
    admit: Callable[[str, Any, str], str | None] = lambda keyword, value, type: None
    enums: frozenset[str] = frozenset({"string", "number", "integer", "boolean"})
    anything: Mapping[str, Any] | None = None
    any_value: bool = False
    closed: bool = False
    all_required: bool = False
    maps: bool = False
    tuples: Literal["none", "any", "exact"] = "none"
    references: bool = True
    recursion: bool = True
    remarks_beside_references: bool = False
    remarks_beside_unions: bool = True
    alone: tuple[str, ...] = ()
    nullable: Literal["union", "flag"] = "union"
    object_root: bool = False
    ordering: bool = False
    hints: bool = True
    fall_back: Callable[[Schema], Dialected] | None = None
    limits: Callable[[dict[str, Any]], list[Dropped]] = lambda schema: []
