"""Decode the body of a response to a reply, and read its usage."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from attrs import frozen

from ...schemas.chunks import UsageUpdate
from ...schemas.errors import DecodeError, StepError, StepwellError
from ...schemas.functions import takes
from ...schemas.json_text import JSONDecodeError, loads
from ...schemas.parts import Reasoning, Refusal, Text
from ...schemas.reply import CallWarning, Reply, joined_warnings
from ...schemas.usage import NO_USAGE, PARTS, Usage
from ..annotate import annotate, attach_partial, check_usage, note_reply, warn
from ..effects import CallNext, StepGenerator, in_thread
from ..http.redact import bare
from ..http.request import Request
from ..http.response import Response
from ..outcome import NO_ANSWERS
from ..side_fields import Rules, is_sound, kept
from ..step import Step, after, around_unchecked
from ..stream.decoder import SHAPE_ERRORS
from .errors import attach_call_details

_QUOTED = 200
_LARGE = 1 << 18
"""Bytes that take more than a few milliseconds to decode."""
_TEXTS = (Text, Reasoning, Refusal)
_NONE: Mapping[str, str] = {}


@frozen(eq=False)
class Body:
    """A body that may not be JSON, and its media type: lower case, without parameters, "" for none."""

    data: bytes
    media_type: str = ""


Reader = tuple[Callable[..., Any], bool]
"""A function of a body and a model, and whether it has a parameter `response`, which it then gets, too."""


Failure = Callable[[Response, Any, Reply | None], StepwellError | None]
"""`failure(response, data, reply)` returns the error that a body reports; the reply is None where it is no answer."""


def reader_of(function: Callable[..., Any]) -> Reader:
    """Find out what a function reads."""
    return function, takes(function, "response")


def decode_response(
    decode: Callable[..., Reply],
    *,
    binary: bool = False,
    side_fields: Rules | None = None,
    failure: Failure | None = None,
    apart: bool = False,
) -> Step:
    """Make the step that decodes unstreamed responses and leaves streams unchanged.

    decode: `decode(data, model)` makes the reply from the body's JSON. With a parameter `response` it gets that, too.
    binary: give `decode` a Body in place of JSON.
    side_fields: rules for fields that are dropped, each with a warning, if their value has another type.
    failure: finds the error in a body that cannot be decoded, or that says beside its answer that it has failed.
    apart: decode large bodies in a thread where the client is async: thousands of vectors, the answers of a batch.

    Raises DecodeError, with the beginning of the body in `.payload`, for a body that is not JSON or does not have the
    shape of its wire.
    """

    read = reader_of(decode)

    def run(response: Response, request: Request) -> None:
        if response.reply is None and not request.stream:
            try:
                response.reply = decoded(
                    response, request, read, binary=binary, side_fields=side_fields, failure=failure
                )
            except StepwellError as error:
                bare(error)
                raise

    if not apart:  # nothing more for the calls that are made most often
        return after("decode_response", run)

    def run_apart(request: Request, call: CallNext) -> StepGenerator:
        response: Response = yield from call(request)
        if len(response.body) > _LARGE:
            yield in_thread(lambda: run(response, request))
        else:
            run(response, request)
        return response

    return around_unchecked("decode_response", run_apart)


def decoded(
    response: Response,
    request: Request,
    decode: Reader,
    *,
    binary: bool,
    side_fields: Rules | None = None,
    failure: Failure | None = None,
) -> Reply:
    """Return the reply that the body of the response holds; see decode_response."""
    try:
        data = _body(response) if binary else loads(response.body)
    except JSONDecodeError:
        raise _reported(response, None, failure) or _not_json(response) from None
    warnings: tuple[CallWarning, ...] = ()
    (read, takes_response), model = decode, request.model
    response.data = None if binary else data
    try:
        if side_fields and not binary and not is_sound(data, side_fields):
            response.data, warnings = kept(data, side_fields, model)
        body = data if binary else response.data
        reply = read(body, model, response=response) if takes_response else read(body, model)
    except StepwellError as error:
        if isinstance(error, DecodeError):
            if (found := _reported(response, data, failure)) is not None:
                raise found from None
            error.payload = error.payload or response.body
        _with_details(error, response)
        raise
    except SHAPE_ERRORS as error:
        if (found := _reported(response, data, failure)) is not None:
            raise found from None
        raise _wrong_shape(response, error) from error
    if type(reply) is not Reply:
        raise StepError(f"decode_response returned {type(reply).__name__} instead of a Reply")
    # For decoders that build a message without fold(), which checks the text of every part by itself.
    for part in reply.message.content:
        if isinstance(part, _TEXTS) and type(part.text) is not str:
            raise _wrong_shape(response, TypeError())
    if reply.raw is None:
        reply.raw = response.body if binary else data
    if warnings:
        reply.warnings = joined_warnings(warnings, reply.warnings)
    annotate(reply, response)
    failed = reply.finish_reason in NO_ANSWERS or (data.__class__ is dict and data.get("error"))
    if failed and (found := _reported(response, data, failure, reply)) is not None:
        raise found
    note_reply(response, reply)
    return reply


def _reported(
    response: Response, data: object, failure: Failure | None, reply: Reply | None = None
) -> StepwellError | None:
    """Return the error that a body reports, if it reports one; `reply` is the answer beside it, None if there is
    none."""
    if failure is None or (found := failure(response, data, reply)) is None:
        return None
    if reply is not None:
        attach_partial(found, reply)
    return _with_details(found, response)


def _with_details(error: StepwellError, response: Response) -> StepwellError:
    """Put on the error what is known of its call, and count its usage: it is billed, also where another call takes its
    place."""
    error.request_id = error.request_id or response.request_id
    if error.usage is not None and error.usage is not NO_USAGE:
        note_reply(response, annotate(Reply(usage=error.usage), response))
    attach_call_details(error, response.request)
    return error


def usage_in(headers: Mapping[str, str], counted: Mapping[str, str]) -> Usage | None:
    """Read the counts that are in headers; `counted` maps fields of Usage to headers."""
    found: dict[str, Any] = {
        name: int(text) for name, header in counted.items() if (text := headers.get(header, "")).isdigit()
    }
    return Usage(**found) if found else None


def extract_usage(
    extract: Callable[..., Usage | None],
    counted: Mapping[str, str] = _NONE,
    side_fields: Rules | None = None,
) -> Step:
    """Make the step that reads the usage of unstreamed responses, and of streams where it is in headers.

    Usage that cannot be read becomes a warning.

    extract: `extract(data, model)` reads the usage from the body's JSON. If it has a parameter `response`, it gets that
        too. If it returns None, the usage of the reply stays as it is.
    counted: fields of Usage that are in headers, and the names of these headers.
    side_fields: as for decode_response.
    """

    read = reader_of(extract)

    def run(response: Response, request: Request) -> None:
        reply = response.reply
        if reply is None and counted and not response.usage_read:
            response.usage_read = True
            if (usage := usage_in(response.headers, counted)) is not None:
                response.ready = [UsageUpdate(usage), *response.ready]
        elif reply is not None and reply.raw is not None and not response.usage_read:
            response.usage_read = True
            usage = read_usage(read, response, reply, side_fields)
            if usage is None and counted:
                usage = usage_in(response.headers, counted)
            if type(usage) is Usage:
                reply.usage = usage
                came, made = usage.input_tokens, usage.output_tokens
                if came is None or came < 0 or made is None or made < 0 or any(map(vars(usage).get, PARTS)):
                    check_usage(reply, request)  # most have nothing to check: 0.6 µs
            elif usage is not None:
                raise StepError(f"extract_usage returned {type(usage).__name__} instead of Usage or None")

    return after("extract_usage", run)


def read_usage(extract: Reader, response: Response, reply: Reply, side_fields: Rules | None) -> Usage | None:
    """Return what `extract` finds in the JSON of the response; None, with a warning, if its shape is unexpected."""
    model, data = response.request.model, response.data
    try:
        if data is None and (data := reply.raw) is not None and side_fields:
            data, warnings = kept(data, side_fields, model)
            reply.warnings = joined_warnings(reply.warnings, warnings)
        read, takes_response = extract
        usage: Usage | None = read(data, model, response=response) if takes_response else read(data, model)
        return usage
    except SHAPE_ERRORS:
        warn(reply, model, "usage", "left out of the answer: it does not have the shape of its wire format")
        return None


def _body(response: Response) -> Body:
    return Body(response.body, response.headers.get("content-type", "").partition(";")[0].strip().lower())


def _not_json(response: Response) -> DecodeError:
    kind = response.headers.get("content-type", "no content type").partition(";")[0]
    start = response.body[:_QUOTED].decode("utf-8", "replace").strip()
    what = "is empty" if not response.body.strip() else f"is not JSON but {kind}, and begins {start!r}"
    return _error(
        response,
        f"the answer ({response.status}) {what}",
        hint="check base_url: a proxy or a web page may have answered",
    )


def _wrong_shape(response: Response, error: Exception) -> DecodeError:
    where = f"at {error!r:.60}" if isinstance(error, KeyError) else type(error).__name__
    return _error(response, f"the answer does not have the shape of its wire format: {where}", hint="see .payload")


def _error(response: Response, message: str, *, hint: str) -> DecodeError:
    error = DecodeError(
        message, hint=hint, payload=response.body, status=response.status, request_id=response.request_id
    )
    attach_call_details(error, response.request)
    return error
