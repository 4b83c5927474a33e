"""What the vendors' batch services have in common: ids in paths, and results as lines of JSON."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ....pipeline.http.request import Request
from ....pipeline.side_fields import Rules
from ....pipeline.steps.decode import Body
from ....pipeline.stream.decoder import SHAPE_ERRORS
from ....schemas.errors import DecodeError
from ....schemas.json_text import loads
from ....schemas.late_pattern import late_pattern
from ....schemas.model import Model
from ....schemas.reply import Reply
from ...declare.wire import Wire
from ..paths import segments

if TYPE_CHECKING:
    from ....schemas.batch import BatchLine, BatchState

_ID = late_pattern(rb'"custom_id"\s*:\s*"([A-Za-z0-9_-]+)"')


def path_to(pattern: str) -> Callable[[Request], str]:
    """Make a path that has the call's input, an id, in the place of {id}, each of its segments encoded."""
    return lambda request: pattern.format(id=segments(str(request.input)))


def state_decoder(decode: Callable[[Any], BatchState]) -> Callable[[Any, Model], Reply]:
    """Make a `decode_response` of a function that reads the state of a batch from the answer's JSON."""

    def read(data: object, model: Model) -> Reply:
        state = decode(data)
        if type(state.id) is not str or type(state.status) is not str:
            raise TypeError("a batch has an id and a status")
        return Reply(object=state, finish_reason="stop")

    return read


def state_wire(
    name: str, operation: str, path: str, method: str, decode: Callable[[Any], BatchState], side_fields: Rules
) -> Wire:
    """Make a wire that reads or changes the state of a batch.

    name: the wire's name
    operation: `get_batch` or `cancel_batch`
    path: the path, with {id} for the batch's id
    method: the HTTP method
    decode: reads the state from the answer's JSON
    side_fields: the rules of what a state can do without
    """
    return Wire(
        name=name,
        operation=operation,
        path=path_to(path),
        method=method,
        build_body=lambda request: {},
        encode_body=lambda body: b"",
        decode_response=state_decoder(decode),
        side_fields=side_fields,
    )


def results_wire(name: str, path: str, decode: Callable[[Any], BatchLine]) -> Wire:
    """Make a wire that reads the results of a batch, one line of JSON each.

    A malformed line fails only its own request, unless no line can be read: then decoding raises DecodeError.

    name: the wire's name
    path: the path, with {id} for the id of the results
    decode: reads one line's JSON
    """

    def read(body: Body, model: Model) -> Reply:
        lines = [line for line in body.data.splitlines() if line.strip()]
        return results_reply([_line(line, decode) for line in lines], lines[0] if lines else b"")

    return Wire(
        name=name,
        operation="batch_results",
        path=path_to(path),
        method="GET",
        binary=True,
        build_body=lambda request: {},
        encode_body=lambda body: b"",
        decode_response=read,
    )


def results_reply(lines: Sequence[BatchLine | None], payload: bytes) -> Reply:
    """Make the reply of the lines that can be read. Raises DecodeError if there are some and none can be.

    payload: what came
    """
    if lines and not any(lines):
        raise DecodeError("no line of the batch's results can be read", hint="see .payload", payload=payload)
    return Reply(object=[line for line in lines if line is not None], finish_reason="stop")


def read_line(row: object, decode: Callable[[Any], BatchLine], id: str | None) -> BatchLine | None:
    """Decode one line; one that is malformed is the error of its own request.

    row: its JSON
    decode: reads it
    id: the id of its request, for a line that cannot be read; None where it does not even name that
    """
    from ....schemas.batch import BatchLine  # only where a batch is read

    try:
        line = decode(row)
        if type(line.id) in (str, int) and type(line.status) is int:
            return line
    except SHAPE_ERRORS:
        pass
    return BatchLine(id, why="its line in the batch's results is malformed") if id else None


def _line(data: bytes, decode: Callable[[Any], BatchLine]) -> BatchLine | None:
    found = _ID.search(data)
    return read_line(data, lambda text: decode(loads(text)), found[1].decode() if found else None)
