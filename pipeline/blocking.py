"""Functions that take time within a call, such as the fetch of a login: they may take what the call has left."""

from __future__ import annotations

from .effects import Flow, Run
from .http.request import Request
from .http.timeouts import LEAST, total_timeout


def in_call_time(request: Request, run: Run) -> Flow:
    """Return the result of a function that blocks or waits. Raises TotalTimeout if the call's total timeout passes."""
    left, total = request.seconds_left(), request.timeouts.total
    if left is not None:
        run.seconds = max(left, LEAST)
    try:
        return (yield run)
    except TimeoutError:
        left = request.seconds_left()
        if total is None or left is None or left > LEAST:
            raise  # a TimeoutError of the function itself
    raise total_timeout(total)
