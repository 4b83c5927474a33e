"""Make typed errors of error answers: by structured codes first, then by the status, then by the wording."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ...pipeline.http.error_body import error_in, error_message
from ...pipeline.http.headers import Headers
from ...pipeline.http.reported_error import CODES, JOB_OPERATIONS, SUSPECT, error_value, reported_error
from ...pipeline.http.response import Response
from ...pipeline.http.retry_after import retry_after
from ...schemas.errors import (
    AuthError,
    ContentFiltered,
    ContextOverflow,
    InvalidRequest,
    NotFound,
    Overloaded,
    ProviderError,
    QuotaError,
    RateLimitError,
    ServerError,
)
from ...schemas.json_text import dumps, well_formed
from ...schemas.late_pattern import late_pattern

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

# Small letters without marks, since servers write rate_limit_error as well as RateLimitError.
_BY_CODE: Mapping[str, type[ProviderError]] = {
    "insufficientquota": QuotaError,
    "billinghardlimitreached": QuotaError,
    "billingnotactive": QuotaError,
    "billingerror": QuotaError,
    "exceededcurrentquotaerror": QuotaError,
    "servicequotaexceededexception": QuotaError,
    "1113": QuotaError,  # Z.ai's, with a 429: https://docs.z.ai/api-reference/api-code
    "1301": ContentFiltered,
    "contextlengthexceeded": ContextOverflow,
    "contextwindowexceeded": ContextOverflow,
    "tokenslimitreached": ContextOverflow,
    "contentfilter": ContentFiltered,
    "contentpolicyviolation": ContentFiltered,
    "safetycheckfailed": ContentFiltered,
    "responsibleaipolicyviolation": ContentFiltered,
    "invalidapikey": AuthError,
    "apikeyinvalid": AuthError,
    "apikeyexpired": AuthError,
    "authenticationerror": AuthError,
    "permissionerror": AuthError,
    "permissiondenied": AuthError,
    "unauthenticated": AuthError,
    "accessdeniedexception": AuthError,
    "unrecognizedclientexception": AuthError,
    "modelnotfound": NotFound,
    "notfounderror": NotFound,
    "resourcenotfoundexception": NotFound,
    "ratelimitexceeded": RateLimitError,
    "ratelimiterror": RateLimitError,
    "throttlingexception": RateLimitError,
    "resourceexhausted": RateLimitError,
    "overloadederror": Overloaded,
    "unavailable": Overloaded,
    "serviceunavailable": Overloaded,
    "serviceunavailableexception": Overloaded,
    "modelnotreadyexception": Overloaded,
    "servererror": ServerError,
    "internalerror": ServerError,
    "internalservererror": ServerError,
    "internalserverexception": ServerError,
    "modelstreamerrorexception": ServerError,
    "modeltimeoutexception": ServerError,
    "modelerrorexception": ServerError,
    "apierror": ServerError,
    "timeouterror": ServerError,
    "invalidrequesterror": InvalidRequest,
    "validationexception": InvalidRequest,
    "invalidargument": InvalidRequest,
    "ratelimit": RateLimitError,
    "toomanyrequests": RateLimitError,
    "toomanyrequestserror": RateLimitError,
    "ratelimitreached": RateLimitError,
    "contextlengthexceedederror": ContextOverflow,
    "exceedcontextsizeerror": ContextOverflow,  # llama.cpp
    "contextoverflow": ContextOverflow,
    "contentfiltered": ContentFiltered,
    "datainspectionfailed": ContentFiltered,  # DashScope
    "invalidapikeyerror": AuthError,
    "unauthorized": AuthError,
    "forbidden": AuthError,
    "permissiondeniederror": AuthError,
    "overloaded": Overloaded,
    "serveroverloaded": Overloaded,
    "engineoverloadederror": Overloaded,
    "serviceunavailableerror": Overloaded,
    "overcapacity": Overloaded,  # Groq
    "internal": ServerError,  # Google
    "badgateway": ServerError,
    "gatewaytimeout": ServerError,
    "badrequesterror": InvalidRequest,
    "invalidrequest": InvalidRequest,
    "invalidparameter": InvalidRequest,
}

_NO_CREDIT = late_pattern(
    r"credit balance is too low|insufficient (?:balance|credits|funds)"
    r"|used all available credits|\bhave any credits\b|reached (?:its|your) monthly spending limit",  # xAI
    re.I,
)
# Google sends it with a 429 when a limit per minute is reached, too.
_OVER_QUOTA = late_pattern(r"exceeded your current quota", re.I)
_BAD_KEY = late_pattern(r"\b(?:incorrect|invalid) api key\b", re.I)
_FLAGGED = late_pattern(r"\brequires moderation\b.*\bflagged\b|\binput was flagged\b", re.I)
# DeepSeek, OpenAI (as invalid_prompt), xAI (with a 403)
_HARMFUL = late_pattern(
    r"\bcontent exists risk\b|\bflagged as (?:potentially )?violating\b|\bcontent violates usage guidelines\b", re.I
)
# llama.cpp answers 500 for media that the model cannot read: tools/server/server-common.cpp
_UNREADABLE = late_pattern(r"\b(?:image|audio|video) input is not supported", re.I)

# What an error without a known code or status says of itself, as those inside of streams often are.
_BY_WORDS = (
    (late_pattern(r"\brate.?limit|\btoo many requests\b", re.I), RateLimitError),
    (late_pattern(r"\boverloaded\b|\bover.capacity\b|\bat capacity\b|\btemporarily unavailable\b", re.I), Overloaded),
    (late_pattern(r"\bcontent.?(?:filter|policy|management policy)|\bsafety (?:system|filter)", re.I), ContentFiltered),
    (_BAD_KEY, AuthError),
    (late_pattern(r"\binternal (?:server )?error\b", re.I), ServerError),
)

# How providers say that the input is too long. Each pattern is from an error body met in the field;
# tests/options/overflow.json holds them, with near misses: limits on the answer, on tokens a minute, on bytes,
# characters, tools. The groups are the numbers, where the body has them.
_N = r"[\d,]+"
_OVERFLOW = tuple(
    pattern.replace("<max>", f"(?P<max>{_N})").replace("<requested>", f"(?P<requested>{_N})")
    for pattern in (
        # OpenAI (embeddings too) and those that copied it: DeepSeek, vLLM, OpenRouter, ...
        r"maximum context length is <max> tokens.{0,160}?for a total of at least <requested>",
        r"maximum context length (?:is|of) <max> tokens"
        r".{0,80}?(?:you requested|a total of|resulted in|has|contains)\D{0,40}<requested>",
        r"maximum context length(?: is|:| of)? <max>",
        r"input tokens exceed the configured limit of <max> tokens.{0,60}?resulted in <requested>",
        r"input tokens exceed the configured limit of <max>",
        r"maximum input length is <max> tokens",
        r"passed <requested> input tokens.{0,80}?context length is only <max>",
        r"reduce the length of the (?:messages|input|prompt).{0,40}?length is <requested> while limit is <max>",
        r"reduce the length of the (?:messages|input|prompt)",
        # Anthropic, and Claude on Bedrock and Vertex AI
        r"prompt is too long: <requested>(?: tokens)?(?: >|, model maximum context length:) ?<max>",
        r"input length and `?max_tokens`? exceed context limit: <requested> \+ (?P<answer>[\d,]+) > <max>",
        r"prompt is too long",
        r"input is too long for (?:the )?requested model",
        # Google
        r"input token count is <requested> but (?:the )?model only supports up to <max>",
        r"input token count(?: \(?<requested>\)?)? exceeds the maximum number of tokens allowed \(?<max>",
        # Local servers: llama.cpp, Ollama, LM Studio, SGLang, text-generation-inference
        r"request \(<requested> tokens\) exceeds the available context size \(<max>",
        r"requested tokens \(<requested>\) exceeds? (?:the )?context window of <max>",
        r"prompt (?:is longer than the|too long; exceeded max) context length",
        r"keep the first <requested> tokens.{0,120}?context length of only <max>",
        r"input \(<requested> tokens\) is too (?:large to process|long).{0,80}?batch size: <max>",
        r"context (?:size|length|window) (?:has been |is )?exceed(?:ed|s)",
        r"input length \(?<requested>(?: tokens)?\)? exceeds the maximum (?:allowed )?length \(?<max>",
        r"input \(<requested> tokens\) is longer than the model's context length \(<max>",
        r"input length <requested> exceeds context length <max>",
        r"`?inputs`? tokens \+ `?max_new_tokens`? must be <= <max>\. given: <requested>",
        r"`?inputs`? must have less than <max> tokens\. given: <requested>",
        r"greater than the context length(?: \(n_keep: <requested> ?>= ?n_ctx: <max>)?",
        r"n_keep \(<requested>\) >= n_ctx \(<max>",
        r"prompt \(length <requested>\) is longer than the maximum model length of <max>",
        # Bedrock's own models, Cloudflare
        r"too many input tokens\. max input tokens: <max>(?:,? request input token count: <requested>)?",
        r"number of input tokens exceeds (?:the )?maximum length",
        r"(?:tokens \(<requested>\) )?exceeded this model context window limit(?: \(<max>)?",
        # xAI, Mistral, Cohere, Moonshot, GitHub, Alibaba, SiliconFlow, Z.ai, Volcengine
        r"maximum prompt length is <max> but the request contains <requested>",
        r"prompt contains <requested> tokens.{0,60}?too large for model with <max>",
        r"too large for model with <max> maximum context length",
        r"too many tokens: total number of tokens.{0,40}?cannot exceed <max> - received <requested>",
        r"too many tokens: (?:total )?(?:size limit|max tokens)?"
        r".{0,60}?(?:exceeded|must be less than) ?(?:by|than)? ?(?:<max>)?",
        r"exceeded model token limit: <max> \(requested: <requested>",
        r"prompt token count of <requested> exceeds the limit of <max>",
        r"range of input length should be \[\d+, <max>\]",
        r"number of input tokens \(<requested>\) has exceeded max_prompt_tokens \(<max>",
        r"request body too large for .{0,80}?max size: <max> tokens",
        r"prompt (?:exceeds max length|too long|超长)",
        r"input length of \w+ is `?<requested>`? and exceeds? max_sequence_length: `?<max>",
        # Others
        r"exceeds? (?:the )?(?:available )?context (?:size|window|length)",
        r"exceed(?:s|ed)?(?: the)? (?:model'?s? )?(?:maximum )?context (?:length|window)(?: of <max>)?",
        r"total number of tokens(?! per).{0,40}exceeds the (?:maximum|limit)(?: of)? ?(?:<max>)?",
        r"length of all messages is too long",
        r"input (?:length|tokens) \(?<requested>\)?.{0,40}exceeds.{0,40}?<max>",
    )
)
# A gateway passes on with 502 what the provider behind it has refused.
_OVERFLOW_STATUSES = frozenset((None, 200, 400, 413, 422, 429, 500, 502))
_OVERFLOW_FIELDS: Mapping[str, str] = {"n_prompt_tokens": "requested_tokens", "n_ctx": "max_tokens"}
"""The fields of llama.cpp for the numbers: https://github.com/ggml-org/llama.cpp/pull/15780"""

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


