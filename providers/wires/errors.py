"""Turn error answers into typed errors: by structured codes first, by status next, by wording last."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from ...pipeline.http.response import Response
from ...pipeline.http.retry_after import retry_after
from ...schemas.chunks import HALVES, StreamChunk
from ...schemas.errors import (
    AuthError,
    ContentFiltered,
    ContextOverflow,
    DecodeError,
    InvalidRequest,
    NotFound,
    Overloaded,
    ProviderError,
    QuotaError,
    RateLimitError,
    ServerError,
)
from ...schemas.json_text import JSONDecodeError, dumps, loads, loads_event, well_formed
from .overflow import overflow_in

_BY_STATUS: Mapping[int, type[ProviderError]] = {
    401: AuthError,
    402: QuotaError,
    403: AuthError,
    404: NotFound,
    410: NotFound,
    429: RateLimitError,
    503: Overloaded,
    529: Overloaded,
}

_BY_CODE: Mapping[str, type[ProviderError]] = {
    "insufficient_quota": QuotaError,
    "billing_hard_limit_reached": QuotaError,
    "billing_not_active": QuotaError,
    "billing_error": QuotaError,
    "exceeded_current_quota_error": QuotaError,
    "servicequotaexceededexception": QuotaError,
    "1113": QuotaError,  # Z.ai's, with a 429: https://docs.z.ai/api-reference/api-code
    "context_length_exceeded": ContextOverflow,
    "context_window_exceeded": ContextOverflow,
    "tokens_limit_reached": ContextOverflow,
    "content_filter": ContentFiltered,
    "content_policy_violation": ContentFiltered,
    "safety_check_failed": ContentFiltered,
    "responsibleaipolicyviolation": ContentFiltered,
    "invalid_api_key": AuthError,
    "api_key_invalid": AuthError,
    "api_key_expired": AuthError,
    "authentication_error": AuthError,
    "permission_error": AuthError,
    "permission_denied": AuthError,
    "unauthenticated": AuthError,
    "accessdeniedexception": AuthError,
    "unrecognizedclientexception": AuthError,
    "model_not_found": NotFound,
    "not_found_error": NotFound,
    "resourcenotfoundexception": NotFound,
    "rate_limit_exceeded": RateLimitError,
    "rate_limit_error": RateLimitError,
    "throttlingexception": RateLimitError,
    "resource_exhausted": RateLimitError,
    "overloaded_error": Overloaded,
    "unavailable": Overloaded,
    "service_unavailable": Overloaded,
    "serviceunavailableexception": Overloaded,
    "modelnotreadyexception": Overloaded,
    "server_error": ServerError,
    "internal_error": ServerError,
    "internal_server_error": ServerError,
    "internalserverexception": ServerError,
    "modelstreamerrorexception": ServerError,
    "modeltimeoutexception": ServerError,
    "modelerrorexception": ServerError,
    "api_error": ServerError,
    "timeout_error": ServerError,
    "invalid_request_error": InvalidRequest,
    "validationexception": InvalidRequest,
    "invalid_argument": InvalidRequest,
}

_NO_CREDIT = re.compile(r"credit balance is too low|insufficient (?:balance|credits|funds)", re.I)
# Google also uses these words, with a 429, for a limit per minute.
_OVER_QUOTA = re.compile(r"exceeded your current quota", re.I)
_BAD_KEY = re.compile(r"\b(?:incorrect|invalid) api key\b", re.I)
_FLAGGED = re.compile(r"\brequires moderation\b.*\bflagged\b|\binput was flagged\b", re.I)
# llama.cpp answers 500 for media that a model cannot read: tools/server/server-common.cpp
_UNREADABLE = re.compile(r"\b(?:image|audio|video) input is not supported", re.I)

# The beginning of a body that is only an error; the second form is Anthropic's.
_ERROR_BODY = re.compile(rb'\s*+\{\s*+"(?:error"|type"\s*+:\s*+"error")')

_HINTS: Mapping[type[ProviderError], str] = {
    AuthError: "check the API key and its permissions",
    QuotaError: "check the account's billing; waiting does not help",
    RateLimitError: "wait, or send fewer requests",
    ContextOverflow: "shorten the conversation, or use a model with a longer context",
    NotFound: "check the model's name and base_url",
    Overloaded: "try again later",
    ServerError: "try again later",
    ContentFiltered: "rephrase the request",
}


def find_error(response: Response) -> ProviderError | None:
    """Find the error of a response: by its status, or in the body of a 200, as gateways send it (OpenRouter; see the
    recordings). None for a good answer."""
    provider = response.request.model.provider
    if response.status < 300:
        if not _ERROR_BODY.match(response.body):
            return None
        error = error_in(response.body)
        nested = isinstance(error, dict) and error.get("error")
        if not nested:
            return None
        return provider_error(provider, error, status=response.status, headers=response.headers, body=response.body)
    if response.status < 400:
        return InvalidRequest(
            f"{provider} answered {response.status}, a redirect, which is never followed",
            hint="set base_url to the final address",
            status=response.status,
            headers=dict(response.headers),
            body=response.body,
        )
    error = error_in(response.body)
    return provider_error(
        provider,
        error,
        status=response.status,
        headers=response.headers,
        body=response.body,
        retry_in=retry_info(error),
    )


_SHOWN = 2000


def not_json(data: bytes) -> DecodeError:
    """Make the error for a stream event whose data is not JSON; the beginning of the data is in `.payload`."""
    return DecodeError("a stream event is not JSON", hint="see .payload", payload=data[:_SHOWN])


def read_again(data: bytes, decode: Callable[[Any], list[StreamChunk]]) -> list[StreamChunk]:
    """Decode an event that the fast reader refuses. Raises DecodeError when its data is not JSON."""
    try:
        value, halves = loads_event(data)
    except JSONDecodeError:
        raise not_json(data) from None
    return [HALVES, *decode(value)] if halves else decode(value)


def error_in(body: bytes) -> Any:
    """Find the error object in a body: under `error`, in a list, or the body itself; its text when it is not JSON."""
    try:
        data = loads(body)
    except JSONDecodeError:
        text = body.decode("utf-8", "replace").strip()
        if any(character < " " and not character.isspace() for character in text[:300]):
            return "a body that is not text"  # compressed, although the request did not allow it
        return "an HTML page" if text[:1] == "<" else text
    if isinstance(data, list) and data:
        data = data[0]
    if isinstance(data, dict):
        # Cloudflare puts a list of errors under either name, without any other field.
        inner = data.get("error") or (None if "message" in data else data.get("errors"))
        inner = inner[0] if isinstance(inner, list) and inner else inner
        return {**data, **inner} if isinstance(inner, dict) else data
    return data


def provider_error(
    provider: str,
    error: object,
    *,
    status: int | None = None,
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
    retry_in: float | None = None,
) -> ProviderError:
    """Make the typed error for an error object of any shape.

    provider: the provider's id, for the message
    error: the parsed error object, or its text
    status: the HTTP status; None inside a stream
    headers: the response's headers, for retry_after
    body: the raw body to keep on the error; default: the error object as JSON
    retry_in: seconds to wait before the next try, where the body says so; default: as the headers say
    """
    error = well_formed(error)
    message, codes = _message(error), _codes(error)
    inner = next((int(code) for code in codes if code.isdigit() and 400 <= int(code) < 600), None)
    kind, numbers = _kind(status if status and status >= 400 else inner, codes, message, error)
    where = f"answered {status}" if status and status >= 400 else "reported an error inside its answer"
    headers = headers or {}
    fields: dict[str, Any] = {
        "status": status,
        "code": next((code for code in codes if not code.isdigit()), codes[0] if codes else None),
        "retry_after": retry_after(headers) if retry_in is None else retry_in,
        "headers": dict(headers),
        "body": body or _dumped(error),
        **numbers,
    }
    typed = kind(f"{provider} {where}: {message}", hint=_HINTS.get(kind), **fields)
    if (status or inner) in (408, 409):
        typed.retryable = True  # type: ignore[misc]  # a lock or a timeout: both are over after a while
    return typed


def _kind(
    status: int | None, codes: list[str], message: str, error: object
) -> tuple[type[ProviderError], dict[str, int]]:
    known = [_BY_CODE[code.lower()] for code in codes if code.lower() in _BY_CODE]
    if QuotaError in known or _NO_CREDIT.search(message):
        return QuotaError, {}
    if status not in (None, 429) and _OVER_QUOTA.search(message):
        return QuotaError, {}
    limited = RateLimitError in known and status in (None, 429)
    if not limited and (numbers := overflow_in(status, message, error)) is not None:
        return ContextOverflow, numbers
    for kind in (ContextOverflow, ContentFiltered):
        if kind in known:
            return kind, {}
    if status == 403 and (_flagged(error) or _FLAGGED.search(message)):
        return ContentFiltered, {}
    if status is not None and status in _BY_STATUS:
        return _BY_STATUS[status], {}
    if status == 400 and _BAD_KEY.search(message):
        return AuthError, {}
    if status == 500 and _UNREADABLE.search(message):
        return InvalidRequest, {}
    if status is not None and status >= 500:
        return (Overloaded if Overloaded in known else ServerError), {}
    if known and (status is None or known[0] is not InvalidRequest):
        return known[0], {}
    return (InvalidRequest if status is not None else ProviderError), {}


def _flagged(error: object) -> bool:
    """Check for OpenRouter's sign that a moderator stopped the prompt:
    https://openrouter.ai/docs/api/reference/errors-and-debugging#moderation-errors"""
    metadata = error.get("metadata") if isinstance(error, Mapping) else None
    return isinstance(metadata, Mapping) and "flagged_input" in metadata


