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

Nothing compares rules, and attrs would compile two methods for it for each class (eq=False).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import isfinite
from typing import Any, Final

from attrs import frozen

from ..schemas.chunks import StreamChunk, Warned
from ..schemas.memo import Memo
from ..schemas.model import Model
from ..schemas.reply import CallWarning

GONE: Final = object()
"""Returned by a rule for a value to drop."""
Rules = Mapping[str, Any]


@frozen(eq=False)
class Held:
    """Rules for the inside of a value that is never dropped."""

    inner: Any


@frozen(eq=False)
class Or:
    """A type, and the default for a value of another type: for fields whose presence has a meaning."""

    kind: type
    default: Any


@frozen(eq=False)
class Some:
    """A list with a rule for its items, of which at least one must be readable, if there are any."""

    rule: Any


@frozen(eq=False)
class Either:
    """A value of the type, or one that the rule allows."""

    kind: type
    rule: Any


@frozen(eq=False)
class Each:
    """An object with one rule for all of its fields."""

    rule: Any


@frozen(eq=False)
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
        for name in self.needs:
            if value.get(name) is None:
                return True
        for name in self.vital:
            if value.get(name) is None and was.get(name) is not None:
                return True
        return bool(self.any_of) and all(value.get(name) is None for name in self.any_of)


@frozen(eq=False)
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
    """Return an event without what breaks a rule, and the warnings as chunks; an empty one for what is no object."""
    if type(data) is not dict:
        return {}, [] if data is None else [Warned((left_out("event", data, model),))]
    data, warnings = kept(data, rules, model)
    return data, [Warned(warnings)] if warnings else []


def left_out(path: str, value: object, model: Model) -> CallWarning:
    """Make the warning for a value that is left out."""
    kind = _SHOWN.get(type(value), "number")
    return CallWarning(path, f"left out of the answer: a {kind} is not what its format has there", str(model))


_SHOWN = {str: "string", bool: "boolean", list: "list", dict: "JSON object"}

_Test = Callable[[Any], bool]
_Tests = dict[str, tuple[frozenset[type], Any]]
"""By field: the types of values that pass, and the test of the others. This is `count`, the tests of an object, a list
of those for the objects in a list, a function, or None, which no value passes."""
_TESTS = Memo[int, tuple[Rules, _Tests]](1000)


def is_sound(data: object, rules: Rules) -> bool:
    """Check quickly that no rule is broken: 3 µs for a body of 40 fields, not the 25 of the exact check.

    False means that the exact check is needed. The tests are made once for each table of rules.
    """
    known = _TESTS.get(id(rules))
    if known is None:
        known = _TESTS.put(id(rules), (rules, _tests(rules)))  # the table is kept, so that its id stays its own
    pending: list[tuple[Any, _Tests]] = [(data, known[1])]
    for value, tests in pending:  # which grows by the objects inside
        if value.__class__ is not dict:
            return False
        for name, old in value.items():
            if name not in tests:
                continue
            kinds, test = tests[name]
            kind = old.__class__
            if kind in kinds:
                if kind is int and old < 0 and test is count:
                    return False
            elif test.__class__ is dict:
                pending.append((old, test))
            elif test.__class__ is list:
                if kind is not list or None in old:
                    return False
                for each in old:
                    pending.append((each, test[0]))
            elif test is None or test is count or not test(old):
                return False
    return True


def _tests(rules: Rules) -> _Tests:
    return {name: (_kinds(rule), _field_test(rule)) for name, rule in rules.items()}


def _field_test(rule: object) -> Any:
    """Make the test of the values that do not pass by their type."""
    inner = _inner(rule)
    if type(inner) is dict:
        return _tests(inner)
    if type(inner) is list and type(item := _inner(inner[0])) is dict and _kinds(inner[0]) == {type(None)}:
        return [_tests(item)]
    return count if rule is count else None if type(rule) in _BY_KIND else _test(rule)


_BY_KIND = (type, tuple, Or)
_JSON = frozenset((type(None), bool, int, float, str, list, dict))


def _kinds(rule: object) -> frozenset[type]:
    """Return the types of the values that obey a rule, whatever they are."""
    match rule:
        case Or() | Either():
            return frozenset((rule.kind, type(None)))
        case type() | tuple():
            return frozenset((*(rule if isinstance(rule, tuple) else (rule,)), type(None)))
        case Held():
            return _JSON - {_base(rule.inner)}
    return frozenset((int, type(None)) if rule is count else (type(None),))


def _inner(rule: object) -> Any:
    """Return the dict or list of rules for what is inside a value whose type alone does not decide."""
    match rule:
        case Held():
            return _inner(rule.inner)
        case Either() | Some():
            return _inner(rule.rule) if isinstance(rule, Either) else [rule.rule]
        case By() if callable(rule.name) and rule.others is None:
            # All tables at once are the strictest, and need no call of the function.
            tables = [table for table in rule.tables.values() if type(table) is dict]
            joined = {name: each for table in tables for name, each in table.items()}
            agree = all(table.items() <= joined.items() for table in tables)
            return joined if agree and len(tables) == len(rule.tables) else rule
    return rule


def _test(rule: object) -> _Test:
    """Make a function that checks quickly whether a value obeys a rule; False where the exact check is needed."""
    kinds = _kinds(rule)
    match inner := _inner(rule):
        case dict():
            return lambda value: type(value) in kinds or is_sound(value, inner)
        case list():
            item = _test(inner[0])
            return lambda value: (
                type(value) in kinds or (type(value) is list and None not in value and all(map(item, value)))
            )
        case By():
            return _by_test(inner)
        case Whole():
            return lambda value: is_sound(value, inner.rules) and not inner.lacks(value, value)
        case Each():
            item = _test(inner.rule)
            return lambda value: type(value) is dict and all(map(item, value.values()))
        case type() | tuple() | Or():
            return lambda value: type(value) in kinds
    return lambda value: value is None or inner(value) is value


def _by_test(rule: By) -> _Test:
    tests = {id(table): _test(table) for table in (*rule.tables.values(), rule.others) if table is not None}

    def is_sound(value: object) -> bool:
        if type(value) is not dict:
            return False
        table = rule.table(value)
        return table is None or (table is not GONE and tests[id(table)](value))

    return is_sound


def _base(rule: object) -> type:
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
