"""A crowd of calls in virtual time: they share limits, fail, wait, stream, and are cancelled, left or dropped.

`Crowd(seed, size)` lets them run, and keeps what the server and the steps have seen, for the laws of test_crowd.py.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable
from decimal import Decimal
from itertools import chain
from typing import Any

import orjson
from attrs import define, field

from stepwell import Budget, RateLimit, cache, fallback
from stepwell.errors import ConnectError, StreamTruncated
from stepwell.steps import (
    CallModel,
    CallNext,
    Flow,
    Pipeline,
    Request,
    Response,
    Sleep,
    StateKey,
    Step,
    StepGenerator,
    around,
    circuit_breaker,
    concurrency,
    performing,
    race,
)
from stepwell.stores import MemoryStore
from stepwell.testing import ServerAnswer, SimulatedWorld

MODEL, OTHER = "groq:llama-3.3-70b-versatile", "openai:gpt-4.1-mini"
PRICES = {MODEL: (Decimal("0.59"), Decimal("0.79")), OTHER: (Decimal("0.4"), Decimal("1.6"))}
"""US dollars for a million tokens of input, and of output."""
MOST_TOKENS = 100
"""More than any call of a crowd uses, and than what is reserved for it."""
ARRIVED, QUEUED = StateKey("arrived", 0), StateKey("queued", 0)
JSON, EVENTS = {"content-type": "application/json"}, {"content-type": "text/event-stream"}


def label_of(request: Request) -> str:
    """Name the call that a request is made for: the first word of its prompt."""
    return request.context.messages[0].text.split()[0]


@define
class Sent:
    """A request that has reached the server."""

    at: float
    model: str
    label: str
    tokens: int = 0
    """that its answer has used"""


@define
class Server:
    """Answers at random, and counts what it was asked and what it has delivered."""

    world: SimulatedWorld = field(init=False)
    faults: bool = True
    sent: list[Sent] = field(factory=list)
    billed: defaultdict[str, Decimal] = field(factory=lambda: defaultdict(Decimal))
    """US dollars for the answers that have arrived whole, by label"""
    queued: int = 0
    dequeued: defaultdict[str, list[tuple[float, int]]] = field(factory=lambda: defaultdict(list))
    """the requests that RateLimit has let through, by model: the time, and the number by its arrival"""
    pauses: list[tuple[str, float, float]] = field(factory=list)
    """each 429 that has arrived: the model, when, and until when to wait"""
    on_send: Callable[[], object] = lambda: None

    def network(self, request: Request, chance: random.Random) -> ServerAnswer | tuple[float, Exception]:
        self.on_send()
        sent = Sent(self.world.now, str(request.model), label_of(request))
        self.sent.append(sent)
        luck = chance.random() if self.faults else 1.0
        after = chance.random() * 2
        if luck < 0.05:
            return after, ConnectError("refused")
        if luck < 0.11:
            return ServerAnswer(503, {}, b"{}", after)
        if luck < 0.15:
            return ServerAnswer(429, {"retry-after": str(chance.randint(1, 5))}, b"{}", after)
        if luck < 0.17:
            return ServerAnswer(200, JSON, b"", after=1e9)
        read, written = chance.randint(5, 20), chance.randint(1, 10)
        usage = {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written}
        sent.tokens = read + written
        counted = {"x-usage": orjson.dumps(usage).decode()}  # for `_delivers`, which does not believe the reply
        if not request.stream:
            choice = {"message": {"content": "hello"}, "finish_reason": "stop"}
            return ServerAnswer(200, JSON | counted, orjson.dumps({"choices": [choice], "usage": usage}), after)
        pieces = [event({"choices": [{"delta": {"content": f"word{number} "}}]}) for number in range(3)]
        pieces.append(
            event({"choices": [{"delta": {}, "finish_reason": "stop"}], "usage": usage}) + b"data: [DONE]\n\n"
        )
        timed: list[tuple[float, bytes | Exception]] = [(chance.random(), piece) for piece in pieces]
        if luck < 0.22:
            timed[chance.randrange(4)] = (chance.random(), StreamTruncated("cut"))
        elif luck < 0.27:
            timed[0] = (chance.random(), event({"error": {"message": "overloaded", "code": 503}}))
        elif luck < 0.29:
            timed[chance.randrange(4)] = (1e9, b"")
        return ServerAnswer(200, EVENTS | counted, after=after, pieces=timed)

    def watch(self, pipeline: Pipeline) -> Pipeline:
        """Add steps directly around RateLimit, and one that notes what has arrived."""
        queue = around("queues", self._queues)
        return pipeline.before("rate_limit_attempts", queue).append(around("delivers", self._delivers))

    def _queues(self, request: Request, call: CallNext) -> StepGenerator:
        self.queued += 1
        return (yield from call(request.with_state(QUEUED, self.queued)))

    def _delivers(self, request: Request, call: CallNext) -> StepGenerator:
        model, label = str(request.model), label_of(request)
        self.dequeued[model].append((self.world.now, request.get(QUEUED)))
        response: Response = yield from call(request)
        if response.status == 429:
            now = self.world.now
            self.pauses.append((model, now, now + float(response.headers["retry-after"])))
        elif response.status == 200 and response.source is None:
            self._bill(model, label, response.headers["x-usage"])
        elif response.status == 200:
            usage = response.headers["x-usage"]
            response.on_end(lambda reply, error: reply and not error and self._bill(model, label, usage))
        return response

    def _bill(self, model: str, label: str, counted: str) -> None:
        (read, written), usage = PRICES[model], orjson.loads(counted)
        self.billed[label] += (read * usage["prompt_tokens"] + written * usage["completion_tokens"]) / 1_000_000


def event(data: object) -> bytes:
    return b"data: " + orjson.dumps(data) + b"\n\n"


@define
class Gate:
    """What steps directly outside and inside `concurrency` see."""

    limit: int
    world: SimulatedWorld
    arrived: int = 0
    entered: list[tuple[float, int]] = field(factory=list)
    """the time, and the number of the call by its arrival"""
    inside: int = 0
    most: int = 0

    def steps(self) -> list[Step]:
        def outer(request: Request, call: CallNext) -> StepGenerator:
            self.arrived += 1
            return (yield from call(request.with_state(ARRIVED, self.arrived)))

        def inner(request: Request, call: CallNext) -> StepGenerator:
            self.entered.append((self.world.now, request.get(ARRIVED)))
            self.inside += 1
            self.most = max(self.most, self.inside)
            try:
                response: Response = yield from call(request)
            except BaseException:
                self.inside -= 1
                raise
            if response.reply is None:
                return response.on_end(lambda reply, error: self._leave())
            self.inside -= 1
            return response

        return [around("arrives", outer), concurrency(self.limit), around("enters", inner)]

    def _leave(self) -> None:
        self.inside -= 1


def hinted(request: Request, call: CallNext) -> StepGenerator:
    """Ask another model first, as a step of a user's may do."""
    if not label_of(request).startswith("hinted"):
        return (yield from call(request))
    hint = yield CallModel(OTHER, f"hint-for-{label_of(request)} {PADDING}", OPTIONS)
    return (yield from call(request.replace(context=request.context.append(hint.text))))


