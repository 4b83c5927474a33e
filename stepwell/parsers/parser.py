"""What an output parser is: how to ask for a form of answer, and how to read it."""

from __future__ import annotations

from typing import Any, ClassVar, Protocol, TypeVar

from ..schemas.errors import ObjectInvalid
from ..schemas.message import Context, Message, context_of, user

T_co = TypeVar("T_co", covariant=True)


class OutputParser(Protocol[T_co]):
    """Reads the text of an answer. Whatever has `instructions`, `format` and `parse` is one; inherit to get `format`.

    `instructions` tells the model what form is wanted ("" for nothing). `parse` raises ObjectInvalid, with the text,
    and nothing else, for text that does not have it. `closed` says that the form shows its own end, as JSON and tags
    do: where it does not, an answer that the token limit cut may have lost some of it unseen, and is an error.
    """

    closed: ClassVar[bool] = False

    @property
    def instructions(self) -> str: ...

    def format(self, prompt: Any) -> Context:
        """The prompt (what `context_of` takes) with the instructions at the end of what the user says last."""
        context = context_of(prompt)
        if not self.instructions:
            return context
        messages = list(context.messages)
        at = max((at for at, message in enumerate(messages) if message.role == "user"), default=None)
        if at is None:
            return context.append(user(self.instructions))
        said = messages[at]
        messages[at] = Message("user", [*said.content, f"\n\n{self.instructions}"], name=said.name, extra=said.extra)
        return Context(messages, context.tools)

    def parse(self, text: str) -> T_co: ...


def unreadable(message: str, text: str, hint: str | None = None) -> ObjectInvalid:
    """The error of every parser. The message says what is wrong, never what the text was."""
    return ObjectInvalid(message, text=text, hint=hint)
