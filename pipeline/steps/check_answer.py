"""Hold an answer against what was asked: as many results as inputs, each for an input that there is.

One row for each operation, whatever the wire: a wire reads its format and knows nothing of the question.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from math import isfinite
from typing import Any

from ...schemas.errors import DecodeError
from ...schemas.reply import CallWarning, Indexed, Reply
from ..effects import CallNext, StepGenerator
from ..http.request import RAW_OPTIONS, Request
from ..step import Step, around_unchecked
from .errors import attach_call_details

_HINT = "the answer is on .partial; nothing of it was used"
_MOST = ("top_n", "top_k")
_NUMBERS = {int, float}


def check_answer(operation: str) -> Step | None:
    """Give the step that checks the replies of this operation; None for an operation that has nothing to count.

    Raises DecodeError, with the reply as `.partial` and its usage, for results that do not match the inputs.
    """
    check = _CHECKS.get(operation)
    if check is None:
        return None

    def run(request: Request, call: CallNext) -> StepGenerator:
        request = _listed(request)
        response = yield from call(request)
        if (reply := response.reply) is not None:
            try:
                check(reply, request)
            except DecodeError as error:
                error.hint = error.hint or _HINT
                error.partial, error.usage, error.request_id = reply, reply.usage, reply.request_id
                error.payload, error.status = response.body[:2000], response.status
                attach_call_details(error, request)
                raise
        return response

    return around_unchecked("check_answer", run)


def _listed(request: Request) -> Request:
    """Keep what can be read only once: the body is made of it, and the answer is held against it."""
    given = request.input
    if isinstance(given, Mapping):
        documents = given.get("documents")
        if isinstance(documents, Iterable) and not isinstance(documents, str | Sequence):
            return request.replace(input={**given, "documents": list(documents)})
    elif isinstance(given, Iterable) and not isinstance(given, str | bytes | Sequence):
        return request.replace(input=list(given))
    return request


def _asked(given: Any) -> int:
    return len(given) if isinstance(given, Sequence) and not isinstance(given, str) else 1


def _counted(came: int, asked: int, what: str, of: str) -> None:
    if came != asked:
        raise DecodeError(f"{came} {what} came for {asked} {of}")


def _check_vectors(reply: Reply, request: Request) -> None:
    asked = _asked(request.input)
    rows = _in_order(reply.object, asked, "vectors", "texts")
    length = None
    for at, row in enumerate(rows):
        if not isinstance(row, Sequence) or isinstance(row, str | bytes):
            raise DecodeError(f"vector {at} of {asked} is a {type(row).__name__}, not a list of numbers")
        if not row:
            raise DecodeError(f"vector {at} of {asked} has no numbers in it")
        # All of it in C: an answer may hold millions of numbers. A sum that is finite has no part that is not.
        if not set(map(type, row)) <= _NUMBERS or not _finite(row):
            raise DecodeError(f"vector {at} of {asked} holds something that is not a finite number")
        length = length or len(row)
        if len(row) != length:
            raise DecodeError(f"the {asked} vectors are of different lengths: {length} and {len(row)} numbers")
    reply.object = rows


def _finite(row: Sequence[float]) -> bool:
    try:
        return isfinite(sum(row)) or all(map(isfinite, row))
    except OverflowError:  # a whole number that no float can hold
        return False


def _in_order(found: Any, asked: int, what: str, of: str) -> list[Any]:
    """The results in the order of the inputs, one for each."""
    if not isinstance(found or (), Sequence) or isinstance(found, str | bytes):
        raise DecodeError(f"a {type(found).__name__} came where a list of {what} should be")
    rows = list(found or ())
    _counted(len(rows), asked, what, of)
    if not rows or not isinstance(rows[0], Indexed):
        return rows
    places = [row.index for row in rows]
    _check_places(places, asked, what, of)
    return [row.value for row in sorted(rows, key=lambda row: row.index)]


def _check_places(places: list[Any], asked: int, what: str, of: str) -> None:
    seen: set[int] = set()
    for place in places:
        if type(place) is not int or not 0 <= place < asked:
            raise DecodeError(f"of {len(places)} {what} one has the index {place!r:.40}, but {asked} {of} were sent")
        if place in seen:
            raise DecodeError(f"of {len(places)} {what} for {asked} {of} two have the index {place}")
        seen.add(place)


def _check_ranking(reply: Reply, request: Request) -> None:
    asked = _asked(request.input["documents"]) if isinstance(request.input, Mapping) else 1
    rows = list(reply.object or ())
    if not rows:
        raise DecodeError(f"0 ranks came for {asked} documents")
    _check_places([row.index for row in rows], asked, "ranks", "documents")
    for row in rows:
        if not isfinite(row.score):
            raise DecodeError(f"the score of document {row.index} of {asked} is {row.score}, which is no finite number")
    most = _most(request, _MOST)
    if most is not None and len(rows) > most:
        raise DecodeError(f"{len(rows)} ranks came, but only the best {most} of {asked} documents were asked for")
    if len(rows) < (wanted := min(asked, most or asked)):
        _warn(reply, request, "ranking", f"only {len(rows)} of {wanted} ranks came; the other documents have none")


def _most(request: Request, names: Iterable[str]) -> int | None:
    """The least of the limits that the caller set, under whichever name."""
    given = (request.options, request.step_state.get(RAW_OPTIONS) or {})
    set_ = [place[name] for place in given for name in names if type(place.get(name)) is int and place[name] > 0]
    return min(set_, default=None)


def _check_verdicts(reply: Reply, request: Request) -> None:
    _counted(len(reply.object or ()), _asked(request.input), "verdicts", "texts")


def _check_images(reply: Reply, request: Request) -> None:
    came, wanted = len(reply.images), _most(request, ("n",))
    asked = wanted or 1
    if not came:
        raise DecodeError(f"0 pictures came; {asked} were asked for")
    if wanted is not None and came > wanted:
        _warn(reply, request, "n", f"{came} pictures came, but only {wanted} were asked for")
    if came < asked:
        _warn(reply, request, "n", f"only {came} of {asked} pictures came")


def _check_count(reply: Reply, request: Request) -> None:
    count = reply.usage.input_tokens
    if type(count) is not int or count < 0:
        raise DecodeError(f"the answer counts {count!r:.40} tokens in the prompt, which is no count")


def _warn(reply: Reply, request: Request, subject: str, why: str) -> None:
    reply.warnings = (*reply.warnings, CallWarning(subject, why, str(request.model)))


_CHECKS: Mapping[str, Callable[[Reply, Request], None]] = {
    "embed": _check_vectors,
    "rerank": _check_ranking,
    "moderate": _check_verdicts,
    "image": _check_images,
    "count_tokens": _check_count,
}
