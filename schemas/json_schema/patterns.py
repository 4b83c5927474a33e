"""Search a text for a regular expression in time linear in the text, whatever the expression.

Python's `re` backtracks: `^(a+)+$` takes seconds on 30 letters, and both the pattern and the text may be untrusted.
Here a pattern becomes a set of states that advance together, one character at a time, and each step is remembered.
Lookaheads at the very start (`^(?=.*\\d)(?!x)...`) are separate searches from the same position. What is not regular
(back references, lookbehinds) is left to `re` if it can branch only a bounded number of times, and refused otherwise.

One difference from `re`, as JSON Schema requires (ECMA-262): `$` is the end of the text, never before a last newline.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from re import _constants as op  # type: ignore[attr-defined]
from re import _parser  # type: ignore[attr-defined]
from typing import Any, Final, TypeAlias

from ..errors import SchemaError

MAX_LENGTH: Final = 4_000
MAX_STATES: Final = 1_000
MAX_BRANCHES: Final = 20_000
MAX_REMEMBERED: Final = 10_000

Accepts: TypeAlias = Callable[[str], bool]


# The result of each one's `search` is true if the pattern occurs in the text.
Searcher: TypeAlias = "re.Pattern[str] | _States | _Together"


@lru_cache(maxsize=512)
def compile_pattern(pattern: str, place: str = "") -> Searcher:
    """Return a searcher for a pattern.

    pattern: the regular expression.
    place: its JSON pointer, for errors.

    Raises SchemaError, with the reason, for a pattern that is malformed or cannot be searched in bounded time.
    """
    where = f"the pattern at {place}" if place else "the pattern"
    if len(pattern) > MAX_LENGTH:
        raise SchemaError(f"{where} is {len(pattern):,} characters long; the limit is {MAX_LENGTH:,}")
    spelled = re.sub(r"\(\?<(?=[A-Za-z_])", "(?P<", pattern)
    try:
        tree = _parser.parse(spelled)
        return _searcher(tree, tree.state.flags)
    except re.error as error:
        raise SchemaError(f"{where} is not a regular expression that Python can read: {error.msg}") from None
    except (RecursionError, OverflowError):
        raise SchemaError(f"{where} is nested too deeply") from None
    except _NotLinear as reason:
        if _branches(list(tree)) <= MAX_BRANCHES:
            return re.compile(spelled)
        raise SchemaError(
            f"{where} cannot be matched in bounded time: {reason}",
            hint="simplify it, or check that property in your own code",
        ) from None


def backtracks_little(pattern: str) -> bool:
    """Return whether `re` itself can search for the pattern with a bounded number of branches."""
    return _branches(list(_parser.parse(pattern))) <= MAX_BRANCHES


class _NotLinear(Exception):
    """A pattern that cannot be expressed as states; the text says why."""


class _Together:
    """The lookaheads at the start of a pattern, and the rest of it."""

    def __init__(self, wanted: list[_States], unwanted: list[_States]) -> None:
        self.wanted, self.unwanted = wanted, unwanted

    def search(self, text: str) -> bool:
        return all(states.search(text) for states in self.wanted) and not any(
            states.search(text) for states in self.unwanted
        )


def _searcher(tree: Iterable[Any], flags: int) -> Searcher:
    if flags & re.MULTILINE:
        raise _NotLinear("it asks for multi-line matching")
    items = list(tree)
    if not items or items[0] != (op.AT, op.AT_BEGINNING):
        return _States(items, flags)
    wanted: list[_States] = []
    unwanted: list[_States] = []
    rest = items[1:]
    while rest and rest[0][0] in (op.ASSERT, op.ASSERT_NOT) and rest[0][1][0] == 1:
        kind, (_, body) = rest.pop(0)
        (wanted if kind is op.ASSERT else unwanted).append(_States([items[0], *body], flags))
    whole = _States([items[0], *rest], flags)
    return _Together([whole, *wanted], unwanted) if wanted or unwanted else whole


# What a state does: read one character, or pass without reading if the characters around allow it.
_READ, _PASS, _START, _END, _EDGE, _INSIDE, _FOUND = range(7)
_AT: Final = {
    op.AT_BEGINNING: _START,
    op.AT_BEGINNING_STRING: _START,
    op.AT_END: _END,
    op.AT_END_STRING: _END,
    op.AT_BOUNDARY: _EDGE,
    op.AT_NON_BOUNDARY: _INSIDE,
}


class _States:
    """A pattern as states. Sets of them are followed through the text; each step is remembered."""

    def __init__(self, items: list[Any], flags: int) -> None:
        self.kinds: list[int] = []
        self.accepts: list[Accepts | None] = []
        self.nexts: list[list[int]] = []
        found = self._add(_FOUND, [])
        self.start = self._sequence(items, found, flags)
        self.steps: dict[tuple[frozenset[int], int, str | None], frozenset[int] | None] = {}

    def search(self, text: str) -> bool:
        """Return whether the pattern occurs anywhere in the text."""
        begin = frozenset((self.start,))
        now, before = begin, 0
        steps = self.steps
        for char in text:
            key = (now, before, char)
            after = steps[key] if key in steps else self._step(key)
            if after is None:
                return True
            now = after | begin
            before = 2 if char.isalnum() or char == "_" else 1
        return self._step((now, before, None)) is None

    def _step(self, key: tuple[frozenset[int], int, str | None]) -> frozenset[int] | None:
        """Return the states after reading a character (None: the end), or None if the pattern was found before it.

        `before` is 0 at the start of the text, 2 after a word character, 1 after any other.
        """
        now, before, char = key
        ahead = char is not None and (char.isalnum() or char == "_")
        allowed = {_PASS}
        if before == 0:
            allowed.add(_START)
        if char is None:
            allowed.add(_END)
        allowed.add(_EDGE if (before == 2) != ahead else _INSIDE)
        seen, waiting, after = set(now), list(now), set[int]()
        result: frozenset[int] | None = None
        while waiting:
            state = waiting.pop()
            kind = self.kinds[state]
            if kind == _FOUND:
                break
            if kind == _READ:
                accepts = self.accepts[state]
                if char is not None and accepts is not None and accepts(char):
                    after.update(self.nexts[state])
            elif kind in allowed:
                fresh = [target for target in self.nexts[state] if target not in seen]
                seen.update(fresh)
                waiting += fresh
        else:
            result = frozenset(after)
        if len(self.steps) >= MAX_REMEMBERED:
            self.steps.clear()
        self.steps[key] = result
        return result

    def _add(self, kind: int, nexts: list[int], accepts: Accepts | None = None) -> int:
        if len(self.kinds) >= MAX_STATES:
            raise _NotLinear("its counted repeats are too large")
        self.kinds.append(kind)
        self.nexts.append(nexts)
        self.accepts.append(accepts)
        return len(self.kinds) - 1

    def _sequence(self, items: Iterable[Any], after: int, flags: int) -> int:
        for kind, value in reversed(list(items)):
            after = self._item(kind, value, after, flags)
        return after

    def _item(self, kind: object, value: Any, after: int, flags: int) -> int:
        if kind in (op.LITERAL, op.NOT_LITERAL, op.IN, op.ANY):
            return self._add(_READ, [after], _reader(kind, value, flags))
        if kind in (op.MAX_REPEAT, op.MIN_REPEAT):
            return self._repeat(value, after, flags)
        if kind is op.BRANCH:
            return self._add(_PASS, [self._sequence(branch, after, flags) for branch in value[1]])
        if kind is op.SUBPATTERN:
            _, added, removed, body = value
            if (added | removed) & re.MULTILINE:
                raise _NotLinear("it asks for multi-line matching")
            return self._sequence(body, after, (flags | added) & ~removed)
        if kind is op.AT and value in _AT:
            return self._add(_AT[value], [after])
        raise _NotLinear(f"it has a {_NAMES.get(kind, 'construct')} beside repeats without a limit")

    def _repeat(self, value: tuple[int, Any, Iterable[Any]], after: int, flags: int) -> int:
        least, most, body = value
        if max(least, most if most is not op.MAXREPEAT else 1) > MAX_STATES:
            raise _NotLinear("its counted repeats are too large")
        if most is op.MAXREPEAT:
            loop = self._add(_PASS, [after])
            self.nexts[loop].append(self._sequence(body, loop, flags))
            after = loop
        else:
            end = after
            for _ in range(most - least):
                after = self._add(_PASS, [end, self._sequence(body, after, flags)])
        for _ in range(least):
            after = self._sequence(body, after, flags)
        return after


_NAMES: Final = {
    op.ASSERT: "lookahead or lookbehind",
    op.ASSERT_NOT: "negative lookahead or lookbehind",
    op.GROUPREF: "back reference",
    op.GROUPREF_EXISTS: "conditional group",
}
_CATEGORIES: Final[dict[Any, Accepts]] = {
    op.CATEGORY_DIGIT: str.isdecimal,
    op.CATEGORY_NOT_DIGIT: lambda char: not char.isdecimal(),
    op.CATEGORY_SPACE: str.isspace,
    op.CATEGORY_NOT_SPACE: lambda char: not char.isspace(),
    op.CATEGORY_WORD: lambda char: char.isalnum() or char == "_",
    op.CATEGORY_NOT_WORD: lambda char: not (char.isalnum() or char == "_"),
}


def _reader(kind: object, value: Any, flags: int) -> Accepts:
    if kind is op.ANY:
        return (lambda char: True) if flags & re.DOTALL else (lambda char: char != "\n")
    members = value if kind is op.IN else [(op.LITERAL, value)]
    negated = kind is op.NOT_LITERAL or members[0][0] is op.NEGATE
    single = {chr(what) for how, what in members if how is op.LITERAL}
    ranges = [what for how, what in members if how is op.RANGE]
    categories = [_CATEGORIES[what] for how, what in members if how is op.CATEGORY]

    def inside(char: str) -> bool:
        return (
            char in single
            or any(low <= ord(char) <= high for low, high in ranges)
            or any(category(char) for category in categories)
        )

    if flags & re.IGNORECASE:
        return lambda char: any(inside(form) for form in _cases(char)) != negated
    return lambda char: inside(char) != negated


def _cases(char: str) -> list[str]:
    return [form for form in (char, char.lower(), char.upper()) if len(form) == 1]


def _branches(items: list[Any]) -> float:
    """Return an upper bound on the ways in which backtracking can match from one position."""
    ways = 1.0
    for kind, value in items:
        if kind in (op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT):
            ways *= _repeat_branches(value)
        elif kind is op.BRANCH:
            ways *= sum(_branches(list(branch)) for branch in value[1])
        elif kind in (op.SUBPATTERN, op.ASSERT, op.ASSERT_NOT):
            ways *= _branches(list(value[-1]))
        elif kind is op.ATOMIC_GROUP:
            ways *= _branches(list(value))
        elif kind is op.GROUPREF_EXISTS:
            ways *= sum(_branches(list(branch)) for branch in value[1:] if branch is not None)
    return ways


def _repeat_branches(value: tuple[int, Any, Iterable[Any]]) -> float:
    least, most, body = value
    each = _branches(list(body))
    if most is op.MAXREPEAT or most > MAX_BRANCHES:
        return float("inf")
    if each == 1:
        return float(most - least + 1)
    return float("inf") if most > 64 else sum(each**count for count in range(least, most + 1))
