"""Batches: many calls submitted at once, answered within a day for less."""

from .job import AsyncBatchJob, BatchJob

__all__ = ["AsyncBatchJob", "BatchJob"]
