"""When a model fails, others are asked in its place."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ...schemas.errors import (
    ConfigError,
    DecodeError,
    InvalidRequest,
    ProviderError,
    ResponseTooLarge,
    StepwellError,
    TotalTimeout,
    TransportError,
)
from ..effects import CallNext, StepGenerator
from ..http.request import Request
from ..step import Step, around

MENDABLE = (ProviderError, TransportError, DecodeError, ResponseTooLarge)
"""What another model may answer all the same."""
HOPELESS = (InvalidRequest, TotalTimeout)
"""What is the request's own fault, or leaves no time for another."""

When = Callable[[StepwellError], bool]
Kinds = type[StepwellError] | tuple[type[StepwellError], ...]


def fallback(*models: Any, when: When | Kinds | None = None, name: str = "fallback") -> Step:
    """Ask these models, in order, when the call's own fails:

        client = Client(pipeline=fallback("anthropic:claude-sonnet-5", ("local:smollm2", {"max_tokens": 500})))

    Each is asked as the call would have asked it: with its own provider, key, address, wire and option rules, and the
    steps further in than this one; a pair gives options that differ for that model. A key and an address of the call
    itself go along to models of the same provider alone; its headers are left behind. The reply names who answered, and
    a warning on it who failed, and why. Every call starts at its own model again; with `circuit_breaker` further in,
    one that is down is passed over at once.

    A stream falls back until its first chunk is there, and not after. `when` says for which errors of the call's own
    model: classes, or a function of the error (default: what the provider or the way to it did wrong, and neither
    InvalidRequest nor a total timeout). The others are passed over for any error, a missing key included. If all of
    them fail, the first error is raised, with what the others said as notes on it.

    It may stand anywhere: what was given for one provider, and what its steps made of the options, stays behind. Best
    outermost, among your own steps: inside map_errors it sees no error statuses, inside fit_history a conversation
    already made to fit the first provider. Raises ConfigError, when called, for no models.
    """
    entries = tuple(_entry(each) for each in models)
    if not entries:
        raise ConfigError("a fallback without models", hint='fallback("anthropic:claude-sonnet-5", ...)')
    may_help = _condition(when)

    def run(request: Request, call: CallNext) -> StepGenerator:
        try:
            return (yield from call(request))
        except StepwellError as error:
            first = error
        if request.request_for_model is None or not may_help(first):
            raise first
        blame = _summary(request.model, first)
        for model, options in entries:
            try:
                pipeline, asked = request.request_for_model(request, model, options)
                # What stands outside this step has begun already, and sees the end of the whole.
                pipeline = pipeline.inside(name) if name in pipeline else pipeline
                return (yield from pipeline.flow(asked.warn("model", f"asked in place of {blame}")))
            except StepwellError as error:
                first.add_note(f"then {_summary(model, error)}")
        raise first

    return around(name, run)


def _entry(given: Any) -> tuple[Any, Mapping[str, Any]]:
    if isinstance(given, tuple | list):
        model, options = given
        return model, dict(options)
    return given, {}


def _condition(when: When | Kinds | None) -> When:
    if when is None:
        return lambda error: isinstance(error, MENDABLE) and not isinstance(error, HOPELESS)
    if isinstance(when, type | tuple):
        kinds = when
        if not all(isinstance(kind, type) for kind in (kinds if isinstance(kinds, Iterable) else (kinds,))):
            raise ConfigError("when= must be classes of errors, or a function of an error")
        return lambda error: isinstance(error, kinds)
    return when


def _summary(model: Any, error: StepwellError) -> str:
    return f"{model}, which failed: {type(error).__name__}: {error.message}"
