"""Google's Imagen: pictures by predict. https://ai.google.dev/gemini-api/docs/imagen

Gemini's own pictures come with a chat: `modalities=["text", "image"]`.
"""

from __future__ import annotations

from base64 import b64decode
from typing import Any

from ....pipeline.request import Request
from ....schemas.errors import ContentFiltered, DecodeError
from ....schemas.message import Message
from ....schemas.model import Model
from ....schemas.parts import Image
from ....schemas.reply import Reply
from ...dsl.wire import Wire
from ..paths import segment
from .openai_media import text_input

_NAMES = {"n": "sampleCount", "size": "imageSize", "aspect_ratio": "aspectRatio"}


def build_body(request: Request) -> dict[str, Any]:
    """`size` is 1K or 2K; what else there is goes under its own name: `personGeneration`, `negativePrompt`, ..."""
    parameters = {_NAMES.get(name, name): value for name, value in request.options.items()}
    body: dict[str, Any] = {"instances": [{"prompt": text_input(request)}]}
    return {**body, "parameters": parameters} if parameters else body


def decode_response(data: Any, model: Model) -> Reply:
    """Raises ContentFiltered when every picture was held back, DecodeError when there is none at all."""
    rows = data.get("predictions") or []
    parts = [
        Image(data=b64decode(row["bytesBase64Encoded"]), media_type=row.get("mimeType"))
        for row in rows
        if "bytesBase64Encoded" in row
    ]
    reasons = [row["raiFilteredReason"] for row in rows if "raiFilteredReason" in row]
    if not parts:
        if reasons:
            raise ContentFiltered(f"{model.provider} held the pictures back: {reasons[0]}", hint="rephrase the prompt")
        raise DecodeError("the answer has no pictures", hint="see .payload")
    metadata = {"filtered": reasons} if reasons else {}
    return Reply(Message("assistant", parts), "stop", metadata=metadata)


google_images = Wire(
    name="google_images",
    operation="image",
    path=lambda request: f"/models/{segment(request.model.id)}:predict",
    options=frozenset(("n", "size", "aspect_ratio")),
    build_body=build_body,
    decode_response=decode_response,
)
