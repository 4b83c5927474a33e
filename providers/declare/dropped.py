"""Report the options of a call that are not sent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ...pipeline.http.request import Request
from ...schemas.errors import InvalidOption
from ...schemas.model import Model
from ...schemas.reply import CallWarning


def report_dropped(losses: Sequence[tuple[str, str]], model: Model, on_unsupported: str) -> tuple[CallWarning, ...]:
    """Return a warning for each option that is dropped.

    losses: names of options, each with the reason.
    model: the model of the call.
    on_unsupported: "warn"; "error" raises InvalidOption instead, "ignore" returns nothing.
    """
    if not losses or on_unsupported == "ignore":
        return ()
    if on_unsupported == "error":
        reasons = "; ".join(f"{name!r}: {why}" for name, why in losses)
        raise InvalidOption(
            f"{model} does not take these options: {reasons}", hint="leave them out, or pass on_unsupported='warn'"
        )
    return tuple(CallWarning(name, why, str(model)) for name, why in losses)


def warn_of_dropped(request: Request, losses: Sequence[tuple[str, str]], **changes: Any) -> Request:
    """Return the request with warnings of dropped options and other changes. Raises as `report_dropped` does."""
    dropped = report_dropped(losses, request.model, request.on_unsupported)
    return request.replace(warnings=request.warnings + dropped, **changes)


def drop_options(request: Request, names: Iterable[str], why: str) -> Request:
    """Return the request without those of the named options that it has. Warns or raises as `report_dropped` does."""
    losses = [(name, why) for name in names if name in request.options]
    options = {name: value for name, value in request.options.items() if (name, why) not in losses}
    return warn_of_dropped(request, losses, options=options)
