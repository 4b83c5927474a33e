"""Side fields never fail an answer: each one is given another type than in its format. The text arrives, streamed and
not, and a warning names what was left out."""

from __future__ import annotations

import httpx
import orjson

from stepwell import Client
from stepwell.testing.conformance import samples_of

from odd_fields import KEYS, MORE, SPEAKERS, at, client_of, full_body, malformed_fields, put, speaker, streamed, wires

ENDS = ("finish_reason", "finishReason", "done_reason", "stopReason", "stop_reason")


@wires
def test_an_unstreamed_answer_keeps_its_text(name: str) -> None:
    text, seen = samples_of(speaker(name)).text.text, b""
    transport = httpx.MockTransport(lambda request: httpx.Response(200, content=seen))
    client = Client(transport=transport, api_keys=KEYS, retries=0)
    lost = []
    for place, other, body in malformed_fields(full_body(name), text):
        seen = orjson.dumps(body)
        try:
            reply = client.generate_text(f"{SPEAKERS[name]}:m", "hi", wire=name)
            good = reply.text == text and isinstance(repr(reply) + str(reply.cost.total), str)
        except Exception as error:
            good, other = False, (other, error)
        lost += [] if good else [(place, other)]
    assert not lost


@wires
def test_each_optional_field_that_is_left_out_is_named(name: str) -> None:
    for place in MORE[name]:
        if place == ("promptFeedback",) or place[-1] == "refusal":
            continue
        was = at(full_body(name), place)
        other = 7 if not isinstance(was, int) else [7]
        reply = client_of(orjson.dumps(put(full_body(name), place, other))).generate_text(
            f"{SPEAKERS[name]}:m", "hi", wire=name
        )
        assert [each.subject for each in reply.warnings if str(place[-1]) in each.subject], place


@wires
def test_a_streamed_answer_keeps_its_text(name: str) -> None:
    wire = speaker(name)
    sample = samples_of(wire).text
    assert wire.parse_stream_protocol is not None
    events, rest = wire.parse_stream_protocol(sample.stream, b"")
    events += wire.parse_stream_protocol(b"", rest)[0]
    assert streamed(wire, events).text == sample.text
    lost = []
    for index, event in enumerate(events):
        head, data = (None, event) if isinstance(event, bytes) else event
        try:
            read = orjson.loads(data)
        except orjson.JSONDecodeError:
            continue
        for place, other, made in malformed_fields(read, sample.text):
            if (other is None and place[-1] in (*ENDS, "candidates", "choices")) or place[-1] in ("index", 0):
                continue
            spoilt = orjson.dumps(made) if head is None else (head, orjson.dumps(made))
            try:
                good = streamed(wire, [*events[:index], spoilt, *events[index + 1 :]]).text == sample.text
            except Exception as error:
                good, other = False, (other, error)
            lost += [] if good else [(index, read.get("type"), place, other)]
    assert not lost
