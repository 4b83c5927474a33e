"""What each vendor understands of JSON Schema: allow-lists, from each vendor's published rules.

Each module has `to_dialect(schema) -> Dialected`. What a dialect cannot say leaves the wire and is named in `dropped`;
`validate.errors_of` with the schema that was asked for still enforces it on the answer.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from attrs import frozen


class Dropped(NamedTuple):
    """One thing that the wire does not say: where (a JSON pointer into the schema), which keyword, and why."""

    pointer: str
    keyword: str
    why: str


@frozen
class Dialected:
    """A schema in a vendor's dialect.

    `strict` is True when the vendor may enforce it: every answer that the schema asked for can still be given. It is
    False when that is not so (`dropped` says where), and then the vendor must be asked not to enforce it. The schema
    is shared between calls: do not change it.
    """

    schema: dict[str, Any]
    dropped: tuple[Dropped, ...] = ()
    strict: bool = True
