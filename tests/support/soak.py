"""A long run: 200 async streams and 16 threads at once over every transport, while three calls in ten go wrong.

`make soak`, eight minutes by default; `make soak ARGS="--seconds 60"`. The last line has the figures. The exit code is
1 unless no call was lost, answered twice, answered wrongly or failed without a typed error, nothing is left open, and
the Python objects have grown by less than 5 MB since the first minute.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import itertools
import json
import os
import random
import socket
import subprocess
import sys
import threading
import time
import tracemalloc
from collections import Counter
from collections.abc import Iterator
from contextlib import AsyncExitStack, ExitStack, contextmanager
from pathlib import Path
from typing import Any

from attrs import define, field
from soak_server import LOSSLESS, OF_A_CONNECTION, OF_ONE_CALL, OF_THE_CALLER, words

from stepwell import AsyncClient, Client, Timeouts
from stepwell.schemas import errors

MODEL = "openai:m"
TRANSPORTS = ("fast", "httpx")
TASKS, THREADS, FAULTY = 200, 16, 0.3
MOST_GROWTH = 5 * 2**20
SHORTEST = 60.0
"""The seconds of the shortest run whose growth is judged: in a shorter one, modules are imported and pools filled."""
_LONG = 900.0
"""Seconds within which an answer comes that is not lost. On two slow cores a call over httpx may wait two minutes: the
event loop of 200 tasks gets a seventeenth of the interpreter beside 16 threads, and half of its tasks make five calls a
second over httpx, each of which takes some hundred rounds of the loop."""
PATIENT = Timeouts(connect=_LONG, first_event=_LONG, idle=_LONG)
LIMITS = {
    "stall": Timeouts(connect=_LONG, first_event=_LONG, idle=0.5),
    "silence": Timeouts(connect=_LONG, first_event=0.5, idle=_LONG),
    "late": Timeouts(connect=_LONG, first_event=_LONG, idle=_LONG, total=1.5),
}
EXPECTED: dict[str, tuple[type[BaseException], ...]] = {
    **dict.fromkeys(("early end", "half an event", "gzip cut"), (errors.StreamTruncated, errors.DecodeError)),
    **dict.fromkeys(OF_A_CONNECTION, (errors.StreamTruncated,)),
    **dict.fromkeys(("garbled", "no gzip", "unknown encoding", "HTML"), (errors.DecodeError,)),
    "stall": (errors.StreamIdleTimeout,),
    "silence": (errors.FirstEventTimeout,),
    "late": (errors.TotalTimeout,),
    "error event": (errors.Overloaded,),
    "400": (errors.InvalidRequest,),
    "401": (errors.AuthError,),
    "404": (errors.NotFound,),
    "429": (errors.RateLimitError,),
    "500": (errors.ServerError,),
    "503": (errors.Overloaded,),
}
STREAMED_ONLY = {"error event", "garbled", "half an event", "stall", "late", *OF_THE_CALLER}


@define
class Run:
    """The figures of a run. `ends`: when it ends, by the monotonic clock."""

    ends: float
    figures: Counter[str] = field(factory=Counter)
    examples: list[str] = field(factory=list)
    kinds: Counter[str] = field(factory=Counter)
    _numbers: Iterator[int] = field(factory=itertools.count)
    _lock: threading.Lock = field(factory=threading.Lock)

    def over(self) -> bool:
        return time.monotonic() >= self.ends

    def choose(self, chance: random.Random, *, asynchronous: bool) -> tuple[str, str, bool]:
        """Return number, kind and whether to stream, of the next call."""
        kinds = tuple(LOSSLESS)
        if chance.random() < FAULTY:
            kinds = (*OF_ONE_CALL, *OF_A_CONNECTION, *(OF_THE_CALLER if asynchronous else OF_THE_CALLER[1:]))
        kind = chance.choice(kinds)
        with self._lock:
            self.kinds[kind] += 1
            return str(next(self._numbers)), kind, kind in STREAMED_ONLY or chance.random() < 0.7

    def note(self, what: str, example: str = "") -> None:
        with self._lock:
            self.figures[what] += 1
            if example and len(self.examples) < 20:
                self.examples.append(f"{what}: {example}")

    def judge(self, number: str, kind: str, outcome: Any, text: str) -> None:
        """Note what came of a call. `text`: as far as it was read."""
        whole, where = "".join(words(number)), f"{kind} {number}: {outcome!r:.300} {text!r:.100}"
        self.note("calls")
        if not whole.startswith(text):
            self.note("wrong", where)
        elif kind in LOSSLESS:
            if isinstance(outcome, errors.StepwellError):
                self.note("lost", where)
            elif isinstance(outcome, BaseException):
                self.note("untyped", where)
            elif outcome != whole:
                self.note("wrong", where)
        elif kind in OF_THE_CALLER:
            if outcome is not None:
                self.note("untyped", where)
        elif not isinstance(outcome, errors.StepwellError):
            self.note("untyped" if isinstance(outcome, BaseException) else "wrong", where)
        elif type(outcome) not in EXPECTED[kind] or (
            outcome.partial is not None and not whole.startswith(outcome.partial.text)
        ):
            self.note("wrong", where)


def one_call(client: Client, run: Run, chance: random.Random) -> None:
    number, kind, streamed = run.choose(chance, asynchronous=False)
    prompt, timeout = f"{number} {kind}", LIMITS.get(kind, PATIENT)
    text, outcome = "", None
    try:
        if not streamed:
            text = outcome = client.generate_text(MODEL, prompt, timeout=timeout).text
        else:
            stream = client.stream_text(MODEL, prompt, timeout=timeout)
            if kind == "drop":
                text = next(stream.text_deltas())
                del stream
            elif kind == "leave":
                with stream:
                    text = next(stream.text_deltas())
            else:
                for piece in stream.text_deltas():
                    text += piece
                outcome = stream.reply().text
    except Exception as error:
        outcome = error
    run.judge(number, kind, outcome, text)


async def one_acall(client: AsyncClient, run: Run, chance: random.Random) -> None:
    number, kind, streamed = run.choose(chance, asynchronous=True)
    prompt, timeout = f"{number} {kind}", LIMITS.get(kind, PATIENT)
    text, outcome = "", None

    async def read() -> None:
        nonlocal text
        stream = client.stream_text(MODEL, prompt, timeout=timeout)
        async for piece in stream.text_deltas():
            text += piece
            if kind == "cancel":
                task.cancel()

    try:
        if not streamed:
            text = outcome = (await client.generate_text(MODEL, prompt, timeout=timeout)).text
        elif kind == "cancel":
            task = asyncio.create_task(read())
            await asyncio.wait([task])
            outcome = None if task.cancelled() else (task.exception() or "not cancelled")
        else:
            stream = client.stream_text(MODEL, prompt, timeout=timeout)
            if kind in OF_THE_CALLER:
                await stream
                async for piece in stream.text_deltas():
                    text += piece
                    break
                if kind == "leave":
                    await stream.close()
                del stream
            else:
                async for piece in stream.text_deltas():
                    text += piece
                outcome = (await stream.reply()).text
    except Exception as error:
        outcome = error
    run.judge(number, kind, outcome, text)


def settings_of(transport: str, url: str) -> dict[str, Any]:
    return {
        "base_urls": {"openai": url},
        "api_keys": {"openai": "k"},
        "retries": 0,
        "transport": transport,
    }


async def run_tasks(run: Run, url: str, transports: tuple[str, ...]) -> None:
    async with AsyncExitStack() as stack:
        clients = {
            transport: await stack.enter_async_context(AsyncClient(**settings_of(transport, url)))
            for transport in transports
        }

        async def work(at: int) -> None:
            chance, transport = random.Random(at), transports[at % len(transports)]
            while not run.over():
                await one_acall(clients[transport], run, chance)

        await asyncio.gather(*map(work, range(TASKS)))
        gc.collect()
        await asyncio.sleep(0)
    await asyncio.sleep(0.1)
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        run.note("tasks left", repr(task))


def run_threads(run: Run, url: str, transports: tuple[str, ...]) -> None:
    with ExitStack() as stack:
        clients = {transport: stack.enter_context(Client(**settings_of(transport, url))) for transport in transports}

        def work(at: int) -> None:
            chance, transport = random.Random(1000 + at), transports[at % len(transports)]
            while not run.over():
                one_call(clients[transport], run, chance)

        threads = [threading.Thread(target=work, args=(at,)) for at in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


@contextmanager
def server() -> Iterator[tuple[str, Any]]:
    """Start the server; give its address, and a function that returns its figures."""
    program = Path(__file__).with_name("soak_server.py")
    with subprocess.Popen([sys.executable, str(program)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        plain, control = map(int, process.stdout.readline().split())
        with socket.create_connection(("127.0.0.1", control)) as link, link.makefile("rw") as lines:

            def figures() -> dict[str, int]:
                lines.write("\n")
                lines.flush()
                found: dict[str, int] = json.loads(lines.readline())
                return found

            yield f"http://127.0.0.1:{plain}", figures


def open_files() -> int:
    return len(os.listdir("/proc/self/fd" if os.path.exists("/proc/self/fd") else "/dev/fd"))


def watch(run: Run, seconds: float, warm_up: float) -> None:
    """Measure the Python objects after the warm-up and at the end, between two runs of the garbage collector."""
    time.sleep(warm_up)
    gc.collect()
    before = tracemalloc.get_traced_memory()[0]
    time.sleep(max(0.0, run.ends - time.monotonic() - 0.5))
    gc.collect()
    run.figures["grown by"] = tracemalloc.get_traced_memory()[0] - before


def soak(seconds: float, transports: tuple[str, ...] = TRANSPORTS) -> Run:
    """Run for that long, and return the figures."""
    warm_up = min(60.0, seconds / 3)
    with server() as (url, figures):
        tracemalloc.start()
        files, threads = open_files(), threading.active_count()
        run = Run(time.monotonic() + seconds)
        watcher = threading.Thread(target=watch, args=(run, seconds, warm_up))
        sync = threading.Thread(target=run_threads, args=(run, url, transports))
        for thread in (watcher, sync):
            thread.start()
        asyncio.run(run_tasks(run, url, transports))
        for thread in (watcher, sync):
            thread.join()
        gc.collect()
        tracemalloc.stop()
        deadline = time.monotonic() + 10
        while figures()["open"] and time.monotonic() < deadline:
            time.sleep(0.05)
        seen = figures()
        run.figures["connections left"] = seen["open"]
        run.figures["duplicated"] = seen["twice"]
        run.figures["lost"] += run.kinds.total() - run.figures["calls"]
        run.figures["threads left"] = threading.active_count() - threads
        run.figures["files left"] = open_files() - files
    return run


BAD = (
    *("lost", "duplicated", "wrong", "untyped"),
    *("connections left", "tasks left", "threads left", "files left"),
)


def faults_of(run: Run, seconds: float) -> list[str]:
    """Return the figures that are not as they must be."""
    found = [name for name in BAD if run.figures[name]]
    return found + (["grown by"] if run.figures["grown by"] >= MOST_GROWTH and seconds >= SHORTEST else [])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=480.0, help="how long (default: 480)")
    parser.add_argument("--transports", default=",".join(TRANSPORTS), help="which, with commas (default: all)")
    options = parser.parse_args()
    run = soak(options.seconds, tuple(options.transports.split(",")))
    for example in run.examples:
        print(example)
    for kind, count in sorted(run.kinds.items()):
        print(f"{count:>9,} {kind}")
    faults = sum(count for kind, count in run.kinds.items() if kind not in LOSSLESS)
    figures = ", ".join(f"{name} {run.figures[name]:,}" for name in BAD)
    print(
        f"{run.figures['calls']:,} calls, {faults:,} of them with one of {len(run.kinds) - len(LOSSLESS)} faults, over "
        f"{options.transports}: {figures}, objects grown by {run.figures['grown by'] / 2**20:.2f} MB"
    )
    return 1 if faults_of(run, options.seconds) else 0


if __name__ == "__main__":
    raise SystemExit(main())
