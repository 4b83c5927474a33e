"""What the vendors' batch services have in common: ids in paths, and answers as lines of JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from ....pipeline.request import Request
from ....pipeline.steps.decode import Body
from ....schemas.batch import BatchLine, BatchState
from ....schemas.errors import DecodeError
from ....schemas.json_text import JSONDecodeError, loads
from ....schemas.model import Model
from ....schemas.reply import Reply
from ...dsl.wire import Wire
from ..paths import segments


def path_to(pattern: str) -> Callable[[Request], str]:
    """A path with the id that is the call's input put in the place of {id}, each of its segments encoded."""

    def path(request: Request) -> str:
        return pattern.format(id=segments(str(request.input)))

    return path


def state_wire(name: str, operation: str, path: str, method: str, decode: Callable[[Any], BatchState]) -> Wire:
    """Ask for the state of a batch, or have it changed."""
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
    """Read answers, one line of JSON each."""

    def read(body: Body, model: Model) -> Reply:
        return Reply(object=[decode(row) for row in rows_of(body.data)], finish_reason="stop")

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


def rows_of(data: bytes) -> Iterator[Any]:
    for line in data.split(b"\n"):
        if line.strip():
            try:
                yield loads(line)
            except JSONDecodeError:
                raise DecodeError("the results hold a line that is not JSON", payload=line[:2000]) from None
