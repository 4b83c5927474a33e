"""Tools that a model may call, and the choice among them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import deepcopy
from operator import attrgetter
from types import FunctionType, MethodType
from typing import TYPE_CHECKING, Any, Generic, TypeAlias

from attrs import evolve, field, fields, frozen

from .errors import ConfigError, InvalidOption
from .foreign_names import Hinted
from .json_types import JSONSchema
from .late_pattern import late_pattern
from .missing_argument import saying_how_it_is_made
from .nearest import nearest

if TYPE_CHECKING:  # with defaults, a plain `Tool` is a tool of any signature; typing has these from 3.13 on
    from typing_extensions import ParamSpec, TypeVar

    Parameters = ParamSpec("Parameters", default=...)
    Result = TypeVar("Result", default=Any)

    class _Signature(Generic[Parameters, Result]): ...

else:
    from typing import ParamSpec, TypeVar

    Parameters = ParamSpec("Parameters")
    Result = TypeVar("Result")

    class _Signature:
        """A base class that ignores its type arguments: cattrs cannot read a class with unknown ones."""

        __slots__ = ()

        def __class_getitem__(cls, _: object) -> type:
            return cls


_NAME = late_pattern(r"[a-zA-Z0-9_.-]{1,128}\Z")
NO_PARAMETERS: JSONSchema = {"type": "object", "properties": {}}


def _parameters(schema: JSONSchema | None) -> JSONSchema:
    return schema if schema and schema != NO_PARAMETERS else NO_PARAMETERS


def is_method(function: object) -> bool:
    """Return whether this is a method as its class body defines it, not bound to an object."""
    if not isinstance(function, FunctionType):
        return False
    inner = inspect.unwrap(function)
    around = function.__qualname__.rpartition(".")[0]
    if not isinstance(inner, FunctionType) or not around or around.endswith("<locals>"):
        return False
    return inner.__code__.co_argcount > 0 and inner.__code__.co_varnames[0] in ("self", "cls")


NAME = attrgetter("name")
"""Returns the name of a tool or a call, without a call of a function."""


@saying_how_it_is_made
@frozen(hash=False)
class Tool(_Signature[Parameters, Result], Hinted, hints="tool"):
    """A tool that a model may call. Raises ConfigError for a name that no provider accepts, SchemaError for parameters
    that are no JSON Schema but the names of properties."""

    name: str
    description: str = ""
    parameters: JSONSchema = field(default=None, converter=_parameters)
    """A JSON Schema of an object; None for a tool without arguments."""
    callback: Callable[Parameters, Result] | None = field(default=None, eq=False, repr=False)
    """The function that runs the tool."""
    strict: bool | None = None
    """Ask the provider to enforce the schema."""
    timeout: float | None = None
    """The seconds that one call may take."""
    server: Mapping[str, Any] | None = None
    """The provider's own declaration of a tool that it runs itself, such as web search; sent unchanged to it alone."""
    extra: Mapping[str, Any] = field(factory=dict, repr=False)

    def __call__(self, *args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        """Call the callback, so that a function made a tool is still called like a function.

        Raises ConfigError for a tool without a callback.
        """
        if self.callback is None:
            raise ConfigError(f"the tool {self.name!r} has no function to call", hint="pass Tool(callback=...)")
        return self.callback(*args, **kwargs)

    def __get__(self, owner: object, cls: type | None = None) -> Tool[..., Result]:
        """Bind a method that was made a tool to its object, as methods are; any other tool stays as it is."""
        if owner is None or not is_method(self.callback):
            return self
        return evolve(self, callback=self.callback.__get__(owner, cls))  # type: ignore[union-attr]

    def __copy__(self) -> Tool:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Tool:
        """Copy all but the callback: the object that a method is bound to is not copied."""
        return evolve(
            self,
            parameters=deepcopy(self.parameters, memo),
            server=deepcopy(self.server, memo),
            extra=deepcopy(self.extra, memo),
        )

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the callback by reference. Raises ConfigError, with the reason, if that is impossible."""
        facts = {each.name: getattr(self, each.name) for each in fields(Tool)}
        if (callback := facts.pop("callback")) is None:
            return _unpickle, (facts, None)
        from .pickling import NotPicklable, reference_to  # imported only to pickle

        try:
            return _unpickle, (facts, reference_to(callback))
        except NotPicklable as error:
            raise ConfigError(
                f"the tool {self.name!r} cannot be pickled: {error}",
                hint="make it from a function at the top of a module, or make it in the other process",
            ) from None

    def __attrs_post_init__(self) -> None:
        for name, types in (("name", str), ("description", str), ("parameters", Mapping)):
            if not isinstance(value := getattr(self, name), types):
                hint = "stepwell.tool(function) makes one of a function; or write Tool(name, description, parameters)"
                raise ConfigError(f"the {name} of a Tool cannot be a {type(value).__name__}", hint=hint)
        if not _NAME.match(self.name):
            raise ConfigError(
                f"{self.name!r} is not a tool name", hint="use 1 to 128 letters, digits, '_', '-' or '.' and no spaces"
            )
        if self.parameters and "type" not in self.parameters:
            from .json_schema.keywords import refuse_names_alone  # most schemas have a type at their root

            refuse_names_alone(self.parameters)


def _unpickle(facts: Mapping[str, Any], reference: tuple[str, Any] | None) -> Tool:
    from .pickling import function_of  # imported only to unpickle

    return Tool(**facts, callback=None if reference is None else function_of(reference))


def tool_behind(candidate: object) -> Tool | None:
    """Return a Tool unchanged, and the Tool of a class method bound to its class; None for anything else.

    Since Python 3.13 `classmethod` binds what it decorates without calling its `__get__`: `Class.method` is then a
    MethodType around the Tool.
    """
    if isinstance(candidate, Tool):
        return candidate
    if isinstance(candidate, MethodType) and isinstance(candidate.__func__, Tool):
        return candidate.__func__.__get__(candidate.__self__)
    return None


CHOICES = frozenset(("auto", "none", "required", "any"))
"""The strings that tool_choice may be; `any` means the same as `required`."""
SEVERAL = "a list of tools"
"""One of the choices of a format that takes a list of tools, one of which must be called."""
_NAMING = (None, "function", "tool")


def chosen_name(choice: object) -> str | None:
    """Return the name of the tool that a tool_choice names.

    choice: a Tool, `{"name": ...}`, or a provider's object around a name; None is returned for anything else.
    """
    if isinstance(choice, Tool):
        return choice.name
    if not isinstance(choice, Mapping) or choice.get("type") not in _NAMING:
        return None
    function = choice.get("function")
    name = function.get("name") if isinstance(function, Mapping) else choice.get("name")
    return name if isinstance(name, str) else None


def check_tool_choice(choice: object, tools: Iterable[Tool], choices: frozenset[str] = CHOICES, *, where: str) -> Any:
    """Return the tool_choice, with class methods replaced by their Tools.

    choice: a word, a tool or its name in one of the forms of `chosen_name`, or a list of tools where `choices` allow.
        An object of a type that names no tool is a provider's own and is not checked.
    tools: the tools of the call.
    choices: the strings that the wire format accepts.
    where: what the choice is for, named in errors.

    Raises InvalidOption for a word that is none of `choices`, and for a tool that is none of `tools`.
    """
    choice = (
        [tool_behind(each) or each for each in choice] if isinstance(choice, list) else tool_behind(choice) or choice
    )
    names = [tool.name for tool in tools]
    if isinstance(choice, str):
        if choice not in choices:
            hint = f"write {{'name': {choice!r}}}" if choice in names else _forms(choices)
            raise InvalidOption(f"tool_choice for {where} cannot be {choice!r}", hint=hint)
        return choice
    chosen: Sequence[object] = choice if isinstance(choice, list | tuple) and SEVERAL in choices else [choice]
    several = chosen is choice
    for each in chosen:
        name = each if several and isinstance(each, str) else chosen_name(each)
        if name is None and (several or not isinstance(each, Mapping) or each.get("type") in _NAMING):
            raise InvalidOption(f"tool_choice for {where} has none of the known forms", hint=_forms(choices))
        if name is not None and name not in names:
            hint = nearest(name, names) if names else "pass tools=[...]"
            raise InvalidOption(f"tool_choice for {where} names {name!r}, which is not among the tools", hint=hint)
    return choice


def _forms(choices: frozenset[str]) -> str:
    return f"use {', '.join(sorted(choices))} or {{'name': ...}}"


ToolLike: TypeAlias = Tool | Callable[..., object] | Mapping[str, object]
"""A tool on offer: a Tool, a function, or a tool in the dict form of a vendor or of MCP."""
