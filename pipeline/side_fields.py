"""Fields that an answer can do without: one of another type than its format has is left out, with a warning.

A wire describes them as a tree of rules. A rule for a value is

- a type, or a tuple of types: `str`, `(dict, str)`; a number is `int` or `float`, never a bool unless `bool` is named
- `count`, `nonempty_text`, `Or(str, "unknown")`, or any function of the value that gives what to keep, or GONE
- a dict: an object that may be missing as a whole, with the rules of its fields
- a list of one rule: a list that may be missing as a whole, with the rule of its items. What breaks that is left out,
  and the items beside it stay.
- `Some(rule)`: the same, but a list in which nothing can be read is left out as a whole
- `Whole(...)`: an object that is left out as a whole where it lacks what it cannot do without
- `Each(rule)`: an object with one rule for all of its fields; `Either(str, rule)`: a string, or what the rule says
- `Held(...)` around a dict, a list or Some: what the answer cannot do without. What is in it is looked at, it itself is
  left for the decoder to judge; a Some in which nothing can be read is an error.
- `By("type", {...})`: an object that may be missing, with rules by one of its fields; one not listed is left as it is,
  and so is what is `needed`

Null is never wrong: it says that there is nothing. In a list it is dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import isfinite
from typing import Any, Final

from attrs import frozen

from ..schemas.chunks import StreamChunk, Warned
from ..schemas.model import Model
from ..schemas.reply import CallWarning

GONE: Final = object()
"""Given by a rule for a value that is to be left out."""
Rules = Mapping[str, Any]


@frozen
class Held:
    """Rules for the inside of something that stays, whatever it is."""

    inner: Any


@frozen
class Or:
    """A value of the type, or `default` in its place: for fields that say something by being there."""

    kind: type
    default: Any


@frozen
class Some:
    """A list with a rule for its items, of which one at least has to be readable if there are any."""

    rule: Any


@frozen
class Either:
    """A value of the type, or what the rule says."""

    kind: type
    rule: Any


@frozen
class Each:
    """An object with one rule for all of its fields."""

    rule: Any


@frozen
class Whole:
    """An object that is left out as a whole, rather than without a field that says what it is.

    `needs` must be there and right, of `any_of` one must, and `vital` must be right if it is there.
    """

    rules: Rules
    needs: tuple[str, ...] = ()
    any_of: tuple[str, ...] = ()
    vital: tuple[str, ...] = ()

    def lacks(self, value: Mapping[str, Any], was: Mapping[str, Any]) -> bool:
        """Tell whether the object, as it is by its rules, lacks something. `was` is the object as it came."""
        return (
            any(value.get(name) is None for name in self.needs)
            or (bool(self.any_of) and all(value.get(name) is None for name in self.any_of))
            or any(value.get(name) is None and was.get(name) is not None for name in self.vital)
        )


@frozen
class By:
    """Rules by the value of a field, or by what a function says of the object.

    `others` is the rule of objects that are not listed. Where `tagged`, an object without the field is left out.
    """

    name: str | Callable[[dict[str, Any]], str]
    tables: Mapping[str, Any]
    needed: bool = False
    others: Any = None
    tagged: bool = False

    def table(self, value: dict[str, Any]) -> Any:
        """Give the rule of this object; None for none, GONE if it is to be left out."""
        key = value.get(self.name) if isinstance(self.name, str) else self.name(value)
        if type(key) is str:
            return self.tables.get(key, self.others)
        return GONE if self.tagged else self.others


def count(value: Any) -> Any:
    """Read a number of things: a whole number, not below zero. A few servers write it as a float or in quotes."""
    kind = type(value)
    if kind is int:
        return value if value >= 0 else GONE
    if kind is float:
        return int(value) if isfinite(value) and value >= 0 and value == int(value) else GONE
    return int(value) if kind is str and value.isdecimal() and len(value) < 20 else GONE


def nonempty_text(value: Any) -> Any:
    """Keep a string that is not empty, such as a name."""
    return value if type(value) is str and value else GONE


def kept(data: Any, rules: Rules, model: Model) -> tuple[Any, tuple[CallWarning, ...]]:
    """Give the data without what breaks a rule, and a warning for each. The data itself is not changed.

    Raises ValueError where nothing can be read of a list that the answer cannot do without.
    """
    if type(data) is not dict or is_sound(data, rules):
        return data, ()
    lost: dict[str, Any] = {}
    data = _fields(data, rules, "", lost)
    return data, tuple(left_out(path, value, model) for path, value in lost.items()) if lost else ()


def kept_event(data: Any, rules: Rules, model: Model) -> tuple[Any, list[StreamChunk]]:
    """As `kept`, with the warnings as chunks of the stream."""
    data, warnings = kept(data, rules, model)
    return data, [Warned(warnings)] if warnings else []


def left_out(path: str, value: Any, model: Model) -> CallWarning:
    """Make the warning of something that is left out."""
    kind = _SHOWN.get(type(value), "number")
    return CallWarning(path, f"left out of the answer: a {kind} is not what its format has there", str(model))


_SHOWN = {str: "string", bool: "boolean", list: "list", dict: "JSON object"}

_Test = Callable[[Any], bool]
_TESTS: dict[int, tuple[Rules, _Test]] = {}


def is_sound(data: dict[str, Any], rules: Rules) -> bool:
    """Tell cheaply that no rule is broken: 4 µs for a body of 40 fields, where looking for what is broken takes 25.

    False means: look. Made once for each table of rules, it goes by the fields that are there.
    """
    known = _TESTS.get(id(rules))
    if known is None:
        known = _TESTS[id(rules)] = (rules, _fields_test(rules))  # the table is kept, so that its id stays its own
    return known[1](data)


def _fields_test(rules: Rules) -> _Test:
    kinds = {name: _kinds(rule) for name, rule in rules.items() if type(rule) in (type, tuple, Or)}
    counts = {name for name, rule in rules.items() if rule is count}
    tests = {name: _test(rule) for name, rule in rules.items() if name not in kinds and name not in counts}

    def is_sound(value: Any) -> bool:
        if type(value) is not dict:
            return False
        for name, old in value.items():
            if old is None:
                continue
            if name in kinds:
                if type(old) not in kinds[name]:
                    return False
            elif name in counts:
                if type(old) is not int or old < 0:
                    return False
            elif name in tests and not tests[name](old):
                return False
        return True

    return is_sound


def _kinds(rule: Any) -> frozenset[type]:
    kinds = rule.kind if type(rule) is Or else rule
    return frozenset(kinds if type(kinds) is tuple else (kinds,))


def _test(rule: Any) -> _Test:
    """Make a function that says whether a value keeps a rule; False for one that has to be looked at."""
    kind = type(rule)
    if kind in (type, tuple, Or):
        kinds = _kinds(rule)
        return lambda value: type(value) in kinds
    make = _TEST_OF.get(kind)
    return (lambda value: rule(value) is value) if make is None else make(rule)


def _list_test(rule: Any) -> _Test:
    item = _test(rule.rule if type(rule) is Some else rule[0])
    return lambda value: type(value) is list and None not in value and all(map(item, value))


def _held_test(rule: Held) -> _Test:
    inner, wanted = _test(rule.inner), _base(rule.inner)
    return lambda value: type(value) is not wanted or inner(value)


def _by_test(rule: By) -> _Test:
    tests = {id(table): _test(table) for table in (*rule.tables.values(), rule.others) if table is not None}

    def is_sound(value: Any) -> bool:
        if type(value) is not dict:
            return rule.needed
        table = rule.table(value)
        return table is None or (table is not GONE and tests[id(table)](value))

    return is_sound


def _whole_test(rule: Whole) -> _Test:
    fields = _fields_test(rule.rules)
    return lambda value: fields(value) and not rule.lacks(value, value)


def _each_test(rule: Each) -> _Test:
    item = _test(rule.rule)
    return lambda value: type(value) is dict and all(each is None or item(each) for each in value.values())


def _either_test(rule: Either) -> _Test:
    other = _test(rule.rule)
    return lambda value: type(value) is rule.kind or other(value)


_TEST_OF: Mapping[type, Callable[[Any], _Test]] = {
    dict: _fields_test,
    list: _list_test,
    Some: _list_test,
    Held: _held_test,
    By: _by_test,
    Whole: _whole_test,
    Each: _each_test,
    Either: _either_test,
}


def _base(rule: Any) -> type:
    return dict if type(rule) is dict else list


def _fields(value: Any, rules: Rules, path: str, lost: dict[str, Any]) -> Any:
    if type(value) is not dict:
        return GONE
    changed: dict[str, Any] | None = None
    for name, rule in rules.items():
        if (old := value.get(name)) is None:
            continue
        if rule is str and type(old) is str:  # nearly all of them
            continue
        new = _checked(old, rule, f"{path}.{name}" if path else name, lost)
        if new is not old:
            changed = changed if changed is not None else dict(value)
            if new is GONE:
                del changed[name]
            else:
                changed[name] = new
    return value if changed is None else changed


def _checked(value: Any, rule: Any, path: str, lost: dict[str, Any]) -> Any:
    """Give what to keep of a value, or GONE; note in `lost` what is left out."""
    new = _judged(value, rule, path, lost)
    if new is GONE:
        lost.setdefault(path, value)
    return new


def _judged(value: Any, rule: Any, path: str, lost: dict[str, Any]) -> Any:
    kind = type(rule)
    if kind is type or kind is tuple:
        return value if isinstance(value, rule) and (type(value) is not bool or rule is bool) else GONE
    judge = _JUDGES.get(kind)
    return rule(value) if judge is None else judge(value, rule, path, lost)


def _or(value: Any, rule: Or, path: str, lost: dict[str, Any]) -> Any:
    if type(value) is rule.kind:
        return value
    lost.setdefault(path, value)
    return rule.default if value else GONE


def _items(value: Any, rule: Any, path: str, lost: dict[str, Any]) -> Any:
    if type(value) is not list:
        return GONE
    item = rule.rule if type(rule) is Some else rule[0]
    new = [GONE if each is None else _checked(each, item, path, lost) for each in value]
    if all(a is b for a, b in zip(new, value, strict=True)):
        return value
    left = [each for each in new if each is not GONE]
    nothing = type(rule) is Some and not left and any(each is not None for each in value)
    return GONE if nothing else left


def _held(value: Any, rule: Held, path: str, lost: dict[str, Any]) -> Any:
    if type(value) is not _base(rule.inner):
        return value
    new = _judged(value, rule.inner, path, lost)
    if new is GONE:
        raise ValueError(f"nothing in {path} can be read")
    return new


def _by(value: Any, rule: By, path: str, lost: dict[str, Any]) -> Any:
    if type(value) is not dict:
        return value if rule.needed else GONE
    table = rule.table(value)
    return value if table is None else table if table is GONE else _judged(value, table, path, lost)


def _whole(value: Any, rule: Whole, path: str, lost: dict[str, Any]) -> Any:
    new = _fields(value, rule.rules, path, lost)
    return GONE if new is GONE or rule.lacks(new, value) else new


def _each(value: Any, rule: Each, path: str, lost: dict[str, Any]) -> Any:
    return _fields(value, dict.fromkeys(value, rule.rule), path, lost) if type(value) is dict else GONE


def _either(value: Any, rule: Either, path: str, lost: dict[str, Any]) -> Any:
    return value if type(value) is rule.kind else _judged(value, rule.rule, path, lost)


_JUDGES: Mapping[type, Callable[[Any, Any, str, dict[str, Any]], Any]] = {
    dict: _fields,
    list: _items,
    Some: _items,
    Or: _or,
    Held: _held,
    By: _by,
    Whole: _whole,
    Each: _each,
    Either: _either,
}
