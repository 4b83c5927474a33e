"""Where time, chance, ids and the environment come from. Waiting and sending are effects, not part of it."""

from __future__ import annotations

import _thread
import os
import sys
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from attrs import frozen


def in_new_thread(work: Callable[[], object]) -> None:
    """Do `work` in a thread, or in this one if there can be no more. An Exception in it has no effect.

    May be called by a finalizer: threading.Thread would take a lock when it starts.
    """

    def quietly() -> None:
        with suppress(Exception):
            work()

    try:
        _thread.start_new_thread(quietly, ())
    except RuntimeError:  # at the end of the program nobody else holds a lock
        quietly()


def chance() -> float:
    """Return a number from 0 to 1."""
    import random  # heavy: few calls need chance

    return random.random()


Listener = Callable[[str, dict[str, Any]], None]
LISTENERS: list[Listener] = []
"""Called with the name of each notice and its facts."""
_WARNINGS = frozenset(("fallback", "circuit_opened", "store_failed"))


def report(name: str, **facts: object) -> None:
    """Report one thing: retry, failure, refused, fallback, wait, cache_hit, circuit_opened, circuit_tried,
    circuit_closed, store_failed, continued.

    facts: what it is about: names, numbers and classes of errors; no text of the caller's or of a server's.
    """
    for listener in LISTENERS:
        listener(name, facts)
    logging: Any = sys.modules.get("logging")  # a program that logs has imported it
    if logging is not None:
        logger = logging.getLogger("stepwell")
        level = logging.WARNING if name in _WARNINGS else logging.INFO
        # Without a handler, logging would print warnings to stderr.
        if logger.isEnabledFor(level) and logger.hasHandlers():
            logger.log(level, "%s: %s", name, ", ".join(f"{key}={value}" for key, value in facts.items()))


@frozen(eq=False)
class World:
    """What pipelines and workflows know about the world outside them. Each client has one, and so has each request.

    A step reads `request.world` in place of the modules `time`, `random`, `uuid` and `os`, so that the same step runs
    in a simulation (`stepwell.testing.SimulatedWorld`).
    """

    now: Callable[[], float] = time.monotonic
    """seconds on a clock that only goes forward; for differences"""
    time: Callable[[], float] = time.time
    """seconds since 1970"""
    random: Callable[[], float] = chance
    """a number from 0 to 1"""
    new_id: Callable[[], str] = lambda: uuid.uuid4().hex
    """a new unique id of 32 hexadecimal digits"""
    environ: Mapping[str, str] = os.environ
    """the variables of the process"""
    report: Callable[..., None] = report
    """tells the log, and those who listen, what happens to a call; see the function of this name"""
    soon: Callable[[Callable[[], object]], None] = in_new_thread
    """does some work in a moment, outside of any lock that the caller may hold: for finalizers"""
    job: Callable[[], Any] = lambda: None
    """the flow of a job with a journal whose code is running (journal/flow.py); None outside of jobs"""
    outside: World | None = None
    """the world that this one records, if it is that of a client with a journal"""


REAL_WORLD = World()
