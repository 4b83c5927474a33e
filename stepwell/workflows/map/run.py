"""MapRun and AsyncMapRun: a map that can be run or iterated."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any, Never, Self

from ...client import BaseAsyncClient, BaseClient
from ...schemas.errors import ConfigError
from ...schemas.foreign_names import Hinted
from .job import MapJob
from .result import MapResult
from .summary import MapSummary


class _MapRun(Hinted, hints="map"):
    """The base of MapRun and AsyncMapRun."""

    def __init__(self, job: MapJob) -> None:
        self._job = job
        self._begun = False
        self._reading: Any = None

    @property
    def summary(self) -> MapSummary:
        """The summary of the items so far."""
        return self._job.summary()

    def __repr__(self) -> str:
        what = "" if self._begun else ", not begun: run() or iterate it"
        return f"{type(self).__name__}({self._job.model}: {self.summary!r}{what})"

    def _begin(self, *, emits: bool) -> MapJob:
        """Return the job to run. Raises ConfigError the second time."""
        if self._begun:
            raise ConfigError("a map runs once", hint="call map again; it goes on with the items without a result")
        self._begun, self._job.results.emits = True, emits
        return self._job


class MapRun(_MapRun, hints="sync stream"):
    """A map: `run()` it, or iterate it for the results, which are written to its file as well.

        print(client.map("reviews.jsonl", prompt="Is this friendly? {text}", out="answers.jsonl").run())

        with client.map(reviews, prompt=ask) as run:
            for result in run:
                print(result.key, result.text or result.error)
        print(run.summary)

    A result is a MapResult. Leaving the loop, the `with` block, or calling `close()` stops the work.
    """

    def __init__(self, client: BaseClient, job: MapJob) -> None:
        super().__init__(job)
        self._client = client

    def run(self) -> MapSummary:
        """Answer all items and return the summary.

        Raises an error that every item would get, such as AuthError, with the summary so far as `.partial`.
        """
        summary: MapSummary = self._client.run_workflow(self._begin(emits=False).flow())
        return summary

    def __iter__(self) -> Iterator[MapResult]:
        self._reading = self._client.read_workflow(self._begin(emits=True).flow())
        try:
            yield from self._reading
        finally:
            self.close()

    def close(self) -> None:
        """Stop the work and close the file. A second call does nothing.

        Raises StepError while another thread waits for a result: it is that one which may stop the work.
        """
        if self._reading is not None:
            self._reading.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncMapRun(_MapRun, hints="async stream"):
    """Async version of MapRun."""

    def __init__(self, client: BaseAsyncClient, job: MapJob) -> None:
        super().__init__(job)
        self._client = client

    if not TYPE_CHECKING:  # a type checker is to refuse the await

        def __await__(self) -> Never:
            """Raise ConfigError, which says what is awaited."""
            raise ConfigError("a map cannot be awaited itself", hint="await its run(): await client.map(...).run()")

    async def run(self) -> MapSummary:
        """Answer all items and return the summary; see MapRun.run."""
        summary: MapSummary = await self._client.run_workflow(self._begin(emits=False).flow())
        return summary

    async def __aiter__(self) -> AsyncIterator[MapResult]:
        self._reading = self._client.read_workflow(self._begin(emits=True).flow())
        try:
            async for result in self._reading:
                yield result
        finally:
            await self.close()

    async def close(self) -> None:
        """Stop the work and close the file. A second call does nothing.

        Another task that waits for a result gets a StepError.
        """
        if self._reading is not None:
            await self._reading.close()

    aclose = close

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
