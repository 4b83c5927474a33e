"""The two clients of an LLM, an embedder or a retriever, which is given one, both or none."""

from __future__ import annotations

from collections.abc import Mapping

from .client import BaseAsyncClient, BaseClient
from .connect import AnyTransport, within_wrappers
from .connections import AsyncConnections, Connections
from .model_metadata.provider_ids import canonical
from .plan import Plan
from .planner import CallPlanner
from .schemas.errors import ConfigError

SHARED_CLIENT = BaseClient()
SHARED_ASYNC_CLIENT = BaseAsyncClient()
"""The process's own, on whose settings and connections the functions of the package run. Neither connects before its
first call."""


class ClientPair:
    """A sync and an async client.

    A missing one is derived from the other's settings, keys and pipeline included; without any, both are the process's
    own.
    """

    def __init__(self, sync: BaseClient | None = None, asynchronous: BaseAsyncClient | None = None) -> None:
        """Pair two clients, each of which may be None. Raises ConfigError for a client of the wrong kind."""
        for name, client, kind in (("client", sync, BaseClient), ("async_client", asynchronous, BaseAsyncClient)):
            if client is not None and not isinstance(client, kind):
                raise ConfigError(
                    f"{name} cannot be a {type(client).__name__}",
                    hint="client=Client(...), async_client=AsyncClient(...)",
                )
        self._sync = sync
        self._asynchronous = asynchronous

    @property
    def planner(self) -> CallPlanner:
        """The settings that both share."""
        client = self._sync or self._asynchronous or SHARED_CLIENT
        return client.planner

    @property
    def sync(self) -> BaseClient:
        """The client of sync calls. Raises ConfigError where the async one has connections that cannot make them."""
        if self._sync is None:
            if self._asynchronous is None:
                return SHARED_CLIENT  # not kept, so that an object without a client of its own can be pickled
            transport = _transport_for_both(self._asynchronous, "handle_request")
            connections = Connections(transport, None, self._asynchronous.connections.max_connections)
            self._sync = BaseClient.sharing(self._asynchronous.planner, connections)
        return self._sync

    @property
    def asynchronous(self) -> BaseAsyncClient:
        """The client of async calls. Raises ConfigError where the sync one has connections that cannot make them."""
        if self._asynchronous is None:
            if self._sync is None:
                return SHARED_ASYNC_CLIENT
            transport = _transport_for_both(self._sync, "handle_async_request")
            connections = AsyncConnections(transport, None, self._sync.connections.max_connections)
            self._asynchronous = BaseAsyncClient.sharing(self._sync.planner, connections)
        return self._asynchronous

    def custom_endpoint(self, plan: Plan, options: Mapping[str, object]) -> str | None:
        """Return the address that calls go to if it is not the provider's own: part of a cache's key.

        Another server may give other answers under the same model's name. The query is left out, as it may hold a key.
        """
        key = options.get("api_key") or self.planner.keys.get(canonical(plan.provider.id))
        endpoint = plan.provider.takes().place(key) if isinstance(key, Mapping) else None
        address = str(options.get("base_url") or endpoint or plan.base_url)
        home = (plan.model.base_url, plan.provider.base_url)
        return None if address in home else address.partition("?")[0].rstrip("/")


_SYNC_AND_ASYNC = (None, "httpx")
"""Transports that make both kinds of calls."""


def _transport_for_both(client: BaseClient | BaseAsyncClient, method: str) -> AnyTransport:
    """Return a client's transport for its counterpart. Raises ConfigError if it lacks the `method` for that."""
    connections = client.connections
    transport, http = within_wrappers(connections.transport, connections.http)
    if http is not None or not (transport in _SYNC_AND_ASYNC or hasattr(transport, method)):
        raise ConfigError(
            f"this {type(client).__name__} has an HTTP client or transport that serves only its own kind of call",
            hint="give both, client= and async_client=",
        )
    return connections.transport
