"""Images by Gemini, in a chat answer, and by Imagen, through predict.

https://ai.google.dev/gemini-api/docs/image-generation, https://ai.google.dev/gemini-api/docs/imagen
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ....pipeline.http.request import Request
from ....pipeline.side_fields import Held, Some, Whole
from ....schemas.errors import ContentFiltered, DecodeError
from ....schemas.message import Context, Message, user
from ....schemas.model import Model
from ....schemas.parts import Image
from ....schemas.reply import Reply
from ...auth.auth import header_key
from ...declare.wire import Wire
from ..google_generate.encode import build_body as build_generate_body
from ..google_generate.side_fields import SIDE_FIELDS
from ..google_generate.stream import decode_response as decode_answer
from ..google_generate.stream import extract_usage
from ..media import base64_text, from_base64
from ..paths import google_method_path
from .inputs import text_input

_NAMES = {"n": "sampleCount", "size": "imageSize", "aspect_ratio": "aspectRatio"}


def build_chat_body(request: Request) -> dict[str, Any]:
    """Build the body of a chat that asks for an image. `size` is 1K, 2K or 4K."""
    options = {**request.options, "modalities": ("text", "image")}
    if config := {_NAMES[name]: options.pop(name) for name in ("size", "aspect_ratio") if name in options}:
        options["image_config"] = {**config, **options.get("image_config", {})}
    return build_generate_body(request.replace(context=Context([user(text_input(request))]), options=options))


def decode_chat(data: Mapping[str, Any], model: Model) -> Reply:
    """Decode the chat answer.

    Raises ContentFiltered for an image that was filtered, DecodeError for an answer without one. The model's text is on
    `.partial`.
    """
    reply = decode_answer(data, model)
    if reply.images:
        return reply
    if reply.finish_reason == "content_filter":
        why = reply.finish_reason_raw or reply.metadata.get("block_reason") or "no reason given"
        raise ContentFiltered(f"{model.provider} filtered the image: {why}", hint="rephrase the prompt", partial=reply)
    raise DecodeError("the answer has no image", hint="the model's text is on .partial.text", partial=reply)


google_generate_images = Wire(
    name="google_generate_images",
    operation="image",
    path=google_method_path("generateContent"),
    auth=header_key("x-goog-api-key"),
    options=frozenset(("size", "aspect_ratio")),
    build_body=build_chat_body,
    decode_response=decode_chat,
    extract_usage=extract_usage,
    side_fields=SIDE_FIELDS,
)


def build_body(request: Request) -> dict[str, Any]:
    """Build the body. `size` is 1K or 2K; other options keep their names: `personGeneration`, `negativePrompt`, ..."""
    parameters = {_NAMES.get(name, name): value for name, value in request.options.items()}
    body: dict[str, Any] = {"instances": [{"prompt": text_input(request)}]}
    return {**body, "parameters": parameters} if parameters else body


def decode_response(data: Mapping[str, Any], model: Model) -> Reply:
    """Decode the images. Raises ContentFiltered when all were filtered, DecodeError when there are none."""
    rows = data.get("predictions") or []
    parts = [
        Image(data=from_base64(row["bytesBase64Encoded"]), media_type=row.get("mimeType"))
        for row in rows
        if row.get("bytesBase64Encoded")
    ]
    reasons = [row["raiFilteredReason"] for row in rows if row.get("raiFilteredReason")]
    if not parts and reasons:
        raise ContentFiltered(f"{model.provider} filtered the images: {reasons[0]}", hint="rephrase the prompt")
    if not parts:
        raise DecodeError("the answer has no images", hint="see .payload")
    return Reply(Message("assistant", parts), "stop", metadata={"filtered": reasons} if reasons else {})


_PREDICTION = Whole(
    {"bytesBase64Encoded": base64_text, "mimeType": str, "raiFilteredReason": str},
    any_of=("bytesBase64Encoded", "raiFilteredReason"),
)
google_images = Wire(
    name="google_images",
    operation="image",
    path=google_method_path("predict"),
    options=frozenset(("n", "size", "aspect_ratio")),
    build_body=build_body,
    decode_response=decode_response,
    side_fields={"predictions": Held(Some(_PREDICTION))},
)
