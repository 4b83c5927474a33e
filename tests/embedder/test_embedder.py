"""Embedder: order is kept, equal texts are sent once, a bad text costs no other, sync and async."""

from __future__ import annotations

import asyncio
import pickle
import sys
from collections.abc import Callable
from typing import Any

import httpx
import numpy as np
import pytest
import trio
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

import stepwell
from stepwell.embeddings import Embedder, Embeddings
from stepwell.events import Event
from stepwell.providers.declare.embed_limits import UNKNOWN_LIMIT, EmbedLimit
from stepwell.providers.declare.registry import Registry
from stepwell.schemas import errors
from stepwell.stores import MemoryStore
from stepwell.workflows.embed import similarity

from chance import tries
from vectors import MODEL, Vectors, refusal, vector

Embed = Callable[..., Embeddings]


def in_sync(embedder: Embedder, texts: Any, **how: Any) -> Embeddings:
    return embedder.embed(texts, **how)


def in_async(embedder: Embedder, texts: Any, **how: Any) -> Embeddings:
    return asyncio.run(embedder.aembed(texts, **how))


both_drivers = pytest.mark.parametrize("embed", [in_sync, in_async])


def rows(found: Embeddings) -> list[list[float] | None]:
    return [None if row is None else row.tolist() for row in found.vectors]


def too_long(limit: int) -> Callable[[list[str]], httpx.Response | None]:
    """Serve embeddings, and refuse a batch with a text over the limit without naming the text."""
    return lambda texts: refusal("a text is too long") if any(len(text) > limit for text in texts) else None


words = st.lists(st.text(st.characters(codec="ascii", exclude_categories=["C", "Z"]), min_size=1, max_size=8))


@both_drivers
@tries(0.25)
@given(
    texts=words, batch_size=st.integers(1, 7), workers=st.integers(1, 3), batch_tokens=st.none() | st.integers(1, 20)
)
def test_vectors_come_in_the_order_of_the_texts_and_each_text_is_asked_for_once(
    embed: Embed, texts: list[str], batch_size: int, workers: int, batch_tokens: int | None
) -> None:
    server = Vectors()
    found = embed(server.embedder(batch_size=batch_size, workers=workers, batch_tokens=batch_tokens), texts)
    assert rows(found) == [vector(text) for text in texts]
    asked = [text for batch in server.asked for text in batch]
    assert sorted(asked) == sorted(set(texts)) and all(len(batch) <= batch_size for batch in server.asked)
    assert found.usage.input_tokens == len(asked) and found.calls == len(server.asked)


@both_drivers
@tries(0.25)
@given(texts=words, at=st.integers(0, 9), limit=st.integers(2, 7), batch_size=st.integers(1, 7))
def test_a_refused_text_does_not_affect_the_others(
    embed: Embed, texts: list[str], at: int, limit: int, batch_size: int
) -> None:
    texts = [*texts[:at], "ok", *texts[at:]]
    server = Vectors(too_long(limit))
    bad = {at for at, text in enumerate(texts) if len(text) > limit}
    embedder = server.embedder(batch_size=batch_size, workers=1)
    if not bad:
        assert rows(embed(embedder, texts)) == [vector(text) for text in texts]
        return
    with pytest.raises(errors.EmbeddingFailed) as caught:
        embed(embedder, texts)
    expected = [None if at in bad else vector(text) for at, text in enumerate(texts)]
    assert set(caught.value.failures) == bad and rows(caught.value.partial) == expected


@both_drivers
@pytest.mark.parametrize("status", [400, 500])
@pytest.mark.parametrize("workers", [1, 4])
@pytest.mark.parametrize("first", [True, False])
def test_many_bad_texts_in_a_row_are_distinguished_from_a_server_that_takes_none(
    embed: Embed, status: int, workers: int, first: bool
) -> None:
    server = Vectors(lambda texts: refusal("too long", status) if any(len(text) > 50 for text in texts) else None)
    bad, good = [f"{n}" * 51 for n in range(9)], [f"text {n}" for n in range(100)]
    done: list[tuple[int, int]] = []
    embedder = server.embedder(workers=workers, batch_size=10, progress=lambda *seen: done.append(seen))
    with pytest.raises(errors.EmbeddingFailed) as caught:
        embed(embedder, bad + good if first else good + bad)
    assert len(caught.value.failures) == 9 and sum(row is not None for row in caught.value.partial) == 100
    assert done[-1] == (109, 109) and len(server.asked) < 50


