"""OutputParser: the protocol of what asks for a form of answer and reads it."""

from __future__ import annotations

from typing import ClassVar, Protocol, TypeVar

from ..schemas.errors import ConfigError, ObjectInvalid
from ..schemas.message import Context, Message, context_of, user

T_co = TypeVar("T_co", covariant=True)


class OutputParser(Protocol[T_co]):
    """Protocol of a parser: anything with `instructions`, `format` and `parse`. Inherit from it to get `format`."""

    closed: ClassVar[bool] = False
    """Whether the form shows its own end, as JSON and tags do. Where it does not, an answer that was cut at the token
    limit is an error, because what is missing would go unnoticed."""

    @property
    def instructions(self) -> str:
        """The form of answer, described for the model; "" for none."""

    def format(self, prompt: object) -> Context:
        """Return the conversation to send: the prompt with the instructions at the end of the user's last message.

        `prompt` may have any form that a call takes.
        """
        context = context_of(prompt)
        if not self.instructions:
            return context
        messages = list(context.messages)
        at = max((at for at, message in enumerate(messages) if message.role == "user"), default=None)
        if at is None:
            return context.append(user(self.instructions))
        last = messages[at]
        messages[at] = Message("user", [*last.content, f"\n\n{self.instructions}"], name=last.name, extra=last.extra)
        return Context(messages, context.tools)

    def parse(self, text: str) -> T_co:
        """Return the value of an answer's text. Raises ObjectInvalid, with the text, for text of another form."""


def checked_parser(parser: OutputParser[T_co] | None) -> OutputParser[T_co] | None:
    """Return a parser, or None for none. Raises ConfigError for anything else, such as a class or another's parser."""
    if parser is None:
        return None
    if isinstance(parser, type):
        raise ConfigError(
            f"the output parser is the class {parser.__name__}", hint=f"make an object of it: {parser.__name__}()"
        )
    for name in ("format", "parse"):
        if not callable(getattr(parser, name, None)):
            hint = "inherit from stepwell.parsers.OutputParser, and write instructions and parse(text)"
            raise ConfigError(f"a {type(parser).__name__} is no output parser: it has no method {name!r}", hint=hint)
    return parser


def unreadable(message: str, text: str, hint: str | None = None) -> ObjectInvalid:
    """Create the error of a parser.

    message: what is wrong, without any of the text.
    text: the answer, which the error carries as `text`.
    hint: what to do about it.
    """
    return ObjectInvalid(message, text=text, hint=hint)
