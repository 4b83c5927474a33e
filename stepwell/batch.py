"""Many prompts at once: batches, answered within a day at about half the price, and maps over many items."""

from typing import TYPE_CHECKING

from .functions import abatch_job, asubmit_batch, batch_job, submit_batch
from .schemas.batch import BatchState
from .schemas.other_names import suggesting
from .workflows.batch.job import AsyncBatchJob, BatchJob
from .workflows.map.result import MapResult
from .workflows.map.run import AsyncMapRun, MapRun
from .workflows.map.summary import MapSummary

__all__ = [
    "AsyncBatchJob",
    "AsyncMapRun",
    "BatchJob",
    "BatchState",
    "MapResult",
    "MapRun",
    "MapSummary",
    "abatch_job",
    "asubmit_batch",
    "batch_job",
    "submit_batch",
]


if not TYPE_CHECKING:  # for a type checker, any name would then exist
    __getattr__ = suggesting(__name__)
