"""Find the models that a call names: its own, and the others that its steps may call, before anything is sent."""

from __future__ import annotations

from .pipeline.pipeline import Pipeline
from .providers.declare.registry import Registry
from .schemas.errors import UnknownModel
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
