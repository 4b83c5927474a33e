"""Limits that processes and machines share: what a store must do for them, and how a step asks it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from ...schemas.errors import ConfigError
from ..effects import Flow, in_thread
from ..http.request import Request

AVOID_SECONDS = 5.0
"""How long a store that failed is not asked again: each call would wait for it."""


class LimitStore(Protocol):
    """What a store does for limits, for all that use it under the same name. Every method is atomic, and may block.

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

        It counts until `per` + `late` seconds from now.
        """

    def correct_attempt(self, name: str, id: str, amount: float) -> None:
        """Set the tokens of an attempt, if it still counts."""

    def pause(self, name: str, seconds: float) -> None:
        """Count no attempt for so many seconds."""

    def take_place(self, name: str, id: str, limit: int, seconds: float) -> float:
        """Take one of `limit` places for at most `seconds`, and return 0; if none is free, the seconds until one is."""

    def leave_place(self, name: str, id: str) -> None:
        """Give a place back."""

    def reserve(
        self, name: str, id: str, amounts: tuple[int, int], limits: tuple[int | None, int | None]
    ) -> tuple[bool, int, int]:
        """Reserve billionths of dollars, and tokens, if both fit. Return whether they do, and what was left of each."""

    def settle(self, name: str, id: str, sums: Mapping[str, int]) -> None:
        """Replace a reservation, if it is there, by what is added to the sums."""

    def sums(self, name: str) -> Mapping[str, int]:
        """Return the sums, with those that are reserved."""

    def enter_circuit(self, name: str, failures: int, cooldown: float) -> tuple[float, int]:
        """Return the seconds until a call may be sent (0: this one may), and how many calls in a row have failed."""

    def judge_circuit(self, name: str, well: bool | None, cooldown: float) -> None:
        """Note how a call ended. well: whether it was answered; None if it says nothing of the provider's health."""


def checked_store(store: LimitStore | None) -> LimitStore | None:
    """Return the store. Raises ConfigError for one that keeps values only."""
    if store is not None and not callable(getattr(store, "count_attempt", None)):
        raise ConfigError(
            f"a {type(store).__name__} cannot keep limits", hint="pass a RedisStore, or the methods of LimitStore"
        )
    return store


class Asking:
    """Asks a store for the steps of one limit. A store that fails is not asked again for a few seconds.

    store: None where the limit is not shared.
    subject: what the store's failures are reported as.
    """

    def __init__(self, store: LimitStore | None, subject: str) -> None:
        self.store = store
        self._subject = subject
        self._avoided_until = 0.0

    def usable(self, request: Request) -> bool:
        """Return whether there is a store, and it may be asked."""
        return self.store is not None and request.world.now() >= self._avoided_until

    def ask(self, request: Request, work: Callable[[Any], Any]) -> Flow:
        """Return `work(store)` and the request; if it fails, None and the request with a warning."""
        try:
            return (yield in_thread(lambda: work(self.store))), request
        except Exception as error:
            self._avoided_until = request.world.now() + AVOID_SECONDS
            request.world.report("store_failed", step=self._subject, error=type(error).__name__)
            why = f"its store failed ({type(error).__name__}): the limit held within this process alone"
            return None, request.warn(self._subject, why)

    def end(self, request: Request, work: Callable[[Any], Any], error: BaseException | None = None) -> Flow:
        """Do `work(store)` at the end of a call: before it goes on, or in a moment if it was cancelled."""
        if error is None or isinstance(error, Exception):
            yield from self.ask(request, work)
        else:
            self.tell(request, work)

    def tell(self, request: Request, work: Callable[[Any], Any]) -> None:
        """Do `work(store)` in a moment, in another thread, where nothing can wait for it. A failure has no effect."""
        request.world.soon(lambda: work(self.store))
