"""An error among the events of a stream fails the call, whether what follows it comes in the same read or later."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from attrs import evolve
from fault_answers import FORMATS
from fault_events import ANSWERS, Event, Format

from stepwell.catalog import Model
from stepwell.pipeline.stream.decoder import StreamDecoder
from stepwell.schemas.errors import ProviderError

MODEL = Model("recorded", "m")


def with_errors(form: Format, events: list[Event]) -> Iterator[list[Event]]:
    """Yield the events with an error at each place: as an event of its own, as more fields of an event, and as the name
    of an event."""
    failure = form.event(form.failure, events[0].arrived)
    for at in range(len(events) + 1):
        yield [*events[:at], failure, *events[at:]]
    for at, event in enumerate(events):
        try:
            fields = {**json.loads(event.data), **json.loads(failure.data)}
        except ValueError:  # an end marker, or an error of another framing
            continue
        yield [*events[:at], evolve(event, data=json.dumps(fields).encode()), *events[at + 1 :]]
        yield [*events[:at], evolve(event, name="error"), *events[at + 1 :]]


def outcome(form: Format, reads: list[bytes]) -> str:
    """Decode a stream, and return the class and text of its error, or the reason of its end."""
    decoder = StreamDecoder(form.wire.stream_steps(), MODEL)
    try:
        for read in reads:
            if not decoder.ended:
                decoder.received.feed(decoder.feed(read))
        while not decoder.ended:
            decoder.received.feed(decoder.end())
    except ProviderError as error:
        return repr(error)
    return decoder.received.reply().finish_reason


@pytest.mark.parametrize("kind", ANSWERS)
@pytest.mark.parametrize("name", FORMATS)
def test_what_follows_an_error_in_the_same_read_changes_nothing(name: str, kind: str) -> None:
    form = FORMATS[name]
    for events in with_errors(form, form.stream(ANSWERS[kind])):
        frames = form.frames(events)
        assert outcome(form, [b"".join(frames)]) == outcome(form, frames), frames
