"""Keys and bytes in Redis, for several machines. Needs the extra `redis`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..schemas.errors import ConfigError, MissingExtra


class RedisStore:
    """A store in a Redis server.

    `url` is redis://…, rediss://… or unix://…; or pass a `client` of redis-py's, which stays yours to close. Every
    key begins with `prefix`; `ttl` is the seconds that a value lives (None: for ever).
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        client: Any = None,
        prefix: str = "stepwell:",
        ttl: int | None = None,
    ) -> None:
        if url is None and client is None:
            raise ConfigError("a RedisStore needs a url or a client", hint='RedisStore("redis://localhost:6379/0")')
        self._own = client is None
        self._client = _connect(url) if client is None else client
        self._prefix = prefix
        self._ttl = ttl

    def get_many(self, keys: Sequence[str]) -> dict[str, bytes]:
        """The values of the keys that are there, in one round trip."""
        if not keys:
            return {}
        values = self._client.mget([self._prefix + key for key in keys])
        return {key: value for key, value in zip(keys, values, strict=True) if value is not None}

    def set_many(self, items: Mapping[str, bytes]) -> None:
        with self._client.pipeline(transaction=False) as pipe:
            for key, value in items.items():
                pipe.set(self._prefix + key, value, ex=self._ttl)
            pipe.execute()

    def close(self) -> None:
        """Close the connections, unless the client is yours."""
        if self._own:
            self._client.close()


def _connect(url: str | None) -> Any:
    try:
        import redis  # the extra
    except ImportError:
        raise MissingExtra("RedisStore needs redis-py", hint="run: pip install 'stepwell[redis]'") from None
    try:
        return redis.Redis.from_url(url)
    except ValueError as error:
        raise ConfigError(f"this is not a Redis address: {error}", hint="redis://host:6379/0") from None
