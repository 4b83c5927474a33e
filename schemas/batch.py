"""The data of batches: many requests uploaded at once, answered within a day at a lower price."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

OVER = frozenset(("done", "failed", "cancelled", "expired"))


@frozen
class BatchItem:
    """One request of a batch."""

    id: str
    """Its name in the batch."""
    path: str
    """The path after the provider's base URL."""
    body: bytes = field(repr=False)


@frozen
class BatchInput:
    """The requests to submit as one batch, all for one model and path."""

    items: tuple[BatchItem, ...]
    model: str
    file: str | None = None
    """The provider's id of the file that they were uploaded as."""


@frozen
class BatchState:
    """The progress of a batch."""

    id: str
    status: str
    """queued, running, cancelling, done, failed, cancelled or expired."""
    total: int | None = None
    """The number of its requests; like the next two, None where the provider does not report it."""
    answered: int | None = None
    failed: int | None = None
    results: tuple[str, ...] = field(default=(), repr=False)
    """Where its answers are read from: file ids or URLs, by provider."""
    why: str = ""
    """The reason if the batch as a whole failed."""
    raw: Mapping[str, Any] = field(factory=dict, repr=False, eq=False)

    @property
    def over(self) -> bool:
        """Whether the batch has ended, with or without answers."""
        return self.status in OVER


@frozen
class BatchLine:
    """One answer of a batch as received: an HTTP status and a body, or the reason in `why` if there is none."""

    id: str
    status: int = 200
    body: bytes = field(default=b"", repr=False)
    why: str = ""
    headers: Mapping[str, str] = field(factory=dict, repr=False)
