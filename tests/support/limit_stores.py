"""Stores of limits for tests, and what asks them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

from stepwell import Budget, RateLimit
from stepwell.steps import circuit_breaker, concurrency

MODEL = "openai:gpt-4.1"
ANSWER = {
    "choices": [{"message": {"role": "assistant", "content": "hello"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 1000, "completion_tokens": 500},
}
LIMITS: dict[str, Callable[[Any], Any]] = {
    "rate_limit": lambda store: RateLimit(requests=5, tokens=10_000, store=store),
    "concurrency": lambda store: concurrency(1, store=store),
    "circuit_breaker": lambda store: circuit_breaker(store=store),
    "budget": lambda store: Budget("1", store=store),
}


class Store:
    """Answers every question with `value`."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def count_attempt(self, *_: Any, **__: Any) -> Any:
        return self.value

    take_place = enter_circuit = reserve = count_attempt

    def leave_place(self, *_: Any) -> None:
        pass

    correct_attempt = pause = judge_circuit = settle = leave_place


class Ledger:
    """A store of reservations, which `fails` after it has done its work."""

    def __init__(self) -> None:
        self.held: set[str] = set()
        self.settled: list[str] = []
        self.fails = False

    def count_attempt(self) -> None: ...

    def reserve(self, name: str, id: str, *_: Any) -> tuple[bool, int, int]:
        self.held.add(id)
        self._fail()
        return True, 10**9, 0

    def settle(self, name: str, id: str, sums: Any) -> None:
        self._fail()
        self.held.discard(id)
        self.settled.append(id)

    def _fail(self) -> None:
        if self.fails:
            raise ConnectionError("the answer was lost")


def in_place(work: Callable[[], object]) -> None:
    work()


def request_at(clock: list[float]) -> Any:
    """Make what a request is to `Asking`; what is done soon is done at once."""
    request = SimpleNamespace(world=SimpleNamespace(report=lambda *_, **__: None, now=lambda: clock[0], soon=in_place))
    request.warn, request.seconds_left = lambda subject, why: request, lambda: None
    return request


class Purse:
    """A store of one budget, in memory, which can fail."""

    def __init__(self) -> None:
        self.totals: Counter[str] = Counter()
        self.held: dict[str, tuple[int, int]] = {}
        self.fails = False

    def count_attempt(self) -> None: ...

    def reserve(
        self, name: str, id: str, amounts: tuple[int, int], limits: tuple[int | None, int | None]
    ) -> tuple[bool, int, int]:
        self._fail()
        taken = [self.totals["spent"] + self.totals["estimated"], self.totals["tokens"]]
        left = [
            (-1 if limit is None else limit) - taken[at] - sum(each[at] for each in self.held.values())
            for at, limit in enumerate(limits)
        ]
        fits = all(limit is None or amounts[at] <= left[at] for at, limit in enumerate(limits))
        if fits:
            self.held[id] = amounts
        return fits, left[0], left[1]

    def settle(self, name: str, id: str, sums: Mapping[str, int]) -> None:
        self._fail()
        if self.held.pop(id, None) is not None:
            self.totals.update(sums)

    def sums(self, name: str) -> Mapping[str, int]:
        self._fail()
        dollars, tokens = (sum(each[at] for each in self.held.values()) for at in (0, 1))
        return {**self.totals, "reserved": dollars, "reserved_tokens": tokens}

    def forget(self, name: str) -> None:
        self.totals.clear()
        self.held.clear()

    def _fail(self) -> None:
        if self.fails:
            raise ConnectionError("nobody listens")
