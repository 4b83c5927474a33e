"""Ask several models in order until one answers: what fallback, round_robin and alloy share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ...schemas.attempt import attempts_of
from ...schemas.errors import (
    OF_WHAT_WAS_SENT,
    ConfigError,
    InvalidOption,
    InvalidRequest,
    StepError,
    StepwellError,
    TotalTimeout,
)
from ...schemas.functions import checked_function
from ...schemas.model import Model, split_name
from ..effects import CallNext, StepGenerator
from ..http.request import ModelPipeline, Request, StateKey

FINAL = (InvalidRequest, TotalTimeout)
"""Errors of the request itself, or that leave no time for another call. After the others of OF_WHAT_WAS_SENT, another
model may still answer."""

When = Callable[[StepwellError], bool]
Kinds = type[StepwellError] | tuple[type[StepwellError], ...]
GivenModel = str | Model | tuple[str | Model, Mapping[str, Any]] | list[Any]
"""A model, or a pair of one and the options that differ for it."""
ModelEntry = tuple[str | Model, Mapping[str, Any]]
OtherPipeline = Callable[..., tuple[ModelPipeline, Request]]
SHARED_WINDOW: StateKey[Callable[[], int | None] | None] = StateKey("shared_window", None, travels=True)
"""A function that returns the smallest context window, in tokens, of the models that share a conversation; None if one
is not known."""
OWN = None
"""Stands for the call's own model in an order of models."""


def entries_of(models: Iterable[GivenModel], step: str) -> tuple[ModelEntry, ...]:
    """Return the models that were given to a step, each with its options.

    Raises ConfigError without models, UnknownModel for what does not name one, InvalidOption for options that are not a
    mapping.
    """
    entries = tuple(_entry(each, step) for each in models)
    if not entries:
        raise ConfigError(f"{step}() needs at least one model", hint=f'{step}("anthropic:claude-sonnet-5", ...)')
    return entries


def _entry(given: GivenModel, step: str) -> ModelEntry:
    model: Any = given
    options: Any = {}
    if isinstance(given, list):
        raise InvalidOption(f"{step}() takes each model as an argument of its own", hint=f"{step}(*models)")
    if isinstance(given, tuple) and len(given) == 2:
        model, options = given
    if not isinstance(model, Model):
        split_name(model)
    if not isinstance(options, Mapping):
        raise InvalidOption(
            f"the options of {model} cannot be a {type(options).__name__}",
            hint=f"{step}('model', 'model'), and {step}(('model', {{'max_tokens': 500}})) for one with options",
        )
    return model, dict(options)


def condition(when: When | Kinds | None, step: str) -> When:
    """Return a function that decides whether another model is asked after an error.

    Raises ConfigError for what is neither classes of errors nor a function of an error.
    """
    if when is None:
        return lambda error: isinstance(error, OF_WHAT_WAS_SENT) and not isinstance(error, FINAL)
    if isinstance(when, type | tuple):
        kinds = when
        if not all(isinstance(kind, type) for kind in (kinds if isinstance(kinds, Iterable) else (kinds,))):
            raise ConfigError(
                f"when= of {step} must be classes of errors",
                hint="pass a class, a tuple of classes, or a function of an error",
            )
        return lambda error: isinstance(error, kinds)
    hint = "pass classes of errors, (RateLimitError, ServerError), or a function of an error"
    return checked_function(when, f"when= of {step}", 1, hint=hint)


def ask_in_order(
    request: Request,
    call: CallNext,
    order: Iterable[ModelEntry | None],
    may_help: When,
    name: str,
    other_pipeline: OtherPipeline,
) -> StepGenerator:
    """Ask the models in order until one answers. If all fail, raise the first error, with the others as notes.

    For vectors, only the same model is asked, at any provider: those of another cannot be compared with what is stored.

    order: the models; OWN for the call's own, by the steps inside.
    may_help: whether the others are asked after the first error.
    name: the name of the step that asks.
    other_pipeline: the function in pipeline.py. It is passed so that importing this module does not import that one.

    Raises StepError for an order without models.
    """
    first: StepwellError | None = None
    failed: object = None
    for entry in order:
        named: object = request.model if entry is None else entry[0]
        if first is not None:
            facts = {"from_model": failed, "to_model": named, "error": type(first).__name__}
            request.world.report("fallback", **facts)
        try:
            if first is None and entry is None:
                response = yield from call(request)
            else:
                pipeline, other = (None, request) if entry is None else other_pipeline(request, *entry, inside=name)
                if request.operation == "embed" and _name(other.model) != _name(request.model):
                    why = f"{named} was not called: vectors of different models cannot be compared"
                    if first is None:
                        request = request.warn("model", why)
                    else:
                        first.add_note(why)
                    continue
                if first is not None:
                    other = other.warn("model", f"called in place of {_summary(failed, first)}")
                response = yield from (call(other) if pipeline is None else pipeline.flow(other))
        except StepwellError as error:
            if first is not None:
                first.add_note(f"then {_summary(named, error)}")
                continue
            if request.request_for_model is None or not may_help(error):
                raise
            first, failed = error, named
        else:
            if first is not None:
                # Its frames hold this one, and so the stream, which would not end when dropped.
                first.__traceback__ = None
            return response
    if first is None:
        raise StepError(f"{name} asked no model")
    first.attempts = attempts_of(request.attempts or ())
    raise first


def _name(model: Model) -> str:
    """Return what a model is called at every provider."""
    return str(model.facts.get("listed_as", model.id)).rpartition("/")[2].lower()


def _summary(model: object, error: StepwellError) -> str:
    return f"{model}, which failed: {type(error).__name__}: {error.message}"
