"""Find the models that a call names: its own, and the others that its steps may call, before anything is sent."""

from __future__ import annotations

from collections.abc import Mapping

from .model_metadata.provider_ids import canonical
from .pipeline.http.request import Request
from .pipeline.pipeline import Pipeline
from .provider_options import is_keyed
from .providers.declare.registry import Registry
from .schemas.errors import NotSupported, UnknownModel
from .schemas.missing_argument import refuse_missing
from .schemas.model import Model
from .schemas.options import CALL_OPTIONS, check_options


def model_named(name: object, registry: Registry) -> Model:
    """Return the model of a name, without facts. Raises UnknownModel, with what may be meant, for any other form."""
    try:
        return Model.named(name)  # type: ignore[arg-type]  # which raises for anything but a string
    except UnknownModel as error:
        refuse_missing(name)
        from .model_metadata.similar_models import with_suggestion  # reads the whole catalog: only after a mistake

        raise with_suggestion(error, name, registry.knows) from None


def check_other_models(pipeline: Pipeline, operation: str, registry: Registry) -> None:
    """Check the models that the steps may call in place of the call's own, and the options for them.

    Raises UnknownProvider and InvalidOption.
    """
    for named, options in (call for step in pipeline if step.calls for call in step.calls):
        model = named if isinstance(named, Model) else model_named(named, registry)
        provider = registry.get_or_raise(model.provider)
        if options and operation in provider.operations:
            wire = provider.wire_for(operation, model, options.get("wire"))
            check_options(options, {**CALL_OPTIONS, **provider.option_table(wire)}, where=str(model))


def without_foreign_options(
    request: Request, first: Model, options: Mapping[str, object], registry: Registry
) -> Request:
    """Return the request to another model without the options that hold for the provider of the first one alone.

    options: those that were given for the other model, which stay.

    Raises NotSupported where the call goes on from an answer that the first provider keeps: the other one would be
    sent the last messages of a conversation that it does not know.
    """
    if canonical(request.model.provider) == canonical(first.provider):
        return request
    extra = request.options.get("provider_options") or {}
    keyed = is_keyed(extra, registry)
    given = {name for name, value in request.options.items() if value is not None}
    given = given.union(extra.get(first.provider, ()) if keyed else extra) - options.keys()
    for name in sorted(given & _conversation_ids(first, registry)):
        raise NotSupported(
            f"the conversation is kept at {first.provider}, and {name} says nothing to {request.model.provider}",
            hint=f"send the whole conversation, without {name}",
        )
    if extra and not keyed and "provider_options" not in options:
        why = f"those for {first.provider} were left out; key them by provider id to give each its own"
        request = request.warn("provider_options", why)
        return request.replace(options={**request.options, "provider_options": None})
    return request


def _conversation_ids(model: Model, registry: Registry) -> frozenset[str]:
    """Return the options of a model's provider that name a conversation which it keeps."""
    wires = registry.get_or_raise(model.provider).wires
    return frozenset(name for wire in wires for name in wire.conversation_id_options)
