"""The scenarios that are measured, and the targets."""

from collections.abc import Iterator
from dataclasses import dataclass

FLOOR, LIMIT = "floor_httpx", "floor_socket"
FAST = "stepwell_fast"
SOCKETS = ("floor_httptools", LIMIT, FAST)
THREADS, STREAMS = 64, 1000
OPEN = ("open_100", "open_1000", "open_10000")


@dataclass(frozen=True)
class Scenario:
    """One thing to measure."""

    name: str
    title: str
    do: str  # call, stream, decode, or the async versions acall, astream
    answer: str  # the name of the server's answer, see server.py
    wire: str = "openai"
    per: int = 1  # events in one run, for a figure per event
    measure: str = "cpu"  # cpu, wall or memory
    messages: int = 1
    tools: int = 0
    tokens: int = 0  # additional words of the first message
    at_once: int = 1
    threads: int = 1
    first_only: bool = False
    fresh: bool = False  # each sample in a process of its own
    growth: str = ""  # what grows
    peers: bool = True  # peers are measured too
    only: tuple[str, ...] = ()  # the subjects that can do it in useful time; (): all
    asked_for: bool = False  # measured only where the command line names it
    tls: bool = False
    weight: int = 1  # its part of the time

    @property
    def runs(self) -> int:
        """How many calls one repetition makes."""
        return self.at_once * self.threads

    def wants(self, subject: str, *, is_peer: bool) -> bool:
        """Return whether a subject is measured in it."""
        return (self.peers or not is_peer) and (not self.only or subject in self.only)


def _calls() -> list[Scenario]:
    return [
        Scenario("call_sync", "call, sync", "call", "call-40"),
        Scenario("call_async", "call, async", "acall", "call-40"),
        Scenario("call_50", "call, async, 50 at once", "acall", "call-40", at_once=50),
        Scenario("call_anthropic", "call, sync, Anthropic", "call", "call-40", "anthropic"),
        Scenario("call_tls", "call, sync, TLS", "call", "call-40", peers=False, tls=True),
        Scenario("call_tls_async", "call, async, TLS", "acall", "call-40", peers=False, tls=True),
    ]


def _events() -> list[Scenario]:
    def events(name: str, title: str, do: str, answer: str, wire: str = "openai", **more) -> Scenario:
        return Scenario(name, f"event, {title}", do, answer, wire, per=int(answer.split("-")[1]), **more)

    return [
        events("event_200_sync", "200 deltas, sync", "stream", "text-200"),
        events("event_sync", "2,000 deltas, sync", "stream", "text-2000"),
        events("event_async", "2,000 deltas, async", "astream", "text-2000"),
        events("event_tls", "2,000 deltas, sync, TLS", "stream", "text-2000", peers=False, tls=True),
        events("event_tls_async", "2,000 deltas, async, TLS", "astream", "text-2000", peers=False, tls=True),
        events("event_tools", "200 tool-call deltas, sync", "stream", "tools-200", tools=1),
        events("event_anthropic_200", "200 deltas, sync, Anthropic", "stream", "text-200", "anthropic"),
        events("event_anthropic", "2,000 deltas, sync, Anthropic", "stream", "text-2000", "anthropic"),
        events("event_anthropic_async", "2,000 deltas, async, Anthropic", "astream", "text-2000", "anthropic"),
        events("paced", "one by one, sync", "stream", "text-500-1x1", peers=False, weight=6),
        events("paced_async", "one by one, async", "astream", "text-500-1x1", peers=False, weight=6),
        Scenario("decode_only", "event, no network", "decode", "text-20000", per=20000),
    ]


def _streams() -> Iterator[Scenario]:
    """Yield scenarios of streams of which all are open at the same time: the second event waits for the last client."""
    for count in (100, STREAMS, 10 * STREAMS):
        yield Scenario(
            f"open_{count}",
            f"{count:,} open streams",
            "astream",
            f"text-40-10x20@{count}",
            measure="memory",
            at_once=count,
            fresh=True,
            peers=False,
            only=SOCKETS if count > STREAMS else (),
            asked_for=count > STREAMS,
        )


def _growth() -> Iterator[Scenario]:
    """Yield scenarios of 1, 10 and 100 times as much of everything that may grow."""
    for times in (1, 10, 100):

        def grown(what: str, count: int, do: str, answer: str, *, times: int = times, **more) -> Scenario:
            return Scenario(f"growth_{what}_{times}", f"{count:,}", do, answer, growth=what, peers=False, **more)

        yield grown("events", 20 * times, "stream", f"text-{20 * times}")
        yield grown("messages", times, "call", "call-40", messages=times)
        yield grown("tools", times, "call", "call-40", tools=times)
        yield grown("tokens of prompt", 100 * times, "call", "call-40", tokens=100 * times)
        yield grown("streams", times, "astream", "text-200", at_once=times)
    for threads in (1, 8, THREADS):
        title = f"{threads:,}"
        yield Scenario(
            f"threads_{threads}", title, "call", "call-40", growth="threads", peers=False, threads=threads, weight=2
        )


