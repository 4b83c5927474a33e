"""Prompts with names to fill in: plain text, and nothing in it is ever run.

    PromptTemplate("Translate into {language}: {text}").format(language="French", text="Good day")

A field is a name in braces: no attributes, no indexes, no format specifications, so that a template from an untrusted
source reaches nothing but the values it is given. `{{` and `}}` stand for braces. A filled-in value is not read again:
braces in it stay as they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from attrs import evolve, field, frozen

from .schemas.errors import ConfigError
from .schemas.json_text import spaced
from .schemas.message import Context, Message, MessageLike, context_of, message_of, user
from .schemas.nearest import nearest
from .schemas.parts import Part, Text
from .schemas.several import holds_several

_FIELD = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")


def _pieces(text: str) -> tuple[tuple[str, bool], ...]:
    """Split the text into pieces: each a string, and whether it is the name of a field."""
    pieces: list[tuple[str, bool]] = []
    at = 0
    for found in _FIELD.finditer(text):
        pieces.append((text[at : found.start()], False))
        at = found.end()
        if found[0] in ("{{", "}}"):
            pieces.append((found[0][0], False))
        elif found[1] is not None and found[1].isidentifier():
            pieces.append((found[1], True))
        else:
            raise _malformed_error(found, text)
    pieces.append((text[at:], False))
    return tuple(piece for piece in pieces if piece[0])


def _malformed_error(match: re.Match[str], text: str) -> ConfigError:
    line = text.count("\n", 0, match.start()) + 1
    shown = match[0] if len(match[0]) <= 40 else match[0][:39] + "…"
    return ConfigError(
        f"{shown!r} in line {line} of the template is not a name in braces",
        hint="a field is a plain name, as in {city}; write {{ and }} for braces of the text",
    )


def _fill(pieces: Iterable[tuple[str, bool]], values: Mapping[str, str]) -> str:
    return "".join([values[piece] if is_field else piece for piece, is_field in pieces])


@frozen
class PromptTemplate:
    """Text with fields in it. Immutable; `partial` returns one with fewer fields left.

    Values are text or numbers; lists and dicts are written as JSON, other objects by str(). Raises ConfigError, when
    made, for braces that hold anything but a name.
    """

    text: str
    given: Mapping[str, str] = field(factory=dict)
    """Values that are filled in already."""
    _read: tuple[tuple[str, bool], ...] = field(init=False, repr=False, eq=False)
    _names: tuple[str, ...] = field(init=False, repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        if not isinstance(self.text, str):
            raise ConfigError(f"a template cannot be a {type(self.text).__name__}", hint="pass a string")
        read = _pieces(self.text)
        object.__setattr__(self, "_read", read)
        object.__setattr__(self, "_names", tuple(dict.fromkeys(piece for piece, is_field in read if is_field)))

    @property
    def variables(self) -> tuple[str, ...]:
        """The fields still to be filled, in the order of the text."""
        return tuple(name for name in self._names if name not in self.given)

    def partial(self, /, **values: object) -> PromptTemplate:
        """Return the template with some fields filled. Raises ConfigError for names that it does not have."""
        return evolve(self, given={**self.given, **_checked(values, self._names)})

    def format(self, /, **values: object) -> str:
        """Return the text with every field filled. Raises ConfigError with the names of missing and unknown values."""
        names = self._names
        filled = _checked(values, names)
        if self.given or len(filled) < len(names):
            filled = _complete(filled, self.given, names)
        return _fill(self._read, filled)

    def context(self, /, **values: object) -> Context:
        """Return the filled text as a message of the user."""
        return Context((user(self.format(**values)),))


@frozen
class Slot:
    """A place in a ChatTemplate for whole messages: a Context, a list, a string; none if empty."""

    name: str


def _items(messages: Iterable[MessageLike | Slot]) -> tuple[Message | Slot, ...]:
    return tuple(item if isinstance(item, Slot) else message_of(item) for item in messages)


@frozen
class ChatTemplate:
    """Messages with fields in their texts; images and other parts stay as they are.

        ChatTemplate([system("You answer in {language}."), Slot("history"), "{question}"])

    An item is a Message, a dict with a role, a string (the user's) or a Slot. Raises ConfigError as
    PromptTemplate does.
    """

    items: tuple[Message | Slot, ...] = field(converter=_items)
    given: Mapping[str, Any] = field(factory=dict)
    _read: Mapping[str, Any] = field(init=False, repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        texts = {part.text for item in self.items if isinstance(item, Message) for part in _texts(item)}
        object.__setattr__(self, "_read", {text: _pieces(text) for text in texts})

    @property
    def variables(self) -> tuple[str, ...]:
        """The fields and slots still to be filled, in the order of the messages."""
        return tuple(name for name in self._names() if name not in self.given)

    def partial(self, /, **values: object) -> ChatTemplate:
        """Return the template with some fields filled. Raises ConfigError for names that it does not have."""
        return evolve(self, given={**self.given, **self._checked(values)})

    def context(self, /, **values: object) -> Context:
        """Return the conversation, filled. Raises ConfigError, naming them, for values missing or unknown."""
        filled = _complete(self._checked(values), self.given, self._names())
        messages: list[Message] = []
        for item in self.items:
            messages += filled[item.name] if isinstance(item, Slot) else [self._message(item, filled)]
        return Context(messages)

    def _message(self, message: Message, filled: Mapping[str, str]) -> Message:
        def part(part: Part) -> Part:
            return evolve(part, text=_fill(self._read[part.text], filled)) if isinstance(part, Text) else part

        return evolve(message, content=[part(each) for each in message.content])

    def _names(self) -> tuple[str, ...]:
        names: dict[str, None] = {}
        for item in self.items:
            if isinstance(item, Slot):
                names[item.name] = None
            else:
                names |= {name: None for part in _texts(item) for name, is_field in self._read[part.text] if is_field}
        return tuple(names)

    def _checked(self, values: Mapping[str, object]) -> dict[str, Any]:
        slots = {item.name for item in self.items if isinstance(item, Slot)}
        plain = _checked({name: value for name, value in values.items() if name not in slots}, self._names())
        return plain | {name: _messages(value) for name, value in values.items() if name in slots}


Template = PromptTemplate | ChatTemplate
TemplateLike = Template | str | Iterable[MessageLike | Slot]
"""A template, or what one is made of: a string, or a list of messages."""


def template_of(template: TemplateLike) -> Template:
    """Convert a string or a list of messages to a template. Raises ConfigError for anything else."""
    if isinstance(template, PromptTemplate | ChatTemplate):
        return template
    if isinstance(template, str):
        return PromptTemplate(template)
    if holds_several(template):
        return ChatTemplate(template)
    raise ConfigError(f"a template cannot be a {type(template).__name__}", hint="pass a string or a list of messages")


def _texts(message: Message) -> list[Text]:
    return [part for part in message.content if isinstance(part, Text)]


def _messages(value: object) -> tuple[Message, ...]:
    return context_of(value).messages if isinstance(value, str) or value else ()


def _complete(values: Mapping[str, object], given: Mapping[str, object], names: tuple[str, ...]) -> dict[str, Any]:
    """Return the values with those given before. Raises ConfigError where some are missing."""
    filled = {**given, **values}
    if missing := [name for name in names if name not in filled]:
        what = f"a value for {missing[0]!r}" if len(missing) == 1 else "values for " + ", ".join(map(repr, missing))
        raise ConfigError(f"the template lacks {what}", hint=f"pass {missing[0]}=…")
    return filled


def _checked(values: Mapping[str, object], names: tuple[str, ...]) -> dict[str, str]:
    for name in values:
        if name not in names:
            hint = nearest(name, names) if names else "it has no fields at all"
            raise ConfigError(f"the template has no field {name!r}", hint=hint)
    return {name: value if type(value) is str else _text(name, value) for name, value in values.items()}


def _text(name: str, value: object) -> str:
    if isinstance(value, str):
        return value
    if value is None:
        raise ConfigError(f"the value of {name!r} is None", hint="pass text; an empty string if there is none")
    if isinstance(value, dict | list | tuple):
        return spaced(value, default=str)
    return str(value)
