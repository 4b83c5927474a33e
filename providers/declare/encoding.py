"""The step that builds the body of a request, merges the caller's own fields into it, and encodes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ...pipeline.effects import CallNext, StepGenerator, in_thread
from ...pipeline.http.request import RAW_OPTIONS, Request
from ...pipeline.step import Step, around_unchecked, on_request
from ...schemas.errors import ConfigError, StepError
from ...schemas.json_text import REPAIRED_TEXT, well_formed
from .dropped import report_dropped

_BUFFER = 4096


def encoding(build_body: Callable[[Request], Any], encode_body: Callable[[Any], bytes], *, apart: bool = False) -> Step:
    """Make the step that builds the body, merges the caller's provider_options into it, and encodes it.

    apart: do so in a thread where the client is async, for bodies of thousands of requests.
    """

    def encode(request: Request) -> Request:
        body = build_body(request)
        if body is None:
            raise StepError("build_body returned None instead of a body", hint="return the body")
        if RAW_OPTIONS in request.state:
            body = merge_bodies(body, request.get(RAW_OPTIONS))
        try:
            encoded = encode_body(body)
        except (TypeError, UnicodeEncodeError) as error:
            try:
                repaired = well_formed(body)
                if repaired is body:
                    raise error
                encoded = encode_body(repaired)
            except (TypeError, UnicodeEncodeError, RecursionError) as failure:
                # The error names the type that it found (a set), not the value.
                raise ConfigError(f"the request cannot be encoded: {failure}", hint="use plain JSON values") from None
            dropped = report_dropped([REPAIRED_TEXT], request.model, "warn")
            request = request.replace(warnings=request.warnings + dropped)
        if type(encoded) is not bytes:
            raise StepError(f"encode_body returned {type(encoded).__name__} instead of bytes", hint="return bytes")
        # A stream keeps its request, and the JSON writer leaves its buffer of 4 kB to a body: see json_text.trimmed.
        return request.replace(body=encoded if len(encoded) > _BUFFER else memoryview(encoded).tobytes())

    if not apart:
        return on_request("encode_body", encode)

    def encode_apart(request: Request, call: CallNext) -> StepGenerator:
        return (yield from call((yield in_thread(lambda: encode(request)))))

    return around_unchecked("encode_body", encode_apart)


def merge_bodies(body: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """Merge two bodies, objects key by key; of two values, that of `more` stays.

    Objects that both have a "type" are not merged. Neither mapping is changed.
    """
    merged = dict(body)
    for key, value in more.items():
        old = merged.get(key)
        if isinstance(old, Mapping) and isinstance(value, Mapping) and "type" not in old.keys() & value.keys():
            value = merge_bodies(old, value)
        merged[key] = value
    return merged
