"""Recorded answers to requests with a schema: the schema sent, read back, and the object in the answer."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from stepwell.providers.wires.bedrock_converse import bedrock_converse
from stepwell.providers.wires.cohere_chat import cohere_chat
from stepwell.providers.wires.google_generate import google_generate
from stepwell.providers.wires.mistral_chat import mistral_chat
from stepwell.providers.wires.openai_chat import openai_chat
from stepwell.workflows.objects.output_spec import OutputSpec

from recordings import Recording, recordings, replay

WIRES = {wire.name: wire for wire in (bedrock_converse, cohere_chat, google_generate, mistral_chat, openai_chat)}


def schema_of(body: dict[str, Any]) -> Any:
    """Find the schema in a recorded request, wherever its wire puts it."""
    text_format = body.get("outputConfig", {}).get("textFormat")
    if text_format:
        return orjson.loads(text_format["structure"]["jsonSchema"]["schema"])
    if "generationConfig" in body:
        return body["generationConfig"].get("responseJsonSchema")
    wanted = (body.get("response_format") or {}).get("json_schema", {})
    return wanted.get("schema", wanted) or None


STRUCTURED = [
    recording
    for recording in recordings(*WIRES)
    if "structured" in recording.kinds and recording.status == 200 and schema_of(recording.request["json"])
]


def test_there_are_recordings_of_it() -> None:
    assert {recording.api for recording in STRUCTURED} == set(WIRES)


@pytest.mark.parametrize("driver", ["sync", "async"])
@pytest.mark.parametrize("recording", STRUCTURED, ids=lambda recording: recording.id)
def test_the_object_in_a_recorded_answer_is_parsed(recording: Recording, driver: str) -> None:
    reply = replay(recording, WIRES[recording.api], driver=driver)
    value, repairs = OutputSpec.of(schema_of(recording.request["json"])).read(reply.text)
    assert value == orjson.loads(recording.expected["text"])
    assert repairs == []
