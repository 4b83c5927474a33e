"""Measure what decoding costs by wire, without a network or JSON: `python -m benchmarks.decode`.

One line a wire: the µs of CPU of an unstreamed plain answer (its decode_response and extract_usage), and of one event
of a streamed one with the fold of its chunks. The answers are the samples of each wire. Run it before and after a
change, in turns: the lowest of several runs counts, since other load only adds.
"""

import time
import timeit
from collections.abc import Callable

from stepwell.providers.declare.registry import REGISTRY
from stepwell.providers.declare.wire import Wire
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


def microseconds(function: Callable[[], object], *, times: int = 2000, runs: int = 15) -> float:
    """Return the µs of one call of the function, in the fastest run."""
    return min(timeit.repeat(function, timer=time.process_time, number=times, repeat=runs)) / times * 1e6


def of_an_answer(wire: Wire) -> float:
    """Return the µs of an unstreamed answer."""
    data = loads(samples_of(wire).text.body)

    def decode() -> None:
        wire.decode_response(data, MODEL)
        wire.extract_usage(data, MODEL)

    return microseconds(decode)


def of_an_event(wire: Wire) -> float:
    """Return the µs of an event of a stream, JSON included: the mean over the whole stream."""
    steps = wire.stream_steps()
    stream = samples_of(wire).text.stream
    events, buffer = steps.parse_stream_protocol(stream, b"")
    events += steps.parse_stream_protocol(b"", buffer)[0]

    def decode() -> None:
        state, fold = steps.init_stream_state(MODEL), Fold()
        for event in events:
            chunks, state = steps.decode_stream_event(event, MODEL, state)
            fold.feed(chunks)
        fold.feed(steps.flush_stream_state(MODEL, state))
        fold.reply()

    return microseconds(decode) / len(events)


def main() -> None:
    print(f"{'wire':20} {'answer':>8} {'event':>8}  µs")
    for name, provider in SPEAKERS.items():
        wire = next(each for each in REGISTRY.get_or_raise(provider).wires if each.name == name)
        print(f"{name:20} {of_an_answer(wire):8.2f} {of_an_event(wire):8.2f}")


if __name__ == "__main__":
    main()
