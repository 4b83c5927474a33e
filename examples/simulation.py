"""A simulation: which limit of concurrent calls suits a server that refuses calls when it is busy? In virtual time."""

import random
from statistics import median

from stepwell import Reply
from stepwell.steps import CallModel, Flow, Request, Sleep, concurrency
from stepwell.testing import ServerAnswer, SimulatedWorld

BODY = b'{"choices": [{"message": {"content": "hello"}, "finish_reason": "stop"}]}'
CAPACITY = 8


class BusyServer:
    """Answers within two seconds, and refuses what is more than its capacity."""

    def __init__(self) -> None:
        self.busy_until: list[float] = []
        self.refused = 0

    def answer(self, request: Request, chance: random.Random) -> ServerAnswer:
        now = request.world.now()
        self.busy_until = [end for end in self.busy_until if end > now]
        if len(self.busy_until) >= CAPACITY:
            self.refused += 1
            return ServerAnswer(503, {"retry-after": "3"}, b"{}", after=0.1)
        seconds = chance.uniform(0.5, 2.0)
        self.busy_until.append(now + seconds)
        return ServerAnswer(200, {"content-type": "application/json"}, BODY, after=seconds)


def ask(world: SimulatedWorld, number: int, waits: list[float]) -> Flow:
    yield Sleep(number * 0.1)
    began = world.now
    reply = yield CallModel("groq:llama-3.3-70b-versatile", f"Question {number}")
    waits.append(world.now - began)
    return reply


for limit in (2, 8, 32):
    answered, refused, waits = 0, 0, list[float]()
    for seed in range(5):
        server = BusyServer()
        world = SimulatedWorld(seed, server.answer)
        client = world.client(api_keys={"groq": "unused"}, pipeline=concurrency(limit))
        outcomes = world.run(client, [ask(world, number, waits) for number in range(100)])
        answered += sum(isinstance(outcome, Reply) for outcome in outcomes)
        refused += server.refused
    print(f"concurrency({limit:2}): {answered} of 500 answered, {refused} refusals, {median(waits):.1f} s to an answer")
