"""Check the other models that the steps of a pipeline may call, so that a mistake is found before a failure."""

from __future__ import annotations

from .pipeline.pipeline import Pipeline
from .providers.declare.registry import Registry
from .schemas.model import Model
from .schemas.options import CALL_OPTIONS, check_options


def check_other_models(pipeline: Pipeline, operation: str, registry: Registry) -> None:
    """Check the models that the steps may call in place of the call's own, and the options for them.

    Raises UnknownProvider and InvalidOption.
    """
    for named, options in (call for step in pipeline if step.calls for call in step.calls):
        model = named if isinstance(named, Model) else Model.named(named)
        provider = registry.get_or_raise(model.provider)
        if options and operation in provider.operations:
            wire = provider.wire_for(operation, model, options.get("wire"))
            check_options(options, {**CALL_OPTIONS, **provider.option_table(wire)}, where=str(model))
