"""What limits and circuits can be asked: their state now, by name, and to forget it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Generic, Literal, TypeVar

from attrs import field, fields, frozen

from ...schemas.errors import StepwellError
from ...schemas.functions import checked_function
from ..step import Step
from .shared import LimitStore

State = TypeVar("State")


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


def from_store(store: LimitStore, work: Callable[[Any], State]) -> State:
    """Ask a store, outside of any call. Raises StepwellError if it fails."""
    try:
        return work(store)
    except Exception as error:
        raise StepwellError(f"the store of the limit failed ({type(error).__name__})") from error


def checked_listener(on_change: Callable[..., object] | None, taker: str, count: int) -> Callable[..., object] | None:
    """Return `on_change=`. Raises InvalidOption for what is no function of so many arguments."""
    return None if on_change is None else checked_function(on_change, f"on_change= of {taker}", count)


def notify(on_change: Callable[..., object] | None, *arguments: object) -> None:
    """Call a user's function, if there is one. An exception in it is logged and has no other effect."""
    if on_change is None:
        return
    try:
        on_change(*arguments)
    except Exception:
        import logging  # only when it fails

        logging.getLogger("stepwell").exception("an on_change= function failed")
