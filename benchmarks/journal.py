"""What a journal adds to each effect, in microseconds: `python -m benchmarks.journal`.

Flows run over a transport that answers at once. The time of a run without the journal is taken off one with it, and
divided by the effects: a call is one (a request, and the times that its steps take), a tool or a function one.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import httpx

from stepwell import Client
from stepwell.steps import CallModel, Flow, Run

MODEL = "openai:gpt-4.1"
BODY = (
    b'{"id": "c", "object": "chat.completion", "model": "gpt-4.1", "choices": [{"index": 0, "finish_reason": "stop", '
    b'"message": {"role": "assistant", "content": "%s"}}], "usage": {"prompt_tokens": 9, "completion_tokens": 9}}'
) % (b"word " * 100)
HEADERS = {"content-type": "application/json", **{f"x-header-{at}": "value" for at in range(15)}}
EFFECTS, ROUNDS = 300, 15


class Answered(httpx.BaseTransport):
    """A transport that answers each request at once."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, headers=HEADERS, content=BODY)


def calls() -> Flow:
    """Make calls one after another."""
    for at in range(EFFECTS):
        yield CallModel(MODEL, f"question {at} " * 20, {"wire": "openai_chat"})


def functions() -> Flow:
    """Run functions one after another."""
    for _ in range(EFFECTS):
        yield Run(lambda: {"found": [1, 2, 3], "text": "word " * 20}, name="a tool")


def microseconds(client: Client, flow: Callable[[], Flow], job: str | None) -> float:
    """Return the CPU time of one effect."""
    began = time.process_time()
    client.run_workflow(flow(), job=job)
    return (time.process_time() - began) / EFFECTS * 1e6


def measured(flow: Callable[[], Flow], **settings: Any) -> tuple[float, float, float]:
    """Return what an effect takes without a journal, what recording adds, and what it takes to give it again."""
    plain, recorded, again = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        settings["journal"] = Path(folder) / "work.sqlite"
        with Client(transport=Answered(), api_keys={"openai": "k"}, **settings) as client:
            client.run_workflow(flow(), job="warm up")
            for turn in range(ROUNDS):
                plain.append(microseconds(client, flow, None))
                recorded.append(microseconds(client, flow, f"job {turn}"))
                again.append(microseconds(client, flow, f"job {turn}"))
    return median(plain), median(recorded) - median(plain), median(again)


def main() -> None:
    """Print a line for each kind of effect."""
    for name, flow in (("a call", calls), ("a function", functions)):
        plain, added, again = measured(flow)
        print(f"{name:<12} {plain:6.1f} µs plain, {added:5.1f} µs more to record it, {again:6.1f} µs to give it again")
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "work.sqlite"
        with Client(transport=Answered(), api_keys={"openai": "k"}, journal=path, durable="power") as client:
            client.run_workflow(functions(), job="power")
    took = (time.perf_counter() - began) / EFFECTS / 2 * 1e6
    print(f'durable="power": {took:,.0f} µs for each record on this disk; an effect has two')


if __name__ == "__main__":
    main()
