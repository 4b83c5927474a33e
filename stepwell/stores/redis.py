"""RedisStore: a key-value store that several machines share. Needs the extra `redis`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from ..schemas.errors import ConfigError, MissingExtra
from ..schemas.secret import Secret
from .redis_limits import RedisLimits

if TYPE_CHECKING:
    from redis import Redis


class RedisStore(RedisLimits):
    """A store in a Redis server, for caches and for limits that processes and machines share.

    url: redis://…, rediss://… or unix://….
    client: a client of redis-py instead of a `url`; the caller closes it.
    prefix: the beginning of every key.
    ttl: seconds that a value is kept (None: for ever).
    timeout: seconds that one question to the server of `url` may take.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        client: Redis | None = None,
        prefix: str = "stepwell:",
        ttl: int | None = None,
        timeout: float = 1.0,
    ) -> None:
        if url is None and client is None:
            raise ConfigError("a RedisStore needs a url or a client", hint='RedisStore("redis://localhost:6379/0")')
        hidden, url = Secret(url or ""), None  # it may hold a password, and crash reports show the locals of frames
        self._owns_client = client is None
        self._client: Any = _connect(hidden, timeout) if client is None else client
        self._prefix = prefix
        self._ttl = ttl

    def get_many(self, keys: Sequence[str]) -> dict[str, bytes]:
        """Return the stored values, by key, in one round trip."""
        if not keys:
            return {}
        values = self._client.mget([self._prefix + key for key in keys])
        return {key: value for key, value in zip(keys, values, strict=True) if value is not None}

    def set_many(self, items: Mapping[str, bytes]) -> None:
        """Store values by key, in one round trip."""
        with self._client.pipeline(transaction=False) as pipe:
            for key, value in items.items():
                pipe.set(self._prefix + key, value, ex=self._ttl)
            pipe.execute()

    def close(self) -> None:
        """Close the connections, unless they are those of a client that the caller passed."""
        if self._owns_client:
            self._client.close()


def _connect(url: Secret, timeout: float) -> Any:
    try:
        import redis  # the extra
    except ImportError:
        raise MissingExtra("RedisStore needs redis-py", hint="run: pip install 'stepwell[redis]'") from None
    with suppress(ValueError):
        return redis.Redis.from_url(url.reveal(), socket_timeout=timeout, socket_connect_timeout=timeout)
    # Outside of the handler and without the reason, which quotes a part of the URL: it may be a password.
    raise ConfigError("this is not a Redis URL", hint="write it like redis://host:6379/0")
