"""Call other models when the first one fails."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from attrs import evolve

from ...schemas.attempt import attempts_of
from ...schemas.errors import (
    ConfigError,
    DecodeError,
    InvalidOption,
    InvalidRequest,
    ProviderError,
    ResponseTooLarge,
    StepwellError,
    TotalTimeout,
    TransportError,
)
from ...schemas.functions import checked_function
from ...schemas.model import Model, split_name
from ..around import around
from ..effects import CallNext, StepGenerator
from ..http.request import Request
from ..pipeline import other_pipeline
from ..step import Step

RECOVERABLE = (ProviderError, TransportError, DecodeError, ResponseTooLarge)
"""Errors after which another model may still answer."""
FINAL = (InvalidRequest, TotalTimeout)
"""Of those, errors of the request itself, or that leave no time for another call."""

When = Callable[[StepwellError], bool]
FallbackModel = str | Model | tuple[str | Model, Mapping[str, Any]] | list[Any]
Kinds = type[StepwellError] | tuple[type[StepwellError], ...]


def fallback(*models: FallbackModel, when: When | Kinds | None = None, name: str = "fallback") -> Step:
    """Make a step that calls these models, in order, when the model of the call fails:

        client = Client(pipeline=fallback("anthropic:claude-sonnet-5", ("local:smollm2", {"max_tokens": 500})))

    models: names of models, or pairs of a name and the options that differ for it.
    when: the errors of the call's own model that count: classes, or a function of the error (default: errors of the
        provider and the network, without InvalidRequest and TotalTimeout). Any error of another model counts.
    name: the name of the step.

    Each model is called with its own provider, key, address, wire and option rules, and with the steps inside this
    one. A key and an address of the call are passed on to models of the same provider only, its headers to none. The
    reply names the model that answered, and a warning on it names the one that failed, and why. Every call starts with
    its own model again; a `circuit_breaker` inside makes it skip a model that is down. A stream falls back only before
    its first chunk. If all models fail, the first error is raised, with the others as notes.

    It may be put anywhere: options go to the next model as the caller gave them. The outermost place is best: inside
    map_errors it sees no error statuses, and inside fit_history the conversation is already adapted to the first
    provider. Raises ConfigError if there are no models, UnknownModel for what does not name one. A client raises
    UnknownProvider, and InvalidOption for an option that the model does not take, before its own call is made.
    """
    entries = tuple(_entry(each) for each in models)
    if not entries:
        raise ConfigError("fallback() needs at least one model", hint='fallback("anthropic:claude-sonnet-5", ...)')
    may_help = _condition(when)

    def run(request: Request, call: CallNext) -> StepGenerator:
        try:
            return (yield from call(request))
        except StepwellError as error:
            first = error
        if request.request_for_model is None or not may_help(first):
            raise first
        reason = _summary(request.model, first)
        for model, options in entries:
            facts = {"from_model": request.model, "to_model": model, "error": type(first).__name__}
            request.world.report("fallback", **facts)
            try:
                pipeline, other = other_pipeline(request, model, options, inside=name)
                response = yield from pipeline.flow(other.warn("model", f"called in place of {reason}"))
            except StepwellError as error:
                first.add_note(f"then {_summary(model, error)}")
            else:
                # Its frames hold this one, and so the stream, which would not end when dropped.
                first.__traceback__ = None
                return response
        first.attempts = attempts_of(request.attempts or ())
        raise first

    return evolve(around(name, run), calls=entries)


def _entry(entry: FallbackModel) -> tuple[str | Model, Mapping[str, Any]]:
    model: Any = entry
    options: Any = {}
    if isinstance(entry, tuple | list) and len(entry) == 2:
        model, options = entry
    if not isinstance(model, Model):
        split_name(model)
    if not isinstance(options, Mapping):
        raise InvalidOption(
            f"the options of {model} cannot be a {type(options).__name__}",
            hint="fallback((model, {'max_tokens': 500}))",
        )
    return model, dict(options)


def _condition(when: When | Kinds | None) -> When:
    if when is None:
        return lambda error: isinstance(error, RECOVERABLE) and not isinstance(error, FINAL)
    if isinstance(when, type | tuple):
        kinds = when
        if not all(isinstance(kind, type) for kind in (kinds if isinstance(kinds, Iterable) else (kinds,))):
            raise ConfigError("when= must be classes of errors, or a function of an error")
        return lambda error: isinstance(error, kinds)
    return checked_function(when, "when= of fallback", 1)


def _summary(model: object, error: StepwellError) -> str:
    return f"{model}, which failed: {type(error).__name__}: {error.message}"
