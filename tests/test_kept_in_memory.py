"""What embeddings and batches keep in memory, and vectors as base64."""

from __future__ import annotations

import gc
import json
import tracemalloc
from array import array
from typing import Any

import httpx
import pytest

import stepwell
from stepwell.schemas.reply import Reply
from stepwell.stores import MemoryStore

from scripted import MODEL
from vectors import Vectors

pytestmark = pytest.mark.usefixtures("small_heap")


def test_an_embedder_keeps_no_replies() -> None:
    alive: list[int] = []

    def note(done: int, total: int) -> None:
        alive.append(sum(isinstance(each, Reply) for each in gc.get_objects()))

    before = sum(isinstance(each, Reply) for each in gc.get_objects())
    embedder = Vectors().embedder(batch_size=1, workers=1, progress=note)
    found = embedder.embed([f"text {n}" for n in range(12)])
    assert found.calls == 12 and found.usage.input_tokens == 12 and max(alive) - before <= 3


@pytest.mark.parametrize("provider", ["openai", "azure", "voyage", "vllm", "llama_cpp"])
def test_vectors_are_asked_for_as_base64_and_read_in_either_form(provider: str) -> None:
    bodies: list[dict[str, Any]] = []
    base64 = True

    def answer(request: httpx.Request) -> httpx.Response:
        bodies.append(json.loads(request.content))
        vector: Any = [0.5, -2.0]
        if bodies[-1].get("encoding_format") == "base64" and base64:
            vector = "AAAAPwAAAMA="
        return httpx.Response(200, json={"data": [{"index": 0, "embedding": vector}], "usage": {"prompt_tokens": 1}})

    settings: dict[str, Any] = {"base_urls": {provider: "http://server.example/v1"}, "api_keys": {provider: "k"}}
    client = stepwell.Client(transport=httpx.MockTransport(answer), **settings)
    for each in (True, False):
        base64 = each
        reply = client.embed(f"{provider}:m", "hi")
        assert reply.embeddings == [[0.5, -2.0]] and reply.embedding == [0.5, -2.0]
        vectors = stepwell.embeddings.Embedder(f"{provider}:m", client=client).embed(["hi"])
        assert vectors.vectors == (array("f", [0.5, -2.0]),)
    client.embed(f"{provider}:m", "hi", encoding_format="float")
    assert [body["encoding_format"] for body in bodies] == ["base64"] * 4 + ["float"]


def test_vectors_of_other_numbers_are_not_asked_for_as_base64() -> None:
    vectors = Vectors()
    client = stepwell.Client(transport=httpx.MockTransport(vectors), api_keys={"voyage": "k"})
    client.embed("voyage:voyage-3.5", ["hi"], provider_options={"voyage": {"output_dtype": "int8"}})
    assert "encoding_format" not in vectors.bodies[0]


@pytest.mark.parametrize(("dtype", "values"), [("int8", [1, -2, 3, -4]), ("ubinary", [1, 254, 3, 252]), (None, [0.5])])
@pytest.mark.parametrize("provider", ["voyage", "mistral"])
def test_base64_is_read_as_the_numbers_that_were_asked_for(provider: str, dtype: str | None, values: list[Any]) -> None:
    """Four bytes are one float, or four whole numbers: without the question, one was read as the other."""
    encoded = "AAAAPw==" if dtype is None else "Af4D/A=="
    answer = {"data": [{"embedding": encoded}], "usage": {"prompt_tokens": 1}}
    transport = httpx.MockTransport(lambda request: httpx.Response(200, json=answer))
    client = stepwell.Client(transport=transport, api_keys={provider: "k"})
    own = {} if dtype is None else {"provider_options": {"output_dtype": dtype}}
    assert list(client.embed(f"{provider}:m", "hi", encoding_format="base64", **own).embedding) == values


def test_vectors_of_cohere_are_read_in_the_type_that_was_asked_for() -> None:
    answer = {"id": "x", "embeddings": {"int8": [[1, -2]]}, "meta": {"billed_units": {"input_tokens": 1}}}
    transport = httpx.MockTransport(lambda request: httpx.Response(200, json=answer))
    client = stepwell.Client(transport=transport, api_keys={"cohere": "k"})
    own = {"embedding_types": ["int8"]}
    assert client.embed("cohere:embed-v4.0", "hi", provider_options=own).embedding == [1, -2]


def test_an_answer_with_vectors_in_base64_is_kept_and_found_in_a_cache() -> None:
    answer = {"data": [{"embedding": "AAAAPwAAAMA="}], "usage": {"prompt_tokens": 1}}
    transport = httpx.MockTransport(lambda request: httpx.Response(200, json=answer))
    client = stepwell.Client(
        transport=transport, api_keys={"openai": "k"}, pipeline=[stepwell.cache(MemoryStore(), scope="all")]
    )
    first, second = (client.embed("openai:text-embedding-3-small", "hi") for _ in range(2))
    assert first.embeddings == second.embeddings == [[0.5, -2.0]] and second.usage.input_tokens == 0


def test_a_batch_takes_a_few_times_the_memory_of_its_body() -> None:
    sizes: list[int] = []

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/files"):
            sizes.append(len(request.content))
            return httpx.Response(200, json={"id": "file-1"})
        return httpx.Response(200, json={"id": "batch_1", "status": "validating"})

    client = stepwell.Client(transport=httpx.MockTransport(answer), api_keys={"openai": "k"})
    prompts = {str(n): "Is this review good? " + "It was good. " * 30 for n in range(500)}
    client.submit_batch(MODEL, {"a": "b"})
    tracemalloc.start()
    try:
        client.submit_batch(MODEL, prompts)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 7 * sizes[-1]
