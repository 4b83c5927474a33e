"""Every error stepwell raises, one class per meaning.

    StepwellError
      ConfigError                you can mend it before anything is sent
        MissingKey  InvalidKey  InvalidOption  UnknownProvider  UnknownModel  UnknownStep  MissingExtra
        NotSupported  SchemaError
      ProviderError              the provider said no: .status .request_id .retry_after .body .hint
        AuthError  QuotaError  RateLimitError  ContextOverflow  InvalidRequest  NotFound  Overloaded
        ServerError  ContentFiltered  CircuitOpen
      TransportError             no usable answer came
        ConnectError  ConnectTimeout  FirstEventTimeout  StreamIdleTimeout  TotalTimeout  StreamTruncated
      DecodeError                the answer does not fit its wire
      ResponseTooLarge           the answer is over the size limit
      ObjectInvalid              the answer does not fit the schema that was asked for
      EmbeddingFailed            some of the texts could not be embedded
      ToolFailed                 a tool raised, timed out or returned what cannot be sent
      StepLimit                  a tool loop did not come to an end within its steps
      BudgetExceeded             a budget step stopped the call before it was sent
      StepError                  a step broke its contract

Each carries what is known so far: `partial` (a Reply with the text received), `usage`, `request_id`.
All pickle, and none holds a secret or a prompt in its text.
"""

from __future__ import annotations

from typing import Any, ClassVar

_MAX_MESSAGE = 600


class StepwellError(Exception):
    """The root. `hint` says what to do next; `retryable` whether the same call may succeed later.

    `partial` is the Reply folded from what arrived before the error (None when nothing did),
    `usage` the usage known so far, `warnings` what the pipeline had to say about the request.
    """

    retryable: ClassVar[bool] = False
    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str | None = None, **fields: Any) -> None:
        super().__init__(_short(message))
        self.hint = hint
        self.provider: str | None = None
        self.model: str | None = None
        self.request_id: str | None = None
        self.partial: Any = None
        self.usage: Any = None
        self.warnings: tuple[Any, ...] = ()
        for name, value in fields.items():
            setattr(self, name, value)

    @property
    def message(self) -> str:
        return str(self.args[0])

    def __str__(self) -> str:
        text = self.message
        if self.hint:
            text += f"; {self.hint}"
        if self.request_id:
            text += f" (request id {self.request_id})"
        return text


def _short(message: str) -> str:
    return message if len(message) <= _MAX_MESSAGE else message[: _MAX_MESSAGE - 1] + "…"


class ConfigError(StepwellError):
    """Something to mend on your side; nothing was sent."""

    exit_code = 2


class MissingKey(ConfigError):
    """No API key was found in any of the places where one may stand."""

    exit_code = 3


class InvalidKey(ConfigError):
    """The key cannot be sent in a header: empty, not ASCII, or with control characters in it."""

    exit_code = 3


class InvalidOption(ConfigError):
    """An option is unknown, misspelt, of the wrong type, or not allowed here."""


class UnknownProvider(ConfigError):
    """No provider has that id."""


class UnknownModel(ConfigError):
    """The model's name is not of the form `provider:model-id`."""


class UnknownStep(ConfigError):
    """No step of that name is in this pipeline."""


class MissingExtra(ConfigError):
    """An optional package is needed; the hint holds the exact command that installs it."""


class NotSupported(ConfigError):
    """The provider or its wire has no such operation or input."""


class SchemaError(ConfigError):
    """A JSON Schema that cannot be used: remote references, endless recursion, excessive size."""


class ProviderError(StepwellError):
    """The provider refused or failed. `body` is its error body, cut at 64 KiB.

    `status` is the HTTP status (None for an error inside a stream), `code` the provider's own word,
    `retry_after` the seconds it asked us to wait.
    """

    exit_code = 4

    def __init__(self, message: str, *, hint: str | None = None, **fields: Any) -> None:
        self.status: int | None = None
        self.code: str | None = None
        self.retry_after: float | None = None
        self.body: bytes = b""
        self.headers: dict[str, str] = {}
        super().__init__(message, hint=hint, **fields)


class AuthError(ProviderError):
    """The key was refused (401, 403)."""

    exit_code = 3


class QuotaError(ProviderError):
    """The account is out of credit or over its spending limit; waiting does not help."""

    exit_code = 5


