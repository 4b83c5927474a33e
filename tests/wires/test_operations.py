"""Vectors, rankings, images, speech, transcripts, verdicts, lists: on recordings where there are any."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from mistralai.client.models import OCRRequest, OCRResponse

import stepwell
from stepwell import Client, File, Image
from stepwell.catalog import Model
from stepwell.declare import Wire
from stepwell.messages import Audio
from stepwell.providers.wires.operations.embeddings import (
    bedrock_embeddings,
    cohere_embeddings,
    google_embeddings,
    ollama_embeddings,
    openai_embeddings,
    perplexity_embeddings,
    vertex_embed_content,
    vertex_predict_embeddings,
)
from stepwell.providers.wires.operations.mistral_ocr import mistral_ocr
from stepwell.schemas import errors
from stepwell.schemas.reply import Ranked

from recordings import Recording, answering, recordings, registry_of

WIRES = {
    "openai_embeddings": openai_embeddings,
    "cohere_embeddings": cohere_embeddings,
    "google_embeddings": google_embeddings,
    "vertex_predict_embeddings": vertex_predict_embeddings,
    "bedrock_invoke_embeddings": bedrock_embeddings,
    "perplexity_embeddings": perplexity_embeddings,
}


@pytest.mark.parametrize("recording", recordings(*WIRES), ids=lambda each: each.id)
def test_recorded_vectors_are_read_as_the_sdks_read_them(recording: Recording) -> None:
    client = Client(transport=answering(recording), registry=registry_of(WIRES[recording.api]), retries=0)
    model, expected = f"recorded:{recording.model}", recording.expected
    if "error" in expected:
        with pytest.raises(errors.ProviderError) as caught:
            client.embed(model, "hello")
        assert caught.value.status == expected["error"]["status"] and expected["error"]["message"] in str(caught.value)
        return
    reported = expected["embeddings"]
    reply = client.embed(model, ["hello"] * reported["count"])
    assert (len(reply.embeddings), len(reply.embedding)) == (reported["count"], reported["dimensions"])
    assert reply.embedding[:4] == pytest.approx(reported["first"])
    assert [sum(vector) for vector in reply.embeddings] == pytest.approx(reported["sums"], abs=1e-4)
    if expected["usage"]:
        assert reply.usage.input_tokens == expected["usage"]["input_tokens"]


def sent_by(wire: Wire, call: Any, answer: Any, model: str = "m") -> tuple[httpx.Request, Any]:
    """Make a call; return its request and the decoded reply to `answer`."""
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        content = answer if isinstance(answer, bytes) else orjson.dumps(answer)
        return httpx.Response(200, content=content)

    with Client(transport=httpx.MockTransport(handler), registry=registry_of(wire)) as client:
        reply = call(client, f"recorded:{model}")
    return seen[0], reply


VECTORS = {"data": [{"index": 1, "embedding": [2.0]}, {"index": 0, "embedding": [1.0]}], "usage": {"prompt_tokens": 4}}


def test_vectors_come_in_the_order_of_the_texts() -> None:
    request, reply = sent_by(
        openai_embeddings, lambda client, model: client.embed(model, ["a", "b"], dimensions=1), VECTORS
    )
    assert orjson.loads(request.content) == {"model": "m", "input": ["a", "b"], "dimensions": 1}
    assert (reply.embeddings, reply.usage.input_tokens) == ([[1.0], [2.0]], 4)


@pytest.mark.parametrize(
    ("wire", "model", "answer", "body"),
    [
        (
            cohere_embeddings,
            "m",
            {"embeddings": {"float": [[1.0]]}},
            {
                "model": "m",
                "texts": ["a"],
                "input_type": "search_query",
                "output_dimension": 8,
                "embedding_types": ["float"],
            },
        ),
        (
            google_embeddings,
            "m",
            {"embeddings": [{"values": [1.0]}]},
            {
                "requests": [
                    {
                        "model": "models/m",
                        "taskType": "RETRIEVAL_QUERY",
                        "outputDimensionality": 8,
                        "content": {"parts": [{"text": "a"}]},
                    }
                ]
            },
        ),
        (ollama_embeddings, "m", {"embeddings": [[1.0]]}, {"model": "m", "input": ["a"], "dimensions": 8}),
        (
            vertex_embed_content,
            "m",
            {"embedding": {"values": [1.0]}},
            {"content": {"parts": [{"text": "a"}]}, "taskType": "RETRIEVAL_QUERY", "outputDimensionality": 8},
        ),
        (bedrock_embeddings, "amazon.titan-embed-text-v2:0", {"embedding": [1.0]}, {"inputText": "a", "dimensions": 8}),
    ],
    ids=lambda each: getattr(each, "name", None),
)
def test_queries_and_dimensions_are_sent_in_each_wires_fields(wire: Wire, model: str, answer: Any, body: Any) -> None:
    call = lambda client, name: client.embed(name, "a", kind="query", dimensions=8)
    request, reply = sent_by(wire, call, answer, model)
    assert orjson.loads(request.content) == body and reply.embedding == [1.0]


@pytest.mark.parametrize("texts", ["", [], ["a", ""], [3], None])
def test_a_text_that_cannot_be_embedded_is_refused_before_sending(texts: Any) -> None:
    with pytest.raises(errors.ConfigError):
        sent_by(openai_embeddings, lambda client, model: client.embed(model, texts), VECTORS)


def call_provider(call: Any, answer: Any, kind: str | None = None) -> tuple[httpx.Request, Any]:
    """Make a call through a declared provider; `kind` is the answer's content type."""
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        headers = {"content-type": kind} if kind else {}
        return httpx.Response(
            200, content=answer if isinstance(answer, bytes) else orjson.dumps(answer), headers=headers
        )

    with Client(transport=httpx.MockTransport(handler), api_keys=KEYS, retries=0) as client:
        reply = call(client)
    return seen[0], reply


