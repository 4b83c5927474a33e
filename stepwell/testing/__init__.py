"""For those who test with stepwell or extend it: scripted models, recorded traffic, a suite for providers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .conformance import ConformanceError, ConformanceReport, conformance
from .fake import FakeModel

if TYPE_CHECKING:
    from .cassette import Cassette, NotRecorded

__all__ = ["Cassette", "ConformanceError", "ConformanceReport", "FakeModel", "NotRecorded", "conformance"]


if not TYPE_CHECKING:  # a type checker is to refuse names that there are not

    def __getattr__(name: str) -> Any:
        if name in ("Cassette", "NotRecorded"):
            from . import cassette  # is an httpx transport, so it brings httpx in

            return getattr(cassette, name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
