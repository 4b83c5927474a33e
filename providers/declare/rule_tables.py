"""Tables of option rules: checked, joined to the one in force, and what is known of each rule.

A rule is `(options, model) -> losses`: it changes the dict of options and returns (option, reason) pairs. A rule that
has a third argument `operation` gets that, too (chat, embed, ...), and so does a function in the place of a table.

A table for some models (`override(translate_options=[...])`, in a declaration or by a user) is added to the provider's.
Its rules run first, on the canonical names; of several such tables, the most specific runs last. `only(...)` replaces
all more general tables, and so does a function.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from ...schemas.errors import InvalidOption
from ...schemas.functions import checked_function
from ...schemas.model import Model

PACKAGE = __name__.rpartition(".declare.")[0]
"""The name of the package that has a module for each provider."""
Options = dict[str, Any]
DroppedOptions = list[tuple[str, str]]
Rule = Callable[[Options, Model], DroppedOptions]
Translate = Callable[[Options, Model], Any]
AnyRule = Rule | Callable[[Options, Model, str], DroppedOptions]
AnyTranslate = Translate | Callable[[Options, Model, str], Any]


class Only(tuple[Rule, ...]):
    """A table that replaces more general ones instead of being added to them."""

    __slots__ = ()


Rules = tuple[Rule, ...] | Translate


def rule_table(value: object) -> Rules:
    """Check a value of translate_options, and return its rules or function. Raises InvalidOption for anything else."""
    if isinstance(value, Only):
        return value
    if callable(value):  # perhaps one of the rules below, without a list around it
        checked_function(value, "translate_options", 2, ("operation",), hint=_WANTED)
        return value if facts_of(value) is None else (value,)
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise InvalidOption(f"translate_options cannot be a {type(value).__name__}", hint=_WANTED)
    for each in (rules := tuple(value)):
        if not callable(each):
            raise InvalidOption(f"a {type(each).__name__} among translate_options is not a rule", hint=_WANTED)
        checked_function(each, "a rule among translate_options", 2, ("operation",), hint=_WANTED)
    return rules


_WANTED = "pass a list of rules, [drop('seed', why='...')], or a function (options, model) that returns the options"


def surviving(tables: Sequence[Any], rules: Callable[[Any], Rules] = lambda each: each) -> list[Any]:
    """Return the tables that are in force, in the order in which they run.

    tables: from the general to the specific.
    rules: returns the rules of a table.
    """
    last = max((at for at, each in enumerate(tables) if _replaces(rules(each))), default=0)
    return [*tables[last + 1 :], tables[last]]


def _replaces(rules: Rules) -> bool:
    return callable(rules) or isinstance(rules, Only)


def joined(tables: Sequence[Rules]) -> Rules:
    """Join the provider's table and those for more and more specific models to the one in force."""
    *more, general = surviving(tables)
    added = tuple(rule for each in more for rule in each)
    if not callable(general):
        return (*added, *general)
    return before(added, general) if added else general


def before(rules: tuple[Rule, ...], function: Translate) -> Translate:
    """Return a function that applies the rules and then the function."""

    def both(options: Options, model: Model) -> Any:
        losses = [loss for rule in rules for loss in rule(options, model)]
        result = function(options, model)
        options, reported = result if isinstance(result, tuple) else (result, ())
        return options, [*losses, *reported]

    return both


def for_operation(rule: Callable[..., Any], operation: str) -> Callable[..., Any]:
    """Return a rule, or a function in its place, that takes no `operation`, since it has this one."""
    return partial(rule, operation=operation) if takes_operation(rule) else rule


def takes_operation(rule: object) -> bool:
    """Check whether a rule is a function with an argument that is called `operation`."""
    code = getattr(rule, "__code__", None)
    return code is not None and "operation" in code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]


class RuleFacts(NamedTuple):
    """What is known of a rule beside what it does.

    description: its text for `describe()`.
    reads, writes: the options that it reads, and those that it writes.
    parts: the test and the rules that it is made of.
    under: makes the same rule for other constraints of thinking; None for a rule without constraints.
    """

    description: str
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    parts: tuple[object, ...] = ()
    under: Callable[[Mapping[str, Any]], Rule] | None = None


def facts_of(rule: object) -> RuleFacts | None:
    """Return what is known of a rule; None for a function that `described` was not called with."""
    facts: RuleFacts | None = getattr(rule, "__dict__", {}).get(_FACTS)
    return facts


_FACTS = "stepwell.facts"


def described(
    description: str,
    rule: Rule,
    reads: Iterable[str] = (),
    writes: Iterable[str] = (),
    *,
    parts: tuple[object, ...] = (),
    under: Callable[[Mapping[str, Any]], Rule] | None = None,
) -> Rule:
    """Note on the rule, a plain function, what is known of it (see RuleFacts), and return it."""
    rule.__dict__[_FACTS] = RuleFacts(description, (*reads,), (*writes,), parts, under)
    return rule


def is_packaged(rule: object) -> bool:
    """Return whether a rule is one of this package: it does the same every time."""
    rule = getattr(rule, "func", rule)
    where, facts = str(getattr(rule, "__module__", "")), facts_of(rule)
    return where.startswith(PACKAGE) and (facts is None or all(map(is_packaged, facts.parts)))


def description_of(rule: object) -> str:
    """Return the text of a rule for `describe()`; its name and place in the code, if it has none."""
    rule = getattr(rule, "func", rule)
    if (facts := facts_of(rule)) is not None:
        return facts.description
    if (code := getattr(rule, "__code__", None)) is None:
        return type(rule).__name__
    return f"{getattr(rule, '__name__', '')}, {code.co_filename}:{code.co_firstlineno}"
