"""What limits and circuits can be asked: their state now, by name, and to forget it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Generic, Literal, TypeVar

from attrs import field, fields, frozen

from ..http.request import Request
from ..step import Step

State = TypeVar("State")
By = Callable[[Request], str]
"""Returns the name under which a call is counted."""


@frozen
class CircuitState:
    """A circuit of `circuit_breaker`."""

    failed: int
    """calls that have failed in a row"""
    state: Literal["closed", "open", "half_open"]
    """closed: calls are sent; open: none is; half_open: the cooldown is over, and the next one is tried"""
    wait: float = 0.0
    """seconds until the next call is let through"""


@frozen
class RateState:
    """What counts of a RateLimit now."""

    requests: int
    """attempts of the last period"""
    tokens: float
    """tokens of these"""
    waiting: int
    """calls of this process that wait"""
    wait: float = 0.0
    """seconds until the next attempt may be sent"""


@frozen
class PlacesState:
    """What `concurrency` has given out."""

    running: int
    waiting: int
    """calls of this process that wait"""


@frozen
class LimitStep(Step, Generic[State]):
    """A step that keeps a state by name, which can be read and reset."""

    read: Callable[[str], State] = field(default=None, repr=False, eq=False)
    """see `state`"""
    names: Callable[[], Iterable[str]] = field(default=tuple, repr=False, eq=False)
    """the names that this process keeps a state of"""
    forget: Callable[[str], None] = field(default=None, repr=False, eq=False)

    def state(self, name: str = "") -> State:
        """Return the state of what `by=` names so. With a store it is that of all processes, and reading may block.

        Raises StepwellError if the store fails.
        """
        return self.read(name)

    def states(self) -> dict[str, State]:
        """Return the states of all names that are not at rest in this process; see `state`."""
        return {name: self.read(name) for name in self.names()}

    def reset(self, name: str | None = None) -> None:
        """Forget what was counted under a name, also in the store; None: under all names that `states` returns."""
        for each in [*self.names()] if name is None else [name]:
            self.forget(each)


def limit_step(
    step: Step, read: Callable[[str], State], names: Callable[[], Iterable[str]], forget: Callable[[str], None]
) -> LimitStep[State]:
    """Return the step with these functions; see LimitStep."""
    own = {str(each.alias): getattr(step, each.name) for each in fields(Step)}
    return LimitStep(**own, read=read, names=names, forget=forget)
