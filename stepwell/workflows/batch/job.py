"""A batch under way, for both colours."""

from __future__ import annotations

from typing import Any

from ...recipe import Recipe, acarry_out, carry_out
from ...schemas.batch import BatchState
from ...schemas.errors import StepwellError
from ...schemas.reply import Reply
from . import workflows
from .workflows import BatchWork

POLL = 30.0
"""Seconds between two questions of how a batch is doing."""
Answers = dict[str, Reply | StepwellError]


class _Job:
    """What both know: `id`, the provider's name for the batch, under which `batch_job` finds it again in another
    process; and `state`, how it was doing when last asked."""

    def __init__(self, client: Any, work: BatchWork, state: BatchState) -> None:
        self._client = client
        self._work = work
        self.state = state

    @property
    def id(self) -> str:
        return self.state.id

    @property
    def status(self) -> str:
        """queued, running, cancelling, done, failed, cancelled or expired."""
        return self.state.status

    def __repr__(self) -> str:
        of = f", {self.state.answered} of {self.state.total}" if self.state.total else ""
        return f"{type(self).__name__}({self._work.model!r}, id={self.id!r}, {self.status}{of})"


class BatchJob(_Job):
    """A batch: `wait()` for it, then read its `results()`.

    job = client.submit_batch("openai:gpt-4o-mini", {"a": "Say hello.", "b": "Say goodbye."}, max_tokens=20)
    print(job.id)                       # client.batch_job("openai:gpt-4o-mini", id) finds it again tomorrow
    for id, answer in job.wait().results().items():
        print(id, answer.text if isinstance(answer, stepwell.Reply) else answer)
    """

    def refresh(self) -> BatchJob:
        """Ask how it is doing."""
        return self._remember(workflows.refresh(self._work, self.id))

    def wait(self, *, poll: float = POLL, timeout: float | None = None) -> BatchJob:
        """Ask every `poll` seconds until it is over. Raises TotalTimeout after `timeout` seconds (None: never)."""
        return self._remember(workflows.wait(self._work, self.id, poll, timeout))

    def cancel(self) -> BatchJob:
        """Have it stopped. What has been answered by then can be read, and is charged."""
        return self._remember(workflows.cancel(self._work, self.id))

    def results(self) -> Answers:
        """Every answer by its id, in the order they were asked: a Reply at the batch's price, or the error in its
        place. Raises ConfigError while the batch is under way, InvalidRequest where it failed as a whole."""
        answers: Answers = carry_out(self._client, workflows.results(self._work, self.id))
        return answers

    def _remember(self, recipe: Recipe) -> BatchJob:
        self.state = carry_out(self._client, recipe)
        return self


class AsyncBatchJob(_Job):
    """BatchJob's twin."""

    async def refresh(self) -> AsyncBatchJob:
        """Ask how it is doing."""
        return await self._remember(workflows.refresh(self._work, self.id))

    async def wait(self, *, poll: float = POLL, timeout: float | None = None) -> AsyncBatchJob:
        """Ask every `poll` seconds until it is over. Raises TotalTimeout after `timeout` seconds (None: never)."""
        return await self._remember(workflows.wait(self._work, self.id, poll, timeout))

    async def cancel(self) -> AsyncBatchJob:
        """Have it stopped. What has been answered by then can be read, and is charged."""
        return await self._remember(workflows.cancel(self._work, self.id))

    async def results(self) -> Answers:
        """Every answer by its id; see BatchJob.results."""
        answers: Answers = await acarry_out(self._client, workflows.results(self._work, self.id))
        return answers

    async def _remember(self, recipe: Recipe) -> AsyncBatchJob:
        self.state = await acarry_out(self._client, recipe)
        return self
