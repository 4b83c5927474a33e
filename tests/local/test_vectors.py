"""The local server's vectors and ranks: of complete texts, by models that support them, with clear errors from
others."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from math import hypot, isclose
from pathlib import Path
from typing import Any

import pytest
import tiny_reranker
import xllamacpp

from stepwell import AsyncClient, Client
from stepwell.providers.local import gguf, install, server
from stepwell.schemas import errors

pytestmark = pytest.mark.usefixtures("local_model")

MODEL = "local:smollm2"
TEXTS = ["the cat sat on the mat", "a kitten sat on a rug", "shares fell sharply on Monday"]
DOCUMENTS = ["dog sun", "cat cat cat", "cat dog", "sea", "dog sun"]


@pytest.fixture
def client() -> Iterator[Client]:
    with Client() as client:
        yield client


@pytest.fixture(scope="module")
def reranker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    yield tiny_reranker.write(tmp_path_factory.mktemp("models") / "tiny-reranker.gguf")
    server.stop()


def test_texts_become_vectors_in_order(client: Client) -> None:
    reply = client.embed(MODEL, TEXTS)
    alone = client.embed(MODEL, TEXTS[1])
    assert [len(vector) for vector in reply.embeddings] == [576] * 3
    assert all(isclose(hypot(*vector), 1, rel_tol=1e-3) for vector in reply.embeddings)
    same = sum(a * b for a, b in zip(reply.embeddings[1], alone.embeddings[0], strict=True))
    assert same > 0.99, "a text's vector does not depend on its neighbours"
    assert reply.usage.input_tokens == sum(client.embed(MODEL, text).usage.input_tokens or 0 for text in TEXTS)


def test_sync_and_async_give_the_same_vectors(client: Client) -> None:
    async def embed() -> Any:
        async with AsyncClient() as aclient:
            return await aclient.embed(MODEL, TEXTS[0])

    assert asyncio.run(embed()).embeddings == client.embed(MODEL, TEXTS[0]).embeddings


def test_a_text_longer_than_llama_cpps_own_batch_is_one_vector_and_one_too_long_an_error(client: Client) -> None:
    assert client.embed(MODEL, "word " * 600).usage.input_tokens > 600 > xllamacpp.CommonParams().n_ubatch
    with pytest.raises(errors.ContextOverflow):
        client.embed(MODEL, "word " * (server.VECTORS.tokens + 100))


def test_documents_are_ranked_by_a_model_that_ranks(client: Client, reranker: Path) -> None:
    reply = client.rerank(f"local:{reranker}", "cat", DOCUMENTS)
    assert [each.index for each in reply.ranking[:2]] == [1, 2]
    assert sorted(each.index for each in reply.ranking) == [0, 1, 2, 3, 4]
    scores = {each.index: each.score for each in reply.ranking}
    assert scores[0] == scores[4] and scores[1] > scores[2] > scores[3]
    assert reply.usage.input_tokens
    assert [each.index for each in client.rerank(f"local:{reranker}", "cat", DOCUMENTS, top_n=2).ranking] == [1, 2]


def test_the_environment_can_name_the_reranker(client: Client, reranker: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(install.RERANKER, str(reranker))

    async def rank() -> Any:
        async with AsyncClient() as aclient:
            return await aclient.rerank(MODEL, "cat", DOCUMENTS)

    assert asyncio.run(rank()).ranking == client.rerank(MODEL, "cat", DOCUMENTS).ranking


def test_a_model_that_cannot_rank_is_an_error_with_a_hint(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(install.RERANKER, raising=False)
    with pytest.raises(errors.ConfigError, match="set STEPWELL_LOCAL_RERANKER to a reranker's GGUF"):
        client.rerank(MODEL, "cat", DOCUMENTS)
    with pytest.raises(errors.ConfigError, match="is not a reranker"):
        client.rerank(f"local:{install.model_file()}", "cat", DOCUMENTS)
    monkeypatch.setenv(install.RERANKER, "/nowhere/model.gguf")
    with pytest.raises(errors.ConfigError, match="no model file at /nowhere"):
        client.rerank(MODEL, "cat", DOCUMENTS)


@pytest.mark.parametrize(
    ("pooling", "head", "facts"),
    [
        (4, True, gguf.Facts(pooling=True, ranks=True)),
        (1, False, gguf.Facts(pooling=True, ranks=False)),
        (None, True, gguf.Facts(pooling=False, ranks=True)),
        (None, False, gguf.Facts(pooling=False, ranks=False)),
    ],
)
def test_a_model_file_declares_its_pooling_and_ranking(
    tmp_path: Path, pooling: int | None, head: bool, facts: gguf.Facts
) -> None:
    assert gguf.facts(str(tiny_reranker.write(tmp_path / "m.gguf", pooling=pooling, head=head))) == facts


def test_a_model_made_for_vectors_pools_in_its_own_way(client: Client, tmp_path: Path) -> None:
    """2 is CLS: the vector is that of [CLS], which differs from the mean of all words."""
    vectors = {}
    for pooling in (1, 2):
        path = tiny_reranker.write(tmp_path / f"{pooling}.gguf", pooling=pooling, head=False)
        vectors[pooling] = client.embed(f"local:{path}", "cat dog").embeddings[0]
    server.stop()
    assert vectors[1] != vectors[2]
