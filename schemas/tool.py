"""A tool that a model may call."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from types import FunctionType, MethodType
from typing import TYPE_CHECKING, Any, Generic

from attrs import evolve, field, fields, frozen

from .errors import ConfigError, InvalidOption
from .options import nearest

if TYPE_CHECKING:  # defaults let `Tool` stand for a tool of any signature; typing has them from 3.13 on
    from typing_extensions import ParamSpec, TypeVar

    Parameters = ParamSpec("Parameters", default=...)
    Result = TypeVar("Result", default=Any)

    class _Signature(Generic[Parameters, Result]): ...

else:
    from typing import ParamSpec, TypeVar

    Parameters = ParamSpec("Parameters")
    Result = TypeVar("Result")

    class _Signature:
        """Take parameters without a trace: cattrs reads no class whose type arguments it does not know."""

        __slots__ = ()

        def __class_getitem__(cls, _: object) -> type:
            return cls


_NAME = re.compile(r"[a-zA-Z0-9_.-]{1,128}\Z")
NO_PARAMETERS: Mapping[str, Any] = {"type": "object", "properties": {}}


def _parameters(given: Mapping[str, Any] | None) -> Mapping[str, Any]:
    return given if given and given != NO_PARAMETERS else NO_PARAMETERS


def is_method(function: Any) -> bool:
    """Whether this is a method as its class body defines it, still without the object that it wants first."""
    if not isinstance(function, FunctionType):
        return False
    inner = inspect.unwrap(function)
    around = function.__qualname__.rpartition(".")[0]
    if not isinstance(inner, FunctionType) or not around or around.endswith("<locals>"):
        return False
    return inner.__code__.co_argcount > 0 and inner.__code__.co_varnames[0] in ("self", "cls")


@frozen(hash=False)
class Tool(_Signature[Parameters, Result]):
    """`parameters` is a JSON Schema of an object (none: a tool without arguments); `callback` what runs it.

    `strict` asks the provider to enforce the schema; `timeout` is the seconds that one call may take. `server` is a
    provider's own declaration of a tool that the provider itself runs (web search and the like); it is sent as it
    stands, and only to that provider.
    Raises ConfigError for a name that no provider would take.
    """

    name: str
    description: str = ""
    parameters: Mapping[str, Any] = field(default=None, converter=_parameters)
    callback: Callable[Parameters, Result] | None = field(default=None, eq=False, repr=False)
    strict: bool | None = None
    timeout: float | None = None
    server: Mapping[str, Any] | None = None
    extra: Mapping[str, Any] = field(factory=dict, repr=False)

    def __call__(self, *args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        """What the callback returns: a tool made from a function is still called like one."""
        if self.callback is None:
            raise ConfigError(f"the tool {self.name!r} has no function to call", hint="pass Tool(callback=...)")
        return self.callback(*args, **kwargs)

    def __get__(self, owner: Any, cls: type | None = None) -> Tool[..., Result]:
        """A method that was made a tool is bound to its object, as methods are; any other tool stays as it is."""
        if owner is None or not is_method(self.callback):
            return self
        return evolve(self, callback=self.callback.__get__(owner, cls))  # type: ignore[union-attr]

    def __copy__(self) -> Tool:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Tool:
        """A copy that runs the same function: what a method belongs to is not copied."""
        return evolve(
            self,
            parameters=deepcopy(self.parameters, memo),
            server=deepcopy(self.server, memo),
            extra=deepcopy(self.extra, memo),
        )

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the callback by reference. Raises ConfigError, with the reason, where that cannot be done."""
        facts = {each.name: getattr(self, each.name) for each in fields(Tool)}
        if (callback := facts.pop("callback")) is None:
            return _unpickled, (facts, None)
        from .pickling import NotPicklable, reference_to  # only for those who pickle

        try:
            return _unpickled, (facts, reference_to(callback))
        except NotPicklable as error:
            raise ConfigError(
                f"the tool {self.name!r} cannot be pickled: {error}",
                hint="make it of a function at the top of a module, or make it in the other process",
            ) from None

    def __attrs_post_init__(self) -> None:
        if not _NAME.match(self.name):
            raise ConfigError(
                f"{self.name!r} is not a tool name", hint="use 1 to 128 letters, digits, '_', '-' or '.' and no spaces"
            )


def _unpickled(facts: Mapping[str, Any], reference: Any) -> Tool:
    from .pickling import function_of  # only for those who pickle

    return Tool(**facts, callback=None if reference is None else function_of(reference))


def tool_behind(given: Any) -> Tool | None:
    """Give the Tool that this is: itself, or that of a class method, bound to its class; None for anything else.

    Since Python 3.13 `classmethod` binds what it decorates by itself and asks no `__get__`: `Class.method` is then a
    MethodType around the Tool.
    """
    if isinstance(given, Tool):
        return given
    if isinstance(given, MethodType) and isinstance(given.__func__, Tool):
        return given.__func__.__get__(given.__self__)
    return None


CHOICES = frozenset(("auto", "none", "required", "any"))
"""The words that tool_choice may be; `any` is another word for `required`."""
SEVERAL = "a list of tools"
"""Among the choices of a format that can be told to call one of several tools."""
_NAMING = (None, "function", "tool")


def chosen_name(choice: Any) -> str | None:
    """The tool that a tool_choice names: a Tool, `{"name": ...}`, or a vendor's object around a name."""
    if isinstance(choice, Tool):
        return choice.name
    if not isinstance(choice, Mapping) or choice.get("type") not in _NAMING:
        return None
    function = choice.get("function")
    name = function.get("name") if isinstance(function, Mapping) else choice.get("name")
    return name if isinstance(name, str) else None


def check_tool_choice(choice: Any, tools: Iterable[Tool], choices: frozenset[str] = CHOICES, *, where: str) -> Any:
    """Give the tool_choice, with class methods as their Tools. Raise InvalidOption for one that is none of `choices` or
    names none of the tools. An object that names no tool is the vendor's own, and passes."""
    choice = (
        [tool_behind(each) or each for each in choice] if isinstance(choice, list) else tool_behind(choice) or choice
    )
    names = [tool.name for tool in tools]
    if isinstance(choice, str):
        if choice not in choices:
            hint = f"write {{'name': {choice!r}}}" if choice in names else _forms(choices)
            raise InvalidOption(f"tool_choice for {where} cannot be {choice!r}", hint=hint)
        return choice
    several = isinstance(choice, list | tuple) and SEVERAL in choices
    for each in choice if several else [choice]:
        name = each if several and isinstance(each, str) else chosen_name(each)
        if name is None and (several or not isinstance(each, Mapping) or "type" not in each):
            raise InvalidOption(f"tool_choice for {where} fits no form of it", hint=_forms(choices))
        if name is not None and name not in names:
            hint = nearest(name, names) if names else "pass tools=[...]"
            raise InvalidOption(f"tool_choice for {where} names {name!r}, which is not among the tools", hint=hint)
    return choice


def _forms(choices: frozenset[str]) -> str:
    return f"use {', '.join(sorted(choices))} or {{'name': ...}}"
