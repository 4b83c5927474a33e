"""Half of a surrogate pair in a text is repaired before the cache is read and the provider asked."""

from __future__ import annotations

import asyncio

import pytest

from stepwell.stores import MemoryStore

from vectors import Vectors


@pytest.mark.parametrize("asynchronous", [False, True])
def test_half_a_character_is_repaired_with_one_warning_and_cached_as_what_was_sent(asynchronous: bool) -> None:
    server = Vectors()
    embedder = server.embedder(cache=MemoryStore())

    def embed(texts: list[str]):  # type: ignore[no-untyped-def]
        return asyncio.run(embedder.aembed(texts)) if asynchronous else embedder.embed(texts)

    found = embed(["a\ud83d", "b\udc00", "c"])
    assert [each.why for each in found.warnings] == ["half of a surrogate pair, which JSON cannot hold, became U+FFFD"]
    again = embed(["a\ufffd", "b\ud800"])
    assert again.cached == 2
    assert [list(each) for each in again.vectors] == [list(each) for each in found.vectors[:2]]
