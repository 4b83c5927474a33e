"""Work that may turn out to be part of a call: events.py reports that of the whole process, before its first call."""

from __future__ import annotations

import sys
from collections import deque
from threading import get_ident
from time import monotonic
from typing import Any

from attrs import define, field
from opentelemetry import context as contexts

from ...events import Event
from ...schemas.memo import Memo

_MOST = 10_000
_MOST_ENDED = 20


@define(eq=False)
class Began:
    """Work that has begun, with OpenTelemetry's context at that time; and its end, once that has come."""

    event: Event
    context: Any = field(factory=contexts.get_current)
    at: float = field(factory=monotonic)
    end: Event | None = None


class Waiting:
    """Work of which no call is known yet: what goes on, and what each thread and task has ended lately.

    What has ended may be part of the call that follows, as retrieval for its prompt is.
    """

    def __init__(self) -> None:
        self._open: Memo[str, Began] = Memo(_MOST)
        self._ended: Memo[tuple[int, int], deque[Began]] = Memo(_MOST, lambda key: deque(maxlen=_MOST_ENDED))

    def begin(self, event: Event) -> None:
        """Keep work that begins."""
        self._open.put(event.span, Began(event))

    def end(self, event: Event) -> None:
        """Keep the end of work, if its start was kept."""
        if (began := self._open.pop(event.span, None)) is not None:
            began.end = event
            self._ended[_here()].append(began)

    def take(self, span: str | None) -> Began | None:
        """Return the work with this id, if it is kept, and keep it no longer."""
        return None if span is None else self._open.pop(span, None)

    def take_ended(self, since: float) -> list[Began]:
        """Return what this thread and task has begun and ended since a time of `monotonic`, outer work first."""
        ended = self._ended.pop(_here(), ()) if self._ended else ()
        return sorted((each for each in ended if each.at >= since), key=lambda each: each.at)


def _here() -> tuple[int, int]:
    """Name the running thread, and the running task of its event loop, if there is one."""
    for library, current in (("asyncio", "current_task"), ("trio", "lowlevel.current_task")):
        if (module := sys.modules.get(library)) is not None:
            function: Any = module
            for name in current.split("."):
                function = getattr(function, name)
            try:
                return get_ident(), id(function())
            except RuntimeError:  # no event loop runs
                continue
    return get_ident(), 0
