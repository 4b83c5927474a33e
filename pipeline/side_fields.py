"""Drop, with a warning, the unimportant fields of an answer whose type is not the one of its format.

A wire describes these fields as a tree of rules. A rule for a value is

- a type, or a tuple of types: `str`, `(dict, str)`; a number is `int` or `float`, never a bool unless `bool` is named
- `count`, `nonempty_text`, `Or(str, "unknown")`, or any function of the value that returns the value to keep, or GONE
- a dict: an object that may be dropped as a whole, with the rules of its fields
- a list of one rule: a list that may be dropped as a whole, with the rule of its items. An item that breaks the rule is
  dropped, and the other items stay.
- `Some(rule)`: the same, but a list without one readable item is dropped as a whole
- `Whole(...)`: an object that is dropped as a whole if it lacks a field that it needs
- `Each(rule)`: an object with one rule for all of its fields; `Either(str, rule)`: a string, or a value for the rule
- `Held(...)` around a dict, a list or Some that is never dropped: only its inside is checked, and the decoder judges
  the rest. A Some without one readable item is an error.
- `By("type", {...})`: an object that may be dropped unless it is `needed`, with rules chosen by one of its fields; an
  object with another value there is not checked

Null is allowed everywhere: it means that there is no value. In a list it is dropped.
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
"""Returned by a rule for a value to drop."""
Rules = Mapping[str, Any]


@frozen
class Held:
    """Rules for the inside of a value that is never dropped."""

    inner: Any


@frozen
class Or:
    """A type, and the default for a value of another type: for fields whose presence has a meaning."""

    kind: type
    default: Any


@frozen
class Some:
    """A list with a rule for its items, of which at least one must be readable, if there are any."""

    rule: Any


@frozen
class Either:
    """A value of the type, or one that the rule allows."""

    kind: type
    rule: Any


@frozen
class Each:
    """An object with one rule for all of its fields."""

    rule: Any


@frozen
class Whole:
    """An object that is dropped as a whole where a field that it cannot be read without is missing or malformed.

    needs: the fields that must all be present and valid
    any_of: the fields of which one must be present and valid; no condition if empty
    vital: the fields that must be valid if they are present
    """

    rules: Rules
    needs: tuple[str, ...] = ()
    any_of: tuple[str, ...] = ()
    vital: tuple[str, ...] = ()

    def lacks(self, value: Mapping[str, Any], was: Mapping[str, Any]) -> bool:
        """Check whether the object lacks a field.

        value: the object without the fields that break a rule
        was: the object as it was received
        """
        return (
            any(value.get(name) is None for name in self.needs)
            or (bool(self.any_of) and all(value.get(name) is None for name in self.any_of))
            or any(value.get(name) is None and was.get(name) is not None for name in self.vital)
        )


@frozen
class By:
    """Rules chosen by the value of a field, or by a function of the object.

    `others` is the rule of objects that are not listed. If `tagged`, an object without the field is dropped.
    """

    name: str | Callable[[dict[str, Any]], str]
    tables: Mapping[str, Any]
    needed: bool = False
    others: Any = None
    tagged: bool = False

    def table(self, value: dict[str, Any]) -> Any:
        """Return the rule for this object; None if it has none, GONE if it is dropped."""
        key = value.get(self.name) if isinstance(self.name, str) else self.name(value)
        if type(key) is str:
            return self.tables.get(key, self.others)
        return GONE if self.tagged else self.others


def count(value: object) -> object:
    """Return a whole number, not below zero, or GONE. A few servers write it as a float or in quotes."""
    if type(value) is int:
        return value if value >= 0 else GONE
    if type(value) is float:
        return int(value) if isfinite(value) and value >= 0 and value == int(value) else GONE
    return int(value) if type(value) is str and value.isdecimal() and len(value) < 20 else GONE


def nonempty_text(value: object) -> object:
    """Return a string that is not empty, such as a name, or GONE."""
    return value if type(value) is str and value else GONE


def kept(data: object, rules: Rules, model: Model) -> tuple[Any, tuple[CallWarning, ...]]:
    """Return the data without what breaks a rule, and a warning for each. The data itself is not changed.

    Raises ValueError if no item can be read of a list that is never dropped.
    """
    if type(data) is not dict or is_sound(data, rules):
        return data, ()
    lost: dict[str, Any] = {}
    data = _fields(data, rules, "", lost)
    return data, tuple(left_out(path, value, model) for path, value in lost.items()) if lost else ()


def kept_event(data: object, rules: Rules, model: Model) -> tuple[Any, list[StreamChunk]]:
    """Do the same as `kept`, with the warnings as chunks of a stream."""
    data, warnings = kept(data, rules, model)
    return data, [Warned(warnings)] if warnings else []


def left_out(path: str, value: object, model: Model) -> CallWarning:
    """Make the warning for a value that is left out."""
    kind = _SHOWN.get(type(value), "number")
    return CallWarning(path, f"left out of the answer: a {kind} is not what its format has there", str(model))


_SHOWN = {str: "string", bool: "boolean", list: "list", dict: "JSON object"}

_Test = Callable[[Any], bool]
_TESTS: dict[int, tuple[Rules, _Test]] = {}


def is_sound(data: dict[str, Any], rules: Rules) -> bool:
    """Check quickly that no rule is broken: 4 µs for a body of 40 fields, not the 25 of the exact check.

    False means that the exact check is needed. The test is made once for each table of rules.
    """
    known = _TESTS.get(id(rules))
    if known is None:
        known = _TESTS[id(rules)] = (rules, _fields_test(rules))  # the table is kept, so that its id stays its own
    return known[1](data)


def _fields_test(rules: Rules) -> _Test:
    kinds = {name: _kinds(rule) for name, rule in rules.items() if type(rule) in (type, tuple, Or)}
    counts = {name for name, rule in rules.items() if rule is count}
    tests = {name: _test(rule) for name, rule in rules.items() if name not in kinds and name not in counts}

    def is_sound(value: object) -> bool:
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
    """Make a function that checks quickly whether a value obeys a rule; False where the exact check is needed."""
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

    def is_sound(value: object) -> bool:
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


def _fields(value: object, rules: Rules, path: str, lost: dict[str, Any]) -> Any:
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


def _checked(value: object, rule: Any, path: str, lost: dict[str, Any]) -> Any:
    """Return what to keep of a value, or GONE; record in `lost` what is left out."""
    new = _judged(value, rule, path, lost)
    if new is GONE:
        lost.setdefault(path, value)
    return new


def _judged(value: object, rule: Any, path: str, lost: dict[str, Any]) -> Any:
    kind = type(rule)
    if kind is type or kind is tuple:
        return value if isinstance(value, rule) and (type(value) is not bool or rule is bool) else GONE
    judge = _JUDGES.get(kind)
    return rule(value) if judge is None else judge(value, rule, path, lost)


def _or(value: object, rule: Or, path: str, lost: dict[str, Any]) -> Any:
    if type(value) is rule.kind:
        return value
    lost.setdefault(path, value)
    return rule.default if value else GONE


def _items(value: object, rule: Any, path: str, lost: dict[str, Any]) -> Any:
    if type(value) is not list:
        return GONE
    item = rule.rule if type(rule) is Some else rule[0]
    new = [GONE if each is None else _checked(each, item, path, lost) for each in value]
    if all(a is b for a, b in zip(new, value, strict=True)):
        return value
    left = [each for each in new if each is not GONE]
    nothing = type(rule) is Some and not left and any(each is not None for each in value)
    return GONE if nothing else left


def _held(value: object, rule: Held, path: str, lost: dict[str, Any]) -> Any:
    if type(value) is not _base(rule.inner):
        return value
    new = _judged(value, rule.inner, path, lost)
    if new is GONE:
        raise ValueError(f"nothing in {path} can be read")
    return new


def _by(value: object, rule: By, path: str, lost: dict[str, Any]) -> Any:
    if type(value) is not dict:
        return value if rule.needed else GONE
    table = rule.table(value)
    return value if table is None else table if table is GONE else _judged(value, table, path, lost)


def _whole(value: object, rule: Whole, path: str, lost: dict[str, Any]) -> Any:
    if type(value) is not dict:
        return GONE
    new = _fields(value, rule.rules, path, lost)
    return GONE if rule.lacks(new, value) else new


def _each(value: object, rule: Each, path: str, lost: dict[str, Any]) -> Any:
    return _fields(value, dict.fromkeys(value, rule.rule), path, lost) if type(value) is dict else GONE


def _either(value: object, rule: Either, path: str, lost: dict[str, Any]) -> Any:
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
