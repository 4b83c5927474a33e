"""Measure what a call costs beside its transport: `python -m benchmarks.own_cost`.

One line for each client, in µs of CPU: an unstreamed call with two options over a transport without a network, warm,
and after a sleep of half a millisecond in the transport, when other work has had the processor's caches. What the
transport itself costs is taken off. The lowest of several runs counts, since other load only adds.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

import stepwell
from stepwell.pipeline.http.headers import Headers

MODEL = "groq:llama-3.3-70b-versatile"
MESSAGES = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello!"}]
OPTIONS: dict[str, Any] = {"temperature": 0.5, "max_tokens": 100}
BODY = (
    b'{"id":"c1","object":"chat.completion","created":1,"model":"llama-3.3-70b-versatile","choices":[{"index":0,'
    b'"message":{"role":"assistant","content":"Hello! How can I help?"},"logprobs":null,"finish_reason":"stop"}],'
    b'"usage":{"prompt_tokens":21,"completion_tokens":7,"total_tokens":28},"system_fingerprint":"fp_1"}'
)
WAIT, CALLS, RUNS = 0.0005, 300, 9


class Answer:
    """An answer in the shape of httpx's."""

    status_code = 200
    headers = Headers({"content-type": "application/json", "x-request-id": "r1"})
    extensions: dict[str, Any] = {}

    def __init__(self, stream: Any) -> None:
        self.stream = stream

    def close(self) -> None: ...

    async def aclose(self) -> None: ...


async def pieces() -> Any:
    yield BODY


class Instant:
    """A sync client in the shape of httpx's that answers after some seconds."""

    def __init__(self, wait: float) -> None:
        self._wait = wait

    def build_request(self, *args: object, **_: object) -> object:
        return args

    def send(self, request: object, **_: object) -> Answer:
        if self._wait:
            time.sleep(self._wait)
        return Answer([BODY])


class AsyncInstant(Instant):
    """The same for async calls. The sleep blocks: a loop that waits would be measured, too."""

    async def send(self, request: object, **_: object) -> Answer:
        super().send(request)
        return Answer(pieces())

    async def aclose(self) -> None: ...


def cpu(work: Callable[[], object]) -> float:
    """Return the µs of CPU of one call of a function."""
    start = time.process_time()
    for _ in range(CALLS):
        work()
    return (time.process_time() - start) / CALLS * 1e6


async def async_cpu(work: Callable[[], Awaitable[object]]) -> float:
    """Return the µs of CPU of one call of an async function."""
    start = time.process_time()
    for _ in range(CALLS):
        await work()
    return (time.process_time() - start) / CALLS * 1e6


def of_sync_calls(wait: float) -> float:
    """Return the µs of a sync call beside its transport."""
    transport = Instant(wait)
    with stepwell.Client(http=transport, api_keys={"groq": "k"}) as client:

        def call() -> object:
            return client.generate_text(MODEL, MESSAGES, **OPTIONS)

        cpu(call)
        return min(cpu(call) - cpu(lambda: transport.send(None)) for _ in range(RUNS))


async def of_async_calls(wait: float) -> float:
    """Return the µs of an async call beside its transport."""
    transport = AsyncInstant(wait)
    async with stepwell.AsyncClient(http=transport, api_keys={"groq": "k"}) as client:

        async def call() -> object:
            return await client.generate_text(MODEL, MESSAGES, **OPTIONS)

        await async_cpu(call)
        costs = []
        for _ in range(RUNS):
            costs.append(await async_cpu(call) - await async_cpu(lambda: transport.send(None)))
        return min(costs)


if __name__ == "__main__":
    costs = {
        "sync": (of_sync_calls(0), of_sync_calls(WAIT)),
        "async": (asyncio.run(of_async_calls(0)), asyncio.run(of_async_calls(WAIT))),
    }
    if sys.argv[1:] == ["--json"]:
        print(json.dumps(costs))
    else:
        print(f"{'µs of CPU':<10} {'warm':>6} {'cold':>6}")
        for kind, (warm, cold) in costs.items():
            print(f"{kind:<10} {warm:>6.1f} {cold:>6.1f}")