@both_drivers
def test_the_error_names_the_place_and_carries_the_rest(embed: Embed) -> None:
    server = Vectors(too_long(10))
    with pytest.raises(errors.EmbeddingFailed) as caught:
        embed(server.embedder(), ["a", "b", "much too long a text", "c", "d"])
    error = pickle.loads(pickle.dumps(caught.value))
    assert "1 of 5 texts could not be embedded; text 2: openai answered 400: a text is too long" in str(error)
    assert isinstance(error.failures[2], errors.InvalidRequest)
    assert error.partial[4].tolist() == vector("d") and error.partial[2] is None
    assert error.usage.input_tokens == 4 and error.partial.calls == 2


@both_drivers
def test_an_error_that_concerns_all_texts_is_not_retried_for_each_text(embed: Embed) -> None:
    server = Vectors(lambda texts: refusal("there is no such option"))
    with pytest.raises(errors.InvalidRequest, match="no such option"):
        embed(server.embedder(), [f"text {n}" for n in range(1000)])
    assert len(server.asked) < 20


@both_drivers
def test_a_server_that_fails_half_way_is_not_retried_for_each_text(embed: Embed) -> None:
    server = Vectors(lambda texts: refusal("out of memory", 500) if len(server.asked) > 5 else None)
    with pytest.raises(errors.ServerError, match="out of memory") as caught:
        embed(server.embedder(batch_size=2, workers=1), [f"text {n}" for n in range(1000)])
    assert len(server.asked) < 20 and caught.value.partial.calls == 5


@both_drivers
@pytest.mark.parametrize(("status", "kind"), [(401, errors.AuthError), (429, errors.RateLimitError)])
def test_an_error_that_concerns_all_texts_is_raised_with_the_partial_result(
    embed: Embed, status: int, kind: type
) -> None:
    store = MemoryStore()
    server = Vectors(lambda texts: refusal("no", status) if "late" in texts else None)
    texts = [*(f"text {n}" for n in range(6)), "late", *(f"more {n}" for n in range(6))]
    with pytest.raises(kind) as caught:
        embed(server.embedder(batch_size=2, workers=1, cache=store), texts)
    assert len(server.asked) == 4, "nothing was asked after it"
    assert rows(caught.value.partial)[:6] == [vector(text) for text in texts[:6]]
    assert set(rows(caught.value.partial)[6:]) == {None} and len(store) == 6, "and what came is in the cache"


@both_drivers
def test_a_cache_is_read_first_and_distinguishes_model_kind_and_dimensions(embed: Embed) -> None:
    server, store = Vectors(), MemoryStore()
    first = embed(server.embedder(cache=store), ["a", "b"])
    again = embed(server.embedder(cache=store), ["b", "c", "a"])
    assert (first.cached, again.cached, again.calls, again.usage.input_tokens) == (0, 2, 1, 1)
    assert server.asked == [["a", "b"], ["c"]] and again[0] == first[1]

    for embedder, how in [
        (server.embedder(cache=store, dimensions=4), {}),
        (server.embedder(cache=store), {"kind": "query"}),
        (server.embedder(cache=store, model="openai:text-embedding-3-large"), {}),
    ]:
        assert embed(embedder, ["a", "b"], **how).cached == 0
        assert embed(embedder, ["a", "b"], **how).cached == 2
    whole = embed(server.embedder(cache=store), ["a", "b", "c"])
    assert (whole.calls, whole.usage.input_tokens, whole.cost.total) == (0, 0, 0)


def test_vectors_of_another_server_are_separate() -> None:
    server, store = Vectors(), MemoryStore()
    server.embedder(cache=store).embed(["a"])
    given: Any = {"transport": httpx.MockTransport(server), "api_keys": {"openai": "k"}}
    home, away, port = (
        stepwell.Client(**given, base_urls={"openai": url})
        for url in ("https://api.openai.com/v1", "http://vllm.local/v1?key=canary", "http://vllm.local:81/v1")
    )
    assert Embedder(MODEL, client=home, cache=store).embed(["a"]).cached == 1
    embedder = Embedder(MODEL, client=away, cache=store)
    assert (embedder.embed(["a"]).cached, embedder.embed(["a"]).cached) == (0, 1)
    assert embedder.fingerprint == f'{MODEL} base_url="http://vllm.local/v1"'
    assert Embedder(MODEL, client=port, cache=store).embed(["a"]).cached == 0
    asked_for = server.embedder(cache=store, base_url="http://vllm.local/v1", api_key="k")
    assert asked_for.fingerprint == embedder.fingerprint and asked_for.embed(["a"]).cached == 1


