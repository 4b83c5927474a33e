"""The records of a job, and what they say of each flow of it.

A record is `(kind, path, number, data, body)`. `path` is the place of a flow in the tree of flows: the numbers of the
effects that started it and the flows around it. `number` counts the effects of that flow which act or start flows.

    V  values that the flow took between effect number - 1 and effect number: times, chance, ids, decisions, waits, and
       which of its tasks it had seen get on; by their kinds
    B  an effect begins: its kind, what it asks for, and digests by which a difference is found
    R  the answer to a request: status, headers, transport, when; its body
    H  the same of a stream, whose pieces follow
    P  a piece of the stream; without a body its end, with data the error that ended it
    C  the stream was closed
    D  the result of a Run
    X  the error that an effect raised
    E  the flow has ended; of the whole job: when, and what its reply cost
    G  the job has failed: the paths, and numbers or None, of what is asked again; when, and the class of the error
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from attrs import define, field

Path = tuple[int, ...]
Record = tuple[str, Path, int, Any, bytes]


@define(eq=False)
class BegunEffect:
    """An effect that was begun."""

    kind: str
    asked: str
    """what it asked for: a model, or the name of a function or a step"""
    parts: Sequence[int]
    """digests of what a request asks, see asked.py"""
    again: bool = False
    """whether it was begun more than once: it was in flight when a process ended"""
    result: str = ""
    """the kind of the record of its result, "" while it has none"""
    data: Any = None
    body: bytes = b""
    pieces: list[tuple[Any, bytes]] = field(factory=list)
    closed: bool = False
    """whether its stream was read to the end, or closed"""

    def add(self, kind: str, data: Any, body: bytes) -> None:
        """Note a record of its result."""
        if kind == "P":
            self.pieces.append((data, body))
            self.closed = self.closed or not body
        elif kind == "C":
            self.closed = True
        else:
            self.result, self.data, self.body = kind, data, body

    @property
    def whole(self) -> bool:
        """Whether all of its result is there."""
        return self.result != "" and (self.result != "H" or self.closed)


@define(eq=False)
class FlowRecords:
    """What is recorded of one flow."""

    entries: dict[int, BegunEffect] = field(factory=dict)
    values: dict[int, dict[str, list[Any]]] = field(factory=dict)
    ended: bool = False
    last: int = -1
    """the greatest number of an effect with records"""

    def add(self, record: Record) -> None:
        """Note one more record of the flow."""
        kind, _, number, data, body = record
        if kind == "B":
            self.last = max(self.last, number)
            does, asked, parts = data
            self.entries[number] = BegunEffect(does, asked, parts, number in self.entries)
        elif kind == "V":
            self.last = max(self.last, number - 1)
            values = self.values.setdefault(number, data)
            if values is not data:
                for name, more in data.items():
                    values.setdefault(name, []).extend(more)
        elif kind == "E":
            self.ended = True
        elif (entry := self.entries.get(number)) is not None:
            entry.add(kind, data, body)


NOTHING = FlowRecords()
"""What is recorded of a flow that was not begun; never changed."""


def by_flow(records: Iterable[Record]) -> dict[Path, FlowRecords]:
    """Return what is recorded of each flow of a job, by its path."""
    flows: dict[Path, FlowRecords] = {}

    def flow(path: Path) -> FlowRecords:
        found = flows.get(path)
        if found is None:
            found = flows[path] = FlowRecords()
            if path:
                outer = flow(path[:-1])
                outer.last = max(outer.last, path[-1])
        return found

    for record in records:
        if record[0] == "G":
            for failed, at in record[3][0]:
                _forget(flows, tuple(failed), at)
        else:
            flow(record[1]).add(record)
    if () in flows and flows[()].ended:
        return flows
    for path, known in flows.items():
        if any(entry.result == "H" and not entry.closed for entry in known.entries.values()):
            for length in range(len(path) + 1):  # the call is not over: its stream is opened once more
                flows[path[:length]].ended = False
    return flows


def _forget(flows: dict[Path, FlowRecords], path: Path, number: int | None) -> None:
    """Forget a flow with all inside it, or one effect of it."""
    if number is None:
        for each in [each for each in flows if each[: len(path)] == path]:
            del flows[each]
        path = path[:-1]
    if (known := flows.get(path)) is not None:
        known.entries.pop(-1 if number is None else number, None)
        inner = [each[-1] for each in flows if len(each) == len(path) + 1 and each[:-1] == path]
        known.last = max([-1, *known.entries, *inner, *(segment - 1 for segment in known.values)])
