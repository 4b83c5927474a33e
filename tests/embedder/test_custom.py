"""A function in the place of an embedding model."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from stepwell import AsyncClient, Client, errors, on_request
from stepwell.embeddings import Embedder, custom_embedding
from stepwell.providers.declare.registry import Registry
from stepwell.retrieval import VectorRetriever

TEXTS = ["a", "bb", "a"]
VECTORS = [[1.0, 0.0], [2.0, 0.0], [1.0, 0.0]]


def lengths(texts: list[str]) -> list[list[float]]:
    return [[float(len(text)), 0.0] for text in texts]


async def alengths(texts: list[str]) -> list[list[float]]:
    return lengths(texts)


def array(texts: list[str]) -> Any:
    return [SimpleNamespace(tolist=lambda row=row: row) for row in lengths(texts)]


class Object:
    def __call__(self, texts: list[str]) -> list[list[float]]:
        return lengths(texts)


FUNCTIONS = {
    "plain": lengths,
    "async": alengths,
    "of an array": array,
    "an object": Object(),
    "a lambda": lambda texts: lengths(texts),
}


def plain(embeddings: Any) -> list[list[float]]:
    return [list(each) for each in embeddings]


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
def test_an_embedder_takes_a_function_of_either_kind_from_either_client(function: Any) -> None:
    embedder = Embedder(function)
    assert plain(embedder.embed_documents(TEXTS)) == VECTORS
    assert plain(asyncio.run(embedder.aembed_documents(TEXTS))) == VECTORS
    assert list(embedder.embed_query("bb")) == [2.0, 0.0]


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
def test_a_registered_function_serves_the_plain_call(function: Any) -> None:
    registry = Registry()
    registry.register(custom_embedding("mine", function))
    assert Client(registry=registry).embed("mine:m", TEXTS).embeddings == VECTORS
    assert asyncio.run(AsyncClient(registry=registry).embed("mine:m", TEXTS)).embeddings == VECTORS


def test_it_gets_the_options_and_the_model_that_it_names() -> None:
    seen: list[Any] = []

    def embed(texts: list[str], kind: str = "", dimensions: int = 0, *, model: str) -> list[list[float]]:
        seen.append((kind, dimensions, model))
        return lengths(texts)

    registry = Registry()
    registry.register(custom_embedding("mine", embed))
    reply = Client(registry=registry).embed("mine:small", "a", kind="query", dimensions=2, truncate=True)
    assert seen == [("query", 2, "small")]
    assert [warning.subject for warning in reply.warnings] == ["truncate"]


def test_the_steps_of_the_client_run_around_it() -> None:
    seen: list[str] = []

    def note(request: Any) -> Any:
        seen.append(request.operation)
        return request

    client = Client(registry=Registry(), pipeline=on_request("note", note))
    Embedder(lengths, client=client).embed(["a"])
    assert seen == ["embed"]


def test_two_functions_of_one_client_are_two_models() -> None:
    client = Client(registry=Registry())
    one, two = (Embedder(lambda texts, n=n: [[float(n)] for _ in texts], client=client) for n in (1, 2))
    assert (plain(one.embed(["a"])), plain(two.embed(["a"]))) == ([[1.0]], [[2.0]])


def test_a_retriever_takes_a_function() -> None:
    retriever = VectorRetriever(lengths)
    retriever.add(["a", "bb"])
    assert len(retriever.retrieve("a", top_k=2)) == 2


def test_its_vectors_are_cached_under_its_name(tmp_path: Path) -> None:
    calls: list[int] = []

    def counted(texts: list[str]) -> list[list[float]]:
        calls.append(len(texts))
        return lengths(texts)

    for _ in range(2):
        assert plain(Embedder(counted, cache=tmp_path / "v.sqlite").embed(TEXTS)) == VECTORS
    assert calls == [2]


def test_the_vectors_of_a_lambda_are_not_cached(tmp_path: Path) -> None:
    with pytest.raises(errors.ConfigError, match="define the function with def"):
        Embedder(lambda texts: lengths(texts), cache=tmp_path / "v.sqlite")


@pytest.mark.parametrize(
    ("returned", "kind"),
    [
        (3, errors.StepError),
        (None, errors.StepError),
        ([[1.0]] * 3, errors.StepError),
        ([3, 4], errors.StepError),
    ],
)
def test_what_is_not_a_vector_for_each_text_is_an_error(returned: Any, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        Embedder(lambda texts: returned).embed(["a", "b"])


def test_its_own_error_passes_unchanged() -> None:
    def embed(texts: list[str]) -> Any:
        raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine"):
        Embedder(embed).embed(["a"])


def test_an_async_call_ends_in_time() -> None:
    async def slow(texts: list[str]) -> Any:
        await asyncio.sleep(30)

    started = time.monotonic()
    with pytest.raises(errors.TotalTimeout):
        asyncio.run(Embedder(slow, timeout=0.05).aembed(["a"]))
    assert time.monotonic() - started < 10