class RateLimitError(ProviderError):
    """Too many requests or tokens; `retry_after` says how long to wait when the provider does."""

    retryable = True
    exit_code = 5


class ContextOverflow(ProviderError):
    """The input is longer than the model's context; the numbers are filled in where the provider gives them."""

    exit_code = 6

    def __init__(self, message: str, *, hint: str | None = None, **fields: Any) -> None:
        self.requested_tokens: int | None = None
        self.max_tokens: int | None = None
        super().__init__(message, hint=hint, **fields)


class InvalidRequest(ProviderError):
    """The provider found the request malformed or not allowed (400, 405, 413, 422 and the like)."""


class NotFound(ProviderError):
    """The model, deployment or path does not exist for this key (404, 410)."""


class Overloaded(ProviderError):
    """The provider is out of capacity for the moment (503, 529)."""

    retryable = True


class ServerError(ProviderError):
    """The provider failed (5xx)."""

    retryable = True


class ContentFiltered(ProviderError):
    """A policy filter refused the request before any answer."""


class CircuitOpen(ProviderError):
    """A circuit breaker sent nothing, for the calls before it failed; `retry_after` says when it tries again."""


class TransportError(StepwellError):
    """The connection gave no usable answer."""

    retryable = True
    exit_code = 7


class ConnectError(TransportError):
    """The host could not be reached, or TLS failed."""


class ConnectTimeout(TransportError):
    """No connection within the connect limit."""


class FirstEventTimeout(TransportError):
    """Connected, but the first byte or event did not come within the first-event limit."""


class StreamIdleTimeout(TransportError):
    """The stream fell silent for longer than the idle limit."""


class TotalTimeout(TransportError):
    """The call took longer than its total limit."""

    retryable = False


class StreamTruncated(TransportError):
    """The stream ended without its terminal event; `partial` holds what arrived."""


class DecodeError(StepwellError):
    """The provider's answer does not fit its wire format; `payload` is its beginning, cut at 2,000 bytes."""

    exit_code = 8

    def __init__(self, message: str, *, hint: str | None = None, **fields: Any) -> None:
        self.payload: bytes = b""
        self.status: int | None = None
        super().__init__(message, hint=hint, **fields)


class ResponseTooLarge(StepwellError):
    """A body, event or decompressed stream went over its limit; the connection was closed."""

    exit_code = 8


class ObjectInvalid(StepwellError):
    """The answer does not fit the schema. `text` is the answer, `violations` each way in which it
    does not: its `.pointer` (a JSON pointer into the answer) and `.message`."""

    exit_code = 9

    def __init__(self, message: str, *, hint: str | None = None, **fields: Any) -> None:
        self.text: str = ""
        self.violations: tuple[Any, ...] = ()
        super().__init__(message, hint=hint, **fields)


class EmbeddingFailed(StepwellError):
    """Some texts could not be embedded, each tried alone. `failures` maps their indexes to what the provider said;
    `partial` holds the Embeddings of the others, with None in the places of these."""

    exit_code = 4

    def __init__(self, message: str, *, hint: str | None = None, **fields: Any) -> None:
        self.failures: dict[int, StepwellError] = {}
        super().__init__(message, hint=hint, **fields)


class ToolFailed(StepwellError):
    """A tool raised, timed out, or returned what cannot be sent. `tool` is its name."""

    exit_code = 10

    def __init__(self, message: str, *, hint: str | None = None, **fields: Any) -> None:
        self.tool: str = ""
        super().__init__(message, hint=hint, **fields)


class StepLimit(StepwellError):
    """A tool loop did not come to an end within its steps. `partial` is the last reply, with all the steps on it and
    the calls that it still wants made."""

    exit_code = 10


class BudgetExceeded(StepwellError):
    """The budget would be exceeded by this call; nothing was sent.

    `needed` is what the call may cost and `left` what the budget still holds, in US dollars (Decimal); None where the
    call cannot be reckoned.
    """

    exit_code = 5

    def __init__(self, message: str, *, hint: str | None = None, **fields: Any) -> None:
        self.needed: Any = None
        self.left: Any = None
        super().__init__(message, hint=hint, **fields)


class StepError(StepwellError):
    """A step returned what its contract does not allow; the message names the step."""
