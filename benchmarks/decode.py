"""Measure what decoding costs by wire: `python -m benchmarks.decode`, or `--against main` for before and after.

One line a wire, in µs of CPU without a network: an unstreamed plain answer (its decode_response and extract_usage,
without its JSON), and an event of a streamed one (with its JSON and the fold of its chunks; the mean over the stream).
The answers are the samples of each wire. The lowest of several runs counts, since other load only adds; two trees take
turns.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import timeit
from collections.abc import Callable
from pathlib import Path
from typing import Any

from stepwell.providers.declare.registry import REGISTRY
from stepwell.schemas.fold import Fold
from stepwell.schemas.json_text import loads
from stepwell.schemas.model import Model
from stepwell.testing.conformance import samples_of

SPEAKERS = {
    "openai_chat": "groq",
    "mistral_chat": "mistral",
    "openai_responses": "openai",
    "anthropic_messages": "anthropic",
    "google_generate": "google",
    "bedrock_converse": "amazon_bedrock",
    "ollama_chat": "ollama",
    "cohere_chat": "cohere",
}
"""A provider of each wire."""
MODEL = Model("provider", "model")
ROUNDS = 5
Costs = dict[str, list[float]]
"""By wire: an answer, and an event."""


def microseconds(function: Callable[[], object], *, times: int = 1000, runs: int = 7) -> float:
    """Return the µs of one call of the function, in the fastest run."""
    return min(timeit.repeat(function, timer=time.process_time, number=times, repeat=runs)) / times * 1e6


def of_an_answer(wire: Any) -> float:
    """Return the µs of an unstreamed answer."""
    data = loads(samples_of(wire).text.body)

    def decode() -> None:
        wire.decode_response(data, MODEL)
        wire.extract_usage(data, MODEL)

    return microseconds(decode)


def of_an_event(wire: Any) -> float:
    """Return the µs of an event of a stream."""
    steps = wire.stream_steps()
    events, buffer = steps.parse_stream_protocol(samples_of(wire).text.stream, b"")
    events += steps.parse_stream_protocol(b"", buffer)[0]

    def decode() -> None:
        state, fold = steps.init_stream_state(MODEL), Fold()
        for event in events:
            chunks, state = steps.decode_stream_event(event, MODEL, state)
            fold.feed(chunks)
        fold.feed(steps.flush_stream_state(MODEL, state))
        fold.reply()

    return microseconds(decode) / len(events)


def measure() -> Costs:
    """Measure the stepwell that this process imports."""
    costs = {}
    for name, provider in SPEAKERS.items():
        wire = next(each for each in REGISTRY.get_or_raise(provider).wires if each.name == name)
        costs[name] = [of_an_answer(wire), of_an_event(wire)]
    return costs


def measure_in_turns(commit: str, rounds: int) -> list[Costs]:
    """Measure another commit and the present tree, each in processes of its own. Raises NoSuchCommit."""
    from benchmarks.against import two_subjects  # only here, since the processes run this file by itself

    with tempfile.TemporaryDirectory() as folder, two_subjects(commit, Path(folder)) as subjects:
        runs: list[list[Costs]] = [[] for _ in subjects]
        for _ in range(rounds):
            for subject, costs in zip(subjects, runs, strict=True):
                command = [sys.executable, __file__, "--json"]
                environment = {**os.environ, "PYTHONPATH": subject.path}
                costs.append(json.loads(subprocess.check_output(command, env=environment, cwd=folder)))
    return [
        {name: [min(each) for each in zip(*(c[name] for c in costs), strict=True)] for name in SPEAKERS}
        for costs in runs
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure what decoding costs by wire.")
    parser.add_argument("--against", metavar="COMMIT", help="measure this commit, too, in turns with the present tree")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="how often the two take turns")
    parser.add_argument("--json", action="store_true", help="print the numbers as JSON")
    options = parser.parse_args()
    if options.json:
        print(json.dumps(measure()))
        return
    trees = measure_in_turns(options.against, options.rounds) if options.against else [measure()]
    heads = ("before", "after") if options.against else ("",)
    print(f"{'µs by wire':20}", *(f"{what} {head}".rjust(15) for what in ("answer", "event") for head in heads))
    for name in SPEAKERS:
        print(f"{name:20}", *(f"{costs[name][at]:15.2f}" for at in (0, 1) for costs in trees))


if __name__ == "__main__":
    main()
