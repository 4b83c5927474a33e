"""Many prompts at once, answered within a day at about half the price."""

from .functions import abatch_job, asubmit_batch, batch_job, submit_batch
from .schemas.batch import BatchState
from .workflows.batch.job import AsyncBatchJob, BatchJob

__all__ = ["AsyncBatchJob", "BatchJob", "BatchState", "abatch_job", "asubmit_batch", "batch_job", "submit_batch"]
