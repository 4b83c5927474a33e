"""Where a step holds: for which wire and operation it was written, and for no other."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from attrs import frozen

from ...schemas.errors import ConfigError, InvalidOption
from ...schemas.nearest import nearest
from .wire import Wire

PROVIDER_STEPS = frozenset(
    (
        "prepare_request",
        "attach",
        "attach_stream",
        "translate_options",
        "authenticate",
        "normalize_model_id",
        "thinking_constraints",
        "default_env_key",
    )
)
"""Steps that are written for a provider, whichever wire it speaks. All others are written for one wire."""
_BEFORE_ANY_WIRE = frozenset(("normalize_model_id",))
"""Steps that are asked before it is known which wire is spoken."""
ANY = "*"


@frozen
class Place:
    """The wire and the operation that steps were written for, both by name; "*" is any of them.

    Where nothing is said, a step of a provider holds everywhere. A step of a wire holds for the operation of the wire
    that is named, else for chat (for the only operation of a provider that has one alone); and where no wire is named,
    for the only one that the provider has for it.
    """

    wire: str | None = None
    operation: str | None = None

    def covers(self, step: str, wire: Wire, wires: Sequence[Wire]) -> bool:
        """Whether the step holds for this wire, one of the provider's `wires`."""
        if self.wire not in (None, ANY, wire.name):
            return False
        operation = (self.operation or ANY) if step in PROVIDER_STEPS else self._operation(wires)
        return operation in (ANY, wire.operation)

    def check(self, steps: Iterable[str], wires: Sequence[Wire], whose: str, scope: str) -> None:
        """Raise InvalidOption for a wire or an operation that is not among a provider's `wires`."""
        fault = self.fault(steps, wires)
        if fault is not None:
            raise InvalidOption(f"{scope}: {whose} {fault[0]}", hint=fault[1])

    def fault(self, steps: Iterable[str], wires: Sequence[Wire]) -> tuple[str, str] | None:
        """Say what of this place is not among a provider's `wires`, and what to do about it; None where all is."""
        names, operations = _distinct(wire.name for wire in wires), _distinct(wire.operation for wire in wires)
        if self.wire not in (None, ANY, *names):
            return f"speaks no {self.wire!r}", nearest(str(self.wire), names)
        operation = self._operation(wires) if not PROVIDER_STEPS.issuperset(steps) else self.operation
        if operation not in (None, ANY, *operations):
            one = f"name one that it offers: operation={operations[0]!r}"
            return f"does not offer {operation}", one if len(operations) == 1 else nearest(str(operation), operations)
        if self.wire not in (None, ANY) and not any(self._is(wire, operation) for wire in wires):
            return f"speaks no {self.wire!r} for {operation}", "leave out operation="
        return None

    def check_meant(self, steps: Iterable[str], wires: Sequence[Wire], whose: str, scope: str) -> None:
        """Raise ConfigError for steps of a wire that name none, where a provider has several for the operation."""
        given = [name for name in steps if name not in PROVIDER_STEPS]
        if not given or self.wire is not None:
            return
        operation = self._operation(wires)
        for each in _distinct(wire.operation for wire in wires) if operation == ANY else [operation]:
            names = [wire.name for wire in wires if wire.operation == each]
            if len(names) > 1:
                raise ConfigError(
                    f"{scope} gives {', '.join(given)} for {each}, but {whose} speaks {' and '.join(names)}",
                    hint=f"say which it was written for: wire={names[0]!r}, or wire='*' for all of them",
                )

    def __str__(self) -> str:
        said = [f"{name} {value}" for name, value in (("wire", self.wire), ("operation", self.operation)) if value]
        return " and ".join(said)

    def _operation(self, wires: Sequence[Wire]) -> str:
        """The operation that a wire's steps were written for."""
        if self.operation is not None:
            return self.operation
        if self.wire not in (None, ANY):
            return ANY
        operations = {wire.operation for wire in wires}
        return operations.pop() if len(operations) == 1 else "chat"

    def _is(self, wire: Wire, operation: str | None) -> bool:
        return wire.name == self.wire and operation in (None, ANY, wire.operation)


EVERYWHERE = Place()
"""The place of steps of which nothing is said."""


def place_for(wire: Any, operation: Any, steps: Iterable[str]) -> Place:
    """The place that `wire=` (a name, or the Wire itself) and `operation=` name. Raises InvalidOption for what cannot
    name one, and for a step that no place can be given."""
    wire = wire.name if isinstance(wire, Wire) else wire
    for name, given in (("wire", wire), ("operation", operation)):
        if given is not None and (not isinstance(given, str) or not given):
            raise InvalidOption(
                f"{name} of an override cannot be a {type(given).__name__}", hint=f"name one, or '*' for every {name}"
            )
    if (wire, operation) != (None, None):
        for name in sorted(_BEFORE_ANY_WIRE.intersection(steps)):
            raise InvalidOption(
                f"{name} holds for every wire and operation: it is asked before it is known which is spoken",
                hint="give it in an override of its own, without wire= and operation=",
            )
    return Place(wire, operation)


def _distinct(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))
