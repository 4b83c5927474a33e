"""Say how a call is written that has other arguments than it takes, or lacks one.

Type checkers read the signatures, where the arguments are required. At run time each has an `AbsentArgument` as its
default, which whatever uses the argument refuses: a call that has all its arguments costs nothing more.
"""

from __future__ import annotations

from functools import wraps
from types import FunctionType
from typing import TypeVar

from .errors import ConfigError, InvalidOption

ClassType = TypeVar("ClassType", bound=type)

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


def saying_how_it_is_made(cls: ClassType) -> ClassType:
    """Have a class raise InvalidOption, with a hint, for arguments that it does not take: for classes of which few
    objects are made, since each takes 0.3 µs more."""
    original = cls.__init__  # type: ignore[misc]

    @wraps(original)
    def __init__(self: object, *arguments: object, **named: object) -> None:
        try:
            original(self, *arguments, **named)
        except TypeError as error:
            if error.__traceback__ is None or error.__traceback__.tb_next is not None:
                raise  # not about the arguments of this call
            from .foreign_names import ARGUMENTS  # only for a mistake

            what = str(error).partition("() ")[2]
            what = "got too many arguments without a name" if what.startswith("takes") else what
            raise InvalidOption(f"{cls.__name__}() {what}", hint=ARGUMENTS.get(cls.__name__)) from None

    cls.__init__ = __init__  # type: ignore[misc]
    return cls


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
