"""Operations with formats of their own: lists, counts, Imagen, Voyage and Jina."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import httpx
import orjson
import pytest
from converse_model import request_faults
from openai.types.responses.input_token_count_params import InputTokenCountParams
from pydantic import TypeAdapter

from stepwell import Client, Context, Tool
from stepwell.catalog import Model
from stepwell.schemas import errors
from stepwell.schemas.message import system, user
from stepwell.schemas.reply import Ranked

TOOL = Tool("look_up", "Look a city up.", {"type": "object", "properties": {"city": {"type": "string"}}})
AWS = {"access_key": "AKIDEXAMPLE", "secret_key": "s", "region": "eu-west-1"}
AZURE = {"api_key": "k", "endpoint": "https://mine.openai.azure.com"}


def call_provider(provider: str, call: Any, answer: Any, key: Any = "k") -> tuple[httpx.Request, Any]:
    """Make a call; return its request and the decoded reply to `answer`."""
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json=answer)

    with Client(transport=httpx.MockTransport(handler), api_keys={provider: key}) as client:
        reply = call(client)
    return seen[0], reply


@pytest.mark.parametrize(
    ("provider", "key", "address", "answer", "ids"),
    [
        (
            "anthropic",
            "k",
            "https://api.anthropic.com/v1/models?limit=1000",
            {"data": [{"type": "model", "id": "claude-b"}, {"type": "model", "id": "claude-a"}], "has_more": False},
            ["claude-a", "claude-b"],
        ),
        (
            "google",
            "k",
            "https://generativelanguage.googleapis.com/v1beta/models?pageSize=1000",
            {"models": [{"name": "models/gemini-9", "displayName": "Gemini 9"}]},
            ["gemini-9"],
        ),
        (
            "cohere",
            "k",
            "https://api.cohere.com/v1/models?page_size=1000",
            {"models": [{"name": "command-a", "endpoints": ["chat"]}]},
            ["command-a"],
        ),
        (
            "github",
            "k",
            "https://models.github.ai/catalog/models",
            [{"id": "openai/gpt-4.1", "name": "GPT-4.1"}],
            ["openai/gpt-4.1"],
        ),
        (
            "cloudflare",
            "k",
            "https://api.cloudflare.com/client/v4/accounts/acc/ai/models/search?per_page=1000",
            {"result": [{"id": "0f1e-uuid", "name": "@cf/meta/llama-3.1-8b-instruct"}], "success": True},
            ["@cf/meta/llama-3.1-8b-instruct"],
        ),
        (
            "azure",
            AZURE,
            "https://mine.openai.azure.com/openai/v1/models",
            {"data": [{"id": "gpt-4o-2024-11-20"}]},
            ["gpt-4o-2024-11-20"],
        ),
        (
            "amazon_bedrock",
            AWS,
            "https://bedrock.eu-west-1.amazonaws.com/foundation-models",
            {"modelSummaries": [{"modelId": "amazon.nova-lite-v1:0", "modelName": "Nova Lite"}]},
            ["amazon.nova-lite-v1:0"],
        ),
        (
            "elevenlabs",
            "k",
            "https://api.elevenlabs.io/v1/models",
            [{"model_id": "eleven_v3", "name": "Eleven v3"}],
            ["eleven_v3"],
        ),
        ("mistral", "k", "https://api.mistral.ai/v1/models", {"data": [{"id": "m", "name": "n"}]}, ["m"]),
    ],
)
def test_lists_of_models_are_read_where_each_provider_keeps_them(
    provider: str, key: Any, address: str, answer: Any, ids: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLOUDFLARE_ACCOUNT_ID", "acc")
    request, reply = call_provider(provider, lambda client: client.list_models(provider), answer, key)
    assert (request.method, str(request.url), request.content) == ("GET", address, b"")
    assert reply.object == [Model(provider, id) for id in ids]


def test_the_key_is_sent_with_a_list_of_models_too() -> None:
    request, _ = call_provider("anthropic", lambda client: client.list_models("anthropic"), {"data": []})
    assert request.headers["x-api-key"] == "k" and request.headers["anthropic-version"] == "2023-06-01"
    request, _ = call_provider("google", lambda client: client.list_models("google"), {"models": []})
    assert request.headers["x-goog-api-key"] == "k" and "key=" not in str(request.url)


def test_other_operations_of_these_providers_keep_their_addresses() -> None:
    answer = {"results": [{"index": 0, "relevance_score": 0.5}]}
    request, _ = call_provider("cohere", lambda client: client.rerank("cohere:rerank-v4", "q", ["a"]), answer)
    assert str(request.url) == "https://api.cohere.com/v2/rerank"


def test_openai_counts_a_prompt_as_the_response_would_read_it() -> None:
    prompt = Context([system("be kind"), user("hi")], [TOOL])
    answer = {"object": "response.input_tokens", "input_tokens": 17}
    request, reply = call_provider("openai", lambda client: client.count_tokens("openai:gpt-5", prompt), answer)
    body = orjson.loads(request.content)
    TypeAdapter(InputTokenCountParams).validate_python(body)
    assert str(request.url) == "https://api.openai.com/v1/responses/input_tokens"
    assert body.keys() == {"model", "instructions", "input", "tools"} and reply.usage.input_tokens == 17


def test_bedrock_counts_a_prompt_as_converse_would_read_it() -> None:
    prompt = Context([system("be kind"), user("hi")], [TOOL])
    call = lambda client: client.count_tokens("amazon_bedrock:anthropic.claude-sonnet-4-v1:0", prompt)
    request, reply = call_provider("amazon_bedrock", call, {"inputTokens": 17}, AWS)
    body = orjson.loads(request.content)
    assert not request_faults(body, "CountTokens")
    assert request.url.raw_path.decode() == "/model/anthropic.claude-sonnet-4-v1%3A0/count-tokens"
    assert body["input"]["converse"].keys() == {"messages", "system", "toolConfig"} and reply.usage.input_tokens == 17


@pytest.mark.parametrize(
    ("model", "method"),
    [
        ("gemini-embedding-2", "embedContent"),
        ("gemini-embedding-2-preview", "embedContent"),
        ("gemini-embedding-001", "predict"),
        ("text-embedding-005", "predict"),
    ],
)
def test_vertex_embeds_each_model_by_its_own_method(model: str, method: str) -> None:
    answer = {"predictions": [{"embeddings": {"values": [1.0]}}], "embedding": {"values": [1.0]}}
    keys = {"token": "t", "project": "p", "location": "us-central1"}
    request, reply = call_provider(
        "google_vertex", lambda client: client.embed(f"google_vertex:{model}", "a"), answer, keys
    )
    assert request.url.path.endswith(f"/publishers/google/models/{model}:{method}") and reply.embedding == [1.0]


def test_imagen_draws_by_predict() -> None:
    png = {"mimeType": "image/png", "bytesBase64Encoded": b64encode(b"\x89PNG").decode()}
    call = lambda client: client.generate_image("google:imagen-4.0", "a cat", n=2, aspect_ratio="16:9")
    request, reply = call_provider("google", call, {"predictions": [png, {"raiFilteredReason": "unsafe"}]})
    assert request.url.path == "/v1beta/models/imagen-4.0:predict"
    assert orjson.loads(request.content) == {
        "instances": [{"prompt": "a cat"}],
        "parameters": {"sampleCount": 2, "aspectRatio": "16:9"},
    }
    assert reply.images[0].data == b"\x89PNG" and reply.metadata["filtered"] == ["unsafe"]


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ({"predictions": [{"raiFilteredReason": "unsafe"}]}, errors.ContentFiltered),
        ({"predictions": []}, errors.DecodeError),
        ({}, errors.DecodeError),
    ],
)
def test_an_image_that_is_withheld_is_reported(answer: Any, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        call_provider("google", lambda client: client.generate_image("google:imagen-4.0", "a cat"), answer)


DRAWN = {
    "candidates": [
        {
            "content": {
                "role": "model",
                "parts": [
                    {"text": "Here it is."},
                    {"inlineData": {"mimeType": "image/png", "data": b64encode(b"\x89PNG").decode()}},
                ],
            },
            "finishReason": "STOP",
        }
    ],
    "usageMetadata": {"promptTokenCount": 4, "candidatesTokenCount": 1290, "totalTokenCount": 1294},
}
VERTEX = {"token": "ya29.t", "project": "p", "location": "global"}


@pytest.mark.parametrize(
    ("model", "key", "path"),
    [
        ("google:gemini-2.5-flash-image", "k", "/v1beta/models/gemini-2.5-flash-image:generateContent"),
        ("google:gemini-9-of-tomorrow", "k", "/v1beta/models/gemini-9-of-tomorrow:generateContent"),
        (
            "google_vertex:gemini-2.5-flash-image",
            VERTEX,
            "/v1/projects/p/locations/global/publishers/google/models/gemini-2.5-flash-image:generateContent",
        ),
    ],
)
def test_gemini_draws_in_a_chat(model: str, key: Any, path: str) -> None:
    provider = model.partition(":")[0]
    call = lambda client: client.generate_image(model, "a cat", aspect_ratio="16:9", size="2K")
    request, reply = call_provider(provider, call, DRAWN, key)
    assert request.url.path == path
    assert orjson.loads(request.content) == {
        "contents": [{"role": "user", "parts": [{"text": "a cat"}]}],
        "generationConfig": {
            "responseModalities": ["TEXT", "IMAGE"],
            "imageConfig": {"aspectRatio": "16:9", "imageSize": "2K"},
        },
    }
    assert (reply.images[0].data, reply.text, reply.usage.output_tokens) == (b"\x89PNG", "Here it is.", 1290)
    assert reply.finish_reason == "stop"


def test_imagen_draws_by_predict_on_vertex_as_well() -> None:
    png = {"mimeType": "image/png", "bytesBase64Encoded": b64encode(b"\x89PNG").decode()}
    call = lambda client: client.generate_image("google_vertex:imagen-4.0-generate-001", "a cat")
    request, reply = call_provider("google_vertex", call, {"predictions": [png]}, VERTEX)
    assert request.url.path.endswith("/publishers/google/models/imagen-4.0-generate-001:predict")
    assert reply.images[0].data == b"\x89PNG"


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ({"candidates": [{"finishReason": "IMAGE_SAFETY"}]}, errors.ContentFiltered),
        ({"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}}, errors.ContentFiltered),
        (
            {"candidates": [{"content": {"parts": [{"text": "What shall I draw?"}]}, "finishReason": "STOP"}]},
            errors.DecodeError,
        ),
    ],
)
def test_a_chat_without_an_image_is_an_error_with_its_text(answer: Any, kind: type[Exception]) -> None:
    with pytest.raises(kind) as caught:
        call_provider("google", lambda client: client.generate_image("google:gemini-2.5-flash-image", "a cat"), answer)
    assert caught.value.partial.text in ("", "What shall I draw?")  # type: ignore[attr-defined]


VECTORS = {"data": [{"index": 0, "embedding": [1.0]}], "usage": {"total_tokens": 4}, "model": "m"}


@pytest.mark.parametrize(
    ("provider", "body"),
    [
        (
            "voyage",
            {"model": "m", "input": ["a"], "input_type": "query", "output_dimension": 8, "encoding_format": "base64"},
        ),
        ("jina", {"model": "m", "input": ["a"], "task": "retrieval.query", "dimensions": 8}),
    ],
)
def test_queries_are_embedded_in_each_providers_format(provider: str, body: Any) -> None:
    call = lambda client: client.embed(f"{provider}:m", "a", kind="query", dimensions=8)
    request, reply = call_provider(provider, call, VECTORS)
    assert orjson.loads(request.content) == body and request.url.path == "/v1/embeddings"
    assert (reply.embedding, reply.usage.input_tokens) == ([1.0], 4)


@pytest.mark.parametrize(
    ("provider", "rows", "name"),
    [("voyage", "data", "top_k"), ("jina", "results", "top_n"), ("cohere", "results", "top_n")],
)
def test_documents_are_ranked_in_each_providers_format(provider: str, rows: str, name: str) -> None:
    scores = [{"index": 0, "relevance_score": 0.1}, {"index": 1, "relevance_score": 0.9}]
    answer = {rows: scores, "usage": {"total_tokens": 4}}
    call = lambda client: client.rerank(f"{provider}:m", "q", ["a", "b"], top_n=2)
    request, reply = call_provider(provider, call, answer)
    assert orjson.loads(request.content) == {"model": "m", "query": "q", "documents": ["a", "b"], name: 2}
    assert reply.ranking == [Ranked(1, 0.9), Ranked(0, 0.1)] and reply.usage.input_tokens == 4


@pytest.mark.parametrize("given", [{"query": ""}, {"documents": []}])
def test_a_ranking_of_no_documents_is_refused(given: dict[str, Any]) -> None:
    wanted = {"query": "q", "documents": ["a"], **given}
    with pytest.raises(errors.ConfigError, match="needs a query and documents"):
        call_provider("jina", lambda client: client.rerank("jina:m", **wanted), {})


@pytest.mark.parametrize("model", ["openai:m", "cohere:m", "google:m", "ollama:m", "voyage:m", "mistral:m"])
def test_texts_to_embed_are_texts_and_not_the_keys_of_a_dict(model: str) -> None:
    wrong: list[tuple[Any, str]] = [
        ({"a": "text"}, "the texts of embed are a dict; pass a list of texts"),
        (["a", None], "text 1 of embed is empty or not a string; leave it out"),
        ([], "embed needs a text; pass a text or a list of texts"),
    ]
    for given, words in wrong:
        with pytest.raises(errors.ConfigError, match=f"^{words}$"):
            call_provider(model.partition(":")[0], lambda client, given=given: client.embed(model, given), {})


def test_what_is_moderated_or_ranked_is_named_as_such() -> None:
    with pytest.raises(errors.ConfigError, match="^text 0 of moderate is empty"):
        call_provider("openai", lambda client: client.moderate("openai:m", ""), {})
    for documents, words in (({"a": "text"}, "are a dict"), (["a", None], "document 1 to rank is a NoneType")):
        with pytest.raises(errors.ConfigError, match=words):
            call_provider("cohere", lambda client, given=documents: client.rerank("cohere:m", "q", given), {})
