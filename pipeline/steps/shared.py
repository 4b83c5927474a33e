"""Limits that processes and machines share: what a store must do for them, and how a step asks it."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Mapping
from math import isfinite, isnan
from typing import Any, Protocol, TypeVar

from ...schemas.errors import ConfigError, StepwellError
from ...schemas.functions import checked_function
from ...schemas.process_lock import ProcessLock
from ..effects import Flow, Run, in_thread
from ..http.request import Request
from ..http.timeouts import LEAST
from ..key_value import refuse_coroutines

AVOID_SECONDS = 5.0
"""How long a store that failed is not asked again: each call would wait for it."""
_FAIR_SECONDS = 0.25
"""A store that did not answer for so long has failed. In less time, only the call that asked it was too short."""
Found = TypeVar("Found")
_MOST_KEPT = 10_000
"""The most tasks that are kept for a failing store."""


class LimitStore(Protocol):
    """What a store does for limits, for all that use it under the same name. Every method is atomic, and may block.

    It may be asked the same twice, with the same `id`, and counts it once.

    Times are those of the store's own clock. `id` names one attempt, place or reservation.
    """

    def count_attempt(
        self,
        name: str,
        id: str,
        amount: float,
        *,
        requests: int | None,
        tokens: float | None,
        per: float,
        late: float,
    ) -> float:
        """Count an attempt of `amount` tokens if it fits, and return 0, else the seconds until it may.

        It counts until `per` + `late` seconds from now. An attempt that was sent while the store failed is counted
        afterwards, without limits: `late` is then less than 0.
        """

    def correct_attempt(self, name: str, id: str, amount: float) -> None:
        """Set the tokens of an attempt, if it still counts."""

    def pause(self, name: str, seconds: float) -> None:
        """Refuse attempts for so many seconds."""

    def take_place(self, name: str, id: str, limit: int, seconds: float) -> float:
        """Take one of `limit` places for at most `seconds`, and return 0; if none is free, the seconds until one is."""

    def leave_place(self, name: str, id: str) -> None:
        """Give a place back."""

    def reserve(
        self, name: str, id: str, amounts: tuple[int, int], limits: tuple[int | None, int | None]
    ) -> tuple[bool, int, int]:
        """Reserve billionths of dollars, and tokens, if both fit. Return whether they do, and what was left of each."""

    def settle(self, name: str, id: str, sums: Mapping[str, int]) -> None:
        """Remove a reservation, if it is there, and add what was used to the sums."""

    def sums(self, name: str) -> Mapping[str, int]:
        """Return the sums, with those that are reserved."""

    def enter_circuit(self, name: str, failures: int, cooldown: float) -> tuple[float, int]:
        """Return the seconds until a call may be sent (0: this one may), and how many calls in a row have failed."""

    def judge_circuit(self, name: str, well: bool | None, cooldown: float) -> None:
        """Note how a call ended. well: whether it was answered; None if it says nothing of the provider's health."""

    def read(self, name: str, per: float) -> Mapping[str, float]:
        """Return what is known under a name, whichever limit it is of: `failed` and `wait` of a circuit; `running`
        places; `requests` and `tokens` of attempts that still count for a period of `per` seconds, and their `wait`.
        """

    def forget(self, name: str) -> None:
        """Forget all that is known under a name."""


def checked_store(store: LimitStore | None) -> LimitStore | None:
    """Return the store. Raises ConfigError for one that keeps values only, and for one with coroutine functions."""
    if store is None:
        return None
    method = getattr(store, "count_attempt", None)
    if not callable(method):
        raise ConfigError(
            f"a {type(store).__name__} cannot keep limits", hint="pass a RedisStore, or the methods of LimitStore"
        )
    refuse_coroutines((method,))
    return store


def check_number(value: object, what: str, *, whole: bool = False, least: float | None = None) -> None:
    """Raise ConfigError unless the value is a finite number above 0, or of at least `least`.

    what: the argument, for the message.
    whole: only whole numbers.
    """
    kinds = int if whole else int | float
    if isinstance(value, kinds) and not isinstance(value, bool):
        try:
            finite = isfinite(value)
        except OverflowError:  # a whole number that no float holds
            finite = False
        if finite and (value > 0 if least is None else value >= least):
            return
    kind = "whole number" if whole else "number"
    bound = "above 0" if least is None else f"of at least {least:g}"
    raise ConfigError(f"{what} must be a {kind} {bound}, not {value!r:.40}")


def check_by(by: object) -> None:
    """Raise ConfigError for a `by=` that is no function."""
    if not callable(by):
        raise ConfigError(f"by={by!r:.40} is not a function", hint='by=lambda request: "all"')


def waiting_time(value: float) -> float:
    """Return the seconds that a store answers with. Raises TypeError or ValueError for what is no number."""
    number = float(value)
    if isnan(number):
        raise ValueError("the store's answer is no number")
    return max(number, 0.0)