def _codes(error: object) -> list[str]:
    """List the provider's own codes for the kind of error, the most exact first."""
    if not isinstance(error, Mapping):
        return []
    values = [error.get(key) for key in ("code", "type", "status", "__type", "object")]
    # Google answers INVALID_ARGUMENT for a bad key, too; only its ErrorInfo is exact: https://google.aip.dev/193
    details = error.get("details")
    reasons = [each.get("reason") for each in details if isinstance(each, Mapping)] if isinstance(details, list) else []
    known = [reason for reason in reasons if isinstance(reason, str) and reason.lower() in _BY_CODE]
    return [
        str(value)
        for value in (*known, *values)
        if isinstance(value, str | int) and not isinstance(value, bool) and value
    ]


def _message(error: object) -> str:
    if isinstance(error, Mapping):
        for key in ("message", "msg", "detail", "details", "error_description", "error", "Message"):
            value = error.get(key)
            if isinstance(value, str) and value:
                return value + _nested(error, value)
            if isinstance(value, list | dict) and value:
                return dumps(value).decode()[:300]
        return "no message"
    text = error if isinstance(error, str) else dumps(error).decode()
    return text[:300] if text not in ("", "null") else "no message"


def _nested(error: Mapping[str, Any], message: str) -> str:
    """Return the message of the provider behind a gateway, from metadata.raw, if the gateway's own does not hold it."""
    metadata = error.get("metadata")
    raw = metadata.get("raw") if isinstance(metadata, Mapping) else None
    if not isinstance(raw, str) or not raw:
        return ""
    inner = _message(error_in(raw.encode()))
    return "" if inner in message else f" ({inner})"


def _dumped(error: object) -> bytes:
    return error.encode() if isinstance(error, str) else dumps(error, default=str)


def retry_info(error: object) -> float | None:
    """Read the seconds of Google's RetryInfo in the details of an error: `"retryDelay": "34s"`."""
    details = error.get("details") if isinstance(error, Mapping) else None
    for detail in details if isinstance(details, list) else ():
        delay = detail.get("retryDelay") if isinstance(detail, Mapping) else None
        if isinstance(delay, str) and (match := re.fullmatch(r"(\d+(?:\.\d+)?)s", delay)):
            return float(match[1])
    return None
