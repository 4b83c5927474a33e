"""Measure stepwell against the floor and against its peers: `make bench`, or `python -m benchmarks.run --help`.

Subjects run in processes of their own and take turns, round by round, so that other load on the machine affects all of
them; the report has ratios of the lowest times of all rounds. All talk to a server on the loopback, and every loop is
bounded in count and in time.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import against, commands
from benchmarks.children import Child, Jobs, Server, Unavailable, allow_files
from benchmarks.peers import ROOT, Subject, choose, make_environment
from benchmarks.report import write_report
from benchmarks.results import Results
from benchmarks.scenarios import BY_NAME, SCENARIOS, Scenario

MOST_REPEATS = 2000
LONG = 2.0
"""Seconds of a run in a new process after which one is enough: a thousand streams over plain httpx."""
PARTS = ("scenarios", *commands.COMMANDS)


class Run:
    """One run over the subjects.

    jobs: makes the jobs of scenarios.
    subjects: what to measure.
    seconds: about how long it takes in all.
    rounds: rounds of each scenario.
    complete: whether to measure every round of every subject, even if that takes longer.
    """

    def __init__(
        self, jobs: Jobs, subjects: list[Subject], *, seconds: float, rounds: int, complete: bool = False
    ) -> None:
        self.jobs, self.rounds, self.complete = jobs, rounds, complete
        self.subjects = subjects
        self.deadline = time.monotonic() + seconds
        self.results = Results()
        self.children: list[Child] = []

    def measure(self, scenarios: list[Scenario]) -> Results:
        """Measure these scenarios. A subject that fails is reported and left out."""
        fresh = [scenario for scenario in scenarios if scenario.fresh]
        if fresh:
            self._measure_fresh(fresh)
        try:
            self._start()
            steady = [scenario for scenario in scenarios if not scenario.fresh]
            pairs = [(s, child) for s in steady for child in self.children if self._wants(child, s)]
            for at, scenario in enumerate(steady):
                left = sum(s.weight for s, _ in pairs if steady.index(s) >= at)
                report(f"{at + 1}/{len(steady)} {scenario.title}")
                share = max(0.02, scenario.weight * (self.deadline - time.monotonic()) / max(1, left))
                self._measure_steady(scenario, [child for s, child in pairs if s is scenario], share)
        finally:
            for child in self.children:
                child.close()
        return self.results

    def _wants(self, child: Child, scenario: Scenario) -> bool:
        return child.can(scenario) and scenario.wants(child.subject.name, is_peer=child.subject.is_peer)

    def _start(self) -> None:
        for subject in self.subjects:
            if subject.name in self.results.unavailable:
                continue
            try:
                child = Child(subject)
            except Unavailable as error:
                self.results.unavailable[subject.name] = str(error)
                continue
            self.children.append(child)
            self.results.versions[subject.name] = child.ask({"do": "versions"})

    def _measure_fresh(self, wanted: list[Scenario]) -> None:
        """Measure what needs a new process each time: import, first call, the memory of many streams."""
        half = time.monotonic() + (self.deadline - time.monotonic()) * 0.5
        slow: dict[str, float] = {}
        once: set[tuple[str, str]] = set()
        rounds = self.rounds if self.complete else min(5, self.rounds)
        for number in range(-1, rounds):  # round -1 writes byte code and warms the disk, and is not counted
            for subject in self.subjects[:: -1 if number % 2 else 1]:
                late = not self.complete and time.monotonic() + slow.get(subject.name, 0) > half
                if subject.name in self.results.unavailable or (late and number > 0):
                    continue
                report(f"new process: {subject.name}")
                started = time.monotonic()
                due = wanted if number >= 0 else [BY_NAME["import"]]
                due = [scenario for scenario in due if (scenario.name, subject.name) not in once]
                try:
                    samples = self._fresh_samples(subject, due)
                except Unavailable as error:
                    self.results.unavailable[subject.name] = str(error)
                    continue
                slow[subject.name] = time.monotonic() - started
                for name, sample in samples.items():
                    if number >= 0:
                        self.results.add(name, subject.name, number, sample)
                    if sample.get("wall", 0) * BY_NAME[name].runs > LONG:
                        once.add((name, subject.name))

    def _fresh_samples(self, subject: Subject, wanted: list[Scenario]) -> dict[str, dict]:
        names = {scenario.name for scenario in wanted}
        many = [s for s in wanted if s.at_once > 1 and s.wants(subject.name, is_peer=subject.is_peer)]
        child = Child(subject)
        try:
            samples = {"import": child.hello["imported"]}
            do = "call" if "call" in child.hello["can"] else "acall"
            wire = child.hello["wires"][0]
            if names & {"first_call", "ready"}:
                first = child.ask({**self.jobs.job(BY_NAME["first_call"], do=do), "wire": wire})
                both = {key: first[key] + samples["import"][key] for key in first if key != "error"}
                samples |= {"first_call": first, "ready": both or first}
            for at, scenario in enumerate(many if "astream" in child.hello["can"] else []):
                if at:  # what many streams took of memory, a process keeps
                    child.close()
                    child = Child(subject)
                job = {**self.jobs.job(scenario), "wire": wire}
                # One stream before, at the same URL: a subject may have a client for each, and what making that takes,
                # and whether a connection is idle, must not be a part of some subjects' figures alone.
                child.ask({**job, "at_once": 1, "messages": [{"role": "user", "content": "alone"}]})
                samples[scenario.name] = child.ask(job)
        finally:
            child.close()
        return {name: sample for name, sample in samples.items() if name in names}

    def _measure_steady(self, scenario: Scenario, children: list[Child], share: float) -> None:
        """Measure the rounds of one scenario; no subject takes much more than `share` seconds in all."""
        repeats: dict[str, int] = {}
        spent: dict[str, float] = {}
        for child in list(children):
            started = time.monotonic()
            # The first run of anything is slower (imports, connections, caches, adaptive byte code), so that the second
            # one decides how many fit into a round.
            sample = self._ask(child, scenario, 1)
            if "error" not in sample and sample["wall"] * scenario.runs < share:
                sample = self._ask(child, scenario, 2)
            if "error" in sample:
                self.results.add(scenario.name, child.subject.name, 0, sample)
                children.remove(child)
                continue
            name = child.subject.name
            slot = 0.8 * share / (self.rounds + 1) / max(1e-6, sample["wall"] * scenario.runs)
            repeats[name] = max(1, min(MOST_REPEATS, int(slot)))
            spent[name] = time.monotonic() - started
        for number in range(self.rounds):
            for child in children[:: -1 if number % 2 else 1]:  # in alternating order, so that drift evens out
                name = child.subject.name
                if number and spent[name] > share and not self.complete:
                    continue
                started = time.monotonic()
                warm = repeats[name] > 1 or not child.subject.is_peer
                self.results.add(scenario.name, name, number, self._ask(child, scenario, repeats[name], warm=warm))
                spent[name] += time.monotonic() - started

    def _ask(self, child: Child, scenario: Scenario, repeat: int, *, warm: bool = False) -> dict:
        """Run one job; the error of a child that has ended becomes a sample, which excludes it."""
        try:
            return child.ask(self.jobs.job(scenario, repeat=repeat, warm=warm))
        except Unavailable as error:
            return {"error": str(error)}


def report(text: str) -> None:
    """Show progress on stderr, in one line, if that is a terminal."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


