"""The errors that stepwell raises, one class for each meaning.

    StepwellError
      ConfigError                you can fix it; nothing was sent
        MissingKey  InvalidKey  InvalidOption  UnknownProvider  UnknownModel  UnknownStep  MissingExtra
        NotSupported  SchemaError
      ProviderError              the provider refused: .status .code .body .headers
        AuthError  QuotaError  RateLimitError  ContextOverflow  InvalidRequest  NotFound  Overloaded
        ServerError  ContentFiltered  CircuitOpen
      TransportError             no usable answer arrived
        ConnectError  ConnectTimeout  FirstEventTimeout  StreamIdleTimeout  TotalTimeout  StreamTruncated
      DecodeError                the answer does not fit its wire format
      AnswerUnfinished           the provider still works on the answer
      ResponseTooLarge           the answer exceeds the size limit
      ObjectInvalid              the answer does not fit the requested schema
      EmbeddingFailed            some texts could not be embedded
      ToolFailed                 a tool raised, timed out or returned a value that cannot be sent
      StepLimit                  a tool loop reached its limit of steps
      BudgetExceeded             a budget step stopped the call before it was sent
      JournalError               the journal of a job cannot be used
        JournalBusy  JournalMismatch
      StepError                  a step broke its contract

Each carries what is known so far: `partial` (a Reply with the text received), `usage`, `request_id`,
`retry_after` and `hint`.
All can be pickled; no message contains a secret, a part of the prompt that a provider quotes, or a control character
of a terminal.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from decimal import Decimal

_MAX_MESSAGE = 600
_MAX_PAYLOAD = 2000
_CONTROLS = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in "\t\n"}
_CONTROLS[ord("\r")] = ""


def visible(text: str) -> str:
    r"""Return text with its control characters as escapes like `\x1b`, and without carriage returns.

    They are the codes below 32, 127, and 128 to 159 (ECMA-48's C0 and C1), which move a terminal's cursor, rewrite its
    title or fill its clipboard. Tabs and line ends stay.
    """
    return text if text.isprintable() else text.translate(_CONTROLS)


class StepwellError(Exception):
    """The base class of all errors.

    hint: what to do next; without it, the `usual_hint` of the class, if it has one.
    retryable: whether the same call may succeed later.
    retry_after: how many seconds to wait before the call is sent again; None if nobody says.
    partial: the Reply built from what arrived before the error; None if nothing did.
    usage: the usage known so far.
    warnings: the warnings about the request.
    request_id: the provider's id of the request.
    """

    retryable: bool = False
    exit_code: ClassVar[int] = 1
    usual_hint: ClassVar[str | None] = None
    provider: str | None = None
    model: str | None = None
    request_id: str | None = None
    retry_after: float | None = None
    partial: Any = None  # a Reply, or an Embeddings; not imported here
    usage: Any = None
    warnings: tuple[Any, ...] = ()
    _attempts: tuple[Any, ...] = ()

    def __init__(self, message: str, *, hint: str | None = None, **fields: object) -> None:
        message = visible(message)
        super().__init__(message if len(message) <= _MAX_MESSAGE else message[: _MAX_MESSAGE - 1] + "…")
        self.hint = hint or self.usual_hint
        for name, value in fields.items():
            setattr(self, name, value)

    @property
    def attempts(self) -> tuple[Any, ...]:  # of Attempt; not imported here
        """The attempts of the call, in their order, each an Attempt (schemas/attempt.py). Of a tool that failed, or an
        object that does not fit, they are those of the last answer."""
        return self._attempts or getattr(self.partial, "attempts", ())

    @attempts.setter
    def attempts(self, attempts: tuple[Any, ...]) -> None:
        self._attempts = attempts

    @property
    def message(self) -> str:
        """The message without hint and request id."""
        return str(self.args[0])

    def __str__(self) -> str:
        hint = f"; {self.hint}" if self.hint else ""
        return visible(self.message + hint + (f" (request id {self.request_id})" if self.request_id else ""))


class ConfigError(StepwellError):
    """Something to fix on your side; nothing was sent."""

    exit_code = 2


class MissingKey(ConfigError):
    """No API key was found in any of the places that are searched for one."""

    exit_code = 3


class InvalidKey(ConfigError):
    """The key cannot be sent in a header: empty, not ASCII, or with control characters in it."""

    exit_code = 3


class InvalidOption(ConfigError):
    """An option is unknown, misspelt, of the wrong type, or not allowed here."""


class UnknownProvider(ConfigError):
    """No provider has this id."""


class UnknownModel(ConfigError):
    """The model's name is not of the form `provider:model-id`."""


class UnknownStep(ConfigError):
    """No step of this pipeline has this name."""


class MissingExtra(ConfigError):
    """An optional package is needed; the hint holds the exact command that installs it."""


class NotSupported(ConfigError):
    """The provider or its wire has no such operation or input."""


class SchemaError(ConfigError):
    """A JSON Schema cannot be used: remote references, endless recursion, excessive size."""


class ProviderError(StepwellError):
    """The provider refused the request or failed.

    status: the HTTP status; None for an error inside a stream.
    code: the provider's own code for the error.
    body: its error body, cut at 64 KiB.
    headers: the headers of its response.
    """

    exit_code = 4
    status: int | None = None
    code: str | None = None
    body: bytes = b""
    headers: Mapping[str, str] = MappingProxyType({})


class AuthError(ProviderError):
    """The key was refused (401, 403)."""

    exit_code = 3


class QuotaError(ProviderError):
    """The account has no credit left or has reached its spending limit; waiting does not help."""

    exit_code = 5


class RateLimitError(ProviderError):
    """Too many requests or tokens; `retry_after` is how long to wait, if the provider says so."""

    retryable = True
    exit_code = 5


class ContextOverflow(ProviderError):
    """The input is longer than the model's context window.

    `requested_tokens` and `max_tokens` are None where the provider does not report them.
    """

    exit_code = 6
    requested_tokens: int | None = None
    max_tokens: int | None = None


class InvalidRequest(ProviderError):
    """The provider found the request malformed or not allowed (400, 405, 413, 422 and the like)."""


class NotFound(ProviderError):
    """The model, deployment or path does not exist for this key (404, 410)."""


class Overloaded(ProviderError):
    """The provider has no capacity at the moment (503, 529)."""

    retryable = True


class ServerError(ProviderError):
    """The provider failed (5xx)."""

    retryable = True


class ContentFiltered(ProviderError):
    """A policy filter refused the request before any answer."""


class CircuitOpen(ProviderError):
    """A circuit breaker sent nothing because earlier calls failed; `retry_after` is when it tries again."""


class TransportError(StepwellError):
    """The connection gave no usable answer."""

    retryable = True
    exit_code = 7


class ConnectError(TransportError):
    """The host could not be reached, or TLS failed, which is not `retryable`."""


class ConnectTimeout(TransportError):
    """No connection was made within the connect timeout."""


class PoolTimeout(ConnectTimeout):
    """All connections that the client may have (`max_connections=`) were in use for the connect timeout."""


class FirstEventTimeout(TransportError):
    """The first byte or event did not arrive within the first-event timeout after connecting."""


class StreamIdleTimeout(TransportError):
    """The stream sent nothing for longer than the idle timeout."""


class TotalTimeout(TransportError):
    """The call took longer than its total timeout."""

    retryable = False


class StreamTruncated(TransportError):
    """The stream ended without its final event; `partial` holds what arrived."""

    usual_hint = "what had arrived is in .partial"


class DecodeError(StepwellError):
    """The provider's answer does not fit its wire format; `payload` is its beginning, cut at 2,000 bytes."""

    exit_code = 8
    status: int | None = None
    _payload: bytes = b""

    @property
    def payload(self) -> bytes:
        """The beginning of what was received; it is cut when it is set."""
        return self._payload

    @payload.setter
    def payload(self, received: bytes | bytearray) -> None:
        self._payload = bytes(received[:_MAX_PAYLOAD])


class AnswerUnfinished(StepwellError):
    """The provider took the request and still works on the answer, as with `background` of OpenAI's responses.

    state: what the provider calls this: queued, in_progress and the like.
    answer_id: its id of the answer, by which it can be fetched later; None where it does not give one.
    """

    exit_code = 8
    state: str = ""
    answer_id: str | None = None


class ResponseTooLarge(StepwellError):
    """A body, event or decompressed stream exceeded its size limit; the connection was closed."""

    exit_code = 8


class ObjectInvalid(StepwellError):
    """The answer does not fit the schema.

    text: the answer.
    violations: every mismatch, with its `.pointer` (a JSON pointer into the answer) and `.message`.
    """

    exit_code = 9
    text: str = ""
    violations: tuple[Any, ...] = ()


class EmbeddingFailed(StepwellError):
    """Some texts could not be embedded, even when each was sent alone.

    failures: the provider's error for each of these texts, by index.
    partial: the Embeddings of the other texts, with None at these indexes.
    """

    exit_code = 4
    failures: Mapping[int, StepwellError] = MappingProxyType({})


class ToolFailed(StepwellError):
    """A tool raised, timed out, or returned a value that cannot be sent. `tool` is its name."""

    exit_code = 10
    tool: str = ""

    def __str__(self) -> str:
        text = super().__str__()
        return f"{visible(self.tool[:80])}: {text}" if self.tool else text


class StepLimit(StepwellError):
    """A tool loop reached its limit of steps.

    `partial` is the last reply, with all steps and the tool calls that were not run.
    """

    exit_code = 10


class BudgetExceeded(StepwellError):
    """This call could exceed the budget; nothing was sent.

    needed: what the call may cost, in US dollars (Decimal) or in tokens (int), whichever are too few; None if that
        cannot be estimated.
    left: what the budget still holds of it.
    """

    exit_code = 5
    needed: Decimal | int | None = None
    left: Decimal | int | None = None


class StepError(StepwellError):
    """A step returned something that its contract does not allow; the message names the step."""


class JournalError(StepwellError):
    """The journal cannot be read or written: a damaged or foreign file, a full disk. What was recorded is kept."""

    exit_code = 11


class JournalBusy(JournalError):
    """Another process uses the journal, or this one runs the same job already."""


class JournalMismatch(JournalError):
    """A job asks for something else than in its first run.

    job, part: its name.
    place: where, as numbers of effects in the tree of flows.
    """

    job: str = ""
    part: str = ""
    place: str = ""


OF_WHAT_WAS_SENT = (ProviderError, TransportError, DecodeError, ResponseTooLarge)
"""Errors of a request on its way and of its answer. All others are of the caller's code or of a step."""


def may_have_arrived(error: object) -> bool:
    """Check whether an error leaves open that the provider got the request, and may charge for it: one of the
    connection, but not of making it."""
    return isinstance(error, TransportError) and not isinstance(error, ConnectError | ConnectTimeout)


def may_have_been_done(error: object) -> bool:
    """Check whether the provider may have done what it was asked: its answer was lost or could not be read, or is that
    of a server that failed (5xx, but not 503 and 529)."""
    unclear = isinstance(error, ServerError | DecodeError | AnswerUnfinished | ResponseTooLarge)
    return unclear or may_have_arrived(error)
