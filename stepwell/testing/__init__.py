"""Tools for tests and for authors of providers: scripted models, recorded traffic, a conformance suite."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .conformance import ConformanceError, ConformanceReport, conformance
from .fake import FakeModel

if TYPE_CHECKING:
    from .cassette import Cassette, NotRecorded
    from .simulation import ServerAnswer, SimulatedWorld

__all__ = [
    "Cassette",
    "ConformanceError",
    "ConformanceReport",
    "FakeModel",
    "NotRecorded",
    "ServerAnswer",
    "SimulatedWorld",
    "conformance",
]


if not TYPE_CHECKING:  # hidden from type checkers, which would otherwise accept any name

    def __getattr__(name: str) -> Any:
        if name in ("Cassette", "NotRecorded"):
            from . import cassette  # imports httpx, whose transports it subclasses

            return getattr(cassette, name)
        if name in ("ServerAnswer", "SimulatedWorld"):
            from . import simulation  # only for those who simulate

            return getattr(simulation, name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def __dir__() -> list[str]:
        return [*__all__]