@pytest.mark.parametrize("id", ["azure", "our-azure", "OurAzure"])
def test_a_deployment_of_another_resource_is_another_model(id: str) -> None:
    registry = Registry()
    registry.register(evolve(registry.get_or_raise("azure"), id=id))
    made = [
        Embedder(
            f"{id}:mine", client=stepwell.Client(api_keys={id: {"api_key": "k", "endpoint": url}}, registry=registry)
        ).fingerprint
        for url in ("https://one.openai.azure.com", "https://two.openai.azure.com")
    ]
    assert made == [f'{id}:mine base_url="https://{name}.openai.azure.com"' for name in ("one", "two")]


def test_options_of_the_call_itself_do_not_change_the_cache_key() -> None:
    server, store = Vectors(), MemoryStore()
    server.embedder(cache=store).embed(["a"])
    embedder = server.embedder(
        cache=store, api_key="sk-canary", timeout=9, headers={"x-team": "canary"}, dimensions=None
    )
    assert embedder.embed(["a"]).cached == 1 and embedder.embed(["b"]).calls == 1
    assert "canary" not in f"{embedder!r} {embedder.fingerprint} {embedder.options['api_key']!r}"
    assert server.embedder(dimensions=4).fingerprint == f"{MODEL} dimensions=4"


@pytest.mark.parametrize("texts", [["a", ""], ["a", "  "], ["a", None], ["a", b"b"]])
def test_bad_input_names_its_place_and_nothing_is_sent(texts: Any) -> None:
    server = Vectors()
    with pytest.raises(errors.ConfigError, match="text 1 cannot be embedded"):
        server.embedder().embed(texts)
    with pytest.raises(errors.ConfigError, match="text 1 cannot be embedded: .*; and 1 more: 3"):
        server.embedder(cache=MemoryStore()).embed([*texts, "c", texts[1]])
    for wrong in (None, 5, {"a": 1}, b"a"):
        with pytest.raises(errors.ConfigError, match="cannot be embedded; pass a list"):
            server.embedder().embed(wrong)
    with pytest.raises(errors.ConfigError, match="texts is a str"):
        server.embedder().embed("one text")
    assert server.asked == []


@pytest.mark.parametrize("given", [{"batch_size": 0}, {"workers": "4"}, {"batch_tokens": True}])
def test_bad_settings_are_reported(given: Any) -> None:
    with pytest.raises(errors.ConfigError, match="must be an integer of 1 or more"):
        Embedder(MODEL, **given)


@both_drivers
@pytest.mark.parametrize(
    "body",
    [
        {"data": []},
        {"data": [{"index": 0, "embedding": [1.0]}]},
        {"data": [{"index": n, "embedding": [None]} for n in (0, 1)]},
    ],
    ids=["none", "too few", "no numbers"],
)
def test_vectors_that_cannot_be_matched_with_texts_are_an_error(embed: Embed, body: Any) -> None:
    server = Vectors(lambda texts: httpx.Response(200, json=body) if len(texts) > 1 else None)
    assert rows(embed(server.embedder(), ["a", "b"])) == [vector("a"), vector("b")], "one by one they can be"
    never = Vectors(
        lambda texts: httpx.Response(200, json={"data": [{"index": 0, "embedding": [1.0] * len(texts[0])}]})
    )
    with pytest.raises(errors.EmbeddingFailed, match="vectors of different lengths"):
        embed(never.embedder(workers=1), ["a", "bb"])


def test_queries_and_documents_are_sent_with_their_kind() -> None:
    bodies: list[Any] = []

    def answer(request: httpx.Request) -> httpx.Response:
        bodies.append(request.content)
        return httpx.Response(200, json={"embeddings": {"float": [[1.0, 0.0]] * request.content.count(b"wording")}})

    client = stepwell.Client(transport=httpx.MockTransport(answer), api_keys={"cohere": "k"})
    embedder = Embedder("cohere:embed-v4.0", client=client, dimensions=256)
    embedder.embed_documents(["wording 1"])
    assert embedder.embed_query(["wording 1", "wording 2"]).tolist() == [1.0, 0.0]
    assert (
        b'"search_document"' in bodies[0] and b'"search_query"' in bodies[1] and b'"output_dimension":256' in bodies[1]
    )


async def test_the_async_names_do_the_same() -> None:
    embedder = Vectors().embedder()
    assert (await embedder.aembed_query("ab")).tolist() == embedder.embed_query("ab").tolist() == vector("ab")
    assert rows(await embedder.aembed_documents(["a"])) == rows(embedder.embed_documents(["a"]))
    mean = await embedder.aembed_query(["ab", "abcd"])
    assert mean[0] == 3.0


