"""What the answer of an operation can do without never costs the answer, and what cannot be read is a typed error:
each field of it, in turn, as something else than its format has."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from stepwell import Client, errors
from stepwell.embeddings import Embedder
from stepwell.providers.declare.registry import REGISTRY

from odd_fields import ABSENT, STRANGE, at, places, put, written

_PNG = "iVBORw0KGgo="
_COUNTS = {"prompt_tokens": 3, "total_tokens": 3}
_META = {"billed_units": {"input_tokens": 3}}
ANSWERS: dict[str, tuple[str, str, Any, Any]] = {
    "openai_embeddings": (
        "embed",
        "openai:text-embedding-3-small",
        ["a"],
        {"model": "m", "data": [{"index": 0, "embedding": [1.0, 2.0]}], "usage": _COUNTS},
    ),
    "perplexity_embeddings": (
        "embed",
        "perplexity:pplx-embed-v1-0.6b",
        ["a"],
        {"model": "m", "data": [{"index": 0, "embedding": "AQI="}], "usage": _COUNTS},
    ),
    "cohere_embeddings": (
        "embed",
        "cohere:embed-v4.0",
        ["a"],
        {"id": "i", "embeddings": {"float": [[1.0, 2.0]]}, "meta": _META},
    ),
    "google_embeddings": (
        "embed",
        "google:gemini-embedding-001",
        ["a"],
        {"embeddings": [{"values": [1.0, 2.0]}], "usageMetadata": {"promptTokenCount": 3}},
    ),
    "vertex_predict_embeddings": (
        "embed",
        "google_vertex:m",
        ["a"],
        {"predictions": [{"embeddings": {"values": [1.0], "statistics": {"token_count": 3}}}], "metadata": {"a": 1}},
    ),
    "vertex_embed_content": (
        "embed",
        "google_vertex:gemini-embedding-2",
        ["a"],
        {"embedding": {"values": [1.0, 2.0]}, "usageMetadata": {"promptTokenCount": 3}},
    ),
    "ollama_embeddings": (
        "embed",
        "ollama:m",
        ["a"],
        {"model": "m", "embeddings": [[1.0, 2.0]], "prompt_eval_count": 3},
    ),
    "bedrock_embeddings": (
        "embed",
        "amazon_bedrock:amazon.titan-embed-text-v2:0",
        ["a"],
        {"embedding": [1.0, 2.0], "inputTextTokenCount": 3},
    ),
    "rerank": (
        "rerank",
        "cohere:rerank-v3.5",
        ["a"],
        {"id": "i", "results": [{"index": 0, "relevance_score": 0.5}], "meta": _META},
    ),
    "openai_moderation": (
        "moderate",
        "openai:omni-moderation-latest",
        ["a"],
        {
            "id": "i",
            "model": "m",
            "results": [{"flagged": True, "categories": {"hate": True}, "category_scores": {"hate": 0.9}}],
        },
    ),
    "openai_images": (
        "generate_image",
        "openai:gpt-image-1",
        "a",
        {
            "data": [{"b64_json": _PNG, "revised_prompt": "p"}],
            "usage": {"input_tokens": 1, "output_tokens": 2, "input_tokens_details": {"text_tokens": 1}},
        },
    ),
    "google_images": (
        "generate_image",
        "google:imagen-4.0-generate-001",
        "a",
        {"predictions": [{"bytesBase64Encoded": _PNG, "mimeType": "image/png"}]},
    ),
    "google_generate_images": (
        "generate_image",
        "google:gemini-2.5-flash-image",
        "a",
        {
            "candidates": [
                {
                    "content": {"parts": [{"text": "hm"}, {"inlineData": {"mimeType": "image/png", "data": _PNG}}]},
                    "finishReason": "STOP",
                }
            ],
            "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 4, "totalTokenCount": 7},
        },
    ),
    "mistral_ocr": (
        "ocr",
        "mistral:mistral-ocr-latest",
        "https://a/b.pdf",
        {"model": "m", "pages": [{"index": 0, "markdown": "hi"}], "usage_info": {"pages_processed": 1}},
    ),
    "openai_transcription": (
        "transcribe",
        "openai:whisper-1",
        b"RIFF",
        {
            "text": "hi",
            "language": "en",
            "duration": 1.5,
            "segments": [{"id": 0}],
            "words": [{"word": "hi"}],
            "usage": {"input_tokens": 1, "output_tokens": 2},
        },
    ),
    "elevenlabs_transcription": (
        "transcribe",
        "elevenlabs:scribe_v1",
        b"RIFF",
        {"text": "hi", "language_code": "en", "words": [{"text": "hi"}]},
    ),
}
NEEDED = {
    *("data", "embedding", "embeddings", "float", "values", "predictions", "results", "relevance_score", "categories"),
    *("flagged", "hate", "b64_json", "bytesBase64Encoded", "candidates", "content", "parts", "inlineData", "pages"),
    *("markdown", "text", "finishReason", "mimeType"),
}
"""What the answer is, and what it stands in; a media type says what a picture is."""
KEYS = {
    **dict.fromkeys(("openai", "cohere", "google", "ollama", "mistral", "elevenlabs", "perplexity"), "k"),
    "amazon_bedrock": {"access_key": "a", "secret_key": "s", "region": "us-east-1"},
    "google_vertex": {"token": "t", "project": "p", "location": "us-central1"},
}
BOM = b"\xef\xbb\xbf"
operations = pytest.mark.parametrize("wire", ANSWERS)


def client_of(body: Any) -> Client:
    content = body if isinstance(body, bytes) else written(body)
    transport = httpx.MockTransport(lambda request: httpx.Response(200, content=content))
    return Client(transport=transport, api_keys=KEYS, retries=0)


def ask(wire: str, body: Any, **options: Any) -> Any:
    operation, model, given, _ = ANSWERS[wire]
    inputs = ("q", given) if operation == "rerank" else (given,)
    return getattr(client_of(body), operation)(model, *inputs, wire=wire, **options)


def answer_of(reply: Any) -> Any:
    return reply.text, reply.object, [image.data for image in reply.images]


def is_readable(reply: Any) -> bool:
    """Use all that a reply has, as a caller would."""
    usage = reply.usage
    counts = (usage.input_tokens, usage.output_tokens, usage.cached_input_tokens)
    sound = all(each is None or (type(each) is int and each >= 0) for each in counts)
    verdicts = reply.object if isinstance(reply.object, list) else []
    flags = all(type(each.flagged) is bool for each in verdicts if hasattr(each, "flagged"))
    return sound and flags and isinstance(repr(reply) + str(reply.cost.total), str)


def test_every_operation_is_here() -> None:
    known = {"embed", "rerank", "moderate", "image", "ocr", "transcribe"}
    assert {wire.name for each in REGISTRY for wire in each.wires if wire.operation in known} == set(ANSWERS)


@operations
def test_an_odd_field_costs_only_itself(wire: str) -> None:
    body, lost = ANSWERS[wire][3], []
    good = answer_of(ask(wire, body))
    for place in places(body):
        needed = place[-1] in NEEDED or isinstance(place[-1], int) or place[-1] == "index"
        for other in STRANGE:
            if type(other) is type(at(body, place)) and other not in (-1.5, "", 10**30):
                continue
            try:
                reply = ask(wire, put(body, place, other))
                apart = "scores" in str(place) or (other is ABSENT and isinstance(at(body, place[:-1]), list))
                kept = needed or answer_of(reply) == good or apart
                problem = None if kept and is_readable(reply) else "lost"
            except errors.StepwellError as error:
                problem = None if needed else error
            except Exception as error:
                problem = error
            lost += [(place, other, problem)] if problem is not None else []
    assert not lost


@operations
def test_bytes_before_and_within_an_answer_cost_nothing(wire: str) -> None:
    body, good = ANSWERS[wire][3], answer_of(ask(wire, ANSWERS[wire][3]))
    assert answer_of(ask(wire, BOM + written(body))) == answer_of(ask(wire, b" \r\n" + written(body))) == good
    broken = body
    for place in places(body):
        if isinstance(at(body, place), str) and place[-1] not in NEEDED:
            broken = put(broken, place, "BROKEN")
    assert answer_of(ask(wire, written(broken).replace(b"BROKEN", b"a\xffb"))) == good


@pytest.mark.parametrize("odd", ["x", [7], {"a": 1}, -5, 1.5, True])
@pytest.mark.parametrize("wire", [wire for wire in ANSWERS if ANSWERS[wire][0] in ("embed", "rerank")])
def test_a_count_that_is_none_is_left_out_with_a_warning(wire: str, odd: Any) -> None:
    body = ANSWERS[wire][3]
    for place in places(body):
        if isinstance(at(body, place), int) and place[-1] not in ("index", "total_tokens", "a"):
            reply = ask(wire, put(body, place, odd))
            assert str(place[-1]) in [each.subject.rpartition(".")[2] for each in reply.warnings]
            assert reply.usage.input_tokens in (None, 3)


def test_a_count_in_quotes_is_read_by_an_embedder() -> None:
    body = put(ANSWERS["openai_embeddings"][3], ("usage", "prompt_tokens"), "12")
    found = Embedder("openai:text-embedding-3-small", client=client_of(body)).embed(["a"])
    assert found.usage.input_tokens == 12


@pytest.mark.parametrize("wire", ["ollama_embeddings", "cohere_embeddings"])
def test_vectors_that_are_no_list_are_a_typed_error(wire: str) -> None:
    with pytest.raises(errors.DecodeError):
        ask(wire, {"embeddings": 7})


def test_a_number_that_no_float_can_hold_is_a_typed_error() -> None:
    body = b'{"data": [{"index": 0, "embedding": [1' + b"0" * 400 + b", 1]}]}"
    transport = httpx.MockTransport(lambda request: httpx.Response(200, content=body))
    with pytest.raises(errors.DecodeError, match="finite"):
        Client(transport=transport, api_keys=KEYS).embed("openai:text-embedding-3-small", ["a"])


@pytest.mark.parametrize(("flag", "flagged"), [("false", False), ("True", True), ("no", True), (0, True), ([1], True)])
def test_a_flag_that_is_neither_true_nor_false_is_a_warning(flag: Any, flagged: bool) -> None:
    reply = ask("openai_moderation", {"results": [{"flagged": flag, "categories": {"hate": True}}]})
    assert reply.object[0].flagged is flagged
    assert "results.flagged" in [each.subject for each in reply.warnings]


def test_a_category_in_quotes_is_what_it_says_and_a_warning() -> None:
    reply = ask("openai_moderation", {"results": [{"categories": {"hate": "false", "violence": "true"}}]})
    assert reply.object[0].flagged is True and reply.object[0].categories == ("violence",)
    assert {"results.categories.hate", "results.categories.violence"} <= {each.subject for each in reply.warnings}


def test_a_verdict_that_says_nothing_is_an_error() -> None:
    with pytest.raises(errors.DecodeError, match="verdict"):
        ask("openai_moderation", {"results": [{"flagged": "maybe", "categories": {}}]})


BESIDE = [None, {}, 7, "odd", {"odd": 1}, {"url": 7}, {"b64_json": "x"}, {"bytesBase64Encoded": 7}]


@pytest.mark.parametrize("other", BESIDE)
@pytest.mark.parametrize(
    ("wire", "place"),
    [("openai_images", "data"), ("google_images", "predictions"), ("mistral_ocr", "pages"), ("rerank", "results")],
)
def test_what_cannot_be_read_beside_a_good_row_costs_only_itself(wire: str, place: str, other: Any) -> None:
    body = ANSWERS[wire][3]
    good, reply = ask(wire, body), ask(wire, {**body, place: [other, *body[place]]})
    assert answer_of(reply) == answer_of(good)
    if other is not None:
        assert place in [each.subject for each in reply.warnings]
        with pytest.raises(errors.DecodeError):
            ask(wire, {**body, place: [other]})


def test_more_pictures_than_were_asked_for_are_a_warning() -> None:
    rows = [{"b64_json": _PNG}] * 3
    assert "n" in [each.subject for each in ask("openai_images", {"data": rows}, n=2).warnings]
    assert "n" not in [each.subject for each in ask("openai_images", {"data": rows}, n=3).warnings]


@pytest.mark.parametrize("listed", [lambda rows: {"data": rows}, lambda rows: rows])
def test_a_model_that_cannot_be_read_costs_only_itself(listed: Any) -> None:
    found = client_of(listed([None, 7, {"id": "a"}, "odd"])).list_models("openai").object
    assert [str(each).partition(":")[2] for each in found] == ["a"]
