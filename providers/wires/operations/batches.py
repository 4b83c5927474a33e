"""What the vendors' batch services have in common: ids in paths, and results as lines of JSON."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from ....pipeline.http.request import Request
from ....pipeline.steps.decode import Body
from ....pipeline.stream.decoder import SHAPE_ERRORS
from ....schemas.batch import BatchLine, BatchState
from ....schemas.errors import DecodeError
from ....schemas.json_text import loads
from ....schemas.model import Model
from ....schemas.reply import Reply
from ...declare.wire import Wire
from ..paths import segments

_ID = re.compile(rb'"custom_id"\s*:\s*"([A-Za-z0-9_-]+)"')


def path_to(pattern: str) -> Callable[[Request], str]:
    """Make a path that has the call's input, an id, in the place of {id}, each of its segments encoded."""

    def path(request: Request) -> str:
        return pattern.format(id=segments(str(request.input)))

    return path


def state_wire(name: str, operation: str, path: str, method: str, decode: Callable[[Any], BatchState]) -> Wire:
    """Make a wire that reads or changes the state of a batch.

    name: the wire's name
    operation: `get_batch` or `cancel_batch`
    path: the path, with {id} for the batch's id
    method: the HTTP method
    decode: reads the state from the answer's JSON
    """
    return Wire(
        name=name,
        operation=operation,
        path=path_to(path),
        method=method,
        build_body=lambda request: {},
        encode_body=lambda body: b"",
        decode_response=lambda data, model: Reply(object=decode(data), finish_reason="stop"),
    )


def results_wire(name: str, path: str, decode: Callable[[Any], BatchLine]) -> Wire:
    """Make a wire that reads the results of a batch, one line of JSON each.

    A malformed line fails only its own request, unless no line can be read: then decoding raises DecodeError.

    name: the wire's name
    path: the path, with {id} for the id of the results
    decode: reads one line's JSON
    """

    def read(body: Body, model: Model) -> Reply:
        lines = [line for line in body.data.split(b"\n") if line.strip()]
        results = [_line(line, decode) for line in lines]
        if lines and not any(results):
            raise DecodeError(
                "no line of the batch's results can be read", hint="see .payload", payload=lines[0][:2000]
            )
        return Reply(object=[result for result in results if result is not None], finish_reason="stop")

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


def _line(data: bytes, decode: Callable[[Any], BatchLine]) -> BatchLine | None:
    """Decode one line; None when it does not even name its request."""
    try:
        return decode(loads(data))
    except SHAPE_ERRORS:
        found = _ID.search(data)
        return BatchLine(found[1].decode(), why="its line in the batch's results is malformed") if found else None
