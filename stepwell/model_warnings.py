"""Warnings of a plan: about a model that the catalog does not have, or has as deprecated, and about unused steps."""

from __future__ import annotations

from collections.abc import Iterable

from .model_metadata.catalog import Catalog
from .model_metadata.checks import why_unlisted
from .providers.declare.place import PROVIDER_STEPS, STREAM_STEPS
from .providers.declare.provider import Override
from .providers.declare.resolve import Resolved
from .providers.declare.wire import Wire
from .schemas.model import Model
from .schemas.reply import CallWarning


def warning_of(model: Model, catalog: Catalog) -> CallWarning | None:
    """Return the warning of a model; None for one that needs none."""
    return _of_deprecated(model) if model.known else _of_unknown(model, catalog)


def warning_of_wire(model: Model, wire: str, overrides: Iterable[Override]) -> CallWarning | None:
    """Return the warning of a call that goes by another wire than this, the usual one, if overrides name it."""
    if all(each.place.wire != wire for each in overrides):
        return None
    why = f"this call goes by another wire, for which the overrides of {wire} do not hold"
    return CallWarning("wire", f"{why}: give them wire='*', or pass wire={wire!r} with the call", str(model))


def warning_of_named_wire(model: Model, wire: Wire, overrides: Iterable[Override]) -> CallWarning | None:
    """Return the warning of a call by a wire that it named itself, if there are overrides that name none."""
    left = {step for each in overrides if each.place.wire is None for step in each.steps} - PROVIDER_STEPS
    if not wire.by_name_only or not left:
        return None
    why = f"the overrides of {', '.join(sorted(left))} were not written for {wire.name}, and do not hold"
    return CallWarning("wire", f"{why}: give them wire={wire.name!r}", str(model))


def warning_of_unused_steps(model: Model, wire: Wire, steps: Resolved) -> CallWarning | None:
    """Return a warning for a streamed call whose own steps read only whole answers; None if one of them reads
    streams."""
    given = {name for name, scope in steps.scopes.items() if scope != f"wire {wire.name}"}
    given.update(*(each.steps for each in steps.unmet))
    unused = given & _OF_WHOLE_ANSWERS
    if not unused or not given.isdisjoint(STREAM_STEPS):
        return None
    why = f"streams are read by decode_stream_event, so the {' and '.join(sorted(unused))} given in place of the wire's"
    return CallWarning("stream", f"{why} is not called: give both, or limit it by stream=False", str(model))


_OF_WHOLE_ANSWERS = frozenset(("decode_response", "extract_usage"))


def _of_deprecated(model: Model) -> CallWarning | None:
    """Warn of a deprecated model, with the day of its end and the model that its provider recommends, where known."""
    if model.status != "deprecated":
        return None
    day, successor = model.facts.get("retires"), model.facts.get("successor")
    why = f"{model.provider} has deprecated it" + (f", and retires it on {day}" if day else "")
    return CallWarning("model", why + (f"; it recommends {successor}" if successor else ""), str(model))


def _of_unknown(model: Model, catalog: Catalog) -> CallWarning | None:
    """Warn of an id that the catalog lacks: a typo, or a newer model. Without a catalog there is no warning."""
    listed = catalog.ids(model.provider)
    if not listed:
        return None
    return CallWarning("model", why_unlisted(model.id, model.provider, listed), str(model))
