"""The streaming engine alone: the order of its output, and when an error is raised."""

from __future__ import annotations

from typing import Any

import pytest

from stepwell.catalog import Model
from stepwell.pipeline.stream.decoder import StreamDecoder
from stepwell.providers.wires.bedrock_converse import bedrock_converse
from stepwell.providers.wires.openai_chat import openai_chat
from stepwell.providers.wires.protocols.aws_event_stream import encode
from stepwell.schemas import errors

from loopback import event

MODEL = Model("acme", "m")


def decoder_of(wire: Any) -> StreamDecoder:
    return StreamDecoder(wire.stream_steps(), MODEL)


def test_an_error_behind_good_events_is_raised_without_more_bytes() -> None:
    decoder = decoder_of(openai_chat)
    chunks = decoder.feed(event("good") + b"data: {bad\n\n")
    assert chunks[-1].text == "good" and isinstance(decoder.failure, errors.DecodeError)
    with pytest.raises(errors.DecodeError):
        decoder.feed(event("never"))


def test_a_broken_frame_behind_good_ones_keeps_the_partial_answer() -> None:
    headers = {":message-type": "event", ":event-type": "messageStart", ":content-type": "application/json"}
    decoder = decoder_of(bedrock_converse)
    decoder.feed(encode(headers, b'{"role":"assistant"}') + bytes(16))
    assert isinstance(decoder.failure, errors.DecodeError)


def test_bytes_that_are_good_leave_no_failure() -> None:
    decoder = decoder_of(openai_chat)
    assert decoder.feed(event("a")) and decoder.failure is None
    assert decoder.feed(event("b")[:10]) == [] and decoder.failure is None
