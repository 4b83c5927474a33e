"""Embedder: vectors of many texts, in batches and from a cache, each text embedded at most once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, Unpack, cast

from ...client import BaseAsyncClient, BaseClient
from ...client_pair import ClientPair
from ...options import EmbedOptions, ModelLike
from ...pipeline.effects import Run
from ...pipeline.event_loops import adrive_local
from ...pipeline.key_value import KeyValueStore
from ...pipeline.tasks import performing
from ...providers.declare.embed_limits import UNKNOWN_LIMIT, EmbedLimit, embed_limit_for
from ...providers.declare.registry import Registry
from ...schemas.errors import ConfigError
from ...schemas.foreign_names import Hinted
from ...schemas.json_text import REPAIRED_TEXT, dumps, well_formed
from ...schemas.model import Model
from ...schemas.options import CALL_OPTIONS
from ...schemas.reply import CallWarning
from ...settings import credential_of, hide_credentials
from ...stores.store import store_of
from .cache import EmbeddingCache
from .custom import EmbeddingFunction, custom_embedding, id_of
from .embed_job import MANY, EmbedJob, check_embeddable, texts_in
from .progress import Progress
from .result import Embeddings
from .vectors import Vector, aggregate

FILE = "embeddings.sqlite"
"""The cache file that `cache=True` means."""
Kind = Literal["query", "document", "similarity", "classification", "clustering"]


class Embedder(Hinted, hints="embedder"):
    """Makes vectors of texts with one model. Safe to share between threads and tasks.

    embedder = Embedder("openai:text-embedding-3-small", cache=True)
    vectors = embedder.embed_documents(texts)           # or: await embedder.aembed_documents(texts)
    """

    def __init__(
        self,
        model: ModelLike | EmbeddingFunction = None,
        *,
        batch_size: int | None = None,
        batch_tokens: int | None = None,
        cache: KeyValueStore | bool | str | Path | None = None,
        workers: int = 4,
        progress: Progress = None,
        client: BaseClient | None = None,
        async_client: BaseAsyncClient | None = None,
        **options: Unpack[EmbedOptions],
    ) -> None:
        """Set up an embedder. Nothing is sent.

        model: `provider:model-id`; None is the default model. A function of your own, which takes a list of texts and
            returns their vectors, is a model, too: see `custom_embedding`. A cache stores its vectors under the
            function's module and name.
        batch_size, batch_tokens: most texts and tokens of one call, within what the provider is known to take; None is
            all of that.
        cache: stores vectors: True is a file in the user's cache folder; else a path, or a KeyValueStore. Vectors of
            another server (`base_urls`) are stored apart.
        workers: calls that run at once.
        progress: a bar, or a function; see `bar_for`.
        client, async_client: the clients that make the calls. One that is missing is derived from the other; without
            both, they are the process's own.
        options: those of each call: `dimensions`, `truncate`, `provider_options` and the like.

        Raises ConfigError for anything that cannot be used.
        """
        for name, value in (("batch_size", batch_size), ("batch_tokens", batch_tokens), ("workers", workers)):
            if value is not None and (type(value) is not int or value < 1):
                raise ConfigError(f"{name} must be an integer of 1 or more, not {value!r}")
        if callable(model) and not isinstance(model, Model):
            own = BaseClient(registry=Registry()) if client is None and async_client is None else client
            self._clients = ClientPair(own, async_client)
            registry = self._clients.planner.registry
            id = registry.register(custom_embedding(registry.free_id(id_of(model, cached=bool(cache))), model)).id
            model = f"{id}:default"
        else:
            self._clients = ClientPair(client, async_client)
        hide_credentials(options)
        plan = self._clients.planner.plan("embed", model, wire=options.get("wire"))
        self.model = plan.model
        self.limit = _limit(embed_limit_for(plan.provider.embed_batches, plan.model.id), batch_size, batch_tokens)
        self.workers = workers
        self.store = store_of(cache, FILE)
        self.progress = progress
        own_options = cast("dict[str, Any]", options)
        if own_options.get("api_key") is not None:
            own_options["api_key"] = credential_of(own_options["api_key"], "api_key", plan.provider)
        self.options = {name: value for name, value in own_options.items() if value is not None}
        self._server = self._clients.custom_endpoint(plan, self.options)

    def __init_subclass__(cls, **more: Any) -> None:
        """Refuse a subclass as LlamaIndex has them, whose functions would never be called."""
        super().__init_subclass__(**more)
        for name in ("_get_text_embedding", "_get_query_embedding"):
            if name in vars(cls):
                hint = "pass a function that takes texts and returns their vectors: Embedder(function)"
                raise ConfigError(f"an Embedder does not call {name}", hint=hint)

    def embed(self, texts: Iterable[str], *, kind: Kind | None = None) -> Embeddings:
        """Return the vector of each text, in order. Equal texts are embedded once.

        kind: what the vectors are for, which some models take into account.

        A batch that is refused is sent again in halves, down to single texts. Raises ConfigError for a text that is
        empty, before anything is sent; EmbeddingFailed if a text is refused even alone; any other StepwellError
        unchanged. The latter two carry the finished vectors as `.partial`; cached vectors stay cached.
        """
        return self._clients.sync.run_workflow(self._job(texts_in(texts), kind).flow())

    async def aembed(self, texts: Iterable[str], *, kind: Kind | None = None) -> Embeddings:
        """Return the vector of each text; see `embed`."""
        given = texts_in(texts)
        make = Run(lambda: self._job(given, kind), blocks=len(given) > MANY)
        job: EmbedJob = await adrive_local(performing(make))
        return await self._clients.asynchronous.run_workflow(job.flow())

    def embed_documents(self, texts: Iterable[str]) -> Embeddings:
        """Return vectors of texts that are to be found."""
        return self.embed(texts, kind="document")

    async def aembed_documents(self, texts: Iterable[str]) -> Embeddings:
        """Return vectors of texts that are to be found."""
        return await self.aembed(texts, kind="document")

    def embed_query(self, query: str | Iterable[str]) -> Vector:
        """Return the vector to search with; of several wordings of a query, the mean."""
        return _one(self.embed(_wordings(query), kind="query"))

    async def aembed_query(self, query: str | Iterable[str]) -> Vector:
        """Return the vector to search with; see `embed_query`."""
        return _one(await self.aembed(_wordings(query), kind="query"))

    @property
    def fingerprint(self) -> str:
        """The settings that the vectors depend on, as text. Vectors are comparable if their fingerprints are equal."""
        decisive = sorted(self._decisive(self.options).items())
        settings = (f" {name}={dumps(value, default=repr).decode()}" for name, value in decisive)
        return f"{self.model}{''.join(settings)}"

    def __repr__(self) -> str:
        return f"Embedder({self.fingerprint!r})"

    def _decisive(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Return the options that the vectors depend on, and the server if it is not the provider's own."""
        decisive = {name: value for name, value in options.items() if name not in _INDIFFERENT}
        return decisive if self._server is None else {**decisive, "base_url": self._server}

    def _job(self, given: list[str], kind: str | None) -> EmbedJob:
        options = self.options if kind is None else {**self.options, "kind": kind}
        check_embeddable(given)
        whole: list[str] = well_formed(given)
        return EmbedJob(
            model=self.model,
            texts=whole,
            options=options,
            limit=self.limit,
            cache=EmbeddingCache(self.store, str(self.model), self._decisive(options)),
            workers=self.workers,
            progress=self.progress,
            now=self._clients.planner.world.now,
            warnings=() if whole is given else (CallWarning(*REPAIRED_TEXT, str(self.model)),),
        )


def _limit(most: EmbedLimit, texts: int | None, tokens: int | None) -> EmbedLimit:
    """Return the narrower limit of both; of texts the user's own, where ours is only a guess."""
    return EmbedLimit(
        texts if texts and (texts < most.texts or most is UNKNOWN_LIMIT) else most.texts,
        min((each for each in (tokens, most.tokens) if each), default=None),
    )


# Options that steer the call and do not change the vectors; neither a key nor a header may end up in a file.
_INDIFFERENT = frozenset(CALL_OPTIONS) - {"provider_options", "wire"} | {"user"}


def _wordings(query: str | Iterable[str]) -> list[str]:
    return [query] if isinstance(query, str) else list(query)


def _one(embeddings: Embeddings) -> Vector:
    return embeddings[0] if len(embeddings) == 1 else aggregate(embeddings)
