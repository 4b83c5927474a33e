"""The cells of the fault matrix: each answer on each wire under each fault, and what must come of it."""

from __future__ import annotations

import gzip
import os
import zlib
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any, Literal

from attrs import evolve, frozen
from fault_answers import FORMATS
from fault_events import ANSWERS, Answer, Arrived, Event, Format
from faults import BOM, LOSSLESS, byte_by_byte, in_characters, without_last_blank_line

from stepwell.providers.wires.protocols.aws_event_stream import encode
from stepwell.schemas import errors

EVERYWHERE = os.environ.get("FAULTS") == "all"
"""Whether faults come after each event and every transport has all cells: `make faults`."""
Ending = Literal["end", "hangup", "reset", "stall", "leave"]
"""How a body ends: as it should, by a closed connection, by a reset one, never, or never while the caller leaves."""


@frozen
class Sent:
    """What a server sends in a cell, and what must come of it.

    pieces: the body in the order of its pieces.
    arrived: what the error must hold; None for the same outcome as without the fault.
    length: the content-length, if there is one, as a difference to the length of the body.
    part: True if less than `arrived` may have arrived.
    """

    pieces: list[bytes]
    ending: Ending = "end"
    arrived: Arrived | None = None
    error: type[errors.StepwellError] | None = None
    encoding: str = ""
    length: int | None = None
    part: bool = False
    closes: bool = False
    """Whether the server says that it will close the connection."""
    answer: Answer | None = None
    """The answer, where it is not the case's own."""


