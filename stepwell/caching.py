"""The cache of answers, over the stores that hold vectors, too."""

from __future__ import annotations

from pathlib import Path

from .pipeline.key_value import KeyValueStore
from .pipeline.steps.cache import Cache
from .schemas.errors import ConfigError
from .schemas.missing_argument import saying_how_it_is_made
from .stores.store import store_of

FILE = "answers.sqlite"
"""The file of `cache()` without a store, in the user's cache folder."""


@saying_how_it_is_made
def cache(
    store: KeyValueStore | str | Path | bool = True, *, ttl: float | None = None, scope: str | None = None
) -> Cache:
    """Store answers, and return them again for the same question, streamed or not:

        client = stepwell.Client(pipeline=stepwell.cache("answers.sqlite", ttl=86_400))

    store: a path to an SQLite file, True for the user's own, or any KeyValueStore: stepwell.stores has some for memory,
        SQLite and Redis. A store that fails costs a warning on the reply, and never the call.
    ttl: seconds that an answer stays valid; None is for ever.
    scope: a name that takes the place of the API key, so that clients with keys of their own share answers.

    A question is the same if model, address, conversation, tools, options, headers and API key are. Answers of chat,
    embed, rerank and moderate are stored if they finished by "stop", "tool_calls" or "length". A repeated
    question gets the stored answer even at a temperature above 0.

    An answer from the cache has `reply.metadata["cache"]`: `at`, time.time() when it was stored, and `usage`, what it
    used then. Its own usage and cost are 0. Outer steps see it like any other; retries, budgets and limits are not
    involved. `pipeline=lambda usual: usual.without("cache")` bypasses it. Raises ConfigError for anything but a store.
    """
    store_in_use = store_of(store, FILE)
    if store_in_use is None:
        raise ConfigError("a cache without a store", hint='cache("answers.sqlite"), or leave the step out')
    if ttl is not None and not (isinstance(ttl, int | float) and ttl > 0):
        raise ConfigError(f"cache(ttl={ttl!r:.40}) would keep nothing", hint="seconds above 0, or None for ever")
    return Cache(store_in_use, ttl=ttl, scope=scope)
