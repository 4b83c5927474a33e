"""The law of reading: whatever an answer can do without is odd, absent or unknown, and the answer is still there.

Over all wires, over every recording and every sample, whole and streamed: the text and the calls arrive, every failure
is a typed error, and a stream folds to the unstreamed answer. Places take turns with the odd values, so that the tests
stay cheap; all pairs are met over the recordings together.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import suppress
from itertools import cycle, islice
from typing import Any

import httpx
import pytest
from odd_blocks import BLOCKS, LISTS, in_blocks
from whole_streams import EVENTS

from stepwell import Client
from stepwell.pipeline.side_fields import kept
from stepwell.providers.declare.wire import Wire
from stepwell.providers.wires.protocols import aws_event_stream
from stepwell.schemas.errors import StepwellError, StreamTruncated
from stepwell.schemas.json_text import JSONDecodeError, loads
from stepwell.schemas.model import Model
from stepwell.testing.conformance import samples_of

from odd_fields import (
    ABSENT,
    KEYS,
    SPEAKERS,
    STRANGE,
    at,
    essential,
    full_body,
    places,
    put,
    speaker,
    streamed,
    wires,
    written,
)
from recordings import recordings

MODEL = Model("p", "m")
TURNS = 3
"""How many odd values each place gets."""
STANDS_IN = {"choices", "candidates", "message", "delta", "output", "content", "parts", "text"}
"""What the answer stands in."""
CALLS = {"tool_calls", "toolUse", "functionCall", "function_call", "partial_json"}
CALL_TYPES = {"tool_use", "function_call", "custom_tool_call"}
ENDS = {"finish_reason", "finishReason", "done_reason", "stopReason", "stop_reason", "done", "error"}
NUMBERS = {"index", "contentBlockIndex", "output_index", "content_index"}
"""Which part it is: another number means another part, and none at all the part that is open."""
UNKNOWN = ({"type": "of.tomorrow", "index": 0, "delta": "x", "item": 7}, {"odd": {"odd": [1]}}, None, 7, "odd", [7])


def answer_of(reply: Any) -> Any:
    """Use all that a reply has, as a caller would, and return what the answer is."""
    assert isinstance(repr(reply) + str(reply.cost.total), str)
    return reply.text, [(call.name, call.arguments) for call in reply.tool_calls]


def is_call(value: Any) -> bool:
    kind = value.get("type") if isinstance(value, dict) else None
    return isinstance(kind, str) and kind in CALL_TYPES


def of_a_call(data: Any, place: tuple[Any, ...]) -> bool:
    """Check whether the place is in a call, or holds one."""
    if not CALLS.isdisjoint(place) or any(is_call(at(data, place[:end])) for end in range(1, len(place) + 1)):
        return True
    value = at(data, place)
    inner = [(*place, *each) for each in places(value)]
    return any(each[-1] in CALLS or is_call(at(data, each)) for each in inner)


def optional(data: Any, text: str) -> Iterator[tuple[Any, ...]]:
    """Yield the places of what the answer is not, and does not stand in."""
    needed = essential(data, text)
    for place in places(data):
        name = next(each for each in reversed(place) if isinstance(each, str))
        if place in needed or name in STANDS_IN or place[-1] in {"type", "thought", *ENDS} or of_a_call(data, place):
            continue
        yield place


def answers(server: Server) -> Iterator[tuple[str, Any, Any]]:
    """Yield the whole answers of a wire that have text or calls, and what they are."""
    for id, body in bodies(server.name):
        good = outcome(lambda body=body: server.ask(written(body)))
        if not isinstance(good, type) and any(good):
            yield id, body, good


def bodies(name: str) -> Iterator[tuple[str, Any]]:
    """Yield whole answers of a wire: samples, one with every field, one with each kind of block, recordings."""
    samples = samples_of(speaker(name))
    yield "text", loads(samples.text.body)
    yield "tools", loads(samples.tools.body)
    yield "full", full_body(name)
    for block in BLOCKS[name]:
        yield "block", put(in_blocks(name), LISTS[name], [block, *at(in_blocks(name), LISTS[name])])
    for recording in recordings(name, streaming=False):
        if recording.status == 200:
            with suppress(JSONDecodeError):
                yield recording.id, loads(recording.body)


def streams(name: str) -> Iterator[tuple[str, list[Any]]]:
    """Yield the streams of a wire, as events."""
    samples = samples_of(speaker(name))
    found = [("text", samples.text.stream), ("tools", samples.tools.stream)]
    for each in recordings(name, streaming=True):
        if each.status == 200 and not each.expected.get("error") and not each.expected.get("truncated"):
            found.append((each.id, each.body))
    for id, data in found:
        yield id, events_of(speaker(name), data)


def events_of(wire: Wire, data: bytes) -> list[Any]:
    assert wire.parse_stream_protocol is not None
    events, rest = wire.parse_stream_protocol(data, b"")
    return [*events, *wire.parse_stream_protocol(b"", rest)[0]]


class Server:
    """A server with a set answer, and a client of its own."""

    def __init__(self, name: str) -> None:
        self.answer = httpx.Response(200)
        transport = httpx.MockTransport(lambda request: self.answer)
        self.client, self.name = Client(transport=transport, api_keys=KEYS, retries=0), name

    def ask(self, body: bytes, kind: str = "application/json", *, stream: bool = False) -> Any:
        self.answer = httpx.Response(200, content=body, headers={"content-type": kind})
        model, wire = f"{SPEAKERS[self.name]}:m", self.name
        if stream:
            return self.client.stream_text(model, "hi", wire=wire).reply()
        return self.client.generate_text(model, "hi", wire=wire)


def outcome(ask: Any) -> Any:
    """Return what the answer is, or the class of the typed error."""
    try:
        return answer_of(ask())
    except StepwellError as error:
        return type(error)


@wires
def test_a_whole_answer_is_there_whatever_it_can_do_without_holds(name: str) -> None:
    server, lost, turn, tried = Server(name), [], cycle(STRANGE), set()
    for id, body, good in answers(server):
        for place in optional(body, good[0]):
            key = (tuple(each for each in place if isinstance(each, str)), type(at(body, place)))
            for other in islice(turn, 1 if key in tried else TURNS):
                found = outcome(lambda: server.ask(written(put(body, place, other))))  # noqa: B023
                lost += [(id, place, other, found)] if found != good else []
            tried.add(key)
    assert not lost


@wires
def test_a_streamed_answer_is_there_whatever_it_can_do_without_holds(name: str) -> None:
    wire, lost, turn, tried = speaker(name), [], cycle(STRANGE), set()
    for id, events in streams(name):
        good = outcome(lambda events=events: streamed(wire, events))
        for nth, event in enumerate(events):
            head, data = (None, event) if isinstance(event, bytes) else event
            try:
                read = loads(data)
            except JSONDecodeError:
                continue
            kind = read.get("type") if isinstance(read, dict) else None
            if "call" in str(kind):
                continue
            for place in optional(read, good[0]):
                key = (str(kind), tuple(each for each in place if isinstance(each, str)), type(at(read, place)))
                if key in tried:
                    continue
                tried.add(key)
                for other in islice(turn, TURNS):
                    if place[-1] in NUMBERS and other in (7, "7", 10**30, 10**400):
                        continue
                    odd = written(put(read, place, other))
                    changed = [*events[:nth], odd if head is None else (head, odd), *events[nth + 1 :]]
                    found = outcome(lambda: streamed(wire, changed))  # noqa: B023
                    lost += [(id, nth, kind, place, other, found)] if found != good else []
    assert not lost


@wires
def test_several_odd_fields_at_once_cost_the_answer_no_more_than_one(name: str) -> None:
    server, chance, lost = Server(name), random.Random(0), []
    for id, body, good in answers(server):
        for _ in range(4):
            odd = body
            for place in sorted(optional(body, good[0]), key=len, reverse=True):
                if chance.random() < 0.3 and not isinstance(place[-1], int):
                    odd = put(odd, place, chance.choice(STRANGE))
            found = outcome(lambda: server.ask(written(odd)))  # noqa: B023
            lost += [(id, odd, found)] if found != good else []
            plain = kept(loads(written(odd)), speaker(name).side_fields, MODEL)[0]
            grown = outcome(lambda: streamed(speaker(name), EVENTS[name](plain)))  # noqa: B023
            # An answer without a reason for its end is whole as a body, and cut as a stream.
            lost += [(id, "streamed", plain, grown)] if grown not in (good, StreamTruncated) else []
    assert not lost


@wires
def test_unknown_events_anywhere_cost_nothing(name: str) -> None:
    wire, lost = speaker(name), []
    for id, events in islice(streams(name), 4):
        good = outcome(lambda events=events: streamed(wire, events))
        for nth in {*range(min(len(events), 12)), len(events)}:
            for unknown in UNKNOWN:
                head = events[0][0] if not isinstance(events[0], bytes) else None
                of = (
                    {":event-type": "of.tomorrow", ":message-type": "event"}
                    if isinstance(head, dict)
                    else "of.tomorrow"
                )
                added = written(unknown) if head is None else (of, written(unknown))
                found = outcome(lambda: streamed(wire, [*events[:nth], added, *events[nth:]]))  # noqa: B023
                lost += [(id, nth, unknown, found)] if found != good else []
    assert not lost


@pytest.mark.parametrize("name", ["anthropic_messages", "openai_responses", "cohere_chat"])
@pytest.mark.parametrize("other", [ABSENT, None, 7, [], "new"], ids=["absent", "null", "number", "list", "new"])
def test_where_an_event_does_not_say_its_type_its_name_counts(name: str, other: Any) -> None:
    wire = speaker(name)
    for _, events in islice(streams(name), 6):
        plain = [(str(loads(data)["type"]), data) for _, data in events if data != b"[DONE]"]
        unsaid = [(kind, written(put(loads(data), ("type",), other))) for kind, data in plain]
        assert answer_of(streamed(wire, unsaid)) == answer_of(streamed(wire, plain))


@wires
def test_a_mark_before_the_answer_and_bytes_that_are_no_text_cost_nothing(name: str) -> None:
    server, samples = Server(name), samples_of(speaker(name))
    for sample in (samples.text, samples.tools):
        good = answer_of(server.ask(sample.body))
        assert answer_of(server.ask(b"\xef\xbb\xbf" + sample.body)) == good
        if not sample.stream_type.startswith("application/vnd.amazon"):
            for kind in (sample.stream_type, "text/plain", "application/octet-stream"):
                assert answer_of(server.ask(b"\xef\xbb\xbf" + sample.stream, kind, stream=True)) == good
        body = loads(sample.body)
        for place in optional(body, good[0]):
            if isinstance(at(body, place), str):
                broken = written(put(body, place, "BROKEN")).replace(b"BROKEN", b"a\xff\xc3b")
                assert answer_of(server.ask(broken)) == good, place


@pytest.mark.parametrize("name", ["anthropic_messages", "bedrock_converse", "google_generate", "ollama_chat"])
def test_arguments_with_nan_are_refused_and_never_become_others(name: str) -> None:
    """JSON has no NaN: a call with one cannot be sent back, and must not be run with null."""
    wire, sample = speaker(name), samples_of(speaker(name)).tools

    def spoil(data: bytes) -> bytes:
        return data.replace(b'\\"Pune\\"', b"NaN").replace(b'"Pune"', b"NaN")

    spoiled = [
        spoil(event) if isinstance(event, bytes) else (event[0], spoil(event[1]))
        for event in events_of(wire, sample.stream)
    ]
    for reply in (Server(name).ask(spoil(sample.body)), streamed(wire, spoiled)):
        (call,) = reply.tool_calls
        assert call.arguments is None and "NaN" in call.arguments_json and call.error


def test_frames_of_aws_with_headers_that_are_no_text_are_read() -> None:
    wire = speaker("bedrock_converse")
    sample = samples_of(wire).text
    events = events_of(wire, sample.stream)
    odd = aws_event_stream.encode({":event-type": "odd", ":message-type": "event", "x": "BROKEN"}, b"{}")
    assert streamed(wire, [*events[:1], *events_of(wire, odd), *events[1:]]).text == sample.text