SCENARIOS = [
    Scenario("import", "import", "call", "call-40", fresh=True),
    Scenario("first_call", "first call after import", "call", "call-40", fresh=True),
    Scenario("ready", "import and first call together", "call", "call-40", fresh=True),
    *_calls(),
    *_events(),
    Scenario("first_chunk", "time to first chunk", "stream", "text-1-1x20", measure="wall", first_only=True),
    Scenario(
        "streams_100", "100 streams at once", "astream", "text-200-20x10", measure="memory", at_once=100, fresh=True
    ),
    *_streams(),
    *_growth(),
]
BY_NAME = {scenario.name: scenario for scenario in SCENARIOS}


@dataclass(frozen=True)
class Target:
    """A target: `over / under` in one scenario is at most, or at least, `goal`.

    Without `under` it is the figure itself, by `unit`.
    """

    title: str
    scenario: str
    over: str
    under: str
    goal: float
    at_least: bool = False
    measure: str = "cpu"
    unit: float = 1.0
    since: str = ""
    """The scenario with which this one is compared first: the ratio is then that of the two growths, or without `under`
    the growth itself."""

    @property
    def wanted(self) -> str:
        return f"{'≥' if self.at_least else '≤'} {self.goal:g}"


def _of_open_streams(count: int) -> list[Target]:
    name, title = f"open_{count}", f"fast: {count:,} open streams"
    return [
        Target(f"{title}, kB a stream", name, FAST, "", 25, measure="memory", unit=1e3 * count),
        # 1.4 is 10 to the power of 0.15: an exponent of 1.15, which counts as linear in growth.
        Target(f"{title}, CPU a stream over that of a tenth", name, FAST, "", 1.4, since=f"open_{count // 10}"),
    ]


TARGETS = [
    Target("import, CPU, over httpx", "import", "stepwell", FLOOR, 0.8),
    Target("import, MB over bare Python", "import", "stepwell", "", 12, measure="memory", unit=1e6),
    Target("import and first call, CPU, over httpx", "ready", "stepwell", FLOOR, 1.2),
    Target("fast: import and first call, CPU, over httpx", "ready", FAST, FLOOR, 1),
    Target("one call, sync, over the floor", "call_sync", "stepwell", FLOOR, 1.15),
    Target("one call, async, over the floor", "call_async", "stepwell", FLOOR, 1.15),
    Target("one call, 50 at once, over the floor", "call_50", "stepwell", FLOOR, 1.15),
    Target("streamed event, sync, over the floor", "event_sync", "stepwell", FLOOR, 1.2),
    Target("streamed event, async, over the floor", "event_async", "stepwell", FLOOR, 1.2),
    Target("tool-call event, over the floor", "event_tools", "stepwell", FLOOR, 1.2),
    Target("decoding alone, over split + loads", "decode_only", "stepwell", FLOOR, 1.5),
    Target("streamed event, openai SDK over stepwell", "event_sync", "openai", "stepwell", 7, at_least=True),
    Target("streamed event, anthropic SDK over stepwell", "event_anthropic", "anthropic", "stepwell", 2, at_least=True),
    Target("time to first chunk, over the floor", "first_chunk", "stepwell", FLOOR, 1.05, measure="wall"),
    Target("memory of 100 streams, over the floor", "streams_100", "stepwell", FLOOR, 1.2, measure="memory"),
    *(
        Target(f"fast: {title}, over httpx", scenario, FAST, FLOOR, goal)
        for title, scenario, goal in (
            ("one call, sync", "call_sync", 0.32),
            ("one call, async", "call_async", 0.23),
            ("one call, 50 at once", "call_50", 0.09),
            ("one call, sync, TLS", "call_tls", 0.4),
            ("one call, async, TLS", "call_tls_async", 0.4),
            ("streamed event, sync", "event_sync", 0.28),
            ("streamed event, async", "event_async", 0.28),
            ("streamed event, sync, TLS", "event_tls", 0.3),
            ("streamed event, async, TLS", "event_tls_async", 0.3),
            ("tool-call event", "event_tools", 0.33),
        )
    ),
    Target("fast: paced event, sync, over a bare socket", "paced", FAST, LIMIT, 1.25),
    Target("fast: paced event, async, over a bare socket", "paced_async", FAST, LIMIT, 1.25),
    Target("fast: memory of 100 streams, over httpx", "streams_100", FAST, FLOOR, 1, measure="memory"),
    *_of_open_streams(STREAMS),
    *_of_open_streams(10 * STREAMS),
    Target("fast: CPU of 64 threads, over httpx", f"threads_{THREADS}", FAST, FLOOR, 0.32),
    Target(
        "fast: CPU of 64 threads over one, by a bare socket's",
        f"threads_{THREADS}",
        FAST,
        LIMIT,
        1.1,
        since="threads_1",
    ),
    *(
        Target(f"own cost, {kind}, {state}, µs", f"own_cost_{kind}_{state}", "stepwell", "", goal, unit=1e-6)
        for kind in ("sync", "async")
        for state, goal in (("warm", 40), ("cold", 65))
    ),
    Target("installed with what it needs, MiB", "size", "stepwell", "", 10, measure="memory", unit=2**20),
]