def _hint(kind: type[ProviderError], wait: float | None) -> str | None:
    """Return what to do about an error. `wait` is how many seconds the provider wants us to wait, if it says so."""
    if not wait or kind not in _PASSING:
        return _HINTS.get(kind)
    seconds = f"{wait:g}" if wait < 1000 else f"{wait:.0f}"
    return f"wait {seconds} s, or send fewer requests" if kind is RateLimitError else f"try again in {seconds} s"


_PASSING = (RateLimitError, Overloaded, ServerError)


def find_error(response: Response) -> ProviderError | None:
    """Return the error that a response reports, or None for a successful one.

    An error is an unsuccessful status, or a body that holds nothing but an error under a 200, as gateways send
    (OpenRouter; see the recordings).
    """
    if response.status < 300:
        accepted = response.status == 202 or response.request.operation in JOB_OPERATIONS
        if accepted or not SUSPECT.match(response.body):
            return None
        error = reported_error(error_value(response.body))
        return None if error is None else answer_error(response, error)
    if 300 <= response.status < 400:
        return InvalidRequest(
            f"{response.request.model.provider} answered {response.status}, a redirect, which is never followed",
            hint="set base_url to the final address",
            status=response.status,
            headers=dict(response.headers),
            body=response.body,
        )
    return answer_error(response, error_in(response.body))


