"""Store answers, and return them for the same request."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from hashlib import sha256
from typing import Any
from weakref import proxy

from ...schemas.chunks import StreamChunk
from ...schemas.errors import ConfigError
from ...schemas.fold import Fold
from ...schemas.json_text import SORT_KEYS, dumps
from ...schemas.reply import Reply
from ...schemas.secret import Secret
from ...schemas.usage import Usage
from ..annotate import annotate, warn
from ..around import around
from ..effects import CallNext, Run, StepGenerator
from ..http.request import RAW_OPTIONS, Request
from ..http.response import Response
from ..key_value import KeyValueStore, store_trouble
from ..pipeline import Pipeline
from ..step import halt_with
from .shared import AVOID_SECONDS, ask_store

CACHED = frozenset(("chat", "embed", "rerank", "moderate"))
"""Operations whose answers are stored."""
COMPLETE = frozenset(("stop", "tool_calls", "length"))
"""Finish reasons of answers that are stored: not those of refused or broken ones."""
_SLOW = 0.5
"""Seconds from which a store that fails is avoided for a moment."""
_VERSION = 1


class Cache:
    """The step that `stepwell.cache` makes; see there. Called with a Pipeline, it returns that with itself in it."""

    def __init__(
        self,
        store: KeyValueStore,
        *,
        ttl: float | None = None,
        scope: str | None = None,
        name: str = "cache",
    ) -> None:
        self.store = store
        self._avoided_until = 0.0
        self._ttl = ttl
        self._scope = scope
        self._step = around(name, self._run, counts=True)

    def __call__(self, pipeline: Pipeline) -> Pipeline:
        """Add this step inside resolve_key, which finds whose answer it is, and outside all that prepares a request."""
        if self._step in pipeline.steps:
            return pipeline
        return pipeline.after("resolve_key", self._step) if "resolve_key" in pipeline else pipeline.prepend(self._step)

    def _run(self, request: Request, call: CallNext) -> StepGenerator:
        if request.operation not in CACHED:
            return (yield from call(request))
        try:
            key = self._key(request)
        except (TypeError, ConfigError) as error:
            why = f"a call with {error} in it is not cached" if isinstance(error, TypeError) else f"not cached: {error}"
            return (yield from call(request.warn("cache", why)))
        if request.world.now() < self._avoided_until:
            return (yield from call(request.warn("cache", "not asked: it took too long a moment ago")))
        known, request = yield from self._read(request, key)
        if known is not None:
            request.world.report("cache_hit", model=request.model)
            return halt_with(request, known.replace(billed_model=request.model))
        if request.world.now() < self._avoided_until:
            return (yield from call(request))
        response: Response = yield from call(request)
        if response.reply is None:
            return response.through(_Keeper(self, key, response))
        if (item := self.item(key, response.reply, request.world.time())) is not None:
            write, began = self._question(request, lambda: self.store.set_many(item))
            try:
                yield write
            except Exception as error:
                self._note_failure(request, began)
                warn(response.reply, request.model, "cache", store_trouble("written", error))
        return response

    def _read(self, request: Request, key: str) -> Any:
        """Return the stored reply, if any, and the request, with a warning if the store could not be read."""
        look_up, began = self._question(request, lambda: self.store.get_many([key]))
        try:
            look_up.recorded, look_up.name = dict, "a look-up in the cache"
            found: Mapping[str, bytes] = yield look_up
            data = found.get(key)
            return (None if data is None else self._load(data, request.world.time())), request
        except Exception as error:
            self._note_failure(request, began)
            return None, request.warn("cache", store_trouble("read", error))

    def _question(self, request: Request, work: Callable[[], Any]) -> tuple[Run, list[float]]:
        """Make a Run that asks the store, and a list that gets the time of that: it may wait for a thread first."""
        began: list[float] = []

        def ask() -> Any:
            began.append(request.world.now())
            return work()

        return ask_store(request, ask), began

    def _note_failure(self, request: Request, began: list[float]) -> None:
        """Do not ask the store for a moment if it failed slowly, since each call would wait for it."""
        now = request.world.now()
        if began and now - began[0] >= _SLOW:
            self._avoided_until = now + AVOID_SECONDS

    def _load(self, data: bytes, now: float) -> Reply | None:
        """Return the stored reply, or None if it is too old.

        It has used no tokens and cost nothing. The usage of the first call is in `metadata["cache"]`.
        """
        head, _, body = data.partition(b"\n")
        at = float(head)
        if self._ttl is not None and now > at + self._ttl:
            return None
        reply = Reply.from_json(body)
        metadata = {**reply.metadata, "cache": {"at": at, "usage": reply.usage}}
        return reply.replace(metadata=metadata, usage=Usage(input_tokens=0, output_tokens=0))

    def item(self, key: str, reply: Reply, now: float) -> dict[str, bytes] | None:
        """Return the item to store for a reply; None for one that is not stored."""
        if reply.finish_reason not in COMPLETE:
            return None
        try:
            return {key: b"%f\n" % now + reply.to_json(exact=True).encode()}
        except ConfigError:  # a vendor's own object that JSON cannot hold
            return None

    def _key(self, request: Request) -> str:
        """Return the key under which to store a reply: a hash of all that it depends on, including the credential."""
        raw = request.get(RAW_OPTIONS)
        prompt = request.context.to_json() if request.operation == "chat" else request.input
        subject = [
            _VERSION,
            request.operation,
            str(request.model),
            request.base_url,
            prompt,
            dict(request.options),
            dict(raw),
            dict(request.headers),
            _fingerprint(request.credential) if self._scope is None else self._scope,
        ]
        return sha256(dumps(subject, option=SORT_KEYS, default=_plain)).hexdigest()


class _Keeper:
    """A Stage that stores the answer of a stream that ended without an error, as it is before the stages outside."""

    def __init__(self, cache: Cache, key: str, response: Response) -> None:
        self._cache = cache
        self._key = key
        self._response = proxy(response)  # which holds its stages: in a circle, one dropped unread would stay open
        self._fold = Fold()

    def feed(self, chunks: list[StreamChunk]) -> list[StreamChunk]:
        self._fold.feed(chunks)
        return chunks

    def flush(self) -> list[StreamChunk]:
        reply = annotate(self._fold.reply(), self._response)
        item = self._cache.item(self._key, reply, self._response.request.world.time())
        if item is not None:
            write = ask_store(self._response.request, partial(self._write, item), self._write_late)
            self._response.closing.append(write)
        return []

    def _write(self, item: Mapping[str, bytes]) -> None:
        try:
            self._cache.store.set_many(item)
        except Exception as error:
            self._warn(error)

    def _write_late(self) -> None:
        self._warn(TimeoutError("the store took too long"))

    def _warn(self, error: Exception) -> None:
        self._response.request = self._response.request.warn("cache", store_trouble("written", error))


def _fingerprint(credential: object) -> object:
    """Return a value that differs for each credential and does not disclose it."""
    if isinstance(credential, Secret):
        return sha256(credential.reveal().encode()).hexdigest()
    if isinstance(credential, Mapping):
        return {name: _fingerprint(value) for name, value in credential.items()}
    if credential is None or isinstance(credential, str):
        return credential
    raise TypeError("a credential that a function returns (pass cache(scope=...))")


def _plain(value: object) -> object:
    """Return a JSON value for what else a request may hold. Raises TypeError for an object with no plain form."""
    if isinstance(value, Secret):
        return _fingerprint(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, tuple | set | frozenset):
        return sorted(value, key=str) if isinstance(value, set | frozenset) else list(value)
    if isinstance(value, bytes | bytearray):
        return sha256(value).hexdigest()
    raise TypeError(f"a {type(value).__name__}")
