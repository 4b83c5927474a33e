"""Maps to test: over a fake model, and in virtual time over a server whose state at each request is kept."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from attrs import define, field

import stepwell
from stepwell.pipeline.http.request import Request
from stepwell.testing import FakeModel, ServerAnswer, SimulatedWorld
from stepwell.workflows.map.begin import job_of
from stepwell.workflows.map.result import MapResult
from stepwell.workflows.map.summary import MapSummary

FAKE, MODEL = "fake:m", "groq:any"
PROMPT = "Answer {item}"
Mapped = Callable[..., MapSummary]


def echo(request: Any) -> str:
    return str(request.context.messages[-1].text).upper()


def map_sync(fake: FakeModel, items: Any, **settings: Any) -> MapSummary:
    with stepwell.Client(registry=fake.registry, retries=0) as client:
        return client.map(items, **{"model": FAKE, **settings}).run()


def map_async(fake: FakeModel, items: Any, **settings: Any) -> MapSummary:
    async def main() -> MapSummary:
        async with stepwell.AsyncClient(registry=fake.registry, retries=0) as client:
            return await client.map(items, **{"model": FAKE, **settings}).run()

    return asyncio.run(main())


def read_sync(fake: FakeModel, items: Any, **settings: Any) -> list[MapResult]:
    with stepwell.Client(registry=fake.registry, retries=0) as client:
        return list(client.map(items, **{"model": FAKE, **settings}))


def read_async(fake: FakeModel, items: Any, **settings: Any) -> list[MapResult]:
    async def main() -> list[MapResult]:
        async with stepwell.AsyncClient(registry=fake.registry, retries=0) as client:
            return [each async for each in client.map(items, **{"model": FAKE, **settings})]

    return asyncio.run(main())


def rows(path: Path) -> list[dict[str, Any]]:
    """Return the lines of a file of results; each must be whole."""
    text = path.read_text() if path.exists() else ""
    assert not text or text.endswith("\n")
    return [json.loads(line) for line in text.splitlines()]


def answer_of(said: str, after: float = 0.0) -> ServerAnswer:
    message = {"role": "assistant", "content": f"re: {said}"}
    usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
    body = {"id": "c", "model": "any", "choices": [{"message": message, "finish_reason": "stop"}], "usage": usage}
    return ServerAnswer(body=json.dumps(body).encode(), after=after)


@define
class Server:
    """A simulated server that answers after a random time, and counts what is in flight."""

    at_request: Callable[[str], object] = lambda said: None
    seconds: Callable[[str, random.Random], float] = lambda said, chance: chance.uniform(0.0, 2.0)
    sent: list[str] = field(factory=list)
    ends: list[float] = field(factory=list)
    most: int = 0
    world: Any = None

    def __call__(self, request: Request, chance: random.Random) -> ServerAnswer:
        said = json.loads(request.body)["messages"][-1]["content"].removeprefix("Answer ")
        self.sent.append(said)
        self.at_request(said)
        after = self.seconds(said, chance)
        self.ends = [end for end in self.ends if end > self.world.now] + [self.world.now + after]
        self.most = max(self.most, len(self.ends))
        return answer_of(said, after)


def simulated(seed: int, server: Server, items: Iterable[object], out: Path | None, **settings: Any) -> MapSummary:
    """Run a map in virtual time. Raises what it raises."""
    world = SimulatedWorld(seed=seed, network=server)
    server.world = world
    client = world.client(api_keys={"groq": "k"}, retries=0, pipeline=settings.pop("pipeline", None))
    given: dict[str, Any] = {
        "prompt": PROMPT, "schema": None, "tools": None, "max_repairs": 1, "key": None, "workers": 4,
        "retry_failed": False, "errors": "keep", "order": "kept", "progress": False, "options": {}, **settings,
    }  # fmt: skip
    job = job_of(client.planner, items, model=MODEL, out=out, **given)
    (result,) = world.run(client, [job.flow()])
    if isinstance(result, BaseException):
        raise result
    return result