@frozen
class Case:
    """An answer on a wire."""

    column: str
    name: str
    format: Format
    answer: Answer
    events: list[Event]

    @property
    def frames(self) -> list[bytes]:
        return self.format.frames(self.events)

    @property
    def whole_at(self) -> int:
        """The number of the event that makes the answer complete, or that is its error."""
        return next((at for at, event in enumerate(self.events) if event.arrived.whole), len(self.events) - 1)

    def places(self) -> list[int]:
        """Return after how many events a fault comes."""
        whole = self.whole_at
        return list(range(1, whole + 1)) if EVERYWHERE else [max(1, whole * 2 // 3)]

    def framed(self, events: list[Event]) -> list[bytes]:
        return self.format.frames(events)


Fault = Callable[[Case], list[Sent]]
"""Returns what is sent, once for each place where the fault may come; nothing where the case cannot have it."""


def _lossless(change: Callable[[Case], list[bytes] | None], **more: Any) -> Fault:
    def fault(case: Case) -> list[Sent]:
        pieces = change(case)
        return [] if pieces is None else [Sent(pieces, **more)]

    return fault


def _in_events(name: str) -> Fault:
    """Change the frames of server-sent events."""
    return _lossless(lambda case: LOSSLESS[name](case.frames) if case.format.protocol == "sse" else None)


def _crlf(case: Case) -> list[bytes] | None:
    """End lines so, where there are lines."""
    return None if case.format.protocol == "aws" else [frame.replace(b"\n", b"\r\n") for frame in case.frames]


def _bom(case: Case) -> list[bytes] | None:
    return None if case.format.protocol == "aws" else [BOM, *case.frames]


def _no_last_line(case: Case) -> list[bytes] | None:
    return without_last_blank_line(case.frames) if case.format.protocol in ("sse", "ndjson") else None


def _unknown_event(case: Case) -> list[bytes]:
    if case.format.protocol == "aws":
        unknown = encode({":message-type": "event", ":event-type": "keepAlive"}, b"{}")
        return [unknown + frame for frame in case.frames]
    if case.format.protocol == "sse":
        return LOSSLESS["an unknown event"](case.frames)
    unknown = Event("", b"{}", Arrived())
    return case.framed([each for event in case.events for each in (unknown, event)])


def _without_marker(case: Case) -> list[bytes] | None:
    if not case.events[-1].marker or case.events[-1].data != b"[DONE]":
        return None
    return case.framed(case.events[:-1])


def _junk_after_the_end(case: Case) -> list[bytes] | None:
    if not case.format.ends or case.answer.fails:
        return None
    return [*case.frames, b"data: {junk\n\n", b"\xff{junk\n"]


def _second_stream(case: Case) -> list[bytes] | None:
    """Send the events of other answers after the end, in the same piece."""
    if not case.format.ends or case.answer.fails:
        return None
    others = [event for answer in ANSWERS.values() for event in case.format.stream(answer)]
    return [b"".join(case.framed([*case.events, *others]))]


def _added(case: Case, at: int, *events: Event) -> list[bytes]:
    return case.framed([*case.events[:at], *events, *case.events[at:]])


def _usage_twice(case: Case) -> list[bytes] | None:
    if case.format.usage is None or case.answer.fails:
        return None
    last = case.format.event(case.format.usage, case.events[-1].arrived)
    at = len(case.events) - case.events[-1].marker
    return _added(case, at, last, last)


def _choices(value: Any) -> Callable[[Case], list[bytes] | None]:
    def change(case: Case) -> list[bytes] | None:
        if not case.format.choices:
            return None
        odd = case.format.event(("", {case.format.choices: value}), Arrived())
        return case.framed([each for event in case.events for each in (odd, event)])

    return change


_ODD = "a\u2028b\u2029c\u0085d\x0be\x0cf\x1c\x1d\x1eg"


def _line_separators(case: Case) -> list[Sent]:
    """Put what other readers take for ends of lines into the text, and into the arguments of a call."""
    answer = case.answer
    said = {name: (_ODD, *pieces) for name in ("text", "reasoning", "refusal") if (pieces := getattr(answer, name))}
    calls = tuple((id, name, (*pieces[:-1], pieces[-1].replace("ne", "n\u2028e"))) for id, name, pieces in answer.calls)
    changed = evolve(answer, **said, calls=calls)
    return [Sent(case.framed(case.format.stream(changed)), answer=changed)]


def _zipped(pieces: list[bytes]) -> list[bytes]:
    """Compress, so that each piece can be decompressed as soon as it has come."""
    squeeze = zlib.compressobj(wbits=31)
    done = [squeeze.compress(piece) + squeeze.flush(zlib.Z_SYNC_FLUSH) for piece in pieces]
    return [*done, squeeze.flush()]


def _cut(ending: Ending, error: type[errors.StepwellError], **more: Any) -> Fault:
    """Stop after some events."""

    def fault(case: Case) -> list[Sent]:
        return [Sent(case.frames[:k], ending, case.events[k - 1].arrived, error, **more) for k in case.places()]

    return fault


def _cut_within(case: Case) -> list[Sent]:
    """Stop in the middle of an event."""
    found, frames = [], case.frames
    for k in case.places():
        half = frames[k][: len(frames[k]) // 2]
        found.append(Sent([*frames[:k], half], "hangup", case.events[k - 1].arrived, errors.StreamTruncated))
    return found


def _cut_gzip(case: Case) -> list[Sent]:
    return [
        Sent(_zipped(case.frames)[:k], "end", case.events[k - 1].arrived, errors.StreamTruncated, encoding="gzip")
        for k in case.places()
    ]


def _short_length(case: Case) -> list[Sent]:
    """Declare a length that ends after some events; the others follow all the same.

    The server says that it closes the connection: httpx would else take them for the answer to the next call. Tests of
    the fast transport do without that.
    """
    return [
        Sent(
            case.frames,
            "hangup",
            arrived=case.events[k - 1].arrived,
            error=errors.StreamTruncated,
            length=-len(b"".join(case.frames[k:])),
            closes=True,
        )
        for k in case.places()
    ]


def _error_frame(case: Case) -> list[Sent]:
    found = []
    for k in case.places():
        arrived = case.events[k - 1].arrived
        pieces = case.framed([*case.events[:k], case.format.event(case.format.failure, arrived)])
        found.append(Sent(pieces, "end", arrived, case.format.failure_type))
    return found


def _is_open(sent: Sent) -> bool:
    """Return whether something of the answer has come: until then, a call waits for its stream to open."""
    return sent.arrived is not None and evolve(sent.arrived, usage=None) != Arrived()


def _leaving(case: Case) -> list[Sent]:
    return [sent for sent in _cut("leave", errors.StreamTruncated)(case) if _is_open(sent)]


def _stall(case: Case) -> list[Sent]:
    """Fall silent after some events. Silence counts from the first event on that says something, if only its id."""
    found = _cut("stall", errors.StreamIdleTimeout)(case)
    return [sent if sent.arrived is not None else evolve(sent, error=errors.FirstEventTimeout) for sent in found]


FAULTS: dict[str, Fault] = {
    "one byte at a time": _lossless(lambda case: byte_by_byte(case.frames)),
    "cuts within characters": _lossless(lambda case: in_characters(case.frames)),
    "all in one piece": _lossless(lambda case: [b"".join(case.frames)]),
    "CR": _in_events("CR"),
    "CRLF": _lossless(_crlf),
    "a BOM": _lossless(_bom),
    "comments": _in_events("comments between all events"),
    "keep-alives in data": _in_events("keep-alives in data"),
    "unknown events": _lossless(_unknown_event),
    "no space after data:": _in_events("no space after data:"),
    "data on several lines": _in_events("data on several lines"),
    "line separators in text": _line_separators,
    "no last blank line": _lossless(_no_last_line),
    "no [DONE]": _lossless(_without_marker),
    "junk after the end": _lossless(_junk_after_the_end),
    "other answers after the end": _lossless(_second_stream),
    "usage twice more": _lossless(_usage_twice),
    "empty choices": _lossless(_choices([])),
    "null choices": _lossless(_choices(None)),
    "gzip": _lossless(lambda case: _zipped(case.frames), encoding="gzip"),
    "gzip, one byte at a time": _lossless(
        lambda case: byte_by_byte([gzip.compress(b"".join(case.frames))]), encoding="gzip"
    ),
    "too great a length": _lossless(lambda case: case.frames, length=9, ending="hangup"),
    "too small a length": _short_length,
    "a hang-up after k events": _cut("hangup", errors.StreamTruncated),
    "an end after k events": _cut("end", errors.StreamTruncated),
    "a hang-up within an event": _cut_within,
    "a reset after k events": _cut("reset", errors.StreamTruncated, part=True),
    "gzip cut after k events": _cut_gzip,
    "a stall after k events": _stall,
    "an error after k events": _error_frame,
    "leaving after k events": _leaving,
}
SERVER_ONLY = ("too great a length", "too small a length")
"""Faults of HTTP's framing, which a mock transport does not have."""


@frozen
class Cell:
    """One fault of one case. `place` counts the places where the fault comes."""

    fault: str
    case: Case
    place: int
    sent: Sent

    def __str__(self) -> str:
        return f"{self.fault} | {self.case.column} | {self.case.name} | {self.place}"


def cases(column: str) -> Iterator[Case]:
    """Yield the answers of a wire."""
    form = FORMATS[column]
    for name, answer in ANSWERS.items():
        if form.has_refusal or not answer.refusal:
            yield Case(column, name, form, answer, form.stream(answer))


def cells(column: str, *, mocked: bool) -> list[Cell]:
    """Return the cells of a wire that can be had."""
    return [
        Cell(name, case, place, sent)
        for case in cases(column)
        for name, fault in FAULTS.items()
        if not (mocked and name in SERVER_ONLY)
        for place, sent in enumerate(fault(case))
    ]


LACKING = Path(__file__).parent.parent / "transports" / "lacking_cells.txt"


def listed() -> dict[tuple[str, str, str], str]:
    """Return the cells that are listed as lacking, (fault, wire, answer), with the reason.

    Raises AssertionError for a line that says nothing new.
    """
    found: dict[tuple[str, str, str], str] = {}
    for line in LACKING.read_text().splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        *names, why = (each.strip() for each in line.split("|"))
        some = [
            list(known) if name == "*" else name.split(" + ")
            for name, known in zip(names, (FAULTS, FORMATS, ANSWERS), strict=True)
        ]
        new = {key: why for key in product(*some) if key not in found}
        assert new, f"every cell of this line is listed before it: {line}"
        found |= new
    return found
