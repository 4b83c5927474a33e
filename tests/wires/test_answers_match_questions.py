"""Answers are checked against the request on every wire: as many vectors as texts, each for one of them."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from in_turn import in_turn

from stepwell import Client, errors
from stepwell.embeddings import Embedder
from stepwell.providers.declare.registry import REGISTRY
from stepwell.stores import MemoryStore

TEXTS = ["a", "bb", "ccc"]
Vectors = list[Any]


def in_base64(row: list[Any]) -> Any:
    """Return a vector as bytes in base64; one that is not of numbers as it is."""
    plain = all(type(each) is float for each in row)
    return b64encode(bytes(int(each) for each in row)).decode() if plain else row


BODIES: dict[str, tuple[str, Callable[[Vectors], Any]]] = {
    "openai_embeddings": (
        "openai:m",
        lambda rows: {"data": [{"index": i, "embedding": r} for i, r in enumerate(rows)]},
    ),
    "cohere_embeddings": ("cohere:m", lambda rows: {"embeddings": {"float": rows}}),
    "google_embeddings": ("google:m", lambda rows: {"embeddings": [{"values": r} for r in rows]}),
    "vertex_predict_embeddings": (
        "google_vertex:m",
        lambda rows: {"predictions": [{"embeddings": {"values": r}} for r in rows]},
    ),
    "ollama_embeddings": ("ollama:m", lambda rows: {"embeddings": rows}),
    "bedrock_embeddings": ("amazon_bedrock:cohere.embed-v4", lambda rows: {"embeddings": {"float": rows}}),
    "perplexity_embeddings": (
        "perplexity:m",
        lambda rows: {"data": [{"index": i, "embedding": in_base64(r)} for i, r in enumerate(rows)]},
    ),
}
BAD = {
    "fewer": [[1.0], [3.0]],
    "more": [[1.0], [2.0], [3.0], [4.0]],
    "none": [],
    "unequal": [[1.0], [2.0, 2.0], [3.0]],
    "empty": [[1.0], [], [3.0]],
    "words": [[1.0], ["x"], [3.0]],
    "nulls": [[1.0], [None], [3.0]],
    "flags": [[1.0], [True], [3.0]],
}
KEYS = {
    **dict.fromkeys(("openai", "cohere", "google", "ollama", "mistral", "perplexity"), "k"),
    "amazon_bedrock": {"access_key": "a", "secret_key": "s", "region": "us-east-1"},
    "google_vertex": {"token": "t", "project": "p", "location": "us-central1"},
}


def client_of(body: Any) -> Client:
    return Client(transport=httpx.MockTransport(lambda request: httpx.Response(200, json=body)), api_keys=KEYS)


def test_every_embedding_wire_is_tested() -> None:
    wires = {wire.name for provider in REGISTRY for wire in provider.wires if wire.operation == "embed"}
    assert wires == {*BODIES, "vertex_embed_content"}, "the last takes one text a call, and gives one vector"


@in_turn("what", BAD)
@pytest.mark.parametrize("wire", BODIES)
def test_vectors_that_do_not_match_the_texts_are_an_error_and_are_not_kept(wire: str, what: str) -> None:
    model, body = BODIES[wire]
    client = client_of(body(BAD[what]))
    with pytest.raises(errors.DecodeError, match="3") as caught:
        client.embed(model, TEXTS, wire=wire)
    assert caught.value.partial is not None
    store = MemoryStore()
    with pytest.raises(errors.StepwellError):
        Embedder(model, client=client, cache=store, wire=wire).embed(TEXTS)
    good = client_of(body([[1.0], [2.0], [3.0]]))
    assert good.embed(model, TEXTS, wire=wire).embeddings == [[1.0], [2.0], [3.0]]


@pytest.mark.parametrize("places", [[0, 2, 2], [0, 1, 7], [0, 1, -1], [1, 2, 3], [0, 1, "x"]])
def test_an_index_is_that_of_one_of_the_texts_and_of_no_other_vector(places: list[Any]) -> None:
    rows = [{"index": place, "embedding": [1.0]} for place in places]
    with pytest.raises(errors.DecodeError, match="3 texts"):
        client_of({"data": rows}).embed("openai:m", TEXTS)


RANKS = [[(7, 0.9)], [(0, 0.9), (0, 0.8)], [(-1, 0.9)], [(0, "NaN")], [(0, "Infinity")], []]


@pytest.mark.parametrize("ranks", RANKS)
def test_ranks_are_those_of_the_documents(ranks: list[Any]) -> None:
    body = {"results": [{"index": at, "relevance_score": score} for at, score in ranks]}
    with pytest.raises(errors.DecodeError, match="3"):
        client_of(body).rerank("cohere:m", "q", TEXTS)


@pytest.mark.parametrize("wire", BODIES)
def test_vectors_of_another_length_than_requested_are_a_warning(wire: str) -> None:
    model, body_of = BODIES[wire]
    for length, requested, subjects in ((4, 2, ["dimensions"]), (4, 4, []), (4, 32, []), (4, None, [])):
        options: dict[str, Any] = {} if requested is None else {"dimensions": requested}
        reply = client_of(body_of([[1.0] * length] * 3)).embed(model, TEXTS, **options)
        assert [each.subject for each in reply.warnings if each.subject == "dimensions"] == subjects, requested


def test_more_ranks_than_were_asked_for_are_an_error_and_fewer_a_warning() -> None:
    body = {"results": [{"index": at, "relevance_score": 0.5} for at in range(2)]}
    with pytest.raises(errors.DecodeError, match="best 1"):
        client_of(body).rerank("cohere:m", "q", TEXTS, top_n=1)
    assert [each.subject for each in client_of(body).rerank("cohere:m", "q", TEXTS).warnings][1:] == ["ranking"]


def test_verdicts_images_and_counts_match_the_request() -> None:
    with pytest.raises(errors.DecodeError, match="1 verdicts were received for 3 texts"):
        client_of({"results": [{"flagged": False, "categories": {}}]}).moderate("openai:m", TEXTS)
    with pytest.raises(errors.DecodeError):
        client_of({"data": []}).generate_image("openai:m", "x", n=2)
    few = client_of({"data": [{"url": "https://a/b.png"}]}).generate_image("openai:m", "x", n=2)
    assert [each.subject for each in few.warnings][1:] == ["n"] and len(few.images) == 1
    with pytest.raises(errors.DecodeError, match="-1"):
        client_of({"totalTokens": -1}).count_tokens("google:m", "hi")


def test_fewer_pages_than_requested_are_a_warning() -> None:
    client = client_of({"pages": [{"index": 0, "markdown": "a"}]})
    reply = client.run("ocr", "mistral:m", "https://a/b.pdf", pages=[0, 1])
    assert [each.subject for each in reply.warnings][1:] == ["pages"]


def test_a_job_that_was_accepted_is_no_answer_of_any_operation() -> None:
    body = {"message": "accepted", "output": {"task_id": "t1", "task_status": "PENDING"}}
    client = client_of(body)
    for ask in (
        lambda: client.embed("openai:m", TEXTS),
        lambda: client.rerank("cohere:m", "q", TEXTS),
        lambda: client.generate_image("openai:m", "x"),
        lambda: client.moderate("openai:m", TEXTS),
    ):
        with pytest.raises(errors.StepwellError) as caught:
            ask()
        assert type(caught.value) is errors.AnswerUnfinished and caught.value.answer_id == "t1"
