"""Many requests handed in at once, to be answered within a day for less."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

OVER = frozenset(("done", "failed", "cancelled", "expired"))


@frozen
class BatchItem:
    """One request of a batch: its name, the path behind the provider's base URL, and its body."""

    id: str
    path: str
    body: bytes = field(repr=False)


@frozen
class BatchInput:
    """What is handed in: the requests, all for one model and path. `file` is their name where they were uploaded."""

    items: tuple[BatchItem, ...]
    model: str
    file: str | None = None


@frozen
class BatchState:
    """How a batch is doing. `status` is queued, running, cancelling, done, failed, cancelled or expired; `total`,
    `answered` and `failed` count its requests, None where the provider does not say. `results` are the places its
    answers are read from, and `why` what went wrong with the whole of it."""

    id: str
    status: str
    total: int | None = None
    answered: int | None = None
    failed: int | None = None
    results: tuple[str, ...] = field(default=(), repr=False)
    why: str = ""
    raw: Mapping[str, Any] = field(factory=dict, repr=False, eq=False)

    @property
    def over(self) -> bool:
        """Whether nothing more will come of it."""
        return self.status in OVER


@frozen
class BatchLine:
    """One answer of a batch as it came: an HTTP status and a body, or, without one, why there is none."""

    id: str
    status: int = 200
    body: bytes = field(default=b"", repr=False)
    why: str = ""
    headers: Mapping[str, str] = field(factory=dict, repr=False)