KEYS: Any = dict.fromkeys(("openai", "together", "mistral", "groq"), "k")
KEYS["azure"] = {"api_key": "k", "endpoint": "https://r.openai.azure.com"}


def test_documents_are_ranked() -> None:
    answer = {"results": [{"index": 1, "relevance_score": 0.0}, {"index": 0, "relevance_score": 0.9}]}
    request, reply = call_provider(lambda client: client.rerank("together:m", "q", ["a", "b"], top_n=2), answer)
    assert orjson.loads(request.content) == {"model": "m", "query": "q", "documents": ["a", "b"], "top_n": 2}
    assert reply.ranking == [Ranked(0, 0.9), Ranked(1, 0.0)]


def test_images_are_generated() -> None:
    answer = {"data": [{"b64_json": b64encode(b"\x89PNG").decode(), "revised_prompt": "a cat"}, {"url": "https://x/y"}]}
    request, reply = call_provider(
        lambda client: client.generate_image("openai:gpt-image-1", "a cat", size="1024x1024"), answer
    )
    assert orjson.loads(request.content) == {"model": "gpt-image-1", "prompt": "a cat", "size": "1024x1024"}
    assert (reply.images[0].data, reply.images[1].url) == (b"\x89PNG", "https://x/y")
    assert reply.metadata["revised_prompts"] == ["a cat"]


def test_speech_is_generated() -> None:
    request, reply = call_provider(
        lambda client: client.speak("openai:tts-1", "hi", voice="nova", output_format="mp3"), b"ID3 sound"
    )
    assert orjson.loads(request.content) == {"model": "tts-1", "input": "hi", "voice": "nova", "response_format": "mp3"}
    assert (reply.audio.data, reply.audio.media_type) == (b"ID3 sound", "audio/mpeg")


