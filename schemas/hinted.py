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


class ForeignName:
    """An attribute that is not there, whose error has a hint.

    Chunks and streams have these in place of `__getattr__`, with which Python 3.11 reads every attribute of an object
    the slow way.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, subject: object, owner: type) -> object:
        from .foreign_names import attribute_hint  # only for a mistake

        hint = attribute_hint(owner, self._name)
        raise AttributeError(f"{owner.__name__!r} object has no attribute {self._name!r}{hint}", name=self._name)


class HintedChunk:
    """A base class of chunks."""

    __slots__ = ()


class HintedStream:
    """A base class of streams."""


_OF_CHUNKS = "choices delta content text message candidates finish_reason reason usage tool_calls function"
_OF_STREAMS = (
    "text_stream stream_text stream_output text content choices output_text get_final_message get_final_text "
    "get_final_response get_final_completion final_output until_done tool_calls object iter_lines iter_bytes iter_text"
)
for _owner, _names in ((HintedChunk, _OF_CHUNKS), (HintedStream, _OF_STREAMS)):
    for _name in _names.split():
        setattr(_owner, _name, ForeignName(_name))
