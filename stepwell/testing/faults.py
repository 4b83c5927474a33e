"""Faults: a transport that does to answers what networks and servers do, where a test says so.

    faults = Faults({2: Cut(100)})                  # the second request's answer is cut after 100 bytes
    client = Client(transport=faults, retries=0)

It is around any other transport, for sync and async clients, and the same plan or seed gives the same faults.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import count
from random import Random
from typing import TYPE_CHECKING, Any, TypeAlias

from attrs import frozen

from ..connect import Wrapper
from ..schemas.errors import ConfigError
from .fault_kinds import Cut, Fault, Garble, Gzip, Refuse, Reset, Split, Status
from .faulty_client import AsyncFaultyClient, FaultyClient

if TYPE_CHECKING:
    from ..connect import AnyHTTPClient, AnyTransport

Planned: TypeAlias = "Fault | Sequence[Fault] | None"
"""The faults of one request: one, several (the first is nearest to the server), or none."""
Plan: TypeAlias = "Fault | Sequence[Planned] | Mapping[int, Planned] | Callable[[int, Random], Planned]"
_MOST_BYTES = 600
"""The place up to which faults by chance happen."""


@frozen
class FaultyRequest:
    """A request that a Faults has seen."""

    number: int
    method: str
    url: str
    """without its query, which may hold a key"""
    faults: tuple[Fault, ...]


class Faults(Wrapper):
    """A transport around another one, which lets faults happen: `Client(transport=Faults({2: Cut(100)}))`.

    plan: a fault for every request; a list with the faults of the first, the second, ... request, None for none (those
        after the last have none); a dict of them by the number of the request, from 1; or a function of that number and
        a random.Random. Retries count as requests. Where one request has several, they are a list: `[Split(3),
        Cut(100)]`.
    over: the transport or HTTP client that answers: what `transport=` and `http=` of a client take.
    seed: decides what is left to chance; the same for the same number of the request, whatever the others do.

    `requests` are those so far, each with its faults. Timeouts are those of the call, so that a test of them sets short
    ones: `Timeouts(idle=0.05)`. Several clients may share it; they are counted together.

    Raises ConfigError for a plan that cannot be read.
    """

    def __init__(self, plan: Plan, *, over: AnyTransport | AnyHTTPClient = None, seed: int = 0) -> None:
        super().__init__(over)
        self._planned = _by_number(plan)
        self._seed = seed
        self._numbers = count(1)
        self.requests: list[FaultyRequest] = []

    def wrap(self, client: Any, *, asynchronous: bool) -> FaultyClient | AsyncFaultyClient:
        """Return a client around the given one, whose answers have these faults."""
        return (AsyncFaultyClient if asynchronous else FaultyClient)(client, self.next, owned=self.http is None)

    def next(self, method: str, url: str) -> tuple[tuple[Fault, ...], Random]:
        """Return the faults of the next request, and the chance that they have."""
        number = next(self._numbers)
        chance = Random(f"{self._seed}:{number}")
        planned = self._planned(number, chance)
        faults = () if planned is None else (planned,) if isinstance(planned, Fault) else tuple(planned)
        for fault in faults:
            _check(fault)
        self.requests.append(FaultyRequest(number, method, url.partition("?")[0], faults))
        return faults, chance


def by_chance(rate: float = 0.3, of: Sequence[Fault] = ()) -> Callable[[int, Random], Planned]:
    """Return a plan that gives this share of the requests one fault: `Faults(by_chance(0.3), seed=7)`.

    rate: from 0 to 1.
    of: the faults to choose from; none: one of any kind that takes no time, in the first 600 bytes.
    """
    if not 0 <= rate <= 1:
        raise ConfigError(f"rate must be from 0 to 1, not {rate!r:.20}")

    def choose(number: int, chance: Random) -> Planned:
        if chance.random() >= rate:
            return None
        return chance.choice(of or _of_any_kind(chance.randrange(_MOST_BYTES), chance))

    return choose


def _of_any_kind(at: int, chance: Random) -> Sequence[Fault]:
    broken = (Cut(at), Cut(at, clean=True), Reset(), Reset(at), Refuse(), Garble(at), Gzip(), Gzip(cut=at))
    return *broken, Split(), Status(chance.choice((429, 500, 502, 503, 529)), retry_after=0)


def _by_number(plan: Plan) -> Callable[[int, Random], Planned]:
    if isinstance(plan, Fault):
        return lambda number, chance: plan
    if isinstance(plan, Mapping):
        for number, planned in plan.items():
            if type(number) is not int or number < 1:
                raise ConfigError(f"a plan has numbers of requests, from 1, not {number!r:.40}")
            _check_all(planned)
        return lambda number, chance: plan.get(number)
    if isinstance(plan, Sequence) and not isinstance(plan, str):
        for planned in plan:
            _check_all(planned)
        return lambda number, chance: plan[number - 1] if number <= len(plan) else None
    if callable(plan):
        return plan
    raise ConfigError(f"a plan of faults cannot be a {type(plan).__name__}", hint="Faults({2: Cut(100)})")


def _check_all(planned: object) -> None:
    for fault in planned if isinstance(planned, list | tuple) else () if planned is None else (planned,):
        _check(fault)


def _check(fault: object) -> None:
    if not isinstance(fault, Fault):
        raise ConfigError(f"a {type(fault).__name__} is not a fault", hint="Cut(100), Status(503), ...")
