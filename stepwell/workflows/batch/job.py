"""A submitted batch, sync and async."""

from __future__ import annotations

from ...client import BaseAsyncClient, BaseClient
from ...pipeline.effects import Flow
from ...schemas.batch import BatchState
from ...schemas.errors import StepwellError
from ...schemas.reply import Reply
from . import workflows
from .workflows import BatchWork

POLL = 30.0
"""Seconds between two requests for the state of a batch."""
Answers = dict[str, Reply | StepwellError]


class _Job:
    """The base of the sync and the async job. `state` is the batch's state when it was last requested."""

    def __init__(self, work: BatchWork, state: BatchState) -> None:
        self._work = work
        self.state = state

    @property
    def id(self) -> str:
        """The provider's id of the batch, by which `batch_job` finds it again in another process."""
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

    def __init__(self, client: BaseClient, work: BatchWork, state: BatchState) -> None:
        super().__init__(work, state)
        self._client = client

    def refresh(self) -> BatchJob:
        """Request the batch's state."""
        return self._remember(workflows.refresh(self._work, self.id))

    def wait(self, *, poll: float = POLL, timeout: float | None = None) -> BatchJob:
        """Request the state every `poll` seconds until it is over. Raises TotalTimeout after `timeout` seconds."""
        return self._remember(workflows.wait(self._work, self.id, poll, timeout))

    def cancel(self) -> BatchJob:
        """Cancel the batch. The answers that it has by then can be read, and are charged."""
        return self._remember(workflows.cancel(self._work, self.id))

    def results(self) -> Answers:
        """Return every answer by its id, in the order of the prompts: a Reply at the batch's price, or an error.

        Raises ConfigError while the batch is under way, InvalidRequest where it failed as a whole.
        """
        return self._client.run_workflow(workflows.results(self._work, self.id))

    def _remember(self, flow: Flow) -> BatchJob:
        self.state = self._client.run_workflow(flow)
        return self


class AsyncBatchJob(_Job):
    """Async version of BatchJob."""

    def __init__(self, client: BaseAsyncClient, work: BatchWork, state: BatchState) -> None:
        super().__init__(work, state)
        self._client = client

    async def refresh(self) -> AsyncBatchJob:
        """Request the batch's state."""
        return await self._remember(workflows.refresh(self._work, self.id))

    async def wait(self, *, poll: float = POLL, timeout: float | None = None) -> AsyncBatchJob:
        """Request the state every `poll` seconds until it is over. Raises TotalTimeout after `timeout` seconds."""
        return await self._remember(workflows.wait(self._work, self.id, poll, timeout))

    async def cancel(self) -> AsyncBatchJob:
        """Cancel the batch. The answers that it has by then can be read, and are charged."""
        return await self._remember(workflows.cancel(self._work, self.id))

    async def results(self) -> Answers:
        """Return every answer by its id; see BatchJob.results."""
        return await self._client.run_workflow(workflows.results(self._work, self.id))

    async def _remember(self, flow: Flow) -> AsyncBatchJob:
        self.state = await self._client.run_workflow(flow)
        return self