PADDING = "and some more words, so that what is reserved for this prompt is more than it uses " * 2
OPTIONS = {"max_tokens": 10}


class Crowd:
    """The calls of one seed, once they have ended. `outcomes` are, by label, replies, errors, and None for calls that
    were cancelled, left or dropped."""

    def __init__(self, seed: int, size: int) -> None:
        self.chance = random.Random(seed)
        self.server = Server()
        self.world = self.server.world = SimulatedWorld(seed, self.server.network)
        self.per, self.requests, self.tokens = (
            10.0,
            self.chance.choice([10, 30, 1000]),
            self.chance.choice([1500, 10**6]),
        )
        self.gate = Gate(self.chance.choice([2, 8, 64]), self.world)
        self.budget = Budget(self.chance.choice(["0.005", "10", "10"]))
        self.least_left = self.budget.left
        self.server.on_send = self._watch_budget
        self.began: dict[str, float] = {}
        self.outcomes: dict[str, list[Any]] = defaultdict(list)
        movable: list[Any] = [[fallback(OTHER)], [circuit_breaker(cooldown=5)], self.gate.steps()]
        self.chance.shuffle(movable)
        shared = [
            RateLimit(requests=self.requests, tokens=self.tokens, per=self.per),
            self.budget,
            cache(MemoryStore()),
        ]
        self.chance.shuffle(shared)
        steps = [around("hinted", hinted), *chain(*movable), *shared, self.server.watch]
        self.client = self.world.client(api_keys={"groq": "k", "openai": "k"}, pipeline=steps)
        self._run([self._one(number) for number in range(size)])
        self.trace = list(self.world.trace)

    def _watch_budget(self) -> None:
        self.least_left = min(self.least_left, self.budget.left)

    def _run(self, flows: list[tuple[str, Flow]]) -> None:
        for (label, _), outcome in zip(flows, self.world.run(self.client, (flow for _, flow in flows)), strict=True):
            self.outcomes[label].append(outcome)

    def _one(self, number: int) -> tuple[str, Flow]:
        """Make one call of a kind that chance decides."""
        kind, streamed = self.chance.choice(KINDS), self.chance.random() < 0.5
        label = f"shared{number % 20}" if kind == "shared" else f"{kind}{number}"
        options = OPTIONS if self.chance.random() < 0.5 else {**OPTIONS, "timeout": self.chance.uniform(1, 60)}
        flow = self._read(label, options, kind) if streamed or kind in ("left", "dropped") else whole(label, options)
        if kind == "cancelled":
            flow = race([flow, performing(Sleep(self.chance.expovariate(0.2)))])
        return label, late(self.chance.expovariate(0.1), flow)

    def _read(self, label: str, options: dict[str, Any], kind: str) -> Flow:
        reader = yield CallModel(MODEL, f"{label} {PADDING}", options, stream=True)
        while (chunks := (yield from reader.next())) is not None:
            if any(chunk.type == "text" for chunk in chunks):
                self.began.setdefault(label, self.world.now)
            if kind == "dropped":
                return None
            if kind == "left":
                return (yield from reader.close())
        return reader.whole_reply()

    def second_wave(self) -> int:
        """Let more calls come once all is quiet, and return how many were inside of `concurrency` at once."""
        self.server.faults, self.budget.limit = False, Decimal(1000)
        self._run([("quiet", late(1000.0, whole("quiet", OPTIONS)))])  # closes the circuit
        self.gate.most = 0
        count = 2 * self.gate.limit
        self._run([("wave", late(1000.0, whole(f"wave{number}", OPTIONS))) for number in range(count)])
        return self.gate.most


KINDS = ["plain"] * 6 + ["shared"] * 3 + ["cancelled"] * 3 + ["hinted", "left", "dropped"]


def whole(label: str, options: dict[str, Any]) -> Flow:
    return (yield CallModel(MODEL, f"{label} {PADDING}", options))


def late(seconds: float, flow: Flow) -> Flow:
    yield Sleep(seconds)
    return (yield from flow)