def answer_error(response: Response, error: object) -> ProviderError:
    """Make the typed error of an answer. `error` is what its body says: an object of any shape, or text."""
    return provider_error(response.request.model.provider, error, response=response)


def provider_error(
    provider: str, error: object, *, response: Response | None = None, body: bytes = b""
) -> ProviderError:
    """Make the typed error for an error object of any shape.

    provider: the provider's id, for the message.
    error: the error object, or the text of a body that is not JSON.
    response: the response, whose status and Retry-After are used; None inside a stream.
    body: the body as it was received (default: that of the response, else the error object as JSON).
    """
    status = response.status if response else None
    headers = response.headers if response else Headers()
    error, body = well_formed(error), body or (response.body if response else b"")
    message, codes = error_message(error), _codes(error)
    if message[:1] == "{" and isinstance(inner_error := error_in(message.encode()), Mapping):
        # A gateway puts the JSON of the server behind it into its own message: that one knows better.
        message, codes = error_message(inner_error), [*_codes(inner_error), *codes]
    inner = next((int(code) for code in codes if re.fullmatch("[45][0-9]{2}", code)), None)
    kind, numbers = _kind(status if status and status >= 400 else inner, codes, message, error)
    where = f"answered {status}" if status and status >= 400 else "reported an error inside its answer"
    stated = _retry_info(error)
    if stated is None and response is not None:
        stated = retry_after(headers, response.request.world.time())
    fields: dict[str, Any] = {
        "status": status,
        "code": next((code for code in codes if not code.isdigit()), codes[0] if codes else None),
        "retry_after": stated,
        "headers": dict(headers),
        "body": body or (error.encode() if isinstance(error, str) else dumps(error, default=str)),
        **numbers,
    }
    result = kind(f"{provider} {where}: {message}", hint=_hint(kind, stated), **fields)
    if (status or inner) in (408, 409):
        result.retryable = True  # a lock or timeout that passes by itself
    if (word := headers.get("x-should-retry")) in ("true", "false"):
        # The server's own word, which the vendors' SDKs follow, too:
        # https://github.com/openai/openai-python/blob/main/src/openai/_base_client.py
        result.retryable = word == "true"
    return result


