"""Where a step holds: for which wire and operation it was written, and for no other."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol, runtime_checkable

from attrs import frozen

from ...schemas.errors import ConfigError, InvalidOption
from ...schemas.nearest import nearest

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
"""Steps that run before the wire is chosen."""
ANY = "*"


@runtime_checkable
class NamedWire(Protocol):
    """The attributes of a Wire that a Place reads."""

    @property
    def name(self) -> str: ...

    @property
    def operation(self) -> str: ...


@frozen
class Place:
    """The wire and the operation that steps were written for, both by name; "*" is any of them.

    Without both, a step of a provider holds everywhere. A step of a wire holds for the operation of the named wire,
    else for chat (or the only operation of the provider). Without a wire, it holds for the provider's only wire for
    that operation.
    """

    wire: str | None = None
    operation: str | None = None

    def covers(self, step: str, wire: NamedWire, wires: Sequence[NamedWire]) -> bool:
        """Check whether the step holds for this wire, one of the provider's `wires`."""
        if self.wire not in (None, ANY, wire.name):
            return False
        operation = (self.operation or ANY) if step in PROVIDER_STEPS else self._operation(wires)
        return operation in (ANY, wire.operation)

    def check(self, steps: Iterable[str], wires: Sequence[NamedWire], provider: str, scope: str) -> None:
        """Raise InvalidOption for a wire or an operation that a provider does not have.

        steps: the names of the steps.
        wires: the provider's wires.
        provider: the provider's id, for the error.
        scope: what the steps belong to, for the error.
        """
        fault = self.fault(steps, wires)
        if fault is not None:
            raise InvalidOption(f"{scope}: {provider} {fault[0]}", hint=fault[1])

    def fault(self, steps: Iterable[str], wires: Sequence[NamedWire]) -> tuple[str, str] | None:
        """Return which part of this place is not among a provider's `wires`, and a hint; None if all of it is."""
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

    def require_named_wire(self, steps: Iterable[str], wires: Sequence[NamedWire], provider: str, scope: str) -> None:
        """Raise ConfigError for steps of a wire without the name of one, if the provider has several for the operation.

        The arguments are those of `check`.
        """
        wire_steps = [name for name in steps if name not in PROVIDER_STEPS]
        if not wire_steps or self.wire is not None:
            return
        operation = self._operation(wires)
        for each in _distinct(wire.operation for wire in wires) if operation == ANY else [operation]:
            names = [wire.name for wire in wires if wire.operation == each]
            if len(names) > 1:
                raise ConfigError(
                    f"{scope} gives {', '.join(wire_steps)} for {each}, but {provider} speaks {' and '.join(names)}",
                    hint=f"name the one it was written for: wire={names[0]!r}, or wire='*' for all of them",
                )

    def __str__(self) -> str:
        parts = [f"{name} {value}" for name, value in (("wire", self.wire), ("operation", self.operation)) if value]
        return " and ".join(parts)

    def _operation(self, wires: Sequence[NamedWire]) -> str:
        """Return the operation that steps of a wire were written for."""
        if self.operation is not None:
            return self.operation
        if self.wire not in (None, ANY):
            return ANY
        operations = {wire.operation for wire in wires}
        return operations.pop() if len(operations) == 1 else "chat"

    def _is(self, wire: NamedWire, operation: str | None) -> bool:
        return wire.name == self.wire and operation in (None, ANY, wire.operation)


EVERYWHERE = Place()
"""The place of steps that name neither a wire nor an operation."""


def place_for(wire: object, operation: object, steps: Iterable[str]) -> Place:
    """Return the place that these arguments of an override name.

    wire: the name of a wire, "*", a Wire, or None.
    operation: the name of an operation, "*", or None.
    steps: the names of the steps that are overridden.

    Raises InvalidOption for a value that is not a name, and for a step that cannot be limited to a wire.
    """
    place = Place(_name("wire", wire.name if isinstance(wire, NamedWire) else wire), _name("operation", operation))
    if place != EVERYWHERE:
        for name in sorted(_BEFORE_ANY_WIRE.intersection(steps)):
            raise InvalidOption(
                f"{name} cannot be overridden for one wire or operation: it runs before the wire is chosen",
                hint="give it in an override of its own, without wire= and operation=",
            )
    return place


def _name(argument: str, value: object) -> str | None:
    if value is None or (isinstance(value, str) and value):
        return value
    raise InvalidOption(
        f"{argument} of an override cannot be a {type(value).__name__}",
        hint=f"name one, or '*' for every {argument}",
    )


def _distinct(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))
