"""Sample answers of a provider's server, as bytes: what the conformance suite runs a declaration against.

Each chat wire has its own, `SAMPLES` in its `samples.py`; those of other operations are in operations/samples.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from attrs import frozen

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
