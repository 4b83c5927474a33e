"""Check an answer against its request: as many results as inputs, each for an existing input.

One row for each operation, for all wires: a wire reads its format and does not see the request.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from math import isfinite
from typing import Any

from ...schemas.errors import DecodeError
from ...schemas.reply import Indexed, Reply
from ..annotate import warn
from ..effects import CallNext, StepGenerator, in_thread
from ..http.request import RAW_OPTIONS, Request
from ..http.vendor_names import counts_in
from ..step import Step, around_unchecked
from .errors import attach_call_details

_HINT = "the answer is on .partial, unused"
_MOST = ("top_n", "top_k")
MANY_VECTORS = 100
"""More vectors than these are read and checked in a thread, so that an event loop can go on."""
_NUMBERS = {int, float}
_TOP_BYTES = slice(3 if sys.byteorder == "little" else 0, None, 4)
"""The bytes with the sign and most of the exponent, which has only ones in a 32-bit float that is not finite."""


def check_answer(operation: str) -> Step | None:
    """Return the step that checks the replies of this operation; None for an operation without countable results.

    Raises DecodeError, with the reply as `.partial` and its usage, for results that do not match the inputs.
    """
    check = _CHECKS.get(operation)
    if check is None:
        return None

    def run(request: Request, call: CallNext) -> StepGenerator:
        request = _with_lists(request)
        response = yield from call(request)
        if (reply := response.reply) is not None:
            try:
                if check is _check_vectors and _count(reply.object) > MANY_VECTORS:
                    yield in_thread(partial(check, reply, request))
                else:
                    check(reply, request)
            except DecodeError as error:
                error.hint = error.hint or _HINT
                error.partial, error.usage, error.request_id = reply, reply.usage, reply.request_id
                error.payload, error.status = response.body, response.status
                attach_call_details(error, request)
                raise
        return response

    return around_unchecked("check_answer", run)


def _with_lists(request: Request) -> Request:
    """Make lists of iterators in the input: the body is made of it, and the answer is checked against it."""
    input = request.input
    if isinstance(input, Mapping):
        documents = input.get("documents")
        if isinstance(documents, Iterable) and not isinstance(documents, str | Sequence | Mapping):
            return request.replace(input={**input, "documents": list(documents)})
    elif isinstance(input, Iterable) and not isinstance(input, str | bytes | Sequence):
        return request.replace(input=list(input))
    return request


def _count(input: object) -> int:
    return len(input) if isinstance(input, Sequence) and not isinstance(input, str) else 1


def _check_number(received: int, expected: int, things: str, inputs: str) -> None:
    if received != expected:
        raise DecodeError(f"{received} {things} were received for {expected} {inputs}")


def _check_vectors(reply: Reply, request: Request) -> None:
    expected = _count(request.input)
    rows = _in_order(reply.object, expected, "vectors", "texts")
    length = None
    for at, row in enumerate(rows):
        if not isinstance(row, Sequence) or isinstance(row, str | bytes):
            raise DecodeError(f"vector {at} of {expected} is a {type(row).__name__}, not a list of numbers")
        if not row:
            raise DecodeError(f"vector {at} of {expected} has no numbers in it")
        # All in C, since an answer may hold millions of numbers. A finite sum has only finite parts.
        if not (type(row) is array or set(map(type, row)) <= _NUMBERS) or not _is_finite(row):
            raise DecodeError(f"vector {at} of {expected} holds something that is not a finite number")
        length = length or len(row)
        if len(row) != length:
            raise DecodeError(f"the {expected} vectors are of different lengths: {length} and {len(row)} numbers")
    asked = _limit_of(request, ("dimensions",))
    # A vector of bits has eight of them in each number.
    if asked is not None and length and asked not in (length, 8 * length):
        warn(
            reply, request.model, "dimensions", f"vectors of {length} numbers were received, but {asked} were requested"
        )
    reply.object = rows


def _is_finite(row: Sequence[float]) -> bool:
    if type(row) is array:  # of 32-bit floats: a tenth of the time of a sum
        top = row.tobytes()[_TOP_BYTES]
        if b"\x7f" not in top and b"\xff" not in top:
            return True
    try:
        return isfinite(sum(row)) or all(map(isfinite, row))
    except OverflowError:  # an integer beyond the range of a float
        return False


def _in_order(items: object, expected: int, things: str, inputs: str) -> list[Any]:
    """Return the results in the order of the inputs, one for each."""
    results = items or ()
    if not isinstance(results, Sequence) or isinstance(items, str | bytes):
        raise DecodeError(f"a {type(items).__name__} was received in place of a list of {things}")
    rows: list[Any] = list(results)
    _check_number(len(rows), expected, things, inputs)
    if not rows or not isinstance(rows[0], Indexed):
        return rows
    places = [row.index for row in rows]
    _check_places(places, expected, things, inputs)
    return [row.value for row in sorted(rows, key=lambda row: row.index)]


def _check_places(places: list[Any], expected: int, things: str, inputs: str) -> None:
    seen: set[int] = set()
    for place in places:
        if type(place) is not int or not 0 <= place < expected:
            raise DecodeError(
                f"of {len(places)} {things} one has the index {place!r:.40}, but {expected} {inputs} were sent"
            )
        if place in seen:
            raise DecodeError(f"of {len(places)} {things} for {expected} {inputs} two have the index {place}")
        seen.add(place)


def _check_ranking(reply: Reply, request: Request) -> None:
    expected = _count(request.input["documents"]) if isinstance(request.input, Mapping) else 1
    rows = list(reply.object or ())
    if not rows:
        raise DecodeError(f"0 ranks were received for {expected} documents")
    _check_places([row.index for row in rows], expected, "ranks", "documents")
    for row in rows:
        if not isfinite(row.score):
            raise DecodeError(
                f"the score of document {row.index} of {expected} is {row.score}, which is not a finite number"
            )
    most = _limit_of(request, _MOST)
    if most is not None and len(rows) > most:
        raise DecodeError(
            f"{len(rows)} ranks were received, but only the best {most} of {expected} documents were requested"
        )
    if len(rows) < (expected_ranks := min(expected, most or expected)):
        warn(
            reply,
            request.model,
            "ranking",
            f"only {len(rows)} of {expected_ranks} ranks were received; the other documents have none",
        )


def _limit_of(request: Request, names: Iterable[str]) -> int | None:
    """Return the lowest limit that the caller set in the options with these names; None without one."""
    places = (request.options, request.get(RAW_OPTIONS))
    return min(counts_in(places, names), default=None)


def _check_verdicts(reply: Reply, request: Request) -> None:
    _check_number(len(reply.object or ()), _count(request.input), "verdicts", "texts")


def _check_images(reply: Reply, request: Request) -> None:
    received, limit = len(reply.images), _limit_of(request, ("n",))
    expected = limit or 1
    if not received:
        raise DecodeError(f"0 images were received; {expected} were requested")
    if limit is not None and received > limit:
        warn(reply, request.model, "n", f"{received} images were received, but only {limit} were requested")
    if received < expected:
        warn(reply, request.model, "n", f"only {received} of {expected} images were received")


def _check_pages(reply: Reply, request: Request) -> None:
    received, pages = len(reply.object or ()), request.options.get("pages")
    if isinstance(pages, list | tuple) and received != len(set(pages)):
        warn(reply, request.model, "pages", f"{received} pages were received, but {len(set(pages))} were requested")


def _check_count(reply: Reply, request: Request) -> None:
    count = reply.usage.input_tokens
    if type(count) is not int or count < 0:
        raise DecodeError(f"the answer counts {count!r:.40} tokens in the prompt, which is not a count")


_CHECKS: Mapping[str, Callable[[Reply, Request], None]] = {
    "embed": _check_vectors,
    "rerank": _check_ranking,
    "moderate": _check_verdicts,
    "image": _check_images,
    "count_tokens": _check_count,
    "ocr": _check_pages,
}
