"""The cache of answers, over the stores that vectors are kept in too."""

from __future__ import annotations

from pathlib import Path

from .pipeline.key_value import KeyValueStore
from .pipeline.steps.cache import Cache
from .schemas.errors import ConfigError
from .stores.store import store_of

FILE = "answers.sqlite"
"""The file that `cache()` means."""


def cache(
    store: KeyValueStore | str | Path | bool = True, *, ttl: float | None = None, scope: str | None = None
) -> Cache:
    """Keep answers, and give them again to the same question, streamed or not:

        client = stepwell.Client(pipeline=stepwell.cache("answers.sqlite", ttl=86_400))

    The same question is: the same model, address, conversation, tools, options, headers and API key. With `scope` the
    key does not count, and that name takes its place: clients with keys of their own share what they keep under it.
    Kept are answers of chat, embed, rerank and moderate that finished by "stop", "tool_calls" or "length", for `ttl`
    seconds (None: for ever). A question asked with a temperature gets the one answer that was kept.

    `store` is a path to an SQLite file, True for the user's own, or any KeyValueStore: stepwell.stores has some for
    memory, SQLite and Redis. A store that fails costs a warning on the reply, and never the call.

    An answer from the cache says so in `reply.metadata["cache"]`: `at`, time.time() when it was kept, and `usage`, what
    it used then. Its own usage and cost are 0. Steps further out see it like any other; retries, budgets and limits are
    not troubled. `pipeline=lambda given: given.without("cache")` asks anew. Raises ConfigError for what is no store.
    """
    store_in_use = store_of(store, FILE)
    if store_in_use is None:
        raise ConfigError("a cache without a store", hint='cache("answers.sqlite"), or leave the step out')
    if ttl is not None and ttl <= 0:
        raise ConfigError(f"cache(ttl={ttl}) would keep nothing", hint="seconds above 0, or None for ever")
    return Cache(store_in_use, ttl=ttl, scope=scope)