@pytest.mark.parametrize(
    ("sound", "kind", "reported"),
    [
        (b"\xff\xf3\x84\xc4", "audio/mpeg", "audio/mpeg"),
        (b"\xff\xf3\x84\xc4", None, "audio/mpeg"),
        (b"\xff\xf3\x84\xc4", "application/octet-stream", "audio/mpeg"),
        (b"\0\1\0\2", "audio/pcm; rate=24000", "audio/pcm"),
        (b"\0\1\0\2", None, "application/octet-stream"),
    ],
)
def test_the_type_of_speech_is_that_of_the_header_or_of_its_bytes(sound: bytes, kind: str, reported: str) -> None:
    _, reply = call_provider(lambda client: client.speak("openai:tts-1", "hi", output_format="pcm"), sound, kind)
    assert (reply.audio.data, reply.audio.media_type) == (sound, reported)


@pytest.mark.parametrize("kind", ["application/json", None])
def test_an_error_in_place_of_speech_is_an_error(kind: str | None) -> None:
    answer = {"error": {"message": "no credit", "code": "insufficient_quota"}}
    with pytest.raises(errors.QuotaError):
        call_provider(lambda client: client.speak("openai:tts-1", "hi"), answer, kind)
    with pytest.raises(errors.DecodeError, match="no audio"):
        call_provider(lambda client: client.speak("openai:tts-1", "hi"), b"<html>", "text/html")


@pytest.mark.parametrize(
    ("model", "format"),
    [
        ("openai:whisper-1", "verbose_json"),
        ("azure:whisper", "verbose_json"),
        ("groq:whisper-large-v3", "verbose_json"),
        ("together:openai/whisper-large-v3", "verbose_json"),
        ("openai:gpt-4o-transcribe", None),
        ("openai:gpt-4o-mini-transcribe", None),
        ("azure:my-deployment", None),
        ("mistral:voxtral-mini-latest", None),
        ("openai:gpt-4o-transcribe-diarize", "diarized_json"),
    ],
)
def test_more_modalities_are_requested_of_models_that_have_them(model: str, format: str | None) -> None:
    request, reply = call_provider(lambda client: client.transcribe(model, Audio(data=b"ID3")), {"text": "hello"})
    field = b'name="response_format"\r\n\r\n'
    assert (field in request.content) == (format is not None)
    assert format is None or field + format.encode() in request.content
    assert (b'name="chunking_strategy"\r\n\r\nauto' in request.content) == ("diarize" in model)
    assert reply.text == "hello"


@pytest.mark.parametrize(("format", "answer"), [("text", "hello\n"), ("srt", "1\n00:00:00 --> 00:00:01\nhello\n")])
def test_a_transcript_may_be_plain_text(format: str, answer: str) -> None:
    call = lambda client: client.transcribe("openai:whisper-1", Audio(data=b"ID3"), response_format=format)
    _, reply = call_provider(call, answer.encode(), "text/plain; charset=utf-8")
    assert (reply.text, reply.raw) == (answer[:-1], answer)


@pytest.mark.parametrize("answer", [b"<!DOCTYPE html><html>sign in</html>", b'{"words": []}', b"\xff\xfe"])
def test_a_body_that_is_not_a_transcript_is_not_a_reply(answer: bytes) -> None:
    with pytest.raises(errors.DecodeError):
        call_provider(lambda client: client.transcribe("openai:whisper-1", Audio(data=b"ID3")), answer)


def test_transcripts_are_decoded() -> None:
    answer = {"text": "hello", "language": "english", "segments": [{"start": 0, "end": 1, "text": "hello"}]}
    sound = Audio(data=b"ID3", filename='my "song".mp3')
    request, reply = call_provider(lambda client: client.transcribe("openai:whisper-1", sound, language="en"), answer)
    kind, boundary = request.headers["content-type"].split("; boundary=")
    parts = request.content.split(f"--{boundary}".encode())
    assert kind == "multipart/form-data" and parts[-1] == b"--\r\n"
    assert b'name="language"\r\n\r\nen\r\n' in request.content
    assert b'filename="my %22song%22.mp3"\r\nContent-Type: audio/mpeg\r\n\r\nID3\r\n' in request.content
    assert (reply.text, reply.metadata["language"]) == ("hello", "english")


