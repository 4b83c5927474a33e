"""Explain how a call is written that has an unknown argument, or lacks one.

Type checkers read the signatures, where the arguments are required. At run time each has an `AbsentArgument` as its
default, which is refused where the argument is used: a call with all its arguments costs nothing more.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from types import FunctionType
from typing import Any, TypeVar

from .errors import ConfigError, InvalidOption

ClassType = TypeVar("ClassType", bound=type)
Made = TypeVar("Made", bound=Callable[..., Any])

_HINTS = {
    "model": "the model is 'provider:model-id', or None for the default model",
    "prompt": "the prompt is a text, or the conversation as a list of messages (others call it messages=)",
    "generate_image.prompt": "the prompt is a text",
    "schema": "the schema is a class, a type such as list[str], or a JSON Schema (others call it response_model=)",
    "tools": "the tools are a list of functions and Tools",
    "items": "the items are an iterable, or the path of a file",
}
"""What each argument is, where its name does not say it; with the name of the method, that of one method alone."""


class AbsentArgument:
    """The default of a required argument.

    call: how the call is written: `generate_text(model, prompt)`.
    name: the argument.
    """

    def __init__(self, call: str, name: str) -> None:
        self.call = call
        self.name = name

    def error(self) -> ConfigError:
        """Return the error for a call that lacks the argument."""
        method = self.call.partition("(")[0]
        what = _HINTS.get(f"{method}.{self.name}") or _HINTS.get(self.name)
        hint = f"write {self.call}: {what}" if what else f"write {self.call}"
        return ConfigError(f"{method}() lacks its argument {self.name!r}", hint=hint)

    def alone_error(self, model: object) -> ConfigError:
        """Return the error for a call that lacks the argument after its model, whose model names none."""
        method = self.call.partition("(")[0]
        what = "a text" if isinstance(model, str) else f"a {type(model).__name__}"
        return ConfigError(
            f"{method}() got {what} that does not name a model, and no {self.name}",
            hint=f"the model comes first: write {self.call}, with the model as 'provider:model-id', or None for "
            "the default one (that of STEPWELL_MODEL, else the local one)",
        )

    def __format__(self, _: str) -> str:
        raise self.error()

    def __repr__(self) -> str:
        return "<required>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AbsentArgument) and (self.call, self.name) == (other.call, other.name)

    def __hash__(self) -> int:
        return hash((self.call, self.name))


def refuse_missing(*arguments: object) -> None:
    """Raise ConfigError for the first argument that is missing."""
    for argument in arguments:
        if isinstance(argument, AbsentArgument):
            raise argument.error()


def raise_if_alone(model: object, prompt: object) -> None:
    """Raise ConfigError for a prompt that is missing where the model names none: it may be the prompt."""
    first = next(iter(prompt.values()), None) if type(prompt) is dict else prompt
    if isinstance(first, AbsentArgument):
        raise first.alone_error(model)


def given_input(value: object) -> object:
    """Return the input of a call. Raises ConfigError where it is missing, or one of several."""
    refuse_missing(value, *(value.values() if type(value) is dict else ()))
    return value


def saying_how_it_is_made(made: Made) -> Made:
    """Have a class or a function raise InvalidOption, with a hint, for arguments that it does not take. It then takes
    0.3 µs more: not for what every call of a model uses."""
    if not isinstance(made, type):
        function: Made = _explained(made, made.__name__)
        return function
    made.__init__ = _explained(made.__init__, made.__name__)  # type: ignore[misc]
    return made


def _explained(original: Callable[..., Any], name: str) -> Any:
    @wraps(original)
    def called(*arguments: object, **named: object) -> object:
        try:
            return original(*arguments, **named)
        except TypeError as error:
            if error.__traceback__ is None or error.__traceback__.tb_next is not None:
                raise  # not about the arguments of this call
            raise _misfit_error(original, name, str(error)) from None

    return called


def _misfit_error(original: Callable[..., Any], name: str, said: str) -> InvalidOption:
    from inspect import signature

    from .foreign_arguments import ARGUMENTS  # only for a mistake
    from .nearest import nearest

    what = said.partition("() ")[2].partition(". Did you mean")[0]  # Python 3.13 asks that
    what = "got too many arguments without a name" if what.startswith("takes") else what
    known = [each for each in signature(original).parameters if each != "self"]
    hint = nearest(what.rpartition("unexpected keyword argument ")[2].strip("'"), known)
    return InvalidOption(f"{name}() {what}", hint=hint if "did you mean" in hint else ARGUMENTS.get(name, hint))


def with_clear_errors(cls: ClassType) -> ClassType:
    """Give each required argument of the methods that a class defines an AbsentArgument as its default.

    Methods with other defaults before `*` stay as they are.
    """
    for name, method in vars(cls).items():
        if type(method) is FunctionType and not name.startswith("_") and method.__defaults__ is None:
            arguments = method.__code__.co_varnames[1 : method.__code__.co_argcount]
            call = f"{name}({', '.join(arguments)})"
            method.__defaults__ = tuple(AbsentArgument(call, each) for each in arguments)
    return cls
