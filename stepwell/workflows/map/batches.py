"""A map by the provider's batches: items are collected, submitted, waited for, and their answers fetched.

A file beside the results (`results.jsonl.batches`) notes each batch before it is waited for, so that a run that was
killed fetches its answers and submits nothing again.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Protocol

from attrs import define, field, frozen

from ...options import ModelLike
from ...pipeline.effects import Flow, Run, Sleep, in_thread
from ...planner import CallPlanner
from ...providers.declare.vendor_names import BATCH_OPTIONS
from ...schemas.errors import InvalidRequest, NotFound, StepwellError, may_have_been_done
from ...schemas.json_text import dumps, loads
from ...schemas.reply import Reply
from ..batch.workflows import BatchWork, NewBatch, refresh, results
from .fatal_errors import ends_map
from .keys import KeyTable
from .lines_file import LinesFile
from .result import MapItem, MapResult, map_result

MOST_CALLS, MOST_BYTES = 5000, 16 * 10**6
"""The limits of one batch, whose calls and answers are all in memory. Every provider accepts these: the lowest are
Google's 20 MB (https://ai.google.dev/gemini-api/docs/batch-api) and OpenAI's 50,000 calls
(https://platform.openai.com/docs/api-reference/batch)."""
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
    apart: bool = False
    """whether prompts are made in a thread of their own, where the client is async"""

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

    def __call__(self, job: _Job) -> Flow:
        """Collect and submit all items that have no result, then wait for the batches and write their results."""
        self._log = LinesFile(self.path, self.digest, b'{"number":')
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
            make = partial(self.question.prompt_for, item.value)
            prompt = (yield in_thread(make, recorded=False)) if self.question.apart else make()
            yield from self._batch.add(f"i{len(self._added)}", prompt)
        except Exception as error:
            return error

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
        try:
            while not (yield from refresh(self.question.work(), id)).over:
                job.show_progress()
                yield Sleep(POLL)
        except NotFound as gone:
            gone.add_note(f"it is about batch {id}; to submit its items once more, delete {self.path}")
            raise
        row = yield Run(lambda: loads(self._log.line_at(place)))
        names = [f"i{at}" for at in range(len(row["items"]))]
        try:
            answers = yield from results(self.question.work(dict.fromkeys(names, "?")), id)
        except InvalidRequest as failed:  # the provider refused the batch as a whole
            answers = dict.fromkeys(names, failed)
        for name, (index, key) in zip(names, row["items"], strict=True):
            reply, error = self._read(answers[name])
            if error is not None and job.errors == "raise":
                raise error
            turn = self._turns.find(key)
            result = map_result(MapItem(index, key, None), reply, error, None, again=key in self._unsure)
            if turn is not None:
                yield from job.put_and_emit(turn, result)
            elif not job.is_done(key):  # the input no longer has the item
                yield from job.put_and_emit(job.new_turn(), result)
        yield Run(lambda: self._note(number=number, done=True))

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
