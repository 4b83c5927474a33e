"""Search for bytes that a parser or a wire's decoder cannot take: an error without a type, another outcome in other
pieces, or time that grows faster than the bytes.

`make fuzz`, ten minutes by default; `make fuzz ARGS="--seconds 60 --seed 7"`. Recorded and written streams and bodies
are changed at random; where atheris is installed, half of the time goes to it, which is led by the code that it
reaches. A failure is printed with the bytes, and the exit code is 1.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import httpx
from attrs import frozen
from fault_answers import FORMATS
from fault_events import ANSWERS

from stepwell import Client
from stepwell.catalog import Model
from stepwell.pipeline.stream.decoder import StreamDecoder
from stepwell.providers.declare.wire import Wire
from stepwell.providers.wires.protocols import aws_event_stream, json_array, ndjson, sse
from stepwell.schemas.errors import StepwellError
from stepwell.testing.conformance import samples_of

from feeding import cut, every
from recordings import recordings, registry_of

ROOT = Path(__file__).parents[2]
WIRES = {name: form.wire for name, form in FORMATS.items() if "," not in name}
PARSERS = {"sse": sse, "ndjson": ndjson, "json_array": json_array, "aws_event_stream": aws_event_stream}
MODEL = Model("recorded", "m")
_MADE_UP = re.compile("call_[0-9a-f]{20}")
"""The ids of calls that have none."""
LONGEST = 20_000
"""Bytes of a stream that is changed: longer ones hold nothing new."""
WORDS = (
    *(
        b"\n",
        b"\r",
        b"\r\n\r\n",
        b"\n\n",
        b"data:",
        b"data: ",
        b"event: ",
        b"id: 1\n",
        b": \n",
        b"[DONE]",
        b"\xef\xbb\xbf",
    ),
    *(
        b"{",
        b"}",
        b"[",
        b"]",
        b'"',
        b",",
        b":",
        b"\\",
        b"\\u",
        b"\\ud83d",
        b"null",
        b"true",
        b"NaN",
        b"-0",
        b"1e999",
        b"{}",
    ),
    *(
        b"\x00",
        b"\xff",
        b"\xc3",
        b"\xf0\x9f",
        b"\xe2\x80\xa8",
        b"\xc2\x85",
        b"0" * 30,
        b"9" * 400,
        b"[" * 300,
        b'{"a":' * 300,
    ),
    *(b'"error":{"message":"m"}', b'"choices":[],', b'"usage":null,', b'"index":-1', b'"finish_reason":"error"'),
)


@frozen
class Target:
    """What is fed: `outcome(pieces)` returns what comes of them, or StepwellError."""

    name: str
    outcome: Callable[[list[bytes]], Any]
    corpus: Callable[[], list[bytes]]
    in_pieces: bool = True


def _typed(read: Callable[[], Any]) -> Any:
    try:
        return read()
    except StepwellError:
        return StepwellError


def _parsed(parse: Callable[[bytes, Any], tuple[list[Any], Any]], pieces: list[bytes]) -> Any:
    events: list[Any] = []
    buffer: Any = b""
    try:
        for piece in [*(piece for piece in pieces if piece), b""]:
            more, buffer = parse(piece, buffer)
            events += more
            if isinstance(buffer, StepwellError):
                raise buffer
    except StepwellError as error:
        return events, type(error)
    return events, None


def _decoded(wire: Wire, pieces: list[bytes]) -> Any:
    """Decode a stream as a client does. Errors are all alike: which one comes first may depend on the pieces."""

    def read() -> Any:
        decoder = StreamDecoder(wire.stream_steps(), MODEL)
        for piece in pieces:
            if piece and not decoder.ended:
                decoder.received.feed(decoder.feed(piece))
        while not decoder.ended:
            decoder.received.feed(decoder.end())
        reply = decoder.received.reply()
        return _MADE_UP.sub("call", repr(reply.message)), reply.finish_reason, repr(reply.usage), str(reply.cost.total)

    return _typed(read)


def _answered(wire: Wire, data: bytes) -> Any:
    """Decode an unstreamed answer, of any status that its first byte chooses, by a whole call."""
    status = (200, 200, 200, 400, 429, 500)[data[0] % 6] if data else 200
    transport = httpx.MockTransport(
        lambda request: httpx.Response(status, content=data, headers={"content-type": "application/json"})
    )
    with Client(transport=transport, registry=registry_of(wire), retries=0) as client:
        return _typed(lambda: repr(client.generate_text("recorded:m", "hi")))


@cache
def streams(name: str) -> list[bytes]:
    """Return streams of a wire: recorded, samples, and those of the fault matrix."""
    found = [each.body for each in recordings(name, streaming=True)]
    found += [b"".join(FORMATS[name].frames(FORMATS[name].stream(answer))) for answer in ANSWERS.values()]
    return [body[:LONGEST] for body in found + _samples(name, "stream")]


@cache
def bodies(name: str) -> list[bytes]:
    """Return unstreamed answers of a wire, and errors."""
    found = [each.body for each in recordings(name, streaming=False)]
    found += [FORMATS[name].body(answer) for answer in ANSWERS.values()]
    return [body[:LONGEST] for body in found + _samples(name, "body")]


def _samples(name: str, field: str) -> list[bytes]:
    if name.startswith("bedrock_invoke"):
        return []
    samples = samples_of(WIRES[name])
    return [getattr(each, field) for each in (samples.text, samples.tools, *samples.more.values())] + [samples.error]


_OF_PARSERS = {
    "sse": ("openai_chat", "anthropic_messages", "google_generate"),
    "ndjson": ("ollama_chat",),
    "json_array": ("google_generate",),
    "aws_event_stream": ("bedrock_converse",),
}


def _parser(name: str) -> Target:
    parse = PARSERS[name].parse
    corpus = lambda: [body for wire in _OF_PARSERS[name] for body in streams(wire)]
    return Target(f"parser {name}", lambda pieces: _parsed(parse, pieces), corpus)


def _of_wire(name: str, wire: Wire) -> Iterator[Target]:
    yield Target(f"stream {name}", lambda pieces: _decoded(wire, pieces), lambda: streams(name))
    yield Target(
        f"body {name}", lambda pieces: _answered(wire, b"".join(pieces)), lambda: bodies(name), in_pieces=False
    )


def targets() -> list[Target]:
    return [*map(_parser, PARSERS), *(each for name, wire in WIRES.items() for each in _of_wire(name, wire))]


def mutated(chance: random.Random, corpus: list[bytes]) -> bytes:
    """Change one of the texts in a few places."""
    data = bytearray(chance.choice(corpus))
    for _ in range(chance.choice((1, 1, 2, 3, 8))):
        at = chance.randrange(len(data) + 1)
        end = min(len(data), at + chance.choice((1, 1, 2, 8, 60)))
        match chance.randrange(7):
            case 0:
                data[at:end] = bytes(chance.randrange(256) for _ in range(end - at))
            case 1:
                del data[at:end]
            case 2:
                data[at:at] = chance.choice(WORDS)
            case 3:
                data[at:end] = chance.choice(WORDS)
            case 4:
                data[at:at] = data[at:end] * chance.choice((1, 2, 20))
            case 5:
                other = chance.choice(corpus)
                start = chance.randrange(len(other) + 1)
                data[at:at] = other[start : start + chance.choice((10, 200, 2000))]
            case _:
                del data[at:]
    return bytes(data)


def fault_of(target: Target, data: bytes, places: list[int]) -> str | None:
    """Feed the bytes whole, cut at the places and in small pieces, and return what is wrong."""
    ways = {"whole": [data]}
    if target.in_pieces:
        ways |= {"cut": cut(data, places), "in small pieces": every(3, data)}
    outcomes = {}
    for way, pieces in ways.items():
        try:
            outcomes[way] = target.outcome(pieces)
        except Exception as error:
            return f"{way}: {error!r:.300}"
    differ = {repr(outcome) for outcome in outcomes.values()}
    return (
        None
        if len(differ) == 1
        else f"other outcomes in other pieces: { {w: repr(o)[:400] for w, o in outcomes.items()} }"
    )


def search(seconds: float, seed: int, most: int = 10**9) -> tuple[int, list[str]]:
    """Feed changed bytes to all targets in turn for that long, or `most` times; return how many, and the failures."""
    chance, found, tried = random.Random(seed), list[str](), 0
    ends, some = time.monotonic() + seconds, targets()
    while time.monotonic() < ends and tried < most and len(found) < 10:
        target = some[tried % len(some)]
        data = mutated(chance, target.corpus())
        places = [chance.randrange(10_000) for _ in range(4)]
        if (fault := fault_of(target, data, places)) is not None:
            found.append(f"{target.name}: {fault}\n    {data!r:.3000}")
        tried += 1
    return tried, found


# --- time -------------------------------------------------------------------------------------------------------------


def _growing(n: int) -> dict[str, bytes]:
    """Return inputs of some `n` bytes that have cost other parsers more than their share."""
    return {
        "a line without end": b"data: " + b"x" * n,
        "carriage returns": b"\r" * n,
        "empty lines": b"\n" * n,
        "comments": b": \n" * (n // 3),
        "empty data": b"data:\n" * (n // 6),
        "tiny events": b"data: {}\n\n" * (n // 10),
        "lines of JSON": b"{}\n" * (n // 3),
        "open brackets": b"[" * n,
        "open objects": b'{"a":' * (n // 5),
        "a long text": b'data: {"choices":[{"index":0,"delta":{"content":"' + b"x" * n,
        "backslashes": b'[{"a":"' + b"\\" * n,
        "quotes": b'[{"a":"' + b'\\"' * (n // 2),
        "elements": b"[" + b"{}," * (n // 3),
        "spaces": b" " * n,
        "frames": aws_event_stream.encode({":event-type": "x", ":message-type": "event"}, b"{}") * (n // 80),
        "marks": b"\xef\xbb\xbf" * (n // 3),
        "digits": b"data: " + b"9" * n + b"\n\n",
    }


def _events_of(name: str, n: int) -> bytes:
    """Return a stream of some `n` bytes, of which each event brings more of one answer."""
    form = FORMATS[name]
    answer = ANSWERS["two tools"]
    one = form.stream(answer)
    middle = next(at for at, event in enumerate(one) if event.arrived.text)
    frame = form.frame(one[middle])
    return b"".join(map(form.frame, one[:middle])) + frame * (n // len(frame))


def superlinear(n: int, *, most: float = 3.0, rounds: int = 3) -> list[str]:
    """Return what takes more than `most` times as long for twice as much, from n to 2n and from 2n to 4n.

    n: bytes of the smallest input. What takes below a hundredth of a second tells nothing.
    """
    found = []
    for target in targets():
        if target.in_pieces:
            kind, _, name = target.name.partition(" ")
            sizes = [
                {**_growing(size), **({"text": _events_of(name, size)} if kind == "stream" else {})}
                for size in (n, 2 * n, 4 * n)
            ]
            for shape in sizes[0]:
                times = [_least(target, every(1000, size[shape]), rounds) for size in sizes]
                if times[2] > 0.01 and times[1] > most * times[0] and times[2] > most * times[1]:
                    found.append(f"{target.name}, {shape}: {[f'{each:.4f} s' for each in times]}")
    return found


def _least(target: Target, pieces: list[bytes], rounds: int) -> float:
    times = []
    for _ in range(rounds):
        began = time.process_time()
        target.outcome(pieces)
        times.append(time.process_time() - began)
    return min(times)


# --- atheris ----------------------------------------------------------------------------------------------------------


def _guided(seconds: float, seed: int) -> int:
    """Let atheris search in a process of its own, and return its exit code."""
    folder = ROOT / ".build" / "fuzz" / "corpus"
    folder.mkdir(parents=True, exist_ok=True)
    for at, target in enumerate(targets()):
        for number, data in enumerate(target.corpus()):
            (folder / f"{at}-{number}").write_bytes(bytes([at]) + data)
    command = [
        sys.executable,
        str(Path(__file__).with_name("fuzz_guided.py")),
        str(folder),
        f"-max_total_time={seconds:.0f}",
        "-verbosity=0",
        f"-seed={seed + 1}",
    ]
    return subprocess.run([*command, "-timeout=20", f"-artifact_prefix={folder.parent}/found-"], check=False).returncode


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=600.0, help="how long (default: 600)")
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(4)), help="decides the changes")
    options = parser.parse_args()
    slow = superlinear(100_000)
    for each in slow:
        print("faster than its bytes grows", each)
    guided = find_spec("atheris") is not None
    share = options.seconds / 2 if guided else options.seconds
    tried, found = search(share, options.seed)
    for each in found:
        print(each)
    code = _guided(share, options.seed) if guided else 0
    also = f", atheris {'found one' if code else 'none'}" if guided else ", atheris is not installed"
    print(f"seed {options.seed}: {tried:,} inputs, {len(found)} failures, {len(slow)} superlinear{also}")
    return 1 if found or slow or code else 0


if __name__ == "__main__":
    raise SystemExit(main())
