"""The public calls about many prompts at once, which Client inherits: batches and maps.

`python -m tools.api` writes async_bulk_api.py from this file: change the methods here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from os import PathLike
from typing import TYPE_CHECKING, Literal, Never, Unpack

from .client import BaseClient
from .schemas.errors import ConfigError
from .schemas.missing_argument import refuse_missing, with_clear_errors

if TYPE_CHECKING:
    from .options import ChatOptions, ModelLike, PromptLike, ToolLike
    from .workflows.batch.job import BatchJob
    from .workflows.map.inputs import Items
    from .workflows.map.item_prompts import Prompt
    from .workflows.map.keys import KeyOf
    from .workflows.map.progress import Progress
    from .workflows.map.run import MapRun
    from .workflows.tools.loop import LoopOptions


@with_clear_errors
class BulkClient(BaseClient):
    """A client with the calls about many prompts at once."""

    def submit_batch(
        self,
        model: ModelLike,
        prompts: Mapping[str, PromptLike] | Iterable[PromptLike],
        **options: Unpack[ChatOptions],
    ) -> BatchJob:
        """Submit many prompts at once, to be answered within a day, at about half the price.

        prompts: a dict by your own ids (letters, digits, - and _, at most 64 characters), or a list; its ids are "0",
            "1" and so on.
        options: those of generate_text, for all prompts.

        Overrides apply. The client's own steps do not, since no call is made now; `pipeline=` gives steps for these
        calls. Before anything is sent, raises the error of any invalid call, and NotSupported if the provider has no
        batches.
        """
        from .workflows.batch.job import BatchJob  # seldom used
        from .workflows.batch.workflows import submit

        job = options.pop("job", None)
        return BatchJob(self, *self.run_workflow(submit(self.planner, model, prompts, options), job=job))

    def batch_job(self, model: ModelLike, id: str, **options: Unpack[ChatOptions]) -> BatchJob:
        """Find a batch that was submitted before, perhaps by another process. Its replies do not have their prompts."""
        from .workflows.batch.job import BatchJob  # seldom used
        from .workflows.batch.workflows import find

        job = options.pop("job", None)
        return BatchJob(self, *self.run_workflow(find(self.planner, model, id, options), job=job))

    def map(
        self,
        items: Items,
        *misplaced: Never,
        model: ModelLike = None,
        prompt: Prompt = None,
        schema: object = None,
        tools: Iterable[ToolLike] | None = None,
        max_repairs: int = 1,
        key: KeyOf = None,
        workers: int = 16,
        out: str | PathLike[str] | None = None,
        retry_failed: bool = False,
        errors: Literal["keep", "raise"] = "keep",
        order: Literal["kept", "as_done", "as done"] = "kept",
        progress: Progress = None,
        mode: Literal["live", "batch", "auto"] = "live",
        within: str | float = "24h",
        journal: str | PathLike[str] | None = None,
        **options: Unpack[LoopOptions],
    ) -> MapRun:
        """Ask the same about many items, and write the results to a file that a later run goes on with.

        `run()` the MapRun that is returned, or iterate it; nothing is sent before. It holds a bounded
        number of items in memory, however many there are.

        items: an iterable (with an AsyncClient also an async one), or the path of a file: .jsonl, .csv, .tsv, .parquet.
        model: `provider:model-id`, or None for the default model.
        prompt: a template with the fields of an item, or {item} for all of it; a function from an item to a prompt; or
            None where the item is the prompt, or has it in its field `prompt` or `messages`.
        schema: makes each result an object, as generate_object does, with at most `max_repairs` repairs.
        tools: makes each call a tool loop, as run_tools does.
        key: the field of an item, or a function, that gives its key, by which a later run finds its result; by default
            the item's number and a digest of it.
        workers: how many items are answered at once, as far as the limits of the pipeline allow.
        out: the file of results, a line of JSON each. Items with a result in it are not sent again.
        retry_failed: send those again whose result is an error.
        errors: "keep" makes an error the result of its item; "raise" ends the map with the first one. Errors that all
            items would have (a refused key, a used up budget) always do.
        order: whether results are "kept" in the order of the items, or given "as_done" (or "as done").
        progress: True shows on stderr how far it is, with rate, errors, cost so far and time left: a bar on a terminal,
            a line every ten seconds in another place. None shows it on a terminal only. Or a function of the summary.
        mode: "batch" submits the items to the provider's batches, and waits for these; killed and run again, it goes on
            waiting. "auto" does so if that is known to cost less and answers `within` such a time: "24h", "90m", or
            seconds. The summary has the `mode`, and `why`.
        journal: a file in which the parts of each answer are recorded as they come: tools that have run and steps of a
            loop that were answered are not repeated after a kill. The client's own is used with `job="name"`.
        options: those of generate_text, or of run_tools.
        """
        refuse_missing(items)
        if misplaced:
            raise ConfigError("map takes one argument without a name, the items", hint="map(items, model=…, prompt=…)")
        from .workflows.map.begin import job_of  # brings in JSON Schema
        from .workflows.map.run import MapRun

        job = job_of(
            self.planner,
            items,
            model=model,
            prompt=prompt,
            schema=schema,
            tools=tools,
            max_repairs=max_repairs,
            key=key,
            workers=workers,
            out=out,
            retry_failed=retry_failed,
            errors=errors,
            order=order,
            progress=progress,
            mode=mode,
            within=within,
            journal=journal,
            options=options,
        )
        return MapRun(self, job)
