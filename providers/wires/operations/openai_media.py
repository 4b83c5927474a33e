"""Images, speech and transcripts in OpenAI's format, which many others share.

https://platform.openai.com/docs/api-reference/images, https://platform.openai.com/docs/api-reference/audio
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from os import PathLike
from typing import Any

from ....pipeline.http.request import Request
from ....pipeline.side_fields import Held, Rules, Some, Whole, kept, nonempty_text
from ....pipeline.steps.decode import Body
from ....pipeline.world import REAL_WORLD
from ....schemas.errors import ConfigError, DecodeError
from ....schemas.json_text import JSONDecodeError, loads
from ....schemas.late_pattern import late_pattern
from ....schemas.message import Message
from ....schemas.model import Model
from ....schemas.parts import Audio, Image, Text
from ....schemas.reply import Reply
from ....schemas.usage import Usage
from ...declare.wire import Wire
from ..media import base64_text, from_base64
from ..openai_chat.side_fields import USAGE
from ..openai_chat.usage import usage_of
from .inputs import text_input

_BOUNDARY = f"stepwell-{REAL_WORLD.new_id()}"
CONTENT_TYPE = f"multipart/form-data; boundary={_BOUNDARY}"
"""The content type of bodies made by `encode_form`."""


def decode_images(data: Mapping[str, Any], model: Model) -> Reply:
    rows = data.get("data")
    if not rows:
        raise DecodeError("the answer has no images", hint="see .payload")
    parts = [Image(data=from_base64(row["b64_json"])) if row.get("b64_json") else Image(url=row["url"]) for row in rows]
    revised = [row["revised_prompt"] for row in rows if row.get("revised_prompt")]
    return Reply(Message("assistant", parts), "stop", metadata={"revised_prompts": revised} if revised else {})


def extract_usage(data: Mapping[str, Any], model: Model) -> Usage | None:
    raw = data.get("usage") if isinstance(data, dict) else None
    return usage_of(raw) if raw and "input_tokens" in raw else None


_IMAGE = Whole({"b64_json": base64_text, "url": nonempty_text, "revised_prompt": str}, any_of=("b64_json", "url"))
openai_images = Wire(
    name="openai_images",
    operation="image",
    path="/images/generations",
    options=frozenset(("n", "size", "quality", "style", "output_format", "background", "response_format", "user")),
    build_body=lambda request: {"model": request.model.id, "prompt": text_input(request), **request.options},
    decode_response=decode_images,
    extract_usage=extract_usage,
    side_fields={"data": Held(Some(_IMAGE)), "usage": USAGE},
)


def build_speech_body(request: Request) -> dict[str, Any]:
    options = {"response_format" if name == "output_format" else name: value for name, value in request.options.items()}
    return {"model": request.model.id, "input": text_input(request), "voice": "alloy", **options}


def decode_speech(body: Body, model: Model) -> Reply:
    """Decode the audio, with the media type that the answer states, else the one that its first bytes show.

    Raises DecodeError for an answer that is empty, a web page or, by its media type, a text.
    """
    data, kind = body.data, body.media_type
    if not data or kind == "application/json" or kind.startswith("text/") or _PAGE.match(data):
        raise DecodeError(f"the answer has no audio; it is {kind or 'empty'}", hint="see .payload")
    if kind in ("", "application/octet-stream", "binary/octet-stream"):
        from ....schemas.media_types import media_type_of  # where a server does not say what it sends

        kind = media_type_of(data, "audio") or "application/octet-stream"
    return Reply(Message("assistant", Audio(data=data, media_type=kind)), "stop")


openai_speech = Wire(
    name="openai_speech",
    operation="speak",
    path="/audio/speech",
    binary=True,
    options=frozenset(("voice", "speed", "output_format", "instructions")),
    build_body=build_speech_body,
    decode_response=decode_speech,
)


def audio_input(request: Request) -> tuple[str, bytes, str]:
    """Return file name, bytes and media type of the audio to transcribe: an Audio part, bytes, or a path.

    Raises ConfigError for anything else.
    """
    given = request.input
    if isinstance(given, str | PathLike):
        given = Audio.from_file(given)
    if isinstance(given, bytes):
        given = Audio(data=given)
    if not isinstance(given, Audio) or not given.data:
        raise ConfigError("transcribe needs audio", hint="pass a path, bytes, or Audio(data=...)")
    kind = given.sent_type
    ending = kind.partition("/")[2].removeprefix("x-").replace("mpeg", "mp3")
    return given.filename or f"audio.{ending}", given.data, kind


def encode_form(body: Mapping[str, Any]) -> bytes:
    """Encode a multipart form: tuples are files (name, bytes, media type), everything else is text."""
    parts: list[bytes] = []  # joined once, for files may be large
    for name, value in body.items():
        head = f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="{_quoted(name)}"'
        data = value
        if isinstance(value, tuple):
            file, data, kind = value
            head += f'; filename="{_quoted(file)}"\r\nContent-Type: {kind}'
        parts += [f"{head}\r\n\r\n".encode(), data if isinstance(data, bytes) else str(data).encode(), b"\r\n"]
    return b"".join((*parts, f"--{_BOUNDARY}--\r\n".encode()))


def _quoted(name: str) -> str:
    return name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")


_METADATA: Rules = {
    "language": str,
    "duration": (int, float, str),
    "segments": list,
    "words": list,
    "logprobs": list,
}
_TRANSCRIPT: Rules = {**_METADATA, "usage": USAGE}
_PAGE = late_pattern(rb"\s*+<(?:!doctype|html)", re.I)


def decode_transcript(body: Body, model: Model) -> Reply:
    """Decode a JSON object with the text and its details, or the bare text (text, srt, vtt).

    Raises DecodeError for a web page and for bytes that are not text.
    """
    try:
        answer = loads(body.data)
    except JSONDecodeError:
        answer = None
    if isinstance(answer, dict):
        sound, warnings = kept(answer, _TRANSCRIPT, model)
        metadata = {name: sound[name] for name in _METADATA if sound.get(name) is not None}
        said = Message("assistant", Text(sound["text"]))
        return Reply(said, "stop", metadata=metadata, raw=answer, warnings=warnings)
    if _PAGE.match(body.data):
        raise DecodeError("the answer is a web page", hint="check base_url")
    text = body.data.decode()
    return Reply(Message("assistant", Text(text.removesuffix("\n"))), "stop", raw=text)


openai_transcription = Wire(
    name="openai_transcription",
    operation="transcribe",
    path="/audio/transcriptions",
    content_type=CONTENT_TYPE,
    binary=True,
    options=frozenset(("language", "prompt", "temperature", "response_format")),
    build_body=lambda request: {"model": request.model.id, **request.options, "file": audio_input(request)},
    encode_body=encode_form,
    decode_response=decode_transcript,
    extract_usage=extract_usage,
    side_fields=_TRANSCRIPT,
)
