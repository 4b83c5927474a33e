"""A RateLimit whose store fails: each process keeps to the limit in every period, also across the failure."""

from __future__ import annotations

import random
from typing import Any

import orjson
import pytest
from limit_stores import ANSWER, MODEL

from stepwell import RateLimit
from stepwell.errors import RateLimitError
from stepwell.pipeline.steps.rate_lane import MOMENT
from stepwell.steps import CallModel, Flow, Sleep
from stepwell.testing import ServerAnswer, SimulatedWorld

PER = 60.0


class Quota:
    """A store of one limit, in memory, by the clock of the world; it can fail, before or after it has done its work."""

    def __init__(self, now: Any) -> None:
        self.now = now
        self.sent: dict[str, list[float]] = {}
        self.fails = ""

    def count_attempt(
        self, name: str, id: str, amount: float, *, requests: Any, tokens: Any, per: float, late: float
    ) -> float:
        self._fail("before")
        now = self.now()
        self.sent = {key: each for key, each in self.sent.items() if each[0] + per > now}
        wait = 0.0
        if id not in self.sent:
            times = sorted(at for at, _ in self.sent.values())
            if requests is not None and len(times) >= requests:
                wait = times[len(times) - requests] + per - now
            over = 0 if tokens is None else sum(each for _, each in self.sent.values()) + min(amount, tokens) - tokens
            for at, each in sorted(self.sent.values()):
                if over > 0:
                    over -= each
                    wait = max(wait, at + per - now)
            if wait <= 0:
                self.sent[id] = [now + late, amount]
        self._fail("after")
        return wait

    def correct_attempt(self, name: str, id: str, amount: float) -> None:
        self._fail("before")
        if id in self.sent:
            self.sent[id][1] = amount

    def pause(self, name: str, seconds: float) -> None:
        self._fail("before")

    def read(self, name: str, per: float) -> dict[str, float]:
        return {"requests": len(self.sent)}

    def forget(self, name: str) -> None:
        self.sent.clear()

    def _fail(self, when: str) -> None:
        if self.fails == when:
            raise ConnectionError("nobody listens")


class Processes:
    """Processes that share a store, in virtual time. Each call notes when it was sent, and by which of them."""

    def __init__(self, count: int = 1, seed: int = 1, **limit: Any) -> None:
        self.world = SimulatedWorld(seed, self._answer)
        self.store = Quota(lambda: self.world.now)
        self.limits = [RateLimit(**limit, per=PER, store=self.store) for _ in range(count)]  # type: ignore[arg-type]
        self.sent: list[tuple[float, str]] = []

    def _answer(self, request: Any, chance: Any) -> ServerAnswer:
        self.sent.append((self.world.now, orjson.loads(request.body)["user"]))
        return ServerAnswer(200, {"content-type": "application/json"}, orjson.dumps(ANSWER))

    def call(self, at: float, process: int = 0, **options: Any) -> Flow:
        yield Sleep(at)
        options = {"pipeline": self.limits[process], "user": str(process), "max_tokens": 5, **options}
        return (yield CallModel(MODEL, "hi", options))

    def store_is(self, at: float, fails: str) -> Flow:
        """Let the store fail from then on, before or after it has done its work; "": let it answer again."""
        yield Sleep(at)
        self.store.fails = fails

    def run(self, *flows: Flow) -> list[Any]:
        return self.world.run(self.world.client(api_keys={"openai": "k"}, retries=0), flows)

    def times(self, *processes: int) -> list[float]:
        return [at for at, process in self.sent if int(process) in processes]


def most_in_a_period(times: list[float]) -> int:
    return max(sum(first <= at < first + PER - MOMENT for at in times) for first in times)


@pytest.mark.parametrize("fails", ["before", "after"])
def test_a_process_does_not_send_its_quota_again_when_the_store_fails(fails: str) -> None:
    processes = Processes(requests=5)
    flows = [processes.call(at) for at in (0, 1, 2, 3, 4)]
    replies = processes.run(*flows, processes.store_is(10, fails), *(processes.call(11 + at) for at in range(5)))
    assert most_in_a_period(processes.times(0)) == 5
    assert [round(at) for at in processes.times(0)] == [0, 1, 2, 3, 4, 60, 61, 62, 63, 64]
    warned = [[each.subject for each in reply.warnings] for reply in replies if reply is not None]
    assert warned[:5] == [[]] * 5 and "rate_limit" in warned[5]


