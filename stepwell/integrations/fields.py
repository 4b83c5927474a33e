"""The fields that chat models and embedders have in every framework. The frameworks bring pydantic."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, model_validator

from ..client import BaseAsyncClient, BaseClient
from ..client_pair import SHARED_CLIENT, ClientPair
from ..workflows.embed.embedder import Embedder


def default_model() -> str:
    """Return the model to call when none is named: `STEPWELL_MODEL`, else the local one."""
    return SHARED_CLIENT.default_model


class ClientFields(BaseModel):
    """The clients and the options of calls."""

    client: BaseClient | None = Field(default=None, exclude=True)
    """Makes the sync calls; derived from `async_client`, or the shared client, where None."""
    async_client: BaseAsyncClient | None = Field(default=None, exclude=True)
    """Makes the async calls; derived from `client`, or the shared client, where None."""
    options: dict[str, Any] = Field(default_factory=dict)
    """All other options of the call."""

    model_config = ConfigDict(arbitrary_types_allowed=True, hide_input_in_errors=True)


class ChatFields(ClientFields):
    """A chat model. Arguments without a field of their own are options."""

    model: str = Field(default_factory=default_model)
    """`provider:model-id`; by default `STEPWELL_MODEL`, else the local model."""
    temperature: float | None = None
    max_tokens: int | None = None
    headers: dict[str, str] | None = Field(default=None, exclude=True, repr=False)
    """Further request headers; they may hold secrets, so that they are neither serialised nor shown."""

    _clients: ClientPair = PrivateAttr()

    def model_post_init(self, context: object) -> None:
        """Create the pair of clients."""
        super().model_post_init(context)
        self._clients = ClientPair(self.client, self.async_client)

    @model_validator(mode="before")
    @classmethod
    def _gather_options(cls, arguments: dict[str, Any]) -> dict[str, Any]:
        """Move arguments without a field of their own into `options`; pydantic would drop them."""
        known = {*cls.model_fields, *(field.alias for field in cls.model_fields.values())}
        options = {name: value for name, value in arguments.items() if name not in known}
        fields = {name: value for name, value in arguments.items() if name in known}
        return {**fields, "options": {**(arguments.get("options") or {}), **options}} if options else fields


class EmbedderFields(ClientFields):
    """An Embedder with its settings; `options` are those of `stepwell.embed`."""

    dimensions: int | None = None
    """Length of the vectors, where the model can choose."""
    cache: Any = Field(default=None, exclude=True)
    """Keeps vectors: True for a file in the user's cache folder, a path, or a store."""

    _embedder: Embedder = PrivateAttr()
