"""Sample answers of the operations other than chat, by the name of their wire."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from functools import partial
from typing import Any

from ....schemas.json_text import dumps
from ....schemas.message import Context, user
from ....schemas.parts import Audio
from ....schemas.reply import Ranked, Reply
from ..samples import OperationSample

_TEXTS = ["firsttext", "secondtext"]
_VECTORS = [[1.0, 0.5], [0.25, -1.0]]
_PNG = b"\x89PNG\r\n\x1a\n sample"
_PNG_TEXT = b64encode(_PNG).decode()
_MP3 = b"ID3 sample of sound"


def _sound(reply: Reply[Any]) -> tuple[bytes | None, str]:
    audio = reply.audio
    return (audio.data, audio.media_type or "") if audio else (None, "")


def _embed(answer: object, texts: list[str] = _TEXTS, model: str = "") -> OperationSample:
    expected = _VECTORS[: len(texts)]
    return OperationSample(input=texts, body=dumps(answer), expected=expected, sent=(*texts,), model=model)


def _list(answer: object) -> OperationSample:
    return OperationSample(
        input=None,
        body=dumps(answer),
        read=lambda reply: [model.id for model in reply.object],
        expected=["first-model", "second-model"],
        model="*",
    )


def _count(field: str) -> OperationSample:
    return OperationSample(
        input=Context((user("countedtext"),)),
        body=dumps({field: 17}),
        read=lambda reply: reply.usage.input_tokens,
        expected=17,
        sent=("countedtext",),
    )


_draw = partial(
    OperationSample,
    input="paintedcat",
    read=lambda reply: [image.data for image in reply.images],
    expected=[_PNG],
    sent=("paintedcat",),
)
_speak = partial(
    OperationSample,
    input="spokentext",
    body=_MP3,
    content_type="audio/mpeg",
    read=_sound,
    expected=(_MP3, "audio/mpeg"),
    sent=("spokentext",),
)
_transcribe = partial(
    OperationSample,
    input=Audio(data=_MP3, media_type="audio/mpeg"),
    body=dumps({"text": "what was said"}),
    read=lambda reply: reply.text,
    expected="what was said",
    sent=(_MP3.decode(),),
)
_IDS = [{"id": "first-model"}, {"id": "second-model"}]
_NAMES = [{"name": "models/first-model"}, {"name": "models/second-model"}]
_ROWS = [{"index": at, "embedding": vector} for at, vector in enumerate(_VECTORS)]
_PAGES = [{"index": 0, "markdown": "# Page one", "images": [], "dimensions": None}]
_CANDIDATE = {
    "content": {"role": "model", "parts": [{"inlineData": {"mimeType": "image/png", "data": _PNG_TEXT}}]},
    "finishReason": "STOP",
}

SAMPLES: Mapping[str, OperationSample] = {
    "openai_embeddings": _embed({"object": "list", "data": _ROWS, "model": "m", "usage": {"prompt_tokens": 4}}),
    "perplexity_embeddings": OperationSample(
        input=_TEXTS,
        body=dumps({"data": [{"index": 0, "embedding": "Af8="}, {"index": 1, "embedding": "f4A="}], "model": "m"}),
        read=lambda reply: [list(vector) for vector in reply.embeddings],
        expected=[[1, -1], [127, -128]],
        sent=tuple(_TEXTS),
    ),
    "cohere_embeddings": _embed({"id": "e", "embeddings": {"float": _VECTORS}, "meta": {}}),
    "google_embeddings": _embed({"embeddings": [{"values": vector} for vector in _VECTORS]}),
    "vertex_predict_embeddings": _embed({"predictions": [{"embeddings": {"values": each}} for each in _VECTORS]}),
    "vertex_embed_content": _embed({"embedding": {"values": _VECTORS[0]}, "usageMetadata": {}}, _TEXTS[:1]),
    "bedrock_embeddings": _embed({"embedding": _VECTORS[0]}, _TEXTS[:1], "amazon.titan-embed-text-v2:0"),
    "ollama_embeddings": _embed({"model": "m", "embeddings": _VECTORS, "prompt_eval_count": 4}),
    "rerank": OperationSample(
        input={"query": "sought", "documents": _TEXTS},
        body=dumps({"results": [{"index": 1, "relevance_score": 0.75}, {"index": 0, "relevance_score": 0.25}]}),
        expected=[Ranked(1, 0.75), Ranked(0, 0.25)],
        sent=("sought", *_TEXTS),
    ),
    "openai_images": _draw(body=dumps({"created": 1, "data": [{"b64_json": _PNG_TEXT}]})),
    "google_images": _draw(body=dumps({"predictions": [{"mimeType": "image/png", "bytesBase64Encoded": _PNG_TEXT}]})),
    "google_generate_images": _draw(body=dumps({"candidates": [_CANDIDATE]})),
    "openai_speech": _speak(),
    "elevenlabs_speech": _speak(),
    "openai_transcription": _transcribe(),
    "elevenlabs_transcription": _transcribe(),
    "openai_moderation": OperationSample(
        input=["judgedtext"],
        body=dumps(
            {
                "id": "m",
                "model": "m",
                "results": [{"flagged": True, "categories": {"hate": True}, "category_scores": {}}],
            }
        ),
        read=lambda reply: [(verdict.flagged, verdict.categories) for verdict in reply.object],
        expected=[(True, ("hate",))],
        sent=("judgedtext",),
    ),
    "mistral_ocr": OperationSample(
        input="https://sample.invalid/a.pdf",
        body=dumps({"pages": _PAGES, "model": "m", "usage_info": {"pages_processed": 1}}),
        read=lambda reply: reply.text,
        expected="# Page one",
        sent=("https://sample.invalid/a.pdf",),
    ),
    # Some providers have the id in another field.
    "openai_models": _list(
        {"object": "list", "data": [{**row, "name": row["id"], "model_id": row["id"]} for row in _IDS]}
    ),
    "anthropic_models": _list({"data": _IDS, "has_more": False}),
    "google_models": _list({"models": _NAMES}),
    "bedrock_models": _list({"modelSummaries": [{"modelId": row["id"]} for row in _IDS]}),
    "openai_count_tokens": _count("input_tokens"),
    "anthropic_count_tokens": _count("input_tokens"),
    "google_count_tokens": _count("totalTokens"),
    "vertex_count_tokens": _count("totalTokens"),
    "bedrock_count_tokens": _count("inputTokens"),
}
"""The operations of batches have none: a batch is several calls, which are tested together."""
