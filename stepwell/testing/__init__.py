"""Tools for tests and for authors of providers: scripted models, recorded traffic, a conformance suite."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .conformance import ConformanceError, ConformanceReport, conformance
from .fake import FakeModel

if TYPE_CHECKING:
    from .cassette import Cassette, NotRecorded
    from .fault_kinds import Cut, Fault, Garble, Gzip, Late, Length, Pause, Refuse, Reset, Slow, Split, Stall, Status
    from .faults import Faults, by_chance
    from .simulated_tasks import ServerAnswer
    from .simulation import SimulatedWorld

__all__ = [
    "Cassette",
    "ConformanceError",
    "ConformanceReport",
    "Cut",
    "FakeModel",
    "Fault",
    "Faults",
    "Garble",
    "Gzip",
    "Late",
    "Length",
    "NotRecorded",
    "Pause",
    "Refuse",
    "Reset",
    "ServerAnswer",
    "SimulatedWorld",
    "Slow",
    "Split",
    "Stall",
    "Status",
    "by_chance",
    "conformance",
]


_MODULES = {
    "Cassette": "cassette",  # imports httpx, whose transports it subclasses
    "NotRecorded": "cassette",
    **dict.fromkeys(
        (
            "Cut",
            "Fault",
            "Garble",
            "Gzip",
            "Late",
            "Length",
            "Pause",
            "Refuse",
            "Reset",
            "Slow",
            "Split",
            "Stall",
            "Status",
        ),
        "fault_kinds",  # heavy: only for tests with faults
    ),
    "Faults": "faults",
    "by_chance": "faults",
    "ServerAnswer": "simulated_tasks",
    "SimulatedWorld": "simulation",
}


if not TYPE_CHECKING:  # hidden from type checkers, which would otherwise accept any name

    def __getattr__(name: str) -> Any:
        if name not in _MODULES:
            from ..schemas.other_names import refuse_name  # only for a mistake

            refuse_name(__name__, name)
        return getattr(import_module(f".{_MODULES[name]}", __name__), name)

    def __dir__() -> list[str]:
        return [*__all__]
