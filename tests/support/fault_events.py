"""The fault matrix's answers of seven kinds, the events that bring them, and the frames that carry the events."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import evolve, frozen

from stepwell.declare import Wire
from stepwell.providers.wires.protocols.aws_event_stream import encode
from stepwell.schemas import errors
from stepwell.schemas.json_text import dumps

FAILED = "the server broke"
"""The message of every error inside a stream."""


@frozen
class Answer:
    """What an answer says, in the pieces in which a stream brings it.

    late: the usage comes in an event of its own after the reason for the end, where the format has that.
    fails: the stream ends with an error in the place of the reason for the end.
    """

    reasoning: tuple[str, ...] = ()
    text: tuple[str, ...] = ()
    refusal: tuple[str, ...] = ()
    calls: tuple[tuple[str, str, tuple[str, ...]], ...] = ()
    reason: str = "stop"
    late: bool = False
    fails: bool = False


_CALLS = (("call_1", "look_up", ('{"city":', '"Pu', 'ne"}')), ("call_2", "look_up", ('{"city":"Köln', ' 🌍"}')))
ANSWERS = {
    "text": Answer(text=("Grüß ", "Gott", ", 世界 🌍")),
    "two tools": Answer(text=("I look.",), calls=_CALLS, reason="tool_calls"),
    "thinking": Answer(reasoning=("Two ", "and ", "zwölf"), text=("Four", "teen")),
    "refusal": Answer(refusal=("I may ", "not ", "say")),
    "length": Answer(text=("Once ", "upon ", "a"), reason="length"),
    "usage late": Answer(text=("one ", "two ", "three"), late=True),
    "error late": Answer(text=("so ", "far ", "só"), fails=True),
}


@frozen
class Arrived:
    """All that has arrived by an event. `ended`: how many tool calls are complete; `whole`: nothing is missing."""

    text: str = ""
    reasoning: str = ""
    refusal: str = ""
    ended: int = 0
    usage: tuple[int | None, int | None] | None = None
    whole: bool = False


@frozen
class Event:
    """One event of a stream, before it is framed."""

    name: str
    data: bytes
    arrived: Arrived
    marker: bool = False
    """It only says that the stream ends."""


class Log:
    """Collects the events of a stream."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._arrived = Arrived()

    def add(self, name: str, data: Any, *, marker: bool = False, **arrived: Any) -> None:
        """Add an event. `text`, `reasoning` and `refusal` are what it adds, the others what then holds."""
        for field in ("text", "reasoning", "refusal"):
            if field in arrived:
                arrived[field] = getattr(self._arrived, field) + arrived[field]
        self._arrived = evolve(self._arrived, **arrived)
        written = data if isinstance(data, bytes) else dumps(data)
        self.events.append(Event(name, written, self._arrived, marker))


@frozen(eq=False)
class Format:
    """A column of the matrix: a wire with the frames that carry its events.

    protocol: sse, ndjson, aws or array.
    kind: the content type of its streams.
    stream, body: write the events, and the unstreamed answer.
    failure: an event that reports an error, and `failure_type` what it means.
    """

    wire: Wire
    protocol: str
    kind: str
    stream: Callable[[Answer], list[Event]]
    body: Callable[[Answer], bytes]
    failure: tuple[str, Any]
    failure_type: type[errors.ProviderError]
    has_refusal: bool = True
    choices: str = ""
    """The name of the list of its choices."""
    usage: tuple[str, Any] | None = None
    """An event that brings nothing but the usage, again; None if the one event with the usage is the last."""
    ends: bool = True
    """Whether its last event says that nothing follows."""
    wrap: Callable[[Event], Event] = lambda event: event
    """Puts an event into another."""

    def frame(self, event: Event) -> bytes:
        name, data = event.name, event.data
        if self.protocol == "sse":
            return (b"event: %s\n" % name.encode() if name else b"") + b"data: " + data + b"\n\n"
        if self.protocol == "aws":
            return data if name == "exception" else encode({":message-type": "event", ":event-type": name}, data)
        return data + b"\n"

    def frames(self, events: list[Event]) -> list[bytes]:
        """Frame the events of a whole stream, in their order."""
        if self.protocol != "array":
            return [self.frame(event) for event in events]
        return [(b"," if at else b"[") + self.frame(event) for at, event in enumerate(events)] + [b"]"]

    def event(self, written: tuple[str, Any], arrived: Arrived) -> Event:
        """Make one more event."""
        name, data = written
        return self.wrap(Event(name, data if isinstance(data, bytes) else dumps(data), arrived))


def failed(log: Log, failure: tuple[str, Any]) -> list[Event]:
    """Return the events with an error as the last one."""
    log.add(*failure)
    return log.events
