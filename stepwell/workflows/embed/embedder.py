"""Embedder: many texts of any kind to vectors, batched, cached, and each at most once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from ...api import Client
from ...async_api import AsyncClient
from ...client_pair import ClientPair
from ...pipeline.key_value import KeyValueStore
from ...providers.declare.embed_limits import UNKNOWN_LIMIT, EmbedLimit, embed_limit_for
from ...recipe import acarry_out, carry_out
from ...schemas.errors import ConfigError
from ...schemas.json_text import REPAIRED_TEXT, dumps, well_formed
from ...schemas.options import CALL_OPTIONS
from ...schemas.reply import CallWarning
from ...settings import credential_of
from ...stores.store import store_of
from .cache import EmbeddingCache
from .embed_job import EmbedJob, checked_texts
from .progress import Progress
from .result import Embeddings
from .vectors import Vector, aggregate

FILE = "embeddings.sqlite"
"""The cache file that `cache=True` means."""
Kind = Literal["query", "document", "similarity", "classification", "clustering"]


class Embedder:
    """Turns texts into vectors with one model. Safe to share between threads and tasks.

        embedder = Embedder("openai:text-embedding-3-small", cache=True)
        vectors = embedder.embed_documents(texts)           # or: await embedder.aembed_documents(texts)

    `batch_size` and `batch_tokens` bound one call, within what the provider is known to take (None: all of that);
    `workers` calls run at once. `cache` keeps vectors: True for a file in the user's cache folder, a path, or a store
    (KeyValueStore). `progress` is described at `bar_for`. `client` and `async_client` are those to call with (one makes
    the other; none means the shared ones of the public functions). Other options go along with each call:
    `dimensions`, `truncate`, `provider_options` and the like. Vectors of another server (`base_urls`) are kept apart.
    """

    def __init__(
        self,
        model: str | None = None,
        *,
        batch_size: int | None = None,
        batch_tokens: int | None = None,
        cache: KeyValueStore | bool | str | Any = None,
        workers: int = 4,
        progress: Progress = None,
        client: Client | None = None,
        async_client: AsyncClient | None = None,
        **options: Any,
    ) -> None:
        for name, value in (("batch_size", batch_size), ("batch_tokens", batch_tokens), ("workers", workers)):
            if value is not None and (type(value) is not int or value < 1):
                raise ConfigError(f"{name} must be an integer of 1 or more, not {value!r}")
        self._clients = ClientPair(client, async_client)
        plan = self._clients.planner.plan("embed", model, wire=options.get("wire"))
        self.model = plan.model
        self.limit = _limit(embed_limit_for(plan.provider.embed_batches, plan.model.id), batch_size, batch_tokens)
        self.workers = workers
        self.store = store_of(cache, FILE)
        self.progress = progress
        if options.get("api_key") is not None:
            options["api_key"] = credential_of(options["api_key"], "api_key", plan.provider)
        self.options = {name: value for name, value in options.items() if value is not None}
        self._server = self._clients.custom_endpoint(plan, self.options)

    def embed(self, texts: Iterable[str], *, kind: Kind | None = None) -> Embeddings:
        """The vector of each text, in order; equal texts are asked for once.

        `kind` is what the vectors are for, which some models want to know. A batch that is refused is tried again in
        halves, down to single texts. Raises ConfigError for a text that is empty, before anything is sent;
        EmbeddingFailed when texts were refused even alone; any other StepwellError as it came. The latter two carry
        what succeeded as `.partial`, and what was cached stays cached.
        """
        work = self._work(texts, kind)
        embeddings: Embeddings = carry_out(None, work.recipe())
        return embeddings

    async def aembed(self, texts: Iterable[str], *, kind: Kind | None = None) -> Embeddings:
        """Embedder.embed, awaited."""
        work = self._work(texts, kind)
        embeddings: Embeddings = await acarry_out(None, work.recipe())
        return embeddings

    def embed_documents(self, texts: Iterable[str]) -> Embeddings:
        """Vectors of texts that are to be found."""
        return self.embed(texts, kind="document")

    async def aembed_documents(self, texts: Iterable[str]) -> Embeddings:
        """Embedder.embed_documents, awaited."""
        return await self.aembed(texts, kind="document")

    def embed_query(self, query: str | Iterable[str]) -> Vector:
        """The vector to search with; of several wordings of a query, the mean."""
        return _one(self.embed(_wordings(query), kind="query"))

    async def aembed_query(self, query: str | Iterable[str]) -> Vector:
        """Embedder.embed_query, awaited."""
        return _one(await self.aembed(_wordings(query), kind="query"))

    @property
    def fingerprint(self) -> str:
        """What the vectors depend on, in words: vectors of embedders that say the same can be compared."""
        decisive = sorted(self._decisive(self.options).items())
        settings = (f" {name}={dumps(value, default=repr).decode()}" for name, value in decisive)
        return f"{self.model}{''.join(settings)}"

    def __repr__(self) -> str:
        return f"Embedder({self.fingerprint!r})"

    def _decisive(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """What the vectors depend on besides the model's name and the text."""
        decisive = {name: value for name, value in options.items() if name not in _INDIFFERENT}
        return decisive if self._server is None else {**decisive, "base_url": self._server}

    def _work(self, texts: Iterable[str], kind: str | None) -> EmbedJob:
        options = self.options if kind is None else {**self.options, "kind": kind}
        given = checked_texts(texts)
        whole: list[str] = well_formed(given)
        return EmbedJob(
            model=self.model,
            texts=whole,
            options=options,
            limit=self.limit,
            cache=EmbeddingCache(self.store, str(self.model), self._decisive(options)),
            workers=self.workers,
            progress=self.progress,
            clients=self._clients,
            warnings=() if whole is given else (CallWarning(*REPAIRED_TEXT, str(self.model)),),
        )


def _limit(most: EmbedLimit, texts: int | None, tokens: int | None) -> EmbedLimit:
    """The narrower of both, unless our figure is only a guess: of a server of one's own one knows more than we do."""
    return EmbedLimit(
        texts if texts and (texts < most.texts or most is UNKNOWN_LIMIT) else most.texts,
        min((each for each in (tokens, most.tokens) if each), default=None),
    )


# What steers the call and not the vectors; neither a key nor a header may end up in a file.
_INDIFFERENT = frozenset(CALL_OPTIONS) - {"provider_options", "wire"} | {"user"}


def _wordings(query: str | Iterable[str]) -> list[str]:
    return [query] if isinstance(query, str) else list(query)


def _one(found: Embeddings) -> Vector:
    return found[0] if len(found) == 1 else aggregate(found)
