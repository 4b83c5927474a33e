"""The child's side of the harness: every subject imports this first, then hands its functions to `serve`.

Run as `python subjects/openai_.py openai`: the modules named on the command line are imported here, under the clock and
before anything else, so that what importing it costs is known. That is why nothing heavier than `time` is imported at
the top, and asyncio only when it is needed: a first call must find nothing that was loaded for it. Then one JSON job a
line comes in on stdin, and one JSON result a line goes out on stdout.
"""

import os
import sys
import time

PAGE = os.sysconf("SC_PAGE_SIZE")


def resident() -> int:
    """Bytes of memory this process holds now; 0 where there is no /proc."""
    try:
        with open("/proc/self/statm", "rb") as file:
            return int(file.read().split()[1]) * PAGE
    except OSError:
        return 0


def forget_peak() -> None:
    """Reset the peak. Without Linux's /proc it remains that of the whole life of the process."""
    try:
        with open("/proc/self/clear_refs", "wb") as file:
            file.write(b"5")
    except OSError:
        pass


def peak() -> int:
    """Return the peak of this process's memory since `forget_peak`, in bytes; 0 where there is no /proc."""
    try:
        with open("/proc/self/status", "rb") as file:
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith(b"VmHWM"))
    except (OSError, StopIteration):
        return 0


def timed_import(modules: list[str]) -> dict:
    """Measure the import of `modules` into this bare process: CPU seconds, wall seconds, bytes of memory."""
    memory, wall, cpu = resident(), time.perf_counter(), time.process_time()
    for module in modules:
        __import__(module)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    return {"cpu": cpu, "wall": wall, "memory": resident() - memory}


IMPORTED = timed_import(sys.argv[1:])

import json  # noqa: E402 - only now that the clock has stopped


class Task:
    """One job, as the subject's functions see it. `prepare` may add the subject's own types to it, unmeasured.

    url: the provider's URL, without a version.
    wire: "openai" or "anthropic".
    messages: dicts of role and content.
    tools: OpenAI function definitions.
    data: the bytes to decode without a network.
    first_only: whether only the time to the first text is measured.
    first_at: when the first text came.
    """

    def __init__(self, job: dict) -> None:
        self.url: str = job["url"]
        self.wire: str = job["wire"]
        self.messages: list[dict] = job["messages"]
        self.tools: list[dict] = job["tools"]
        self.first_only: bool = job["first_only"]
        self.first_at = 0.0
        self.data = b""
        if job["file"]:
            with open(job["file"], "rb") as file:
                self.data = file.read()


def drain(chunks, characters, task: Task) -> int:
    """Read a stream as a user would; return the sum of `characters` of each chunk."""
    total, waiting = 0, task.first_only
    for chunk in chunks:
        total += characters(chunk)
        if waiting and total:
            task.first_at, waiting = time.perf_counter(), False
    return total


async def adrain(chunks, characters, task: Task) -> int:
    """Async version of `drain`."""
    total, waiting = 0, task.first_only
    async for chunk in chunks:
        total += characters(chunk)
        if waiting and total:
            task.first_at, waiting = time.perf_counter(), False
    return total


def serve(*, packages, wires=("openai",), prepare=None, **functions) -> None:
    """Run jobs until stdin ends.

    packages: the packages whose versions are reported.
    wires: the wires that the subject supports.
    prepare: called with each Task before the measurement.
    functions: what the subject can do: call, stream, decode (plain functions), acall, astream (coroutines). Each takes
        a Task and returns how many characters it read.
    """
    out = os.fdopen(os.dup(1), "w")
    sys.stdout = sys.stderr  # what a library prints must not get between the results

    def report(result: dict) -> None:
        print(json.dumps(result), file=out, flush=True)

    report({"imported": IMPORTED, "can": sorted(functions), "wires": wires})
    run = Measurement(functions)
    for line in sys.stdin:
        job = json.loads(line)
        try:
            if job["do"] == "versions":
                report(_versions(packages))
                continue
            task = Task(job)
            if prepare:
                prepare(task)
            report(run.measure(task, job))
        except Exception as error:
            report({"error": f"{type(error).__name__}: {str(error)[:300]}"})
    os._exit(0)  # without waiting for open pools and background threads


def _versions(packages: list[str]) -> dict[str, str]:
    from importlib.metadata import version  # heavy, and not part of any measurement

    return {package: version(package) for package in packages}


class Measurement:
    """A measurement of a subject's functions; all coroutines run on one event loop."""

    def __init__(self, functions: dict) -> None:
        self.functions = functions
        self.runner = None

    def measure(self, task: Task, job: dict) -> dict:
        """Return CPU and wall seconds of one run of the function, and the peak of memory above that at the start."""
        repeat, at_once, threads = job["repeat"], job["at_once"], job["threads"]
        if job["warm"]:  # since the last turn, connections were idle and other subjects filled the processor's caches
            self._run(task, job["do"], max(1, repeat // 4), at_once, threads)
        forget_peak()
        memory, wall, cpu = resident(), time.perf_counter(), time.process_time()
        characters, waited = self._run(task, job["do"], repeat, at_once, threads)
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        runs = repeat * at_once * threads
        if characters != job["characters"] * runs:
            raise ValueError(f"read {characters} characters where {job['characters'] * runs} were sent")
        wall = waited if task.first_only else wall
        return {"cpu": cpu / runs, "wall": wall / runs, "memory": max(0, peak() - memory)}

    def _run(self, task: Task, do: str, repeat: int, at_once: int, threads: int) -> tuple[int, float]:
        """Return the characters read, and with `first_only` the seconds from each call to its first text."""
        function = self.functions[do]
        if do.startswith("a"):
            return self._loop().run(_repeat_async(function, task, repeat, at_once)), 0.0
        if threads > 1:
            return _repeat_in_threads(function, task, repeat, threads), 0.0
        if not task.first_only:
            return sum(function(task) for _ in range(repeat)), 0.0
        characters, waited = 0, 0.0
        for _ in range(repeat):
            started = time.perf_counter()
            characters += function(task)
            waited += task.first_at - started
        return characters, waited

    def _loop(self):
        if self.runner is None:
            import asyncio  # late, so that the measurement of a first sync call includes what it imports

            self.runner = asyncio.Runner()
        return self.runner


def _repeat_in_threads(function, task: Task, repeat: int, threads: int) -> int:
    from concurrent.futures import ThreadPoolExecutor  # late, as asyncio is

    with ThreadPoolExecutor(threads) as pool:
        return sum(pool.map(lambda _: sum(function(task) for _ in range(repeat)), range(threads)))


async def _repeat_async(function, task: Task, repeat: int, at_once: int) -> int:
    import asyncio  # loaded by now

    if at_once == 1:
        return sum([await function(task) for _ in range(repeat)])
    return sum([sum(await asyncio.gather(*(function(task) for _ in range(at_once)))) for _ in range(repeat)])
