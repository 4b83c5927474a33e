"""Embed many texts: read the cache, make batches, call, split the batches that are refused, put it all together."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from attrs import define, field

from ...events import span
from ...pipeline.effects import CallModel, Flow, Run
from ...pipeline.tasks import gather
from ...providers.declare.embed_limits import EmbedLimit
from ...schemas.errors import (
    ConfigError,
    ContentFiltered,
    ContextOverflow,
    DecodeError,
    EmbeddingFailed,
    InvalidRequest,
    ResponseTooLarge,
    ServerError,
    StepwellError,
)
from ...schemas.model import Model
from ...schemas.prices import Cost, total_cost
from ...schemas.process_lock import ProcessLock
from ...schemas.reply import CallWarning, Reply
from ...schemas.several import holds_several
from ...schemas.usage import Usage, total_usage
from .batching import batches_of
from .cache import EmbeddingCache
from .progress import Bar, Progress, bar_for
from .result import Embeddings
from .vectors import Vector, vector_of

# Errors that a single text may cause, so that the others are tried again. All other errors concern every text alike.
# ServerError is among them because llama.cpp and others answer 500 to a text that is too long.
_MAY_BE_A_TEXT = (InvalidRequest, ContextOverflow, ContentFiltered, DecodeError, ResponseTooLarge, ServerError)
_MAX_CONSECUTIVE_REFUSALS = 3
"""If this number of texts in a row is refused with the same message, the cause may not be the texts: the shortest
of the others is tried next."""


MANY = 1000
"""Texts above which an event loop does not wait for what is done for each of them."""
_MANY_NUMBERS = 50_000


@define(eq=False)
class EmbedJob:
    """One call of an Embedder."""

    model: Model
    texts: Sequence[str]
    options: Mapping[str, Any]
    limit: EmbedLimit
    cache: EmbeddingCache
    workers: int
    progress: Progress
    now: Callable[[], float]
    """Seconds, for the progress bar."""
    warnings: Sequence[CallWarning] = ()
    vectors: dict[str, Vector] = field(factory=dict)
    """By text."""
    refused: dict[str, StepwellError] = field(factory=dict)
    """By text."""
    spent: list[tuple[Usage, Cost]] = field(factory=list)
    """Of each call that succeeded. Its reply, which holds its vectors once more, is not kept."""
    noted: dict[CallWarning, None] = field(factory=dict)
    """The warnings of the replies."""
    lost: list[Usage] = field(factory=list)
    """The usage of calls that failed after they had been charged for."""
    fault: Exception | None = None
    """The error that ends the whole job."""
    cached: int = 0
    """How many different texts were found in the cache."""
    _length: int = 0
    """Of the vectors that calls have given; 0 before the first."""
    _in_a_row: int = 0
    _trial: str | None = None
    _bar: Bar = field(init=False)
    _lock: ProcessLock = field(factory=ProcessLock)

    def flow(self) -> Generator[Any, Any, Embeddings]:
        """Return Embeddings.

        Raises EmbeddingFailed for texts that were refused, and unchanged any error that concerns all texts. Both carry
        the vectors that are done, as `.partial`.
        """
        with span("embed", model=str(self.model), texts=len(self.texts)) as report:
            different: list[str] = yield self._many(lambda: list(dict.fromkeys(self.texts)))
            self._bar = bar_for(self.progress, len(different), self.now)
            try:
                yield from self._embed(different)
            finally:
                self._bar.close()
                report.note(cached=self.cached, calls=len(self.spent))
            outcome: Embeddings = yield self._many(self._outcome)
            return outcome

    def _many(self, work: Callable[[], Any]) -> Run:
        """Make a Run of something that is done for each text, in a thread where they are many and the call is async."""
        return Run(work, blocks=len(self.texts) > MANY, recorded=False)

    def _embed(self, texts: list[str]) -> Flow:
        self.vectors.update((yield from self.cache.read(texts)))
        self.cached = len(self.vectors)
        if self.cached:
            self._bar.update(self.cached)
        yield from self._send((yield self._many(lambda: [text for text in texts if text not in self.vectors])))
        outdated = yield self._many(lambda: self.cache.outdated(self.vectors, self._length))
        if outdated and self.fault is None:
            for text in outdated:
                del self.vectors[text]
            self.cached -= len(outdated)
            yield from self._send(outdated)

    def _send(self, missing: list[str]) -> Flow:
        batches = yield self._many(lambda: [self._batch(batch) for batch in batches_of(missing, self.limit)])
        for result in (yield from gather(batches, self.workers)):
            if isinstance(result, Exception):
                self.fault = self.fault or result

    def _batch(self, batch: list[str]) -> Flow:
        """Embed one batch; if it is refused, its halves, so that one bad text costs few further calls."""
        pending = [batch]
        while pending and self.fault is None:
            texts = pending.pop()
            try:
                reply = yield CallModel(str(self.model), texts, self.options, "embed")
                vectors = yield Run(partial(self._vectors, reply, texts), blocks=_is_large(reply), recorded=False)
            except StepwellError as error:
                pending += self._refused(texts, error)
                continue
            self._record(reply, vectors)
            yield from self.cache.write(vectors)

    def _record(self, reply: Reply, vectors: Mapping[str, Vector]) -> None:
        with self._lock:
            # Counted one by one: a difference of views would go through all that is done already.
            self._bar.update(sum(text not in self.vectors and text not in self.refused for text in vectors))
            self.vectors.update(vectors)
            self._length = max(map(len, vectors.values()))  # all of them have it
            for text in vectors.keys() & self.refused.keys():
                del self.refused[text]
            self.spent.append((reply.usage, reply.cost))
            self.noted.update(dict.fromkeys(reply.warnings))
            self._in_a_row, self._trial = 0, None

    def _vectors(self, reply: Reply, texts: list[str]) -> dict[str, Vector]:
        rows = reply.object or ()
        if len(rows) != len(texts):
            raise DecodeError(
                f"{self.model} gave {len(rows)} vectors for {len(texts)} texts", usage=reply.usage, hint="see .usage"
            )
        vectors = [vector_of(row) for row in rows]
        if len({self._length or len(vectors[0]), *map(len, vectors)}) > 1:
            raise DecodeError(
                f"{self.model} gave vectors of different lengths",
                usage=reply.usage,
                hint="the model may have been changed under its name meanwhile: try again",
            )
        return dict(zip(texts, vectors, strict=True))

    def _refused(self, texts: list[str], error: StepwellError) -> list[list[str]]:
        """Note a refusal, and return what is to be tried next: nothing, or the two halves."""
        with self._lock:
            if error.usage is not None:
                self.lost.append(error.usage)
            if not isinstance(error, _MAY_BE_A_TEXT):
                self.fault = self.fault or error
                return []
            if len(texts) > 1:
                if isinstance(error, DecodeError):
                    why = f"{error.message}; they were sent again in smaller batches, which costs more calls"
                    self.warnings = [*self.warnings, CallWarning("batch", why, str(self.model))]
                middle = len(texts) // 2
                return [texts[middle:], texts[:middle]]
            return self._alone(texts[0], error)

    def _alone(self, text: str, error: StepwellError) -> list[list[str]]:
        """Note the refusal of a single text, and return what is to be tried next.

        Several texts in a row may be too long. But a server that fails, or an option that does not fit, must not cost a
        call for every text: after some equal refusals, the shortest text shows which of the two it is.
        """
        before = list(self.refused.values())[-1:]
        same = bool(before) and before[0].message == error.message
        self._in_a_row = self._in_a_row + 1 if same else 1
        if text not in self.refused:
            self._bar.update(1)
        self.refused[text] = error
        probed, self._trial = text == self._trial, None if text == self._trial else self._trial
        if self._in_a_row < _MAX_CONSECUTIVE_REFUSALS or self._trial is not None:
            return []
        if self.spent and not isinstance(error, ServerError):
            return []
        others = [other for other in self.texts if other not in self.refused]
        if probed or not others:
            self.fault = self.fault or error
            return []
        self._trial = min(others, key=len)
        return [[self._trial]]

    def _outcome(self) -> Embeddings:
        embeddings = self._embeddings()
        if self.fault is not None:
            if isinstance(self.fault, StepwellError):
                self.fault.partial, self.fault.usage = embeddings, embeddings.usage
            raise self.fault
        if self.refused:
            raise self._failure(embeddings)
        return embeddings

    def _embeddings(self) -> Embeddings:
        """Return the finished vectors, with None for each text without one."""
        usage = [usage for usage, _ in self.spent] + self.lost
        return Embeddings(
            vectors=tuple(self.vectors.get(text) for text in self.texts),  # type: ignore[misc]
            model=self.model,
            usage=total_usage(usage) if usage else Usage(input_tokens=0),
            warnings=tuple(dict.fromkeys([*self.warnings, *self.noted, *self.cache.warnings])),
            cost=total_cost(cost for _, cost in self.spent) if not self.lost else Cost(None, reason=_LOST),
            calls=len(self.spent),
            cached=self.cached,
        )

    def _failure(self, partial: Embeddings) -> EmbeddingFailed:
        failures = {at: self.refused[text] for at, text in enumerate(self.texts) if text in self.refused}
        first = next(iter(failures))
        count = f"{len(failures)} of {len(self.texts)} texts"
        return EmbeddingFailed(
            f"{count} could not be embedded; text {first}: {failures[first].message}",
            hint="the vectors of the others are on .partial, all reasons on .failures",
            failures=failures,
            attempts=tuple(attempt for error in failures.values() for attempt in error.attempts),
            partial=partial,
            usage=partial.usage,
            warnings=partial.warnings,
            provider=self.model.provider,
            model=self.model.id,
        )


def _is_large(reply: Reply) -> bool:
    """Check whether a reply has so many numbers that it takes milliseconds to make vectors of them."""
    rows: Any = reply.object
    return bool(rows) and type(rows[0]) is not array and len(rows) * len(rows[0]) > _MANY_NUMBERS


_LOST = "a call failed after it was charged for"


def texts_in(texts: Iterable[str]) -> list[str]:
    """Return the texts as a list. Raises ConfigError for what is no iterable of texts."""
    if isinstance(texts, str):
        raise ConfigError("texts is a str, whose letters would be embedded one by one", hint="pass a list of strings")
    if not holds_several(texts):
        raise ConfigError(f"a {type(texts).__name__} cannot be embedded", hint="pass a list of texts")
    return list(texts)


def check_embeddable(texts: Sequence[str]) -> None:
    """Raise ConfigError, with its index, for a text that is empty or not a string."""
    wrong = {at: what for at, text in enumerate(texts) if (what := _unfit(text))}
    if wrong:
        first, *others = wrong
        more = f"; and {len(others)} more: {', '.join(map(str, others[:_NAMED]))}" if others else ""
        raise ConfigError(
            f"text {first} cannot be embedded: it is {wrong[first]}{more}{', ...' if len(others) > _NAMED else ''}",
            hint="leave it out; nothing was sent",
        )


_NAMED = 10


def _unfit(text: object) -> str | None:
    """Return what keeps a text from being sent; None for one that can be."""
    if not isinstance(text, str):
        return f"a {type(text).__name__}"
    if not text.strip():
        return "empty"
    return None
