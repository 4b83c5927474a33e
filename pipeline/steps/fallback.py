"""Call other models when the first one fails."""

from __future__ import annotations

from attrs import evolve

from ...schemas.missing_argument import saying_how_it_is_made
from ..around import around
from ..effects import CallNext, StepGenerator
from ..http.request import Request
from ..pipeline import other_pipeline
from ..step import Step
from .model_order import OWN, GivenModel, Kinds, When, ask_in_order, condition, entries_of


@saying_how_it_is_made
def fallback(*models: GivenModel, when: When | Kinds | None = None, name: str = "fallback") -> Step:
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
    its first chunk, and `embed` only to the same model at another provider: vectors of others cannot be compared. If
    all models fail, the first error is raised, with the others as notes.

    It may be put anywhere: options go to the next model as the caller gave them. The outermost place is best: inside
    map_errors it sees no error statuses, and inside fit_history the conversation is already adapted to the first
    provider. Raises ConfigError if there are no models, UnknownModel for what does not name one. A client raises
    UnknownProvider, and InvalidOption for an option that the model does not take, before its own call is made.
    """
    entries = entries_of(models, "fallback")
    may_help = condition(when, "fallback")

    def run(request: Request, call: CallNext) -> StepGenerator:
        return ask_in_order(request, call, (OWN, *entries), may_help, name, other_pipeline)

    return evolve(around(name, run), calls=entries)