def test_verdicts_are_decoded() -> None:
    row = {"flagged": True, "categories": {"violence": True, "hate": False}, "category_scores": {"violence": 0.9}}
    _, reply = call_provider(lambda client: client.moderate("openai:omni-moderation-latest", "grr"), {"results": [row]})
    assert (reply.object[0].flagged, reply.object[0].categories) == (True, ("violence",))


def test_lists_of_models() -> None:
    request, reply = call_provider(lambda client: client.list_models("openai"), {"data": [{"id": "b"}, {"id": "a"}]})
    assert (request.method, str(request.url), request.content) == ("GET", "https://api.openai.com/v1/models", b"")
    assert reply.object == [Model("openai", "a"), Model("openai", "b")]


def test_an_operation_that_a_provider_lacks_is_an_error() -> None:
    with pytest.raises(errors.NotSupported, match="deepseek does not offer speak; it offers chat"):
        Client(api_keys={"deepseek": "k"}).speak("deepseek:m", "hi")


@pytest.mark.usefixtures("local_model")
def test_the_embedded_model_gives_vectors_sync_and_async() -> None:
    async def run() -> Any:
        async with stepwell.AsyncClient() as client:
            return await client.embed("local:smollm2", ["a cat", "a dog", "tax law"])

    with Client() as client:
        reply = client.embed("local:smollm2", ["a cat", "a dog", "tax law"])
    assert reply.embeddings == asyncio.run(run()).embeddings
    assert len(reply.embeddings) == 3 and reply.usage.input_tokens

    def likeness(a: list[float], b: list[float]) -> float:
        return sum(x * y for x, y in zip(a, b, strict=True))

    cat, dog, tax = reply.embeddings
    assert likeness(cat, dog) > likeness(cat, tax)


OCR_PAGES = [
    {"index": 0, "markdown": "# One", "images": [], "dimensions": {"dpi": 200, "height": 1, "width": 1}},
    {"index": 1, "markdown": "Two", "images": [], "dimensions": None},
]
OCR_ANSWER = {"pages": OCR_PAGES, "model": "mistral-ocr-2505", "usage_info": {"pages_processed": 2}}


@pytest.mark.parametrize(
    ("document", "sent"),
    [
        ("https://x.example/a.pdf", {"type": "document_url", "document_url": "https://x.example/a.pdf"}),
        ("https://x.example/a.png", {"type": "image_url", "image_url": "https://x.example/a.png"}),
        (b"%PDF-1", {"type": "document_url", "document_url": "data:application/pdf;base64,JVBERi0x"}),
        (Image(data=b"\x89PNG"), {"type": "image_url", "image_url": "data:image/png;base64,iVBORw=="}),
        (File(file_id="f-1"), {"type": "file", "file_id": "f-1"}),
    ],
    ids=str,
)
def test_documents_are_read(document: Any, sent: Any) -> None:
    request, reply = sent_by(mistral_ocr, lambda client, model: client.ocr(model, document, pages=[0, 1]), OCR_ANSWER)
    body = orjson.loads(request.content)
    assert body == {"model": "m", "document": sent, "pages": [0, 1]}
    assert OCRRequest.model_validate(body) and OCRResponse.model_validate(OCR_ANSWER)
    assert reply.text == "# One\n\nTwo" and reply.object == OCR_PAGES
    assert reply.metadata["usage_info"]["pages_processed"] == 2 and reply.cost.total is None


def test_a_document_may_be_a_file_on_disk(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(b"%PDF-1")
    for path in (tmp_path / "a.pdf", str(tmp_path / "a.pdf")):
        request, _ = sent_by(mistral_ocr, lambda client, model, path=path: client.ocr(model, path), OCR_ANSWER)
        assert orjson.loads(request.content)["document"]["document_url"] == "data:application/pdf;base64,JVBERi0x"


def test_an_invalid_document_is_refused() -> None:
    with pytest.raises(errors.ConfigError, match="a document cannot be a int"):
        sent_by(mistral_ocr, lambda client, model: client.ocr(model, 3), OCR_ANSWER)
