"""What a decoder makes of an event with a value of another type has the types that its classes declare, or is an error;
and it is the same whether the stream comes in one read or event by event."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import attrs
import pytest
from attrs import evolve
from fault_answers import FORMATS
from fault_events import ANSWERS, Event, Format

from stepwell.catalog import Model
from stepwell.pipeline.stream.decoder import StreamDecoder
from stepwell.schemas.errors import StepwellError

from odd_fields import places, put

MODEL = Model("recorded", "m")
KINDS = ("text", "thinking", "two tools")
OTHERS = (5, "abc", ["x"], {"a": 1}, None, 1.5)
MADE_UP = re.compile("call_[0-9a-f]{20}")
"""The ids of calls that have none."""
CLASSES: dict[str, type] = {"str": str, "int": int, "float": float, "bool": bool, "bytes": bytes, "None": type(None)}


@cache
def declared(kind: type[Any]) -> dict[str, tuple[type, ...]]:
    """Return the classes that fields may have, of those fields that declare nothing but plain ones."""
    names = {each.name: str(each.type).split(" | ") for each in attrs.fields(kind)}
    return {name: tuple([CLASSES[one] for one in of]) for name, of in names.items() if {*of} <= CLASSES.keys()}


def misfits(value: Any) -> Iterator[str]:
    """Yield the fields, also of what it holds, whose values are of another class than declared."""
    if isinstance(value, list | tuple):
        for each in value:
            yield from misfits(each)
    elif attrs.has(type(value)):
        plain = declared(type(value))
        for each in attrs.fields(type(value)):
            inner = getattr(value, each.name, None)
            if each.name not in plain:
                yield from misfits(inner)
            elif type(inner) not in plain[each.name]:
                yield f"{type(value).__name__}.{each.name} is {inner!r:.40}"


def malformed(form: Format, events: list[Event]) -> Iterator[list[bytes]]:
    """Yield the frames of the stream with each value of an event replaced by each of the others."""
    for at, event in enumerate(events):
        try:
            data = json.loads(event.data)
        except ValueError:  # an end marker, or a frame within a frame
            continue
        for place in places(data):
            for other in OTHERS:
                changed = evolve(event, data=json.dumps(put(data, place, other)).encode())
                yield form.frames([*events[:at], changed, *events[at + 1 :]])


def outcome(form: Format, reads: list[bytes]) -> str:
    """Decode a stream, and return its answer, or that there was an error."""
    decoder = StreamDecoder(form.wire.stream_steps(), MODEL)
    try:
        for read in (*reads, None):
            while not decoder.ended:
                chunks = decoder.end() if read is None else decoder.feed(read)
                decoder.received.feed(chunks)
                assert not [*misfits(chunks)], reads
                if read is not None:
                    break
    except StepwellError:
        return "an error"
    reply = decoder.received.reply()
    assert not [*misfits(reply)], reads
    return MADE_UP.sub("call", repr((reply.message, reply.finish_reason, reply.usage)))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", FORMATS)
def test_a_value_of_another_type(name: str, kind: str) -> None:
    form = FORMATS[name]
    for frames in malformed(form, form.stream(ANSWERS[kind])):
        assert outcome(form, [b"".join(frames)]) == outcome(form, frames), frames
