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


@define
class BatchServer:
    """A simulated service of batches, as OpenAI's is: each is answered after an hour. `broken` are refused."""

    at_request: Callable[[str], object] = lambda said: None
    broken: set[str] = field(factory=set)
    files: list[list[dict[str, Any]]] = field(factory=list)
    created: list[float] = field(factory=list)
    submitted: list[int] = field(factory=list)
    """The file of each batch."""
    sent: list[str] = field(factory=list)
    world: Any = None

    def __call__(self, request: Request, chance: random.Random) -> ServerAnswer:
        path = request.url.partition("/v1")[2]
        self.at_request(f"{request.method} {path}")
        number = int("".join(filter(str.isdigit, path)) or 0)
        if path == "/files":
            lines = bytes(request.body).split(b"\r\n\r\n")[2].split(b"\r\n--")[0].splitlines()
            self.files.append([json.loads(line) for line in lines])
            return self._json({"id": f"file_{len(self.files) - 1}"})
        if path == "/batches":
            self.created.append(self.world.now)
            self.submitted.append(int(json.loads(request.body)["input_file_id"].removeprefix("file_")))
            self.sent += [self._said(line) for line in self.files[self.submitted[-1]]]
            return self._json(self._state(len(self.created) - 1))
        if path.startswith("/batches/"):
            return self._json(self._state(number))
        return ServerAnswer(
            body=b"\n".join(json.dumps(self._answer(line)).encode() for line in self.files[self.submitted[number]])
        )

    def _state(self, place: int) -> dict[str, Any]:
        over = self.world.now >= self.created[place] + 3600
        ready = {"output_file_id": f"out_{place}"} if over else {}
        return {"id": f"batch_{place}", "status": "completed" if over else "in_progress", **ready}

    def _answer(self, line: dict[str, Any]) -> dict[str, Any]:
        said = self._said(line)
        refused = {"status_code": 400, "body": {"error": {"message": "no", "code": "bad"}}}
        good = {"status_code": 200, "body": json.loads(answer_of(said).body)}
        return {"custom_id": line["custom_id"], "response": refused if said in self.broken else good}

    @staticmethod
    def _said(line: dict[str, Any]) -> str:
        return str(line["body"]["messages"][-1]["content"]).removeprefix("Answer ")

    @staticmethod
    def _json(value: object) -> ServerAnswer:
        return ServerAnswer(body=json.dumps(value).encode())


def simulated(seed: int, server: Any, items: Iterable[object], out: Path | None, **settings: Any) -> MapSummary:
    """Run a map in virtual time. Raises what it raises."""
    world = SimulatedWorld(seed=seed, network=server)
    server.world = world
    client = world.client(
        api_keys={"groq": "k", "openai": "k"},
        retries=settings.pop("retries", 0),
        pipeline=settings.pop("pipeline", None),
    )
    given: dict[str, Any] = {
        "prompt": PROMPT, "schema": None, "tools": None, "max_repairs": 1, "key": None, "workers": 4,
        "retry_failed": False, "errors": "keep", "order": "kept", "progress": False, "mode": "live", "within": "24h",
        "journal": None, "options": {}, **settings,
    }  # fmt: skip
    emits = given.pop("emits", False)
    job = job_of(client.planner, items, out=out, **{"model": MODEL, **given})
    job.results.emits = emits
    (result,) = world.run(client, [job.flow()])
    if isinstance(result, BaseException):
        raise result
    return result
