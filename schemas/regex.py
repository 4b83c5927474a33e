"""Search a text for a regular expression in time linear in the text, whatever the expression.

Python's `re` backtracks: `(a+)+b` takes seconds on 30 letters, and both the pattern and the text may be untrusted.
Here all the ways in which a pattern can go on are followed at once, one character at a time (Thompson 1968, in Pike's
form where groups are wanted: https://swtch.com/~rsc/regexp/regexp2.html). `LinearPattern` finds a match and its groups,
as `re` does. `compile_pattern` is for JSON Schema, where the question is only whether there is a match.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from itertools import chain
from re import _constants as op  # type: ignore[attr-defined]
from re import _parser  # type: ignore[attr-defined]
from typing import Any, Final, TypeAlias

from attrs import frozen

from .errors import SchemaError
from .memo import Memo, memo
from .regex_characters import ecma_reader, is_word, reader

__all__ = ["LinearPattern", "Match", "Searcher", "backtracks_little", "compile_pattern", "is_pattern"]

MAX_LENGTH: Final = 4_000
MAX_NODES: Final = 1_000
MAX_BRANCHES: Final = 20_000
MAX_REMEMBERED: Final = 10_000

Groups = tuple[int | None, ...]
Test = Callable[[str, int], bool]
Reader = Callable[[Any, Any, int], Callable[[str], bool]]

# What a node does: read one character, test the place, note the place in a slot, go several ways, end.
_READ, _TEST, _SAVE, _SPLIT, _FOUND = range(5)
_SIMPLIFY = "match more, and look closer in your own code"


@frozen
class Match:
    """A match of a pattern."""

    groups: tuple[str | None, ...]
    """The text of the whole match, then that of each group; None for a group that did not match."""
    names: Mapping[str, int]
    """The indexes of the named groups."""

    def named(self) -> dict[str, str | None]:
        """Return the text of each named group."""
        return {name: self.groups[at] for name, at in self.names.items()}


class _NotLinear(Exception):
    """A pattern that cannot be expressed as nodes; the text says why."""


class _Nodes:
    """A pattern as nodes, each with what it does, its test or slot, and where to go next."""

    def __init__(
        self, items: Iterable[Any], flags: int, places: Mapping[Any, Test], read: Reader, *, groups: bool
    ) -> None:
        """Compile a pattern.

        items: the parsed pattern.
        flags: those of `re`.
        places: the tests of the places that it may ask for.
        read: makes the test of a single character.
        groups: whether to note where groups begin and end.

        Raises _NotLinear, with the reason, for what has no linear form or is too large.
        """
        self._nodes: list[tuple[int, Any, tuple[int, ...]]] = []
        self._places = places
        self._read = read
        self._groups = groups
        self._start = self._sequence(items, self._add(_FOUND, None), flags)

    def _follow(
        self, node: int, groups: Groups, text: str, at: int, into: list[tuple[int, Groups]], seen: set[int]
    ) -> None:
        """Add each node not yet in `seen` that can be reached from `node` without reading, by falling priority."""
        waiting = [(node, groups)]
        while waiting:
            node, groups = waiting.pop()
            if node in seen:
                continue
            seen.add(node)
            kind, what, nexts = self._nodes[node]
            if kind in (_READ, _FOUND):
                into.append((node, groups))
            elif kind == _SAVE:
                waiting.append((nexts[0], (*groups[:what], at, *groups[what + 1 :])))
            elif kind == _SPLIT or what(text, at):
                waiting += [(each, groups) for each in reversed(nexts)]

    def _add(self, kind: int, what: object, *nexts: int) -> int:
        if len(self._nodes) >= MAX_NODES:
            raise _NotLinear("its counted repeats are too large")
        self._nodes.append((kind, what, nexts))
        return len(self._nodes) - 1

    def _sequence(self, items: Iterable[Any], after: int, flags: int) -> int:
        for kind, value in reversed(list(items)):
            after = self._item(kind, value, after, flags)
        return after

    def _item(self, kind: Any, value: Any, after: int, flags: int) -> int:
        if kind in (op.LITERAL, op.NOT_LITERAL, op.IN, op.ANY):
            return self._add(_READ, _reader[self._read, kind, tuple(value) if kind is op.IN else value, flags], after)
        if kind in (op.MAX_REPEAT, op.MIN_REPEAT):
            return self._repeat(value, after, flags, greedy=kind is op.MAX_REPEAT)
        if kind is op.BRANCH:
            return self._add(_SPLIT, None, *(self._sequence(branch, after, flags) for branch in value[1]))
        if kind is op.SUBPATTERN:
            group, added, removed, body = value
            kept = flags & ~_parser.TYPE_FLAGS if added & _parser.TYPE_FLAGS else flags  # one of (?a), (?u)
            flags = (kept | added) & ~removed
            if group is None or not self._groups:
                return self._sequence(body, after, flags)
            return self._add(_SAVE, 2 * group, self._sequence(body, self._add(_SAVE, 2 * group + 1, after), flags))
        place = (value, flags & re.MULTILINE) if kind is op.AT else None
        if place in self._places:
            return self._add(_TEST, self._places[place], after)
        raise _NotLinear(f"it has a {_NAMES.get(kind, 'construct')}")

    def _repeat(self, value: tuple[int, Any, Iterable[Any]], after: int, flags: int, *, greedy: bool) -> int:
        least, most, body = value
        if max(least, 0 if most is op.MAXREPEAT else most) > MAX_NODES:
            raise _NotLinear("its counted repeats are too large")
        if most is op.MAXREPEAT:
            loop = self._add(_SPLIT, None)
            inside = self._sequence(body, loop, flags)
            self._nodes[loop] = (_SPLIT, None, (inside, after) if greedy else (after, inside))
            after = loop
        else:
            end = after
            for _ in range(most - least):
                inside = self._sequence(body, after, flags)
                after = self._add(_SPLIT, None, *((inside, end) if greedy else (end, inside)))
        for _ in range(least):
            after = self._sequence(body, after, flags)
        return after


@memo(1000)
def _reader(asked: tuple[Reader, Any, Any, int]) -> Callable[[str], bool]:
    """Return what a Reader makes of its arguments, with the answers for the last characters."""
    read, kind, value, flags = asked
    return Memo(128, read(kind, value, flags)).__getitem__


def _is_word_at(
    text: str, at: int, is_word: Callable[[str], bool] = lambda char: char.isalnum() or char == "_"
) -> bool:
    """Return whether the text has a character of a word at this place; False before its start and behind its end."""
    return 0 <= at < len(text) and is_word(text[at])


# By what a pattern asks for, and whether it asks for multi-line matching.
_ANYWHERE: Final[dict[Any, Test]] = {
    (op.AT_BEGINNING, 0): lambda text, at: at == 0,
    (op.AT_BEGINNING_STRING, 0): lambda text, at: at == 0,
    (op.AT_END, 0): lambda text, at: at == len(text),
    (op.AT_END_STRING, 0): lambda text, at: at == len(text),
    (op.AT_BOUNDARY, 0): lambda text, at: _is_word_at(text, at - 1) != _is_word_at(text, at),
    (op.AT_NON_BOUNDARY, 0): lambda text, at: _is_word_at(text, at - 1) == _is_word_at(text, at),
}
_IN_ECMA: Final[dict[Any, Test]] = {
    **_ANYWHERE,
    (op.AT_BOUNDARY, 0): lambda text, at: _is_word_at(text, at - 1, is_word) != _is_word_at(text, at, is_word),
    (op.AT_NON_BOUNDARY, 0): lambda text, at: _is_word_at(text, at - 1, is_word) == _is_word_at(text, at, is_word),
}
_AS_RE: Final[dict[Any, Test]] = {
    **_ANYWHERE,
    **{(place, re.MULTILINE): test for (place, _), test in _ANYWHERE.items()},
    (op.AT_END, 0): lambda text, at: at == len(text) or text[at : at + 2] == "\n",
    (op.AT_BEGINNING, re.MULTILINE): lambda text, at: at == 0 or text[at - 1] == "\n",
    (op.AT_END, re.MULTILINE): lambda text, at: at == len(text) or text[at] == "\n",
}
_LOOKAROUND: Final = (op.ASSERT, op.ASSERT_NOT)
_NAMES: Final = {
    op.AT: "request for multi-line matching",
    op.ASSERT: "lookahead or lookbehind",
    op.ASSERT_NOT: "negative lookahead or lookbehind",
    op.GROUPREF: "back reference",
    op.GROUPREF_EXISTS: "conditional group",
    op.ATOMIC_GROUP: "atomic group",
    op.POSSESSIVE_REPEAT: "possessive repeat",
}


def _parse(pattern: str, where: str) -> Any:
    """Parse a pattern as `re` does. Raises SchemaError for one that is malformed or too long."""
    if len(pattern) > MAX_LENGTH:
        raise SchemaError(f"{where} is {len(pattern):,} characters long; the limit is {MAX_LENGTH:,}")
    try:
        return _parser.parse(pattern)
    except re.error as error:
        raise SchemaError(f"{where} is not a regular expression that Python can read: {error.msg}") from None
    except (RecursionError, OverflowError):
        raise SchemaError(f"{where} is nested too deeply") from None


class LinearPattern(_Nodes):
    """A regular expression that is searched in time linear in the text.

    `search` finds the same as `re.search`: the leftmost match, by greedy and lazy repetitions. They differ only in
    repetitions of what may be empty, such as `(a??)*`. Raises SchemaError for a pattern that is malformed, not regular
    (back references, lookaround), or very large.
    """

    def __init__(self, pattern: str) -> None:
        tree = _parse(pattern, "the pattern")
        self.names: dict[str, int] = dict(tree.state.groupdict)
        self._unmatched: Groups = (None,) * (2 * tree.state.groups)
        try:
            super().__init__([(op.SUBPATTERN, (0, 0, 0, tree))], tree.state.flags, _AS_RE, reader, groups=True)
        except _NotLinear as reason:
            raise SchemaError(f"the pattern is too large or not regular: {reason}", hint=_SIMPLIFY) from None
        except RecursionError:
            raise SchemaError("the pattern is nested too deeply") from None

    def search(self, text: str, /) -> Match | None:
        """Return the first match in the text; None without one."""
        nodes, found = self._nodes, None
        now: list[tuple[int, Groups]] = []
        seen: set[int] = set()
        for at in range(len(text) + 1):
            if found is None:
                self._follow(self._start, self._unmatched, text, at, now, seen)
            after: list[tuple[int, Groups]] = []
            seen = set()
            for node, groups in now:
                kind, accepts, nexts = nodes[node]
                if kind == _FOUND:
                    found = groups  # later entries have a lower priority
                    break
                if at < len(text) and accepts(text[at]):
                    self._follow(nexts[0], groups, text, at + 1, after, seen)
            if not after and found is not None:
                break
            now = after
        if found is None:
            return None
        pairs = zip(found[::2], found[1::2], strict=True)
        return Match(tuple(None if a is None or b is None else text[a:b] for a, b in pairs), self.names)


class _Occurs(_Nodes):
    """A search for whether a pattern occurs at all, which remembers each step from one set of nodes to the next.

    As JSON Schema requires (ECMA-262), `$` is the end of the text, never before a last newline, and the classes of
    characters are those of JavaScript: \\d and \\w are ASCII, \\s is not. Lookaheads at the very start
    (`^(?=.*\\d)(?!x)...`) are separate searches.
    """

    def __init__(self, items: list[Any], flags: int) -> None:
        begin, rest = items[:1], items[1:]
        self._ahead: list[tuple[bool, _Occurs]] = []
        # A direction of 1 is a lookahead, of -1 a lookbehind.
        while begin == [(op.AT, op.AT_BEGINNING)] and rest and rest[0][0] in _LOOKAROUND and rest[0][1][0] == 1:
            kind, (_, body) = rest.pop(0)
            self._ahead.append((kind is op.ASSERT, _Occurs([*begin, *body], flags)))
        super().__init__([*begin, *rest], flags, _IN_ECMA, ecma_reader, groups=False)
        self._steps: dict[tuple[frozenset[int], str, str], frozenset[int] | None] = {}

    def search(self, text: str, /) -> bool:
        """Return whether the pattern occurs anywhere in the text."""
        if any(one.search(text) != wanted for wanted, one in self._ahead):
            return False
        begin = now = frozenset((self._start,))
        before, steps = "", self._steps
        for char in chain(text, ("",)):
            key = (now, before, char)
            after = steps[key] if key in steps else self._step(key)
            if after is None:
                return True
            now = after | begin
            before = "a" if is_word(char) else "."
        return False

    def _step(self, key: tuple[frozenset[int], str, str]) -> frozenset[int] | None:
        """Return the nodes after reading a character, or None if the pattern was found before it.

        key: the nodes; a character of the same kind as the one before, "" at the start; the next one, "" at the end.
        """
        nodes, before, char = key
        ready: list[tuple[int, Groups]] = []
        seen: set[int] = set()
        for node in nodes:
            self._follow(node, (), before + char, len(before), ready, seen)
        read = [self._nodes[node] for node, _ in ready]
        result: frozenset[int] | None = None
        if all(kind != _FOUND for kind, _, _ in read):
            result = frozenset(nexts[0] for _, accepts, nexts in read if char and accepts(char))
        if len(self._steps) >= MAX_REMEMBERED:
            self._steps.clear()
        self._steps[key] = result
        return result


Searcher: TypeAlias = "re.Pattern[str] | _Occurs"
"""A compiled pattern; the result of `search` is true if the pattern occurs in the text."""


def compile_pattern(pattern: str, place: str = "") -> Searcher:
    """Return a searcher for a pattern of JSON Schema.

    pattern: the regular expression. What is not regular (back references, lookbehinds) is left to `re` if it can branch
        only a bounded number of times.
    place: its JSON pointer, for errors.

    Raises SchemaError, with the reason, for a pattern that is malformed or cannot be searched in bounded time.
    """
    known = _COMPILED.get(pattern)
    return _COMPILED.put(pattern, _compiled(pattern, place)) if known is None else known


def _compiled(pattern: str, place: str = "") -> Searcher:
    where = f"the pattern at {place}" if place else "the pattern"
    spelled = _spelled(pattern)
    tree = _parse(spelled, where)
    try:
        return _Occurs(list(tree), tree.state.flags)
    except RecursionError:
        raise SchemaError(f"{where} is nested too deeply") from None
    except _NotLinear as reason:
        if _branches(tree) <= MAX_BRANCHES:
            return re.compile(spelled, re.ASCII)
        raise SchemaError(f"{where} cannot be matched in bounded time: {reason}", hint=_SIMPLIFY) from None


def is_pattern(text: str) -> bool:
    """Return whether a text is a regular expression as JSON Schema has them (ECMA-262)."""
    try:
        _parse(_spelled(text), "the pattern")
    except SchemaError:
        return False
    return not _UNKNOWN_ESCAPE.search(text)


# Python reads \a, \A and \Z, which ECMA-262 does not have.
_UNKNOWN_ESCAPE = re.compile(r"(?<!\\)(?:\\\\)*+\\[aAZ]")


def _spelled(pattern: str) -> str:
    """Return a pattern with its named groups as Python writes them."""
    return re.sub(r"\(\?<(?=[A-Za-z_])", "(?P<", pattern)


_COMPILED = Memo[str, Searcher](1000)


def backtracks_little(pattern: str) -> bool:
    """Return whether `re` itself can search for the pattern with a bounded number of branches."""
    return _branches(_parser.parse(pattern)) <= MAX_BRANCHES


def _branches(items: Iterable[Any]) -> float:
    """Return an upper bound on the ways in which backtracking can match from one position."""
    ways = 1.0
    for kind, value in items:
        if kind in (op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT):
            ways *= _repeat_branches(*value)
        elif kind is op.BRANCH:
            ways *= sum(map(_branches, value[1]))
        elif kind in (op.SUBPATTERN, *_LOOKAROUND):
            ways *= _branches(value[-1])
        elif kind is op.ATOMIC_GROUP:
            ways *= _branches(value)
        elif kind is op.GROUPREF_EXISTS:
            ways *= sum(_branches(branch) for branch in value[1:] if branch is not None)
    return ways


def _repeat_branches(least: int, most: int, body: Iterable[Any]) -> float:
    each = _branches(body)
    if most is op.MAXREPEAT or most > MAX_BRANCHES:
        return float("inf")
    if each == 1:
        return float(most - least + 1)
    return float("inf") if most > 64 else sum(each**count for count in range(least, most + 1))
