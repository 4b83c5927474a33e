"""Write schemas in dialects of JSON Schema: what a provider accepts of it, by its published rules.

A dialect is a `writing.Dialect`, which each provider's wire declares. What a dialect cannot express is not sent and is
listed in `dropped`; `validate.errors_of` with the original schema still checks it on the answer.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from attrs import frozen


class Dropped(NamedTuple):
    """One requirement that is not sent."""

    pointer: str
    """Where: a JSON pointer into the original schema."""
    keyword: str
    why: str

    @property
    def changes_calls(self) -> bool:
        """Whether the model may call a tool in another way because of it, which deserves a warning. Where only the
        check of its arguments is left to this side, it does not: that check is made."""
        return not self.why.endswith("checked locally")


@frozen
class Dialected:
    """A schema in a dialect."""

    schema: dict[str, Any]
    """The schema to send. It is shared between calls and must not be changed."""
    dropped: tuple[Dropped, ...] = ()
    """What it does not express."""
    strict: bool = True
    """Whether the provider may enforce it: every answer that fits the original schema fits this one, too. If not, the
    provider must be asked not to enforce it."""
