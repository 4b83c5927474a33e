"""Report work of several calls while it runs: the start, end or failure of each span, to all subscribers.

    stepwell.events.subscribe(print)

A span is one piece of work with a name: "generate_object", "run_tools", "tool", "embed", "retrieve", ... Spans nest, in
threads and tasks as well. Without subscribers a span costs a tenth of a microsecond.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Literal

from attrs import define, field, frozen

from .pipeline.effects import Cancelled
from .pipeline.world import LISTENERS
from .schemas.other_names import suggesting
from .schemas.process_lock import ProcessLock

__all__ = ["Event", "Span", "current", "span", "subscribe", "within"]


@frozen
class Event:
    """The start, the end or the failure of a span."""

    name: str
    phase: Literal["start", "end", "error", "note"]
    """A note is no span: a retry, failure, refused, fallback, wait, cache_hit, circuit_opened, circuit_tried,
    circuit_closed, store_failed or continued."""
    span: str
    """The id of the span; empty for a note."""
    parent: str | None
    """The id of the span that it is part of."""
    at: float
    """time.time()"""
    elapsed: float | None = None
    """Seconds since the span's start; None at its start."""
    data: Mapping[str, Any] = field(factory=dict)
    """Facts about the work; an error is data["error"]."""


Subscriber = Callable[[Event], None]

_subscribers: tuple[Subscriber, ...] = ()
_lock = ProcessLock()
_current: ContextVar[str | None] = ContextVar("stepwell_span", default=None)


def subscribe(fn: Subscriber) -> Callable[[], None]:
    """Call `fn` with every Event of the process from now on; return a function that ends this.

    `fn` runs in the thread or task of the work, and delays it. An exception in it is logged and has no other effect.
    """
    global _subscribers
    with _lock:
        _subscribers = (*_subscribers, fn)
        if _note not in LISTENERS:
            LISTENERS.append(_note)

    def unsubscribe() -> None:
        global _subscribers
        with _lock:
            remaining = list(_subscribers)
            if fn in remaining:
                remaining.remove(fn)
            _subscribers = tuple(remaining)

    return unsubscribe


@define
class Span:
    """Work under way."""

    name: str
    id: str
    parent: str | None
    data: dict[str, Any]
    _began: float = field(factory=time.monotonic)

    def note(self, **data: object) -> None:
        """Add facts to the events that follow."""
        self.data.update(data)

    def report(self, phase: Literal["start", "end", "error"], **data: object) -> None:
        """Send an Event to all subscribers, with these facts and those noted before."""
        self.data.update(data)
        if not _subscribers:
            return
        elapsed = None if phase == "start" else time.monotonic() - self._began
        _notify(Event(self.name, phase, self.id, self.parent, time.time(), elapsed, dict(self.data)))


def span(name: str, /, **data: object) -> AbstractContextManager[Span]:
    """Report a piece of work: its start now, and its end, or the error that ends it, on leaving the block.

    Nothing of it is reported if there are no subscribers at its start.
    """
    return _reported(name, data) if _subscribers else _UNREPORTED


class _Unreported(Span):
    """The span of all work that is not reported."""

    def note(self, **data: object) -> None:
        """Do nothing: the facts would be kept for ever."""


_UNREPORTED = nullcontext(_Unreported("", "", None, {}))


@contextmanager
def _reported(name: str, data: dict[str, Any]) -> Iterator[Span]:
    work = Span(name, os.urandom(8).hex(), _current.get(), data)
    work.report("start")
    token = _current.set(work.id)
    try:
        yield work
    except (GeneratorExit, Cancelled):
        work.report("end", left_early=True)
        raise
    except BaseException as error:
        work.report("error", error=error)
        raise
    else:
        work.report("end")
    finally:
        _current.reset(token)


def current() -> str | None:
    """Return the id of the span that this code runs in; None outside of any."""
    return _current.get()


@contextmanager
def within(span_id: str | None) -> Iterator[None]:
    """Make spans that begin in this block part of that one."""
    token = _current.set(span_id)
    try:
        yield
    finally:
        _current.reset(token)


def _note(name: str, facts: dict[str, Any]) -> None:
    if _subscribers:
        _notify(Event(name, "note", "", _current.get(), time.time(), None, facts))


def _notify(event: Event) -> None:
    for subscriber in _subscribers:
        try:
            subscriber(event)
        except Exception:
            import logging  # only when a subscriber fails

            logging.getLogger("stepwell").exception("a subscriber of stepwell.events.subscribe failed")


if not TYPE_CHECKING:  # for a type checker, any name would then exist
    __getattr__ = suggesting(__name__)