def arguments(argv: list[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description=__doc__)
    parser.add_argument("--peers", help="peers to run, made if missing: openai,litellm or all or none")
    parser.add_argument("--subjects", help="run exactly these subjects")
    parser.add_argument("--scenarios", default="", help="run only scenarios with one of these words in their names")
    parser.add_argument(
        "--parts", help=f"{','.join(PARTS)}; default: all, but scenarios alone if some are named or quick"
    )
    parser.add_argument("--quick", action="store_true", help="30 seconds, no peers unless asked for; into .build/bench")
    parser.add_argument("--seconds", type=float, help="how long it may take, about (default 200, quick 25)")
    parser.add_argument("--out", type=Path, help="folder for RESULTS.md and results.svg (default benchmarks)")
    parser.add_argument("--against", metavar="COMMIT", help="compare with another commit; status 1 if anything is lost")
    return parser.parse_args(argv)


def select_scenarios(words: str, *, growth: bool = True) -> list[Scenario]:
    """Return the scenarios with one of these words, separated by commas, in their names.

    Without words return all that need not be asked for; those of growth only with `growth`.
    """
    wanted = [word for word in words.split(",") if word]
    usual = [s for s in SCENARIOS if not s.asked_for and (growth or not s.growth)]
    return [s for s in SCENARIOS if any(word in s.name for word in wanted)] if wanted else usual


def compare(commit: str, scenarios: list[Scenario], seconds: float) -> int:
    """Compare the present tree with another commit; return 1 if there is a loss, or a scenario was not measured."""
    with Server() as server, tempfile.TemporaryDirectory() as folder:
        try:
            with against.two_subjects(commit, Path(folder)) as subjects:
                run = Run(Jobs(server.urls, folder), subjects, seconds=seconds, rounds=against.ROUNDS, complete=True)
                results = run.measure(scenarios)
        except against.NoSuchCommit as error:
            print(error, file=sys.stderr)
            return 2
    report("")
    found = against.changes(results, scenarios)
    print(against.report(found, results))
    return int(len(found) < len(scenarios) or any(change.verdict == "LOSS" for change in found.values()))


def main(argv: list[str] | None = None) -> int:
    """Run the benchmarks; return the exit status."""
    options = arguments(argv)
    if options.against:
        return compare(options.against, select_scenarios(options.scenarios, growth=False), options.seconds or 170)
    peers = options.peers or ("none" if options.quick else None)
    try:
        subjects = choose(peers, options.subjects)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    failed: dict[str, str] = {}
    for subject in subjects:
        try:
            make_environment(subject)
        except (OSError, subprocess.SubprocessError) as error:
            failed[subject.name] = f"its environment could not be made: {error}"
    scenarios = select_scenarios(options.scenarios)
    part_of_it = options.quick or options.scenarios or options.subjects
    parts = options.parts.split(",") if options.parts else PARTS[:1] if part_of_it else PARTS
    if unknown := set(parts) - set(PARTS):
        print(f"no part named {min(unknown)!r}; there are {', '.join(PARTS)}", file=sys.stderr)
        return 2
    seconds = options.seconds or (25 if options.quick else 200)
    started = time.monotonic()
    allow_files()
    with Server() as server, tempfile.TemporaryDirectory() as folder:
        run = Run(Jobs(server.urls, folder), subjects, seconds=seconds, rounds=2 if options.quick else 15)
        run.results.unavailable |= failed
        results = run.measure(scenarios) if "scenarios" in parts else run.results
    for name in commands.COMMANDS:
        if name in parts:
            report(f"benchmarks.{name}")
            commands.run(name, results)
    report("")
    out = options.out or (ROOT / ".build" / "bench" if options.quick else ROOT / "benchmarks")
    print(write_report(results, out, seconds=time.monotonic() - started))
    return 0


if __name__ == "__main__":
    sys.exit(main())
