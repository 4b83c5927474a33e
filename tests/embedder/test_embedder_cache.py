"""What an Embedder does with a store that fails, or holds something else than the vectors of its model."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from stepwell.embeddings import Embedder, Embeddings
from stepwell.schemas import errors
from stepwell.stores import MemoryStore

from vectors import Vectors, vector

Embed = Callable[..., Embeddings]
both_drivers = pytest.mark.parametrize(
    "embed",
    [
        lambda embedder, texts: embedder.embed(texts),
        lambda embedder, texts: asyncio.run(embedder.aembed(texts)),
    ],
    ids=["sync", "async"],
)


def rows(found: Embeddings) -> list[list[float]]:
    return [row.tolist() for row in found.vectors]


@both_drivers
def test_a_failing_cache_is_only_a_warning(embed: Embed) -> None:
    class Broken:
        def get_many(self, keys: Any) -> Any:
            raise OSError("the disk is gone")

        def set_many(self, items: Any) -> Any:
            raise OSError("the disk is full")

    found = embed(Vectors().embedder(cache=Broken()), ["a"])
    assert rows(found) == [vector("a")]
    assert [warning.why for warning in found.warnings] == [
        "could not be read: OSError: the disk is gone",
        "could not be written: OSError: the disk is full",
    ]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (lambda keys: dict.fromkeys(keys, b"123"), "3 bytes are not a vector"),
        (lambda keys: dict.fromkeys(keys, "text"), "could not be read"),
        (lambda keys: {"what nobody asked for": b"1234"}, "could not be read"),
        (lambda keys: dict(zip(keys, (b"1234", b"12345678"), strict=True)), "different lengths"),
        (lambda keys: {keys[0]: b"1234"}, "not of 4 numbers, as the model gives now"),
        (lambda keys: None, "returned a NoneType, not a mapping"),
        (lambda keys: [b"1234"], "returned a list, not a mapping"),
    ],
)
@both_drivers
def test_damaged_cache_entries_are_requested_again(embed: Embed, given: Any, says: str) -> None:
    class Damaged(MemoryStore):
        def get_many(self, keys: Any) -> Any:
            return given(keys)

    found = embed(Vectors().embedder(cache=Damaged()), ["a", "b"])
    assert rows(found) == [vector("a"), vector("b")] and says in found.warnings[0].why


def test_a_store_that_must_be_awaited_is_refused_at_once() -> None:
    class Awaited(MemoryStore):
        async def get_many(self, keys: Any) -> Any:  # type: ignore[override]
            return {}

    with pytest.raises(errors.ConfigError, match="cannot be coroutine functions"):
        Vectors().embedder(cache=Awaited())


@both_drivers
def test_vectors_of_another_length_are_replaced_in_the_cache(embed: Embed) -> None:
    """A function that is a model has the same name when it has become another model."""
    store = MemoryStore()
    embed(own_model(store, 3), ["a", "b"])
    found = embed(own_model(store, 4), ["b", "c", "a"])
    assert [len(each) for each in found] == [4, 4, 4] and (found.cached, found.calls) == (0, 2)
    assert [each.subject for each in found.warnings] == ["cache"]
    again = embed(own_model(store, 4), ["a", "b", "c"])
    assert (again.cached, again.calls, again.warnings) == (3, 0, ())


def own_model(store: MemoryStore, size: int) -> Embedder:
    def model(texts: list[str]) -> list[list[float]]:
        return [[float(len(text))] * size for text in texts]

    return Embedder(model, cache=store)