def ask_store(request: Request, work: Callable[[], Any], late: Callable[[], Any] | None = None) -> Run:
    """Make a Run that asks a store, for half of the time that the call has left: the rest is for the call itself.

    work: asks it.
    late: see Run.
    """
    left = request.seconds_left()
    run = in_thread(work, None if left is None else max(left / 2, LEAST))
    run.late = late
    return run


class Asking:
    """Asks a store for the steps of one limit. A store that fails is not asked again for a few seconds.

    What it must do all the same is kept until it answers again.

    store: None where the limit is not shared.
    subject: what the store's failures are reported as.
    """

    def __init__(self, store: LimitStore | None, subject: str) -> None:
        self.store = store
        self._subject = subject
        self._avoided_until = 0.0
        self._lock = ProcessLock()
        self._kept: deque[Callable[[Any], Any]] = deque(maxlen=_MOST_KEPT)

    def read(self, key: str, per: float = 0.0) -> Mapping[str, float]:
        """Return what the store keeps under a key, see `LimitStore.read`. There must be a store.

        Raises StepwellError if the store fails.
        """
        return from_store(self.store, lambda store: store.read(key, per))

    def forget(self, key: str) -> None:
        """Remove what the store, if there is one, keeps under a key. Raises StepwellError if the store fails."""
        if self.store is not None:
            from_store(self.store, lambda store: store.forget(key))

    def usable(self, request: Request) -> bool:
        """Return whether there is a store, and it may be asked."""
        return self.store is not None and request.world.now() >= self._avoided_until

    def ask(self, request: Request, work: Callable[[Any], Any], undo: Callable[[Any], Any] | None = None) -> Flow:
        """Return `work(store)` and the request; if it fails, None and the request with a warning.

        The store is avoided from then on, unless it had too little time: the call was near its end, or all threads were
        busy with something else.

        undo: done to the store after `work` where nobody gets its result: the call was cancelled meanwhile, or the
            store failed, perhaps after it had done the work.
        """
        world, process = request.world, os.getpid()
        began: float | None = None
        given_up = over = failed = False

        def run() -> Any:
            nonlocal began, over, failed
            if world.now() < self._avoided_until:  # it failed while this call waited for a thread
                raise ConnectionError("the store failed a moment ago")
            began = world.now()
            try:
                return work(self.store)
            except BaseException:
                failed = True
                raise
            finally:
                with self._lock:
                    over, in_vain = True, given_up
                if in_vain and undo is not None:
                    self._do(undo, keep=True)

        try:
            found = yield ask_store(request, run)
        except Exception as error:
            with self._lock:
                given_up, working = True, began is not None and not over
            if failed or (began is not None and world.now() - began >= _FAIR_SECONDS):
                self._avoided_until = world.now() + AVOID_SECONDS
            world.report("store_failed", step=self._subject, error=type(error).__name__)
            if undo is not None and not working:  # else its thread does it, once the work is over
                self._kept.append(undo)
            why = f"its store failed ({type(error).__name__}): the limit held within this process alone"
            return None, request.warn(self._subject, why)
        except BaseException:
            with self._lock:
                given_up, too_late = True, over
            if too_late and undo is not None and process == os.getpid():  # a forked child closes its parent's flows
                self.tell(request, undo, keep=True)
            raise
        if self._kept:
            world.soon(self._do_kept)
        return found, request

    def end(
        self, request: Request, work: Callable[[Any], Any], error: BaseException | None = None, *, keep: bool = False
    ) -> Flow:
        """Do `work(store)` at the end of a call: before it goes on, or in a moment if it was cancelled.

        keep: do it later if the store fails. It may then be done twice.
        """
        if error is not None and not isinstance(error, Exception):
            self.tell(request, work, keep=keep)
            return
        try:
            yield from self.ask(request, work, work if keep else None)
        except BaseException:  # cancelled, perhaps before a thread was free for it
            self.tell(request, work, keep=keep)
            raise

    def tell(self, request: Request, work: Callable[[Any], Any], *, keep: bool = False) -> None:
        """Do `work(store)` in a moment, in another thread, where nothing can wait for it; `keep` as in `end`."""
        request.world.soon(lambda: self._do(work, keep=keep))

    def do_later(self, work: Callable[[Any], Any]) -> None:
        """Do `work(store)` once the store has answered again."""
        self._kept.append(work)

    def _do(self, work: Callable[[Any], Any], *, keep: bool) -> bool:
        """Do `work(store)`; return whether it succeeded."""
        try:
            work(self.store)
        except Exception:
            if keep:
                self._kept.append(work)
            return False
        return True

    def _do_kept(self) -> None:
        """Do what was kept for the store, until it fails again."""
        while self._kept:
            try:
                work = self._kept.popleft()
            except IndexError:  # another thread was quicker
                return
            if not self._do(work, keep=True):
                return


def from_store(store: LimitStore | None, work: Callable[[Any], Found]) -> Found:
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
