"""Tests of single characters against a part of a regular expression: as Python's `re` does, or as ECMA-262 has it."""

from __future__ import annotations

import re
from collections.abc import Callable
from re import _compiler, _parser  # type: ignore[attr-defined]
from re import _constants as op  # type: ignore[attr-defined]
from typing import Any, Final

__all__ = ["ecma_reader", "is_word", "reader"]


def reader(kind: object, value: object, flags: int) -> Callable[[str], bool]:
    """Return a function that tests whether one character matches; `re` itself decides, on that character alone."""
    one = _parser.SubPattern(_parser.State(), [(kind, value)])
    one.state.flags = flags & ~re.DEBUG
    accepts = _compiler.compile(one, 0).match
    return lambda char: accepts(char) is not None


def _is_digit(char: str) -> bool:
    return char.isascii() and char.isdigit()


def is_word(char: str) -> bool:
    """Return whether ECMA-262 counts a character as a part of a word."""
    return char.isascii() and (char.isalnum() or char == "_")


def _is_space(char: str) -> bool:
    # White space to Python, but not to ECMA-262, are the separators of information and the next line.
    return char == "\ufeff" or (char.isspace() and char not in "\x1c\x1d\x1e\x1f\x85")


# The classes of characters in ECMA-262 (https://tc39.es/ecma262/#sec-characterclassescape): the test, and the result.
_ECMA: Final[dict[Any, tuple[Callable[[str], bool], bool]]] = {
    op.CATEGORY_DIGIT: (_is_digit, True),
    op.CATEGORY_NOT_DIGIT: (_is_digit, False),
    op.CATEGORY_WORD: (is_word, True),
    op.CATEGORY_NOT_WORD: (is_word, False),
    op.CATEGORY_SPACE: (_is_space, True),
    op.CATEGORY_NOT_SPACE: (_is_space, False),
}


def ecma_reader(kind: object, value: object, flags: int) -> Callable[[str], bool]:
    """Do as `reader`, by the classes of ECMA-262."""
    if kind is not op.IN or not isinstance(value, tuple) or all(what is not op.CATEGORY for what, _ in value):
        return reader(kind, value, flags)
    negated = value[0][0] is op.NEGATE
    classes = [_ECMA[each] for what, each in value if what is op.CATEGORY]
    others = tuple([each for each in value if each[0] not in (op.CATEGORY, op.NEGATE)])
    reads_other = reader(op.IN, others, flags) if others else None

    def accepts(char: str) -> bool:
        found = any(test(char) is wanted for test, wanted in classes)
        return (found or (reads_other is not None and reads_other(char))) is not negated

    return accepts
