"""What does not fit in a value."""

from __future__ import annotations

from typing import Final

from attrs import frozen

REFUSED: Final = "refused"
"""The keyword of a Violation that quotes a class of the program."""


@frozen
class Violation:
    """One mismatch of a value with its schema."""

    pointer: str
    """Where: a JSON pointer into the value."""
    message: str
    """What is required. It never quotes the value, which may be private; a class of the program that refuses a value
    may quote it, though."""
    keyword: str
    """The keyword of the schema that the value does not fit."""

    def __str__(self) -> str:
        return f"{self.pointer or 'the value'} {self.message}"