async def test_a_client_for_one_of_sync_and_async_serves_both() -> None:
    given: Any = {"transport": httpx.MockTransport(Vectors()), "api_keys": {"openai": "k"}}
    for clients in ({"client": stepwell.Client(**given)}, {"async_client": stepwell.AsyncClient(**given)}):
        embedder = Embedder(MODEL, **clients)
        assert rows(embedder.embed(["a"])) == rows(await embedder.aembed(["a"])) == [vector("a")]


@pytest.mark.parametrize(
    ("model", "asked", "limit"),
    [
        (MODEL, {}, EmbedLimit(2048, 300_000)),
        (MODEL, {"batch_size": 10, "batch_tokens": 500}, EmbedLimit(10, 500)),
        (MODEL, {"batch_size": 9999, "batch_tokens": 999_999}, EmbedLimit(2048, 300_000)),
        ("vllm:mine", {}, UNKNOWN_LIMIT),
        ("vllm:mine", {"batch_size": 512}, EmbedLimit(512)),
    ],
)
def test_batches_are_as_large_as_is_known_to_be_taken(model: str, asked: Any, limit: EmbedLimit) -> None:
    assert Embedder(model, **asked).limit == limit


def test_a_provider_without_embeddings_is_an_error_at_once() -> None:
    with pytest.raises(errors.NotSupported, match="anthropic does not offer embed"):
        Embedder("anthropic:claude-sonnet-4-5")


@both_drivers
def test_work_is_reported_with_its_batches_inside(embed: Embed) -> None:
    events: list[Event] = []
    unsubscribe = stepwell.events.subscribe(events.append)
    try:
        embed(Vectors().embedder(batch_size=1, cache=MemoryStore()), ["a", "b", "a"])
        with pytest.raises(errors.EmbeddingFailed):
            embed(Vectors(too_long(0)).embedder(), ["a"])
    finally:
        unsubscribe()
    own = [event for event in events if event.name == "embed"]
    assert [event.phase for event in own] == ["start", "end", "start", "error"]
    assert own[1].data == {"model": MODEL, "texts": 3, "cached": 0, "calls": 2}


def test_vectors_are_numpy_s_when_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    found = Vectors().embedder().embed(["a", "bc"])
    made = found.numpy()
    assert made.dtype == np.float32 and made.tolist() == [vector("a"), vector("bc")]
    assert (found.dimensions, Vectors().embedder().embed([]).numpy().size) == (4, 0)
    monkeypatch.setitem(sys.modules, "numpy", None)
    with pytest.raises(errors.MissingExtra, match="pip install numpy"):
        found.numpy()


@pytest.mark.usefixtures("local_model")
def test_the_embedded_model_embeds_and_the_second_time_from_the_cache(tmp_path: Any) -> None:
    texts = ["The cat sleeps on the sofa.", "A kitten naps on a couch.", "Interest rates rose by half a percent."]
    embedder = Embedder("local:smollm2", cache=tmp_path / "vectors.sqlite")
    first = embedder.embed_documents(texts)
    assert (first.cached, first.dimensions) == (0, 576) and first.usage.input_tokens
    again = asyncio.run(Embedder("local:smollm2", cache=tmp_path / "vectors.sqlite").aembed_documents(texts))
    assert (again.cached, again.calls, again.usage.input_tokens) == (3, 0, 0) and again.vectors == first.vectors
    assert similarity(first[0], first[1]) > similarity(first[0], first[2])


@pytest.mark.usefixtures("local_model")
def test_a_text_that_the_embedded_model_cannot_take_is_named() -> None:
    with pytest.raises(errors.EmbeddingFailed) as caught:
        Embedder("local:smollm2", client=stepwell.Client(retries=0)).embed(["short", "word " * 9000])
    assert isinstance(caught.value.failures[1], errors.ContextOverflow)
    assert (caught.value.failures[1].requested_tokens, caught.value.partial.dimensions) == (9001, 576)


def test_the_embedder_runs_on_trio_too() -> None:
    async def main() -> Embeddings:
        transport = httpx.MockTransport(Vectors())
        async with stepwell.AsyncClient(transport=transport, api_keys={"openai": "k"}) as client:
            return await Embedder(MODEL, async_client=client, batch_size=1, cache=MemoryStore()).aembed(["a", "b"])

    assert rows(trio.run(main)) == [vector("a"), vector("b")]
