"""Regular expressions with groups, searched in time linear in the text, whatever the expression.

`re` backtracks: `(a+)+b` takes seconds on 30 letters, and a model writes the text. Here all the ways in which a pattern
can go on are followed at once, in the order in which `re` would try them, and each carries the groups that it has
found (Thompson 1968, in Pike's form: https://swtch.com/~rsc/regexp/regexp2.html). What is not regular (back
references, lookaround) is refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from re import _compiler, _parser  # type: ignore[attr-defined]
from re import _constants as op  # type: ignore[attr-defined]
from typing import Any, Final

from attrs import frozen

from ..schemas.errors import SchemaError

MAX_LENGTH: Final = 4_000
MAX_NODES: Final = 1_000

Groups = tuple[int | None, ...]
Test = Callable[[str, int], bool]

# What a node does: read one character, hold a test of the place, note the place in a slot, go several ways, end.
_READ, _TEST, _SAVE, _SPLIT, _FOUND = range(5)


@frozen
class Found:
    """A match of a pattern."""

    groups: tuple[str | None, ...]
    """The text of the whole match, then that of each group; None for a group that did not match."""
    names: Mapping[str, int]
    """The indexes of the named groups."""

    def named(self) -> dict[str, str | None]:
        """Return the text of each named group."""
        return {name: self.groups[at] for name, at in self.names.items()}


class LinearPattern:
    """A regular expression that is searched in time linear in the text.

    `search` finds the same as `re.search`: the leftmost match, by greedy and lazy repetitions. They differ only in
    repetitions of what may be empty, such as `(a??)*`. Raises SchemaError for a pattern that is malformed, not regular,
    or very large.
    """

    def __init__(self, pattern: str) -> None:
        if len(pattern) > MAX_LENGTH:
            raise SchemaError(f"the pattern is {len(pattern):,} characters long; the limit is {MAX_LENGTH:,}")
        try:
            tree = _parser.parse(pattern)
            self.names: dict[str, int] = dict(tree.state.groupdict)
            self.count = tree.state.groups
            self._nodes: list[tuple[int, Any, tuple[int, ...]]] = []
            whole = [(op.SUBPATTERN, (0, 0, 0, tree))]
            self._start = self._sequence(whole, self._add(_FOUND, None), tree.state.flags)
        except re.error as error:
            raise SchemaError(f"the pattern is not a regular expression: {error.msg}") from None
        except (RecursionError, OverflowError):
            raise SchemaError("the pattern is nested too deeply") from None

    def search(self, text: str) -> Found | None:
        """Return the first match in the text; None without one."""
        nodes, found = self._nodes, None
        now: list[tuple[int, Groups]] = []
        seen: set[int] = set()
        for at in range(len(text) + 1):
            if found is None:
                self._follow(self._start, (None,) * (2 * self.count), text, at, now, seen)
            after: list[tuple[int, Groups]] = []
            seen = set()
            for node, groups in now:
                kind, accepts, nexts = nodes[node]
                if kind == _FOUND:
                    found = groups  # those further down the list are less wanted
                    break
                if at < len(text) and accepts(text[at]):
                    self._follow(nexts[0], groups, text, at + 1, after, seen)
            if not after and found is not None:
                break
            now = after
        return None if found is None else Found(_texts(found, text), self.names)

    def _follow(
        self, node: int, groups: Groups, text: str, at: int, into: list[tuple[int, Groups]], seen: set[int]
    ) -> None:
        """Add what can be reached without reading, most wanted first; a node that is there already is not added."""
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

    def _add(self, kind: int, what: Any, *nexts: int) -> int:
        if len(self._nodes) >= MAX_NODES:
            raise SchemaError("the pattern is too large", hint="use smaller counted repeats")
        self._nodes.append((kind, what, nexts))
        return len(self._nodes) - 1

    def _sequence(self, items: Iterable[Any], after: int, flags: int) -> int:
        for kind, value in reversed(list(items)):
            after = self._item(kind, value, after, flags)
        return after

    def _item(self, kind: Any, value: Any, after: int, flags: int) -> int:
        if kind in (op.LITERAL, op.NOT_LITERAL, op.IN, op.ANY):
            return self._add(_READ, _reader(kind, value, flags), after)
        if kind in (op.MAX_REPEAT, op.MIN_REPEAT):
            return self._repeat(value, after, flags, greedy=kind is op.MAX_REPEAT)
        if kind is op.BRANCH:
            return self._add(_SPLIT, None, *(self._sequence(branch, after, flags) for branch in value[1]))
        if kind is op.SUBPATTERN:
            group, added, removed, body = value
            if group is None:
                return self._sequence(body, after, (flags | added) & ~removed)
            end = self._add(_SAVE, 2 * group + 1, after)
            return self._add(_SAVE, 2 * group, self._sequence(body, end, (flags | added) & ~removed))
        if kind is op.AT and (test := _place(value, flags)) is not None:
            return self._add(_TEST, test, after)
        raise SchemaError(
            "the pattern is not regular: it has a back reference, a lookaround or an atomic group",
            hint="match more, and look closer in your own code",
        )

    def _repeat(self, value: Any, after: int, flags: int, *, greedy: bool) -> int:
        least, most, body = value
        if max(least, 0 if most is op.MAXREPEAT else most) > MAX_NODES:
            raise SchemaError("the pattern is too large", hint="use smaller counted repeats")
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


def _texts(groups: Groups, text: str) -> tuple[str | None, ...]:
    pairs = zip(groups[::2], groups[1::2], strict=True)
    return tuple(None if a is None or b is None else text[a:b] for a, b in pairs)


def _reader(kind: Any, value: Any, flags: int) -> Callable[[str], bool]:
    """Return a function that tests whether one character matches; `re` itself decides, on that character alone."""
    if kind is op.ANY:
        return (lambda char: True) if flags & re.DOTALL else (lambda char: char != "\n")
    one = _parser.SubPattern(_parser.State(), [(kind, value)])
    one.state.flags = flags & ~re.DEBUG
    accepts = _compiler.compile(one, 0).match
    known: dict[str, bool] = {}

    def fits(char: str) -> bool:
        if char not in known:
            known[char] = accepts(char) is not None
        return known[char]

    return fits


def _word(text: str, at: int) -> bool:
    return 0 <= at < len(text) and (text[at].isalnum() or text[at] == "_")


_TESTS: dict[Any, Test] = {
    op.AT_BEGINNING: lambda text, at: at == 0,
    op.AT_BEGINNING_STRING: lambda text, at: at == 0,
    op.AT_END: lambda text, at: at == len(text) or (at == len(text) - 1 and text[at] == "\n"),
    op.AT_END_STRING: lambda text, at: at == len(text),
    op.AT_BOUNDARY: lambda text, at: _word(text, at - 1) != _word(text, at),
    op.AT_NON_BOUNDARY: lambda text, at: _word(text, at - 1) == _word(text, at),
}
_IN_LINES: dict[Any, Test] = {
    op.AT_BEGINNING: lambda text, at: at == 0 or text[at - 1] == "\n",
    op.AT_END: lambda text, at: at == len(text) or text[at] == "\n",
}


def _place(value: Any, flags: int) -> Test | None:
    return _IN_LINES.get(value, _TESTS.get(value)) if flags & re.MULTILINE else _TESTS.get(value)
