"""A map by the provider's batches: items are collected, submitted, waited for, and their answers fetched.

A file beside the results (`results.jsonl.batches`) notes each batch before it is waited for, so that a run that was
killed fetches its answers and submits nothing again.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Protocol

from attrs import define, field, frozen

from ...options import ModelLike
from ...pipeline.effects import Flow, Run, Sleep
from ...planner import CallPlanner
from ...providers.declare.vendor_names import BATCH_OPTIONS
from ...schemas.errors import InvalidRequest, NotFound, StepwellError, may_have_been_done
from ...schemas.json_text import dumps, loads
from ...schemas.reply import CallWarning, Reply
from ..batch.workflows import BatchWork, NewBatch, refresh_unless_failing, results
from .fatal_errors import ends_map
from .keys import KeyTable
from .lines_file import LinesFile
from .result import MapItem, MapResult, map_result

MOST_CALLS, MOST_BYTES = 5000, 16 * 10**6
"""The limits of one batch, whose calls and answers are all in memory. Every provider accepts these: the lowest are
Google's 20 MB (https://ai.google.dev/gemini-api/docs/batch-api) and OpenAI's 50,000 calls
(https://platform.openai.com/docs/api-reference/batch)."""
_NOT_READ = "its prompt is not in the input any more, so what a step has hidden in it was not put back"
_MOST_TRIES = 20
"""How often the results of a batch are fetched where that fails in a way that passes."""
POLL = 30.0
"""Seconds between two requests for the state of a batch."""


@frozen(eq=False)
class BatchQuestion:
    """What is asked about each item, in a batch."""

    planner: CallPlanner
    model: ModelLike
    options: Mapping[str, Any]
    prompt_for: Callable[[object], Any]
    """Returns the prompt of an item."""
    read: Callable[[Reply[Any]], Reply[Any]]
    """Returns the reply with its object. Raises the error of an answer that does not fit."""

    @property
    def reads_prompts(self) -> bool:
        """Whether a step may need the prompt to read the answer, as `redact` does to put originals back."""
        steps = self.planner.plan("chat", self.model).pipeline
        return bool(self.options.get("pipeline")) or any(step.in_batches for step in steps)

    def work(self, prompts: Mapping[str, Any] | None = None) -> BatchWork:
        """Return the work of a batch with these prompts, by name."""
        own = {name: value for name, value in self.options.items() if name not in BATCH_OPTIONS}
        return BatchWork(self.planner, self.model, prompts or {}, own)

    def new_batch(self) -> NewBatch:
        """Return an empty batch."""
        return NewBatch(self.work(), {name: self.options[name] for name in BATCH_OPTIONS & self.options.keys()})


class _Job(Protocol):
    """What a runner needs of a MapJob."""

    @property
    def errors(self) -> str: ...

    def next_item(self) -> Flow: ...

    def new_turn(self) -> int: ...

    def put_and_emit(self, turn: int, result: MapResult) -> Flow: ...

    def is_done(self, key: str) -> bool: ...

    def show_progress(self) -> None: ...


@define(eq=False)
class BatchRunner:
    """Answers the items of a job by batches, in place of its workers.

    question: what is asked.
    path: the file beside the results.
    digest: that of the map, which all lines of the file have.
    """

    question: BatchQuestion
    path: str
    digest: str
    _log: LinesFile = field(init=False)
    _batch: NewBatch | None = None
    """The batch to which items are being added."""
    _added: list[tuple[int, str]] = field(factory=list)
    """The number and key of each item in it."""
    _submitted: dict[int, tuple[str, int]] = field(factory=dict)
    """The submitted batches by number: the provider's id, and the offset of the line that lists the items."""
    _count: int = 0
    """The batches so far, which gives the number of the next one."""
    _pending: KeyTable = field(factory=KeyTable)
    """The keys of the items in batches of an earlier run."""
    _unsure: KeyTable = field(factory=KeyTable)
    """The keys of the items in batches that an earlier run may have submitted."""
    _turns: KeyTable = field(factory=KeyTable)
    """The turn of each item that is in a batch."""
    _prompts: dict[str, Any] | None = None
    """The prompts of the items in batches by their keys, where an answer cannot be read without; else None"""

    def __call__(self, job: _Job) -> Flow:
        """Collect and submit all items that have no result, then wait for the batches and write their results."""
        self._log = LinesFile(self.path, self.digest, b'{"number":')
        self._prompts = {} if self.question.reads_prompts else None
        try:
            if os.path.exists(self.path):
                yield Run(self._read_log, blocks=True)
            yield from self._submit_all(job)
            for number in list(self._submitted):
                yield from self._fetch(job, number)
            if self._log.is_open:
                yield Run(self._log.remove)
        finally:
            self._log.close()

    def _submit_all(self, job: _Job) -> Flow:
        while (taken := (yield from job.next_item())) is not None:
            turn, item = taken
            if item.key in self._pending:
                self._turns.add(item.key, turn)
                self._keep_prompt(item)
                continue
            error = item.error or (yield from self._add(item))
            if error is None:
                self._turns.add(item.key, turn)
                self._added.append((item.index, item.key))
                if self._batch is not None and (len(self._added) >= MOST_CALLS or self._batch.size >= MOST_BYTES):
                    yield from self._submit(job)
            elif job.errors == "raise" or ends_map(error):
                raise error
            else:
                yield from job.put_and_emit(turn, map_result(item, None, error, None))
        yield from self._submit(job)

    def _add(self, item: MapItem) -> Flow:
        """Add an item to the batch. Return the error of one that cannot be added."""
        self._batch = self._batch or self.question.new_batch()
        try:
            prompt = self.question.prompt_for(item.value)
            yield from self._batch.add(f"i{len(self._added)}", prompt)
        except Exception as error:
            return error
        if self._prompts is not None:
            self._prompts[item.key] = prompt

    def _keep_prompt(self, item: MapItem) -> None:
        """Keep the prompt of an item in a batch of an earlier run."""
        if self._prompts is not None and item.error is None:
            with suppress(Exception):  # of a function of the user's, which has changed since
                self._prompts[item.key] = self.question.prompt_for(item.value)

    def _submit(self, job: _Job) -> Flow:
        batch, added = self._batch, self._added
        self._batch, self._added = None, []
        if batch is None or not added:
            return
        number, self._count = self._count, self._count + 1
        place = yield Run(lambda: self._note(number=number, items=added))
        try:
            state = yield from batch.submit()
        except StepwellError as error:
            if not may_have_been_done(error):
                yield Run(lambda: self._note(number=number, done=True))
            raise
        yield Run(lambda: self._note(number=number, batch=state.id))
        self._submitted[number] = state.id, place
        job.show_progress()

    def _fetch(self, job: _Job, number: int) -> Flow:
        """Wait for a batch, and write its results."""
        id, place = self._submitted[number]
        row = yield Run(lambda: loads(self._log.line_at(place)))
        kept = {} if self._prompts is None else self._prompts
        prompts = {f"i{at}": kept.get(key, "?") for at, (_, key) in enumerate(row["items"])}
        work = self.question.work(prompts)
        try:
            answers = yield from self._results(job, work, id)
        except NotFound as gone:
            gone.add_note(f"it is about batch {id}; to submit its items once more, delete {self.path}")
            raise
        except InvalidRequest as failed:  # the provider refused the batch as a whole
            answers = dict.fromkeys(prompts, failed)
        for name, (index, key) in zip(prompts, row["items"], strict=True):
            reply, error = self._read(answers[name])
            if reply is not None and self._prompts is not None and key not in kept:
                reply.warnings = (*reply.warnings, CallWarning("input", _NOT_READ, str(self.question.model)))
            kept.pop(key, None)
            if error is not None and job.errors == "raise":
                raise error
            turn = self._turns.find(key)
            result = map_result(MapItem(index, key, None), reply, error, None, again=key in self._unsure)
            if turn is not None:
                yield from job.put_and_emit(turn, result)
            elif not job.is_done(key):  # the input no longer has the item
                yield from job.put_and_emit(job.new_turn(), result)
        yield Run(lambda: self._note(number=number, done=True))

    def _results(self, job: _Job, work: BatchWork, id: str) -> Flow:
        """Wait for a batch, and return its results. Failures that pass are waited out."""
        failed: list[StepwellError] = []
        tries = 0
        while True:
            state = yield from refresh_unless_failing(work, id, failed)
            if state is not None and state.over:
                try:
                    return (yield from results(work, id))
                except StepwellError as error:
                    tries += 1
                    if not error.retryable or tries == _MOST_TRIES:
                        raise
            job.show_progress()
            yield Sleep(POLL)

    def _read(self, answer: Reply[Any] | StepwellError) -> tuple[Reply[Any] | None, StepwellError | None]:
        if not isinstance(answer, Reply):
            return None, answer
        try:
            return self.question.read(answer.replace(prompt=None)), None
        except StepwellError as error:
            return None, error

    def _note(self, **row: object) -> int:
        """Append a row to the file of batches, and return its offset."""
        if not self._log.is_open:
            self._log.open()
        self._log.check_present()
        return self._log.append(dumps({**row, "map": self.digest}) + b"\n")

    def _read_log(self) -> None:
        """Read which batches an earlier run has submitted, and which it may have submitted."""
        self._log.open()
        items: dict[int, int] = {}
        for place, _, row in self._log.rows():
            number = row["number"]
            self._count = max(self._count, number + 1)
            if "items" in row:
                items[number] = place
            elif "batch" in row:
                self._submitted[number] = row["batch"], items[number]
            else:
                self._submitted.pop(number, None)
                items.pop(number, None)
        self._log.settle()
        for number, place in items.items():
            keys = self._pending if number in self._submitted else self._unsure
            for _, key in loads(self._log.line_at(place))["items"]:
                keys.add(key)
