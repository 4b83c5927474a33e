"""Hinted: a base of classes whose attributes have other names in other libraries."""

from __future__ import annotations

from typing import TYPE_CHECKING


class Hinted:
    """A base class that adds a hint to the error for a missing attribute. Attributes that exist cost nothing more."""

    __slots__ = ()

    if not TYPE_CHECKING:  # for a type checker, any attribute would then exist

        def __getattr__(self, name: str) -> object:
            if hasattr(type(self), name):  # a property raised AttributeError: raise its own
                return object.__getattribute__(self, name)
            hint = ""
            if not name.startswith("_"):
                from .foreign_names import attribute_hint  # only for a mistake

                hint = attribute_hint(type(self), name)
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}{hint}", name=name, obj=self)


class HintedChunk(Hinted):
    """A base class of chunks."""

    __slots__ = ()
