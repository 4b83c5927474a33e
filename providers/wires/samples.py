"""Sample answers of a provider's server, as bytes: what the conformance suite runs a declaration against.

Each chat wire has its own, `SAMPLES` in its `samples.py`; those of other operations are in
operations/sample_answers.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from attrs import frozen

from ...schemas.json_text import dumps
from ...schemas.reply import Reply


@frozen(kw_only=True)
class Sample:
    """One answer, unstreamed and streamed, and what both must decode to."""

    body: bytes
    """The unstreamed answer."""
    stream: bytes
    """The streamed answer."""
    whole_at: int
    """How many bytes of the stream make the answer complete: a stream cut before that must be an error."""
    text: str = ""
    reasoning: str = ""
    tool_calls: tuple[tuple[str, Mapping[str, Any]], ...] = ()
    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_tokens: int | None = None
    """How many of the input tokens were read from a cache; None where it does not tell."""
    finish_reason: str = ""
    """Ours; "" is that of an answer that ended by itself or called tools."""
    stream_type: str = "text/event-stream"


@frozen(kw_only=True)
class Samples:
    """The samples of a wire."""

    text: Sample
    """A plain answer."""
    tools: Sample
    """An answer with a tool call."""
    error: bytes
    """The body of an error, for any bad status."""
    stream_error: bytes | None = None
    """A stream that ends with an error; None where the format has no such thing."""
    stream_error_text: str = ""
    """The text that this stream holds before the error."""
    more: Mapping[str, Sample] = {}
    """Further answers, by what they show; see `scenes`."""


def sse_event(type: str, **data: Any) -> bytes:
    """Return an event of a stream under the name of its type."""
    return b"event: %s\ndata: %s\n\n" % (type.encode(), dumps({"type": type, **data}))


def scenes(
    make: Callable[[str, str, str], tuple[bytes, bytes]],
    *,
    stop: str,
    length: str,
    filtered: str | None = None,
    cached_tokens: int | None = None,
    stream_type: str = "text/event-stream",
) -> Mapping[str, Sample]:
    """Make the samples of answers that reason, hold an object, are cut short or are withheld.

    make: `make(text, reasoning, reason)` returns the answer unstreamed and streamed, with 12 tokens of input, as many
        of them cached as `cached_tokens` says, and 7 of output.
    stop, length, filtered: the format's own reasons for the end; None if it has no such reason.
    """

    def sample(text: str, reasoning: str, reason: str, finish_reason: str) -> Sample:
        body, stream = make(text, reasoning, reason)
        return Sample(
            body=body,
            stream=stream,
            whole_at=len(stream),
            text=text,
            reasoning=reasoning,
            input_tokens=12,
            output_tokens=7,
            cached_tokens=cached_tokens,
            finish_reason=finish_reason,
            stream_type=stream_type,
        )

    made = {
        "reasoning": sample("Four", "Two and two", stop, "stop"),
        OBJECT: sample('{"answer": 4}', "", stop, "stop"),
        "cut at the limit": sample("Fou", "", length, "length"),
    }
    return made if filtered is None else {**made, "withheld": sample("", "", filtered, "content_filter")}


OBJECT = "an object"
"""The sample whose text is the JSON of an object with an integer, `answer`."""


@frozen(kw_only=True)
class OperationSample:
    """One answer of an operation other than chat, the call that it answers, and what it must decode to."""

    input: Any
    """What the call is given, as for `Client.run`."""
    body: bytes
    content_type: str = "application/json"
    read: Callable[[Reply], object] = lambda reply: reply.object
    """What of the reply is compared."""
    expected: object
    """What `read` must return."""
    sent: tuple[str, ...] = ()
    """Texts that the request must hold."""
    options: Mapping[str, Any] = {}
    """Options that the call needs."""
    model: str = ""
    """The id of the model, for wires that differ by model."""
