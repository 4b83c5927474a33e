"""The flow of a map: it pulls items as they are needed, and workers answer them, a bounded number at once.

One flow for sync and async. It takes items itself, so that an iterator is used in the thread of the caller; the
workers, which are tasks, answer them and write the results.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, Literal

from attrs import define, field

from ...events import span
from ...pipeline.effects import CallModel, Emit, Flow, Run, Sleep, StartTask, Wait
from ...pipeline.signal import News, Task
from ...pipeline.tasks import attended, follow, raise_interrupt
from ...pipeline.world import World
from ...schemas.errors import ConfigError, StepwellError
from .fatal_errors import ends_map
from .inputs import Input, Items, Unreadable, input_of
from .item_queue import ItemQueue
from .keys import KeyOf, KeyTable, item_key, key_or_error, spare_key
from .result import MapItem, MapResult, map_result
from .result_order import ResultOrder
from .results import ResultFile
from .summary import Display, MapSummary, Tally

WINDOW = 1000
"""How many items may be taken after one without a result: one that is slower than so many others stops the map."""
AHEAD = 64
"""How many items are read in advance of the workers. More are read when half of them are left."""
_SCANNED = 1000
"""How many items are read in one effect at most, those that have a result included."""
_PULL_SECONDS = 0.005
"""How long items of an iterable are read in one effect, and how long in all before others of an event loop go on."""
Order = Literal["kept", "as_done", "as done"]
Errors = Literal["keep", "raise"]


@define(eq=False)
class MapJob:
    """One run of a map.

    items, key: the input, and what the key of an item is.
    model: the name of the model.
    answer: returns the flow, or the call, that answers an item with a Reply.
    own_prompt: checks whether the prompt of an item may change and no other item's with it; see ends_map.
    world: where the time comes from.
    file: the file of results; None for none.
    workers: how many items are answered at once.
    order: "kept", else "as_done", of which "as done" is another spelling.
    errors: "keep" makes an error the result of its item, "raise" ends the map with it.
    display: returns what shows the progress, or None.
    lead: answers the items in place of the workers; see BatchRunner. None for workers.
    at_end: called when the map has ended, also by an error.
    mode, why: as in its summary.
    """

    items: Items
    model: str
    answer: Callable[[MapItem], Flow | CallModel]
    world: World
    file: ResultFile | None
    workers: int
    order: Order
    errors: Errors
    key: KeyOf = None
    own_prompt: Callable[[MapItem], bool] = lambda item: False
    display: Callable[[], Display | None] = lambda: None
    lead: Callable[[MapJob], Flow] | None = None
    at_end: Callable[[], object] = lambda: None
    mode: str = "live"
    why: str = ""
    tally: Tally = field(factory=Tally, init=False)
    results: ResultOrder = field(init=False)
    _input: Input = field(init=False)
    _queue: ItemQueue[tuple[int, MapItem]] = field(factory=ItemQueue)
    """Items that no worker has taken yet, each with its turn."""
    _news: News = field(factory=News)
    """Items are needed, there are results to emit, or a worker has ended."""
    _begun: int = 0
    """Workers that were started."""
    _read: int = 0
    """Items that were read."""
    _pulled: float = 0.0
    """Seconds for which items were read since the others of an event loop went on."""
    _ahead: int = field(init=False)
    _fault: Exception | None = None
    _seen: KeyTable = field(factory=KeyTable)
    _screen: Display | None = None
    _next_display: float = 0.0
    _began: float = 0.0
    _ended: float | None = None

    def __attrs_post_init__(self) -> None:
        self.results = ResultOrder(self.order == "kept", self.file, self.workers, self.tally, self._news)
        self._ahead = max(AHEAD, 2 * self.workers)

    def flow(self) -> Flow:
        """Answer all items and return the MapSummary. An error has the summary so far as `.partial`."""
        world = self.world
        self._began = world.now()
        with span("map", model=self.model) as work:
            if self.file is not None:
                yield Run(self.file.open, blocks=True)
            try:
                self._input = input_of(self.items)
                if (display := self.display()) is not None:
                    self._screen, self._next_display = display, self._began + display.every
                try:
                    tasks: list[Task] = []
                    yield from attended(tasks, self._lead_workers(tasks)) if self.lead is None else self.lead(self)
                    yield Run(self.results.finish, blocks=self.file is not None)
                    yield from self._emit_ready()  # left to a thread that was reading the summary
                except StepwellError as error:
                    error.partial = self.summary()
                    raise
                finally:
                    self._input.close()
                    if self._screen is not None:
                        self._screen.close(self.summary())
            finally:
                self._ended = world.now()
                self.results.close()
                self.at_end()
            summary = self.summary()
            work.note(answered=summary.answered, failed=summary.failed, skipped=summary.skipped)
            return summary

    def summary(self) -> MapSummary:
        """Return the summary of the items so far."""
        with self.results.locked():
            now = self._ended if self._ended is not None else self.world.now()
            file = self.file
            return self.tally.summary(
                skipped_failed=0 if file is None else file.failed,
                seconds=now - self._began if self._began else 0.0,
                model=self.model,
                mode=self.mode,
                why=self.why,
                out=None if file is None else file.path,
            )

    def next_item(self) -> Flow:
        """Return the next item that has no result, with its turn; None after the last. For a lead without workers."""
        while not self._queue and not self._queue.over:
            yield from self._read_more(self._pull_effect())
        return self._queue.take() if self._queue else None

    def new_turn(self) -> int:
        """Return a turn for a result of an item that the input no longer has. For a lead without workers."""
        return self.results.give_turn()

    def is_done(self, key: str) -> bool:
        """Check whether the files have a result of an earlier run for a key. For a lead without workers."""
        return self.file is not None and (key in self.file.done or key in self.file.earlier)

    def put_and_emit(self, turn: int, result: MapResult) -> Flow:
        """Count and write a result, and emit those whose turn has come. For a lead without workers."""
        yield Run(lambda: self.results.put(turn, result))
        yield from self._emit_ready()
        self.show_progress()

    def _emit_ready(self) -> Flow:
        ready = self.results.ready
        while ready:
            yield Emit(ready.popleft())

    def show_progress(self) -> None:
        """Show the progress, if the time of the next display has come."""
        if self._screen is not None and (now := self.world.now()) >= self._next_display:
            self._next_display = now + self._screen.every
            self._screen.show(self.summary(), self._input.expected(self._read))

    def _lead_workers(self, tasks: list[Task]) -> Flow:
        """Pull items, start workers as they are needed, and emit results, until all workers have ended."""
        pull, queue, seen, reader = self._pull_effect(), self._queue, None, None
        ready = self.results.ready
        while True:
            signal = self._news.signal  # before anything is looked at, so that no news in between is missed
            wanted = not queue.over and self._fault is None and self._has_room()
            if wanted and self._input.is_async:
                wanted = False
                if reader is None or reader.ended.is_set:
                    reader = yield from self._start_reader(tasks, reader)
            elif wanted:
                yield from self._read_more(pull)
            begun = 0
            # A pull may give many items. Those for which a worker waits already need no further one.
            while self._begun < self.workers and len(queue) > queue.idle + begun:
                begun += 1
                self._begun += 1
                tasks.append(Task(self._news))
                yield StartTask(follow(tasks[-1], self._worker()), tasks[-1])
            emitted = bool(ready)
            yield from self._emit_ready()
            if signal is not seen:  # an error is news
                self._raise_errors(tasks)
                seen = signal
            self.show_progress()
            if wanted or emitted:  # what was emitted has made room for more items
                continue
            workers = tasks if self._fault is None else [task for task in tasks if task is not reader]
            if all(task.ended.is_set for task in workers) and not ready:
                break
            yield Wait(signal, None if self._screen is None else self._next_display - self.world.now())
        if self._fault is not None:
            raise self._fault

    def _start_reader(self, tasks: list[Task], before: Task | None) -> Flow:
        """Start the task that reads an async iterable ahead, and return it. `before` is the last such task."""
        reader = Task(self._news)
        if before is not None and before.error is None:
            tasks.remove(before)
        tasks.append(reader)
        yield StartTask(follow(reader, self._read_ahead()), reader)
        return reader

    def _read_ahead(self) -> Flow:
        pull = self._pull_effect()
        while not self._queue.over and self._fault is None and self._has_room():
            yield pull
            self._news.publish()

    def _raise_errors(self, tasks: list[Task]) -> None:
        raise_interrupt(tasks)
        for task in tasks:
            if task.error is not None:
                raise task.error
        if self.results.fault is not None:  # of a thread that read the summary
            raise self.results.fault
        if self._fault is not None and self.errors == "raise":
            raise self._fault

    def _pull_effect(self) -> Run:
        """Return the effect that reads items. Its error for an async iterable and a Client is a ConfigError."""
        rows: Any = self._input.rows
        if self._input.is_async:
            return Run(_refuse_async, lambda: self._apull(rows))
        return Run(lambda: self._pull(rows), blocks=self._input.is_file)

    def _has_room(self) -> bool:
        results = self.results
        if len(self._queue) + len(results.ready) >= self._ahead:
            return False
        if not results.kept:
            return True
        results.awaited = True  # before the turn is read: a worker changes the turn first, and then reads this
        ahead = results.given - results.turn
        results.awaited = ahead >= max(WINDOW, 8 * self.workers) or not (self.file is None or self.file.has_room)
        return not results.awaited

    def _read_more(self, pull: Run) -> Flow:
        began = self.world.now()
        yield pull
        self._pulled += self.world.now() - began
        if self._pulled >= _PULL_SECONDS:
            self._pulled = 0.0
            yield Sleep(0)  # for the other tasks of an event loop

    def _pull(self, rows: Iterator[object]) -> None:
        """Read items until there are enough, or until this thread has something else to do.

        An iterable of the caller may be slow: a worker that is to be started, results and errors do not wait for it.
        """
        news, now = self._news.signal, self.world.now
        until = now() + _PULL_SECONDS
        for _ in range(_SCANNED):
            try:
                row = next(rows)
            except StopIteration:
                self._queue.close()
                return
            if not self._take(row):
                if now() >= until and not self._input.is_file:
                    return
                continue
            if not self._has_room():
                return
            if self._input.is_file:
                continue
            needed = self._begun < self.workers and len(self._queue) > self._queue.idle
            if needed or self._news.signal is not news or now() >= until:
                return

    async def _apull(self, rows: AsyncIterator[object]) -> None:
        try:
            row = await anext(rows)
        except StopAsyncIteration:
            self._queue.close()
        else:
            self._take(row)

    def _take(self, row: object) -> bool:
        """Give an item its turn and queue it, unless it has a result. Return whether it was queued."""
        index, self._read = self._read, self._read + 1
        item = self._item(row, index)
        if self.file is not None and self.file.continues and self._has_result(item.key, self.file):
            self.tally.skipped += 1
            return False
        self._queue.put((self.results.give_turn(), item))
        return True

    def _has_result(self, key: str, file: ResultFile) -> bool:
        """Check whether an item has a result of an earlier run. One that waits for its turn has it now."""
        if key in file.done:
            return True
        offset = file.take_earlier(key)
        if offset is None:
            return False
        self.results.put_earlier(offset)
        return True

    def _item(self, row: object, index: int) -> MapItem:
        if isinstance(row, Unreadable):
            return MapItem(index, item_key(row.raw, index, None), row.raw, row.error)
        key, error = key_or_error(row, index, self.key)
        if error is None and self.key is not None and not self._seen.add(key):
            error = ConfigError(f"an earlier item has the same key {key!r:.80}", hint="give each its own")
            key = spare_key(row, index)
        return MapItem(index, key, row, error)

    def _worker(self) -> Flow:
        """Answer one item after the other, until there are no more or the map has failed."""
        queue, few = self._queue, self._ahead // 2
        answered: list[tuple[int, MapResult]] = []
        # One effect for all its results: making one takes 1 µs, since what it calls is checked.
        put = Run(lambda: self.results.put(*answered.pop()))
        while self._fault is None:
            try:
                turn, item = queue.take()
            except IndexError:
                if queue.over:
                    return
                yield from queue.wait()
                continue
            if not queue.over and len(queue) in (few, 0):
                self._news.publish()
            result = yield from self._answer_item(item)
            if result is not None:
                answered.append((turn, result))
                yield put

    def _answer_item(self, item: MapItem) -> Flow:
        """Return the result of an item; None if the map has failed with it."""
        now = self.world.now
        began = now()
        reply, error = None, item.error
        if error is None:
            try:
                answer = self.answer(item)
                reply = (yield answer) if isinstance(answer, CallModel) else (yield from answer)
            except Exception as failed:
                error = failed
        if error is not None and (self.errors == "raise" or ends_map(error, own_prompt=self.own_prompt(item))):
            error.add_note(f"it came from item {item.index}, whose key is {item.key!r:.80}")
            self._fault = self._fault or error
            self._queue.close()
            self._news.publish()
            return None
        return map_result(item, reply, error, None if item.error is not None else now() - began)


def _refuse_async() -> None:
    raise ConfigError("a Client cannot read an async iterable", hint="use an AsyncClient, or pass a plain iterable")
