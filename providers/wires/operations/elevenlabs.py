"""ElevenLabs' speech and transcripts.

https://elevenlabs.io/docs/api-reference/text-to-speech/convert, https://elevenlabs.io/docs/api-reference/speech-to-text
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ....pipeline.http.request import Request
from ....schemas.message import Message
from ....schemas.model import Model
from ....schemas.parts import Text
from ....schemas.reply import Reply
from ...declare.wire import Wire
from ..fields import given
from ..paths import segment
from .inputs import text_input
from .openai_media import CONTENT_TYPE, audio_input, decode_speech, encode_form

VOICE = "21m00Tcm4TlvDq8ikWAM"
"""A default voice, for calls without one."""


def speech_path(request: Request) -> str:
    """Put the voice into the path, and the output format into its query."""
    path = f"/text-to-speech/{segment(request.options.get('voice', VOICE))}"
    kind = request.options.get("output_format")
    return f"{path}?output_format={segment(kind)}" if kind else path


def build_speech_body(request: Request) -> dict[str, Any]:
    body = {
        "model_id": request.model.id,
        "text": text_input(request),
        **given(language_code=request.options.get("language") or None),
    }
    settings = {**request.options.get("voice_settings", {}), **given(speed=request.options.get("speed"))}
    return {**body, "voice_settings": settings} if settings else body


elevenlabs_speech = Wire(
    name="elevenlabs_speech",
    operation="speak",
    path=speech_path,
    binary=True,
    options=frozenset(("voice", "speed", "language", "output_format")),
    build_body=build_speech_body,
    decode_response=decode_speech,
)


def decode_transcript(data: Mapping[str, Any], model: Model) -> Reply:
    metadata = {name: data[name] for name in ("language_code", "words") if data.get(name)}
    return Reply(Message("assistant", Text(data["text"])), "stop", metadata=metadata)


elevenlabs_transcription = Wire(
    name="elevenlabs_transcription",
    operation="transcribe",
    path="/speech-to-text",
    content_type=CONTENT_TYPE,
    options=frozenset(("language",)),
    build_body=lambda request: {
        "model_id": request.model.id,
        **given(language_code=request.options.get("language") or None),
        "file": audio_input(request),
    },
    encode_body=encode_form,
    decode_response=decode_transcript,
    side_fields={"language_code": str, "words": list},
)
