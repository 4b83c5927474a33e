"""What came back: a status and headers, then either a decoded reply or an open stream."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from attrs import define, field, setters

from ...schemas.chunks import StreamChunk
from ...schemas.reply import Reply
from .headers import Headers, received
from .request import Request


class Stage(Protocol):
    """The streaming counterpart of a step: batches of chunks in, batches out. One is made for each stream."""

    def feed(self, chunks: list[StreamChunk]) -> list[StreamChunk]: ...

    def flush(self) -> list[StreamChunk]:
        """The last chunks, once the stream has ended well."""
        ...


OnEnd = Callable[[Reply | None, BaseException | None], None]


# Headers are normalised once; attrs would check every later assignment of any field for their sake.
@define(on_setattr=setters.NO_OP)
class Response:
    """`request` is the request as sent. Unstreamed: `body` is set by send, `reply` and `data` by decode_response: the
    body's JSON without the fields that were left out because they do not fit the format.
    Streamed: `source` is the open connection, `decoder` turns its bytes into chunks, `ready` are the chunks
    already decoded, and `stages` what later steps put on the stream, inner first. `usage_read` says that extract_usage
    has seen it: an answer of another model comes whole through the steps of the one that was asked first.
    """

    request: Request
    status: int = 200
    headers: Headers = field(factory=Headers, converter=received, repr=False)
    body: bytes = field(default=b"", repr=False)
    data: Any = field(default=None, repr=False)
    reply: Reply | None = field(default=None, repr=False)
    source: Any = field(default=None, repr=False)
    decoder: Any = field(default=None, repr=False)
    ready: list[StreamChunk] = field(factory=list, repr=False)
    stages: list[Stage] = field(factory=list, repr=False)
    usage_read: bool = field(default=False, repr=False)
    _on_end: list[OnEnd] = field(factory=list, repr=False)

    def through(self, stage: Stage) -> Response:
        """This response with one more stage on its stream."""
        self.stages.append(stage)
        return self

    def on_end(self, fn: OnEnd) -> Response:
        """Call `fn(reply, error)` once when the answer is over: whole, failed, or left early (then both are None
        or the reply is what had arrived)."""
        self._on_end.append(fn)
        return self

    def ended(self, reply: Reply | None, error: BaseException | None) -> None:
        """Tell everyone who asked; the inner steps first."""
        callbacks, self._on_end = self._on_end, []
        for callback in callbacks:
            callback(reply, error)

    @property
    def request_id(self) -> str | None:
        """The provider's id of this exchange, from whichever header it uses."""
        headers = self.headers
        for name in REQUEST_IDS:
            found: str | None = headers.get(name)
            if found and not found.isspace():
                return found
        return None


REQUEST_IDS = ("x-request-id", "request-id", "x-amzn-requestid", "apim-request-id", "x-goog-request-id", "cf-ray")
"""The headers that providers put their request ids into."""
