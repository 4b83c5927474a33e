"""The cache of answers, over the stores that hold vectors, too."""

from __future__ import annotations

from pathlib import Path

from .pipeline.key_value import KeyValueStore
from .pipeline.steps.cache import Cache
from .schemas.errors import ConfigError
from .stores.store import store_of

FILE = "answers.sqlite"
"""The file of `cache()` without a store, in the user's cache folder."""


def cache(
    store: KeyValueStore | str | Path | bool = True, *, ttl: float | None = None, scope: str | None = None
) -> Cache:
    """Store answers, and return them again for the same question, streamed or not:

        client = stepwell.Client(pipeline=stepwell.cache("answers.sqlite", ttl=86_400))

    store: a path to an SQLite file, True for the user's own, or any KeyValueStore: stepwell.stores has some for memory,
        SQLite and Redis. A store that fails costs a warning on the reply, and never the call.
    ttl: seconds that an answer stays valid; None is for ever.
    scope: a name that takes the place of the API key, so that clients with keys of their own share answers.

    The same question is: the same model, address, conversation, tools, options, headers and API key. Stored are answers
    of chat, embed, rerank and moderate that finished by "stop", "tool_calls" or "length". A question with a temperature
    gets the one answer that was stored.

    An answer from the cache has `reply.metadata["cache"]`: `at`, time.time() when it was stored, and `usage`, what it
    used then. Its own usage and cost are 0. Outer steps see it like any other; retries, budgets and limits are not
    involved. `pipeline=lambda given: given.without("cache")` asks anew. Raises ConfigError for what is not a store.
    """
    store_in_use = store_of(store, FILE)
    if store_in_use is None:
        raise ConfigError("a cache without a store", hint='cache("answers.sqlite"), or leave the step out')
    if ttl is not None and ttl <= 0:
        raise ConfigError(f"cache(ttl={ttl}) would keep nothing", hint="seconds above 0, or None for ever")
    return Cache(store_in_use, ttl=ttl, scope=scope)
