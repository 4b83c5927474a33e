"""Batches: full, in order, within the limits."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

import stepwell
from stepwell.providers.declare.embed_limits import UNKNOWN_LIMIT, EmbedLimit, embed_limit_for
from stepwell.providers.declare.registry import REGISTRY
from stepwell.workflows.embed.batching import batches_of, most_tokens

limits = st.builds(EmbedLimit, st.integers(1, 9), st.none() | st.integers(1, 40))


@given(st.lists(st.text(max_size=60)), limits)
def test_no_text_is_lost_doubled_or_moved(texts: list[str], limit: EmbedLimit) -> None:
    assert [text for batch in batches_of(texts, limit) for text in batch] == texts


@given(st.lists(st.text(max_size=60)), limits)
def test_a_batch_keeps_within_both_limits_unless_it_is_one_text(texts: list[str], limit: EmbedLimit) -> None:
    for batch in batches_of(texts, limit):
        assert 1 <= len(batch) <= limit.texts
        assert len(batch) == 1 or limit.tokens is None or sum(map(most_tokens, batch)) <= limit.tokens


@given(st.lists(st.text(max_size=60)), limits)
def test_no_two_neighbours_would_have_fitted_into_one_batch(texts: list[str], limit: EmbedLimit) -> None:
    batches = batches_of(texts, limit)
    for left, right in pairwise(batches):
        fuller = [*left, right[0]]
        tokens = sum(map(most_tokens, fuller))
        assert len(fuller) > limit.texts or (limit.tokens is not None and tokens > limit.tokens)


def test_each_provider_declares_the_limits_of_one_call() -> None:
    def most(model: str) -> EmbedLimit:
        name, _, id = model.partition(":")
        return embed_limit_for(stepwell.provider(name).embed_batches, id)

    assert most("openai:text-embedding-3-small") == EmbedLimit(2048, 300_000)
    assert most("amazon_bedrock:amazon.titan-embed-text-v2:0") == EmbedLimit(1)
    assert most("amazon_bedrock:us.cohere.embed-v4:0").texts == 96
    assert most("google_vertex:gemini-embedding-001") == EmbedLimit(1)
    assert most("google_vertex:text-embedding-005") == EmbedLimit(250, 20_000)
    assert most("vllm:any") == UNKNOWN_LIMIT


def test_no_provider_declares_a_batch_of_nothing() -> None:
    rows = [row for provider in REGISTRY for row in provider.embed_batches.values()]
    assert rows and all(row.texts >= 1 and (row.tokens is None or row.tokens >= 1) for row in rows)
