"""Hinted: a base of classes whose attributes have other names in other libraries."""

from __future__ import annotations

from typing import TYPE_CHECKING


class Hinted:
    """A base class that gives the error of a missing attribute a hint. What exists is found as fast as without it."""

    __slots__ = ()

    if not TYPE_CHECKING:  # for a type checker, any attribute would then exist

        def __getattr__(self, name: str) -> object:
            if hasattr(type(self), name):  # a property that failed: with its own error
                return object.__getattribute__(self, name)
            hint = ""
            if not name.startswith("_"):
                from .foreign_names import attribute_hint  # only for a mistake

                hint = attribute_hint(type(self), name)
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}{hint}", name=name, obj=self)


class HintedChunk(Hinted):
    """A base class of chunks."""

    __slots__ = ()
