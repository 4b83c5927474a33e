"""Where a step holds: for which wire and operation it was written, for which calls of these, and for no other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from inspect import iscoroutinefunction

from attrs import frozen

from ...pipeline.http.request import Request
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
"""Steps that run before the wire is chosen."""
_BEFORE_ANY_REQUEST = frozenset(("normalize_model_id", "object_support"))
"""Steps that are asked before there is a request."""
STREAM_STEPS = (
    "parse_stream_protocol",
    "init_stream_state",
    "begins_stream",
    "decode_stream_event",
    "flush_stream_state",
)
"""Steps that read a stream."""
ANY = "*"
When = Callable[[Request], object]


@frozen
class Place:
    """The wire and the operation that steps were written for, both by name ("*" is any of them), and for which calls.

    Without wire and operation, a step of a provider holds everywhere. A step of a wire holds for the operation of the
    named wire, else for chat (or the only operation of the provider). Without a wire, it holds for the provider's only
    wire for that operation, beside those that a call has to name.
    """

    wire: str | None = None
    operation: str | None = None
    stream: bool | None = None
    """True for streamed calls only, False for unstreamed ones"""
    when: When | None = None
    """asked of the request of each call, as the caller made it, before the first step"""

    def covers(self, step: str, wire: Wire, wires: Sequence[Wire], stream: bool) -> bool:
        """Check whether the step holds for a call, streamed or not, by this wire, one of the provider's `wires`.

        `when` is not evaluated.
        """
        if self.stream not in (None, stream):
            return False
        if self.wire not in (None, ANY, wire.name) or (
            wire.by_name_only and self.wire is None and step not in PROVIDER_STEPS
        ):
            return False
        operation = (self.operation or ANY) if step in PROVIDER_STEPS else self._operation(wires)
        return operation in (ANY, wire.operation)

    def check(self, steps: Iterable[str], wires: Sequence[Wire], provider: str, scope: str) -> None:
        """Raise InvalidOption for a wire or an operation that a provider does not have.

        steps: the names of the steps.
        wires: the provider's wires.
        provider: the provider's id, for the error.
        scope: what the steps belong to, for the error.
        """
        fault = self.fault(steps, wires)
        if fault is not None:
            raise InvalidOption(f"{scope}: {provider} {fault[0]}", hint=fault[1])

    def fault(self, steps: Iterable[str], wires: Sequence[Wire]) -> tuple[str, str] | None:
        """Return which part of this place is not among a provider's `wires`, and a hint; None if all of it is."""
        names, operations = _distinct(wire.name for wire in wires), _distinct(wire.operation for wire in wires)
        if self.wire not in (None, ANY, *names):
            return f"has no wire {self.wire!r}", nearest(str(self.wire), names)
        operation = self._operation(wires) if not PROVIDER_STEPS.issuperset(steps) else self.operation
        if operation not in (None, ANY, *operations):
            one = f"name one that it offers: operation={operations[0]!r}"
            return f"does not offer {operation}", one if len(operations) == 1 else nearest(str(operation), operations)
        if self.wire not in (None, ANY) and not any(self._is(wire, operation) for wire in wires):
            return f"has no wire {self.wire!r} for {operation}", "leave out operation="
        meant = [wire for wire in wires if self._is(wire, operation)]
        if self.stream and not any(wire.parse_stream_protocol for wire in meant):
            return f"does not stream {operation}", "leave out stream="
        return None

    def require_named_wire(self, steps: Iterable[str], wires: Sequence[Wire], provider: str, scope: str) -> None:
        """Raise ConfigError for steps of a wire without the name of one, if the provider has several for the operation.

        The arguments are those of `check`.
        """
        wire_steps = [name for name in steps if name not in PROVIDER_STEPS]
        if not wire_steps or self.wire is not None:
            return
        operation = self._operation(wires)
        for each in _distinct(wire.operation for wire in wires) if operation == ANY else [operation]:
            names = [wire.name for wire in wires if wire.operation == each and not wire.by_name_only]
            if len(names) > 1:
                raise ConfigError(
                    f"{scope} gives {', '.join(wire_steps)} for {each}, but {provider} speaks {' and '.join(names)}",
                    hint=f"name the one it was written for: wire={names[0]!r}, or wire='*' for all of them",
                )

    def __str__(self) -> str:
        parts = [f"{name} {value}" for name, value in (("wire", self.wire), ("operation", self.operation)) if value]
        if self.stream is not None:
            parts.append("streamed calls" if self.stream else "unstreamed calls")
        if self.when is not None:
            parts.append(f"calls that meet {getattr(self.when, '__name__', type(self.when).__name__).strip('<>')}")
        return " and ".join(parts)

    @property
    def suffix(self) -> str:
        """What to add to the name of a scope; nothing for a place that is everywhere."""
        return f" for {self}" if self != EVERYWHERE else ""

    def _operation(self, wires: Sequence[Wire]) -> str:
        """Return the operation that steps of a wire were written for."""
        if self.operation is not None:
            return self.operation
        if self.wire not in (None, ANY):
            return ANY
        operations = {wire.operation for wire in wires}
        return operations.pop() if len(operations) == 1 else "chat"

    def _is(self, wire: Wire, operation: str | None) -> bool:
        return self.wire in (None, ANY, wire.name) and operation in (None, ANY, wire.operation)


EVERYWHERE = Place()
"""The place of steps that name neither a wire nor an operation."""


def place_for(wire: object, operation: object, stream: object, when: object, steps: Iterable[str]) -> Place:
    """Return the place that these arguments of an override name.

    wire: the name of a wire, "*", a Wire, or None.
    operation: the name of an operation, "*", or None.
    stream: True, False or None.
    when: a function of the request, or None.
    steps: the names of the steps that are overridden.

    Raises InvalidOption for a value of another type, and for a step that cannot be limited to such a place.
    """
    if not (stream is None or isinstance(stream, bool)):
        raise InvalidOption(f"stream of an override cannot be a {type(stream).__name__}", hint="pass True or False")
    if when is not None and (not callable(when) or iscoroutinefunction(when)):
        what = "an async function" if callable(when) else f"a {type(when).__name__}"
        raise InvalidOption(f"when of an override cannot be {what}", hint="pass a plain function of the request")
    place = Place(
        _name("wire", wire.name if isinstance(wire, Wire) else wire), _name("operation", operation), stream, when
    )
    if place == EVERYWHERE:
        return place
    limits = [
        (True, _BEFORE_ANY_WIRE, "one wire or operation", "runs before the wire is chosen"),
        (
            stream is not None or when is not None,
            _BEFORE_ANY_REQUEST,
            "some calls",
            "is read before there is a request",
        ),
        (stream is False, {*STREAM_STEPS, "attach_stream"}, "unstreamed calls", "belongs to streamed ones"),
    ]
    for limited, refused, what, why in limits:
        for step in sorted(refused & set(steps)) if limited else ():
            raise InvalidOption(
                f"{step} cannot be overridden for {what}: it {why}",
                hint="give it in an override of its own, without that limit",
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
