"""What a provider's server says in a few standard scenes, as bytes: the ground that conformance is checked on.

A wire keeps its own in `samples.py` beside its code, as `SAMPLES`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import frozen


@frozen(kw_only=True)
class Sample:
    """One answer, unstreamed (`body`) and streamed (`stream`), and what both must decode to.

    `whole_at` is how many bytes of the stream make the answer whole: a cut before that must be an error.
    """

    body: bytes
    stream: bytes
    whole_at: int
    text: str = ""
    reasoning: str = ""
    tool_calls: tuple[tuple[str, Mapping[str, Any]], ...] = ()
    input_tokens: int | None = None
    output_tokens: int | None = None
    stream_type: str = "text/event-stream"


@frozen(kw_only=True)
class Samples:
    """The scenes of a wire: a plain answer, one with a tool call, and an error body (`error`) for any bad status.

    `stream_error` is an error that comes inside a stream, after `stream_error_text` was said; None where the format
    has no such thing.
    """

    text: Sample
    tools: Sample
    error: bytes
    stream_error: bytes | None = None
    stream_error_text: str = ""