def test_tokens_that_were_used_before_the_store_failed_count_as_they_were_reported() -> None:
    processes = Processes(tokens=4000)  # each answer reports 1500, of which a call expects a few
    flows = [processes.call(0), processes.store_is(5, "before"), *(processes.call(10 + at) for at in range(4))]
    processes.run(*flows)
    assert len([at for at in processes.times(0) if at < PER - 1]) == 3


def test_what_was_sent_while_the_store_failed_is_counted_in_it_afterwards() -> None:
    """Another process then does not send the quota again, and what was sent counts from when it was sent."""
    processes = Processes(2, requests=4)
    flows = [processes.store_is(0, "before"), *(processes.call(10 + at) for at in range(3))]
    back = [processes.store_is(20, ""), processes.call(30), *(processes.call(31 + at, 1) for at in range(3))]
    processes.run(*flows, *back)
    assert processes.times(0) == [10, 11, 12, 30]
    assert [round(at) for at in processes.times(1)] == [70, 71, 72]
    assert most_in_a_period(processes.times(0, 1)) <= 4


def test_an_attempt_whose_answer_from_the_store_was_lost_is_counted_once() -> None:
    processes = Processes(2, requests=3)
    processes.run(
        *(processes.store_is(0, "after"), processes.call(1), processes.store_is(2, "")),
        *(processes.call(10), processes.call(11), processes.call(12, 1)),
    )
    assert processes.times(0) == [1, 10, 11] and round(processes.times(1)[0]) == 62
    assert len(processes.store.sent) <= 3


@pytest.mark.parametrize("seed", range(20))
def test_no_period_holds_more_than_the_limit_whenever_the_store_fails(seed: int) -> None:
    chance = random.Random(seed)
    processes = Processes(seed=seed, requests=7)
    flows = [processes.call(chance.uniform(0, 400)) for _ in range(60)]
    at = 0.0
    while at < 400:
        flows += [processes.store_is(at := at + chance.uniform(1, 60), fails) for fails in ("before", "")]
        flows.append(processes.store_is(at := at + chance.uniform(1, 60), "after"))
        flows.append(processes.store_is(at := at + chance.uniform(1, 60), ""))
    assert not [each for each in processes.run(*flows) if isinstance(each, BaseException)]
    assert len(processes.sent) == 60 and most_in_a_period(processes.times(0)) <= 7


def test_what_another_process_sent_before_is_not_known_while_the_store_fails() -> None:
    """Each process keeps to the limit by itself then, as the page says."""
    processes = Processes(2, requests=4)
    early = [processes.call(at, 1) for at in range(4)]
    processes.run(*early, processes.store_is(10, "before"), *(processes.call(11 + at) for at in range(4)))
    assert processes.times(0) == [11, 12, 13, 14]


def test_a_reset_by_another_process_holds_where_the_store_answers() -> None:
    processes = Processes(2, requests=2)

    def reset(at: float) -> Flow:
        yield Sleep(at)
        processes.limits[1].reset(MODEL)

    first = [processes.call(0), processes.call(1)]
    replies = processes.run(*first, reset(5), processes.call(6, timeout=10), processes.call(7, timeout=10))
    assert processes.times(0) == [0, 1, 6, 7] and not [each for each in replies if isinstance(each, BaseException)]


def test_a_reset_forgets_what_was_sent_while_the_store_failed() -> None:
    processes = Processes(requests=2)

    def reset(at: float) -> Flow:
        yield Sleep(at)
        processes.limits[0].reset(MODEL)

    down = [processes.store_is(0, "before"), processes.call(1), processes.call(2), processes.store_is(8, "")]
    processes.run(*down, reset(9), processes.call(10), processes.call(11))
    assert processes.times(0) == [1, 2, 10, 11] and len(processes.store.sent) == 2


def test_a_call_that_would_wait_past_its_timeout_is_refused_at_once_while_the_store_fails() -> None:
    processes = Processes(requests=1)
    flows = [processes.call(0), processes.store_is(1, "before"), processes.call(2), processes.call(9, timeout=5)]
    *_, refused = processes.run(*flows)
    assert isinstance(refused, RateLimitError) and processes.world.now < 200