def _kind(
    status: int | None, codes: list[str], message: str, error: object
) -> tuple[type[ProviderError], dict[str, int]]:
    """Return the class of an error, and of a ContextOverflow the numbers of tokens that it names."""
    known = [kind for code in codes if (kind := _BY_CODE.get(_plain(code))) is not None]
    over_quota = status not in (None, 429) and _OVER_QUOTA.search(message)
    if QuotaError in known or over_quota or _NO_CREDIT.search(message):
        return QuotaError, {}
    limited = RateLimitError in known and status in (None, 429)
    if not limited and (numbers := _overflow(status, message, error)) is not None:
        return ContextOverflow, numbers
    if ContextOverflow in known:
        return ContextOverflow, {}
    flagged = status == 403 and (_is_flagged(error) or _FLAGGED.search(message))
    if ContentFiltered in known or flagged or _HARMFUL.search(message):
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
    if status is not None:
        return InvalidRequest, {}
    return next((kind for words, kind in _BY_WORDS if words.search(message)), ProviderError), {}


def _plain(code: str) -> str:
    return "".join(filter(str.isalnum, code)).lower()


def _overflow(status: int | None, message: str, error: object) -> dict[str, int] | None:
    """Return the fields of ContextOverflow that the body has numbers for; None for any other error."""
    if status not in _OVERFLOW_STATUSES:
        return None
    # Compiled when first needed, and kept by `re`: compiling them takes a tenth of the time to the first answer.
    found = [_numbers(match) for pattern in _OVERFLOW if (match := re.search(pattern, message, re.I | re.S))]
    if not found:
        return None
    fields = error if isinstance(error, Mapping) else {}
    counts = {name: fields[key] for key, name in _OVERFLOW_FIELDS.items() if isinstance(fields.get(key), int)}
    # Several patterns may fit; the one that finds most numbers is the one made for this body.
    most: dict[str, int] = max(found, key=len)
    return {**most, **counts}


def _numbers(match: re.Match[str]) -> dict[str, int]:
    groups = {name: int(text.replace(",", "")) for name, text in match.groupdict().items() if text}
    answer = groups.pop("answer", 0)  # reserved for the answer, and so requested, too
    counts = {_COUNTS[name]: number for name, number in groups.items()}
    return {**counts, "requested_tokens": counts["requested_tokens"] + answer} if answer else counts


_COUNTS = {"requested": "requested_tokens", "max": "max_tokens"}


def _is_flagged(error: object) -> bool:
    """Check for the field in which OpenRouter reports that a moderator stopped the prompt.

    https://openrouter.ai/docs/api/reference/errors-and-debugging#moderation-errors
    """
    metadata = error.get("metadata") if isinstance(error, Mapping) else None
    return isinstance(metadata, Mapping) and "flagged_input" in metadata


def _codes(error: object) -> list[str]:
    """Return the provider's codes for the kind of error, the most exact first."""
    if not isinstance(error, Mapping):
        return [error] if isinstance(error, str) and _plain(error) in _BY_CODE else []
    values = [error.get(key) for key in (*CODES, "error")]
    # Google's status for a bad key is INVALID_ARGUMENT; its ErrorInfo is more exact: https://google.aip.dev/193
    details = error.get("details")
    reasons = [each.get("reason") for each in details if isinstance(each, Mapping)] if isinstance(details, list) else []
    known = [reason for reason in reasons if isinstance(reason, str) and _plain(reason) in _BY_CODE]
    return [
        str(value)
        for value in (*known, *values)
        if isinstance(value, str | int)
        and not isinstance(value, bool)
        and value
        and (value is not error.get("error") or _plain(str(value)) in _BY_CODE)
    ]


def _retry_info(error: object) -> float | None:
    """Return the seconds of Google's RetryInfo in the details of an error: `"retryDelay": "34s"`."""
    details = error.get("details") if isinstance(error, Mapping) else None
    for detail in details if isinstance(details, list) else ():
        delay = detail.get("retryDelay") if isinstance(detail, Mapping) else None
        if isinstance(delay, str) and (match := re.fullmatch(r"(\d+(?:\.\d+)?)s", delay)):
            return float(match[1])
    return None
