"""The two clients of an LLM, an embedder or a retriever, of which it may have been given one, both or none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .api import Client
from .async_api import AsyncClient
from .planner import CallPlanner, Plan
from .schemas.errors import ConfigError


class ClientPair:
    """A client of each colour. One that was not given is made from the other's settings, keys and pipeline included;
    where none was given, both are the process's own."""

    def __init__(self, sync: Client | None = None, asynchronous: AsyncClient | None = None) -> None:
        for client, wanted in ((sync, Client), (asynchronous, AsyncClient)):
            if client is not None and not isinstance(client, wanted):
                raise ConfigError(
                    f"{'client' if wanted is Client else 'async_client'} cannot be a {type(client).__name__}",
                    hint="client=Client(...), async_client=AsyncClient(...)",
                )
        self._sync = sync
        self._asynchronous = asynchronous

    @property
    def planner(self) -> CallPlanner:
        """The settings that both share."""
        return (self._sync or self._asynchronous or _own(0))._planner

    def custom_endpoint(self, plan: Plan, options: Mapping[str, Any]) -> str | None:
        """The address of a server other than the one that all the world means by the provider's name: it may give other
        answers under the same name. Without its query, which may hold a key."""
        key = options.get("api_key") or self.planner.keys.get(plan.provider.id)
        endpoint = plan.provider.takes().place(key) if isinstance(key, Mapping) else None
        address = str(options.get("base_url") or endpoint or plan.base_url)
        home = (plan.model.base_url, plan.provider.base_url)
        return None if address in home else address.partition("?")[0].rstrip("/")

    @property
    def sync(self) -> Client:
        if self._sync is None:
            if self._asynchronous is None:
                own: Client = _own(0)
                return own
            self._sync = Client(**_carried(self._asynchronous, "handle_request"))
            self._sync._planner = self._asynchronous._planner
        return self._sync

    @property
    def asynchronous(self) -> AsyncClient:
        if self._asynchronous is None:
            if self._sync is None:
                own: AsyncClient = _own(1)
                return own
            self._asynchronous = AsyncClient(**_carried(self._sync, "handle_async_request"))
            self._asynchronous._planner = self._sync._planner
        return self._asynchronous


def _own(index: int) -> Any:
    # Made when first needed, as everywhere; and not kept here, so that what has no client of its own can be pickled.
    from .functions import ASYNC_CLIENT, CLIENT

    return (CLIENT, ASYNC_CLIENT)[index]


_BOTH = (None, "httpx", "http2")
"""Transports that are there in both colours."""


def _carried(client: Any, ability: str) -> dict[str, Any]:
    """The transport of one client for the other. Raises ConfigError for one that serves its own colour only."""
    if client._http is not None or not (client._transport in _BOTH or hasattr(client._transport, ability)):
        raise ConfigError(
            f"this {type(client).__name__} has an HTTP client or transport that serves only its own kind of call",
            hint="give both, client= and async_client=",
        )
    return {"transport": client._transport}
