"""Typed notes that one step leaves on a request for another."""

from __future__ import annotations

from typing import Generic, TypeVar

from attrs import frozen

T = TypeVar("T")


@frozen(eq=False)
class StateKey(Generic[T]):
    """The key of a note: `request.get(KEY)` reads it, `request.with_state(KEY, value)` returns a request with it.

    Two keys are never equal, whatever their names, so that the notes of two steps cannot collide.
    """

    name: str
    """for messages only"""
    default: T
    """what `get` returns where there is no note"""
    travels: bool = False
    """True for a note that goes along when the call moves to another model"""
