"""Drop, with a warning, the unimportant fields of an answer whose type is not the one of its format.

A wire describes these fields as a tree of rules. A rule for a value is

- a type, or a tuple of types: `str`, `(dict, str)`; a number is `int` or `float`, never a bool unless `bool` is named
- `count`, `Or(str, "unknown")`, or any function of the value that returns the value to keep, or GONE
- a dict: an object that may be dropped as a whole, with the rules of its fields
- a list of one rule: a list that may be dropped as a whole, with the rule of its items
- `Held(...)` around a dict or a list that is never dropped: only its inside is checked, and the decoder judges the rest
- `By("type", {...})`: an object that may be dropped unless it is `needed`, with rules chosen by one of its fields; an
  object with another value there is not checked

Null is allowed everywhere: it means that there is no value.
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
class By:
    """Rules chosen by the value of a field, or by a function of the object."""

    name: str | Callable[[dict[str, Any]], str]
    tables: Mapping[str, Rules]
    needed: bool = False

    def table(self, value: object) -> Rules | None:
        """Return the rules for this object, if there are any."""
        if type(value) is not dict:
            return None
        key = value.get(self.name) if isinstance(self.name, str) else self.name(value)
        return self.tables.get(key) if type(key) is str else None


def count(value: object) -> object:
    """Return a whole number, not below zero, or GONE. A few servers write it as a float or in quotes."""
    if type(value) is int:
        return value if value >= 0 else GONE
    if type(value) is float:
        return int(value) if isfinite(value) and value >= 0 and value == int(value) else GONE
    return int(value) if type(value) is str and value.isdecimal() and len(value) < 20 else GONE


def kept(data: object, rules: Rules, model: Model) -> tuple[Any, tuple[CallWarning, ...]]:
    """Return the data without the fields that break a rule, and a warning for each. The data itself is not changed."""
    if type(data) is not dict or _is_sound(data, rules):
        return data, ()
    lost: dict[str, Any] = {}
    data = _fields(data, rules, "", lost)
    return data, tuple(_warning(path, value, model) for path, value in lost.items()) if lost else ()


def kept_event(data: object, rules: Rules, model: Model) -> tuple[Any, list[StreamChunk]]:
    """Do the same as `kept`, with the warnings as chunks of a stream."""
    data, warnings = kept(data, rules, model)
    return data, [Warned(warnings)] if warnings else []


_Test = Callable[[Any], bool]
_TESTS: dict[int, tuple[Rules, _Test]] = {}


def _is_sound(data: dict[str, Any], rules: Rules) -> bool:
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
    if kind is dict:
        return _fields_test(rule)
    if kind is list:
        item = _item_test(rule[0])
        return lambda value: type(value) is list and all(map(item, value))
    if kind is Held:
        inner, wanted = _test(rule.inner), type(rule.inner)
        return lambda value: type(value) is not wanted or inner(value)
    if kind is By:
        tables = {key: _fields_test(table) for key, table in rule.tables.items()}
        return lambda value: _by_test(rule, tables, value)
    if kind in (type, tuple, Or):
        kinds = _kinds(rule)
        return lambda value: type(value) in kinds
    return lambda value: rule(value) is value


def _item_test(rule: Any) -> _Test:
    inner, stays = _test(rule), type(rule) in (Held, By)
    return lambda value: inner(value) if value is not None else stays


def _by_test(rule: By, tables: Mapping[str, _Test], value: object) -> bool:
    if type(value) is not dict:
        return rule.needed
    key = value.get(rule.name) if isinstance(rule.name, str) else rule.name(value)
    test = tables.get(key) if type(key) is str else None
    return test is None or test(value)


def _warning(path: str, value: object, model: Model) -> CallWarning:
    kind = _SHOWN.get(type(value), "number")
    return CallWarning(path, f"left out of the answer: a {kind} is not what its format has there", str(model))


_SHOWN = {str: "string", bool: "boolean", list: "list", dict: "JSON object"}


def _fields(value: dict[str, Any], rules: Rules, path: str, lost: dict[str, Any]) -> dict[str, Any]:
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
    kind = type(rule)
    if kind is Held:
        return _inside(value, rule.inner, path, lost) if type(value) is type(rule.inner) else value
    if kind is By and (rule.needed or type(value) is dict):
        table = rule.table(value)
        return value if table is None else _fields(value, table, path, lost)
    if kind is By:
        sound, new = False, GONE
    elif kind is dict or kind is list:
        sound = type(value) is kind
        new = _inside(value, rule, path, lost) if sound else GONE
    elif kind is Or:
        sound = type(value) is rule.kind
        new = value if sound else rule.default if value else GONE
    elif kind is type or kind is tuple:
        sound = isinstance(value, rule) and (type(value) is not bool or rule is bool)
        new = value if sound else GONE
    else:
        new = rule(value)
        sound = new is not GONE
    if not sound:
        lost.setdefault(path, value)
    return new


def _inside(value: Any, inner: Any, path: str, lost: dict[str, Any]) -> Any:
    if type(inner) is dict:
        return _fields(value, inner, path, lost)
    rule = inner[0]
    stays = type(rule) in (Held, By)
    new = [_checked(each, rule, path, lost) if stays or each is not None else GONE for each in value]
    if all(a is b for a, b in zip(new, value, strict=True)):
        return value
    return [each for each in new if each is not GONE]
