"""Random workflows as jobs in virtual time, and a process that is killed at any of their records.

`Story(seed)` is a workflow of calls, streams, gathers, races, tools, sleeps, failures and chance, with the server that
it asks. `Story.run(killed_at)` runs it as one process would, and ends with the kill or with the result.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Generator, Sequence
from hashlib import sha256
from typing import Any

import orjson

from stepwell.errors import ConnectError, StepwellError
from stepwell.pipeline.journal.flow import JobFlow
from stepwell.pipeline.journal.job import Job
from stepwell.pipeline.journal.records import Path, Record, by_flow
from stepwell.pipeline.journal.world import journalled_world
from stepwell.pipeline.tasks import gather, performing, race
from stepwell.steps import CallModel, Cancelled, Emit, Flow, Request, Run, Sleep
from stepwell.testing import ServerAnswer, SimulatedWorld

from loopback import completion

MODEL = "openai:gpt-4.1"
JSON, EVENTS = {"content-type": "application/json"}, {"content-type": "text/event-stream"}
CHAT = {"wire": "openai_chat", "retries": 2}


class Killed(BaseException):
    """The end of the process."""


class Memory:
    """The records of a job, as the disk would have them."""

    job, part = "a job", ""

    def __init__(self) -> None:
        self.kept: list[tuple[str, Path, int, bytes, bytes]] = []
        self.writes = 0
        self.killed_at: int | None = None

    @property
    def dead(self) -> bool:
        return self.killed_at is not None and self.writes >= self.killed_at

    def records(self) -> Sequence[Record]:
        """Return records as they are read from the disk, each time anew."""
        return [(kind, path, number, orjson.loads(data), body) for kind, path, number, data, body in self.kept]

    def write(self, records: list[Record]) -> None:
        """Keep records. Raises Killed at the write that is never made."""
        if self.dead:
            raise Killed
        self.writes += 1
        if self.dead:
            raise Killed
        for kind, path, number, data, body in records:
            self.kept.append((kind, path, number, orjson.dumps(data), body))

    def in_flight(self) -> int:
        """Count the requests and functions that have begun, and have no result."""
        return sum(not entry.whole for known in by_flow(self.records()).values() for entry in known.entries.values())


def digest(*values: object) -> str:
    return sha256(repr(values).encode()).hexdigest()[:8]


class Story:
    """A workflow that a seed decides.

    chance: whether it may take random values and race.
    """

    def __init__(self, seed: int, *, chance: bool = True) -> None:
        plan = random.Random(seed)
        self._chance = chance
        self._plan = self._block(plan, 3)
        self.memory = Memory()
        self.asked: Counter[str] = Counter()
        """how often the server was asked, by question"""
        self.answered: Counter[str] = Counter()
        self.ran: Counter[str] = Counter()
        """how often each tool has run"""
        self.seconds = 0.0

    def _block(self, plan: random.Random, depth: int) -> list[Any]:
        kinds = ["call", "call", "tool", "sleep", "failing", "stream", "half"] + ["chance"] * self._chance
        inner = ["gather"] + ["race"] * self._chance
        block = []
        for _ in range(plan.randint(1, 3 if depth < 3 else 4)):
            kind = plan.choice(kinds + inner * 2 if depth else kinds)
            branches = [self._block(plan, depth - 1) for _ in range(plan.randint(2, 3))] if kind in inner else []
            block.append((kind, branches, plan.choice([None, None, 1, 2])))
        return block

    def flow(self, world: Any) -> Flow:
        """Return the whole workflow; `world` is the client's."""
        return self._run(self._plan, "story", world)

    def _run(self, block: list[Any], said: str, world: Any) -> Generator[Any, Any, str]:
        for kind, branches, limit in block:
            said = digest(said, kind, (yield from self._act(kind, branches, limit, said, world)))
        return said

    def _act(self, kind: str, branches: list[Any], limit: int | None, said: str, world: Any) -> Flow:
        if kind == "gather":
            flows = [self._run(each, f"{said}/{at}", world) for at, each in enumerate(branches)]
            return (yield from gather(flows, limit))
        if kind == "race":
            return (yield from race(self._run(each, f"{said}/{at}", world) for at, each in enumerate(branches)))
        if kind == "chance":
            return world.random(), world.new_id(), world.time(), (yield Run(world.random, name="a die"))
        if kind == "sleep":
            yield Sleep(len(said) % 3)
            return None
        if kind == "tool":
            return (yield Run(lambda: self._tool(said), name="a tool"))
        if kind == "failing":
            try:
                return (yield CallModel(MODEL, f"fail {said}", CHAT)).text
            except StepwellError as error:
                return type(error).__name__, str(error)
        if kind == "call":
            return (yield CallModel(MODEL, f"call {said}", CHAT)).text
        reader = yield CallModel(MODEL, f"stream {said}", CHAT, stream=True)
        try:
            read = []
            while (chunks := (yield from reader.next())) is not None:
                read += [chunk.text for chunk in chunks if chunk.type == "text_delta"]
                yield Emit(chunks)
                if kind == "half" and len(read) > 1:
                    break
        except Cancelled:
            yield from reader.close()
            raise
        yield from reader.close()
        return "".join(read)

    def _tool(self, said: str) -> list[Any]:
        if self.memory.dead:
            raise Killed
        self.ran[said] += 1
        return [said, 1.5, None, (b"bytes", {"a": 1})]

    def _network(self, request: Request, chance: random.Random) -> Any:
        """Answer by the question alone, so that each run has the same answers; one in four is an error at first."""
        if self.memory.dead:
            return 0.0, ConnectError("the process has ended")
        question = request.context.messages[-1].text
        self.asked[question] += 1
        seconds = int(digest(question)[:3], 16) / 1000
        if question.startswith("fail"):
            return (seconds, ConnectError("no route")) if digest(question)[0] < "8" else ServerAnswer(400, JSON, b"{}")
        if self.asked[question] == 1 and digest(question)[1] < "4":
            return ServerAnswer(503, {**JSON, "retry-after": "1"}, b"{}", seconds)
        self.answered[question] += 1
        if not request.stream:
            return ServerAnswer(200, JSON, completion(digest("answer", question)), seconds)
        words = [digest(question, at) for at in range(4)]
        return ServerAnswer(200, EVENTS, pieces=[*[(0.1, _event(word)) for word in words], (0.1, _event(None))])

    def run(self, killed_at: int | None = None, *, seed: int = 0) -> Any:
        """Run the job in a new process, and return its result; None if it is killed at that write.

        seed: decides the order of what happens at one moment, and what is random.
        """
        memory = self.memory
        memory.writes, memory.killed_at = 0, killed_at
        simulated = SimulatedWorld(seed, self._network)
        simulated.now = self.seconds
        client = simulated.client(api_keys={"openai": "k"})
        world = client.planner.world = journalled_world(simulated.world)
        job = Job(memory, memory.records(), client.planner.flow_of, simulated.world)
        (result,) = simulated.run(client, [JobFlow(job).run(self.flow(world))])
        self.seconds = simulated.now + 1.0
        if memory.dead:
            return None
        if isinstance(result, BaseException):
            raise result
        return result


def _event(word: str | None) -> bytes:
    choice = {"index": 0, "delta": {"content": word} if word else {}, "finish_reason": None if word else "stop"}
    chunk = {"id": "c", "object": "chat.completion.chunk", "model": "gpt-4.1", "choices": [choice]}
    return b"data: " + orjson.dumps(chunk) + b"\n\n" + (b"" if word else b"data: [DONE]\n\n")


__all__ = ["Killed", "Memory", "Story", "performing"]
