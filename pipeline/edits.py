"""Recorded edits that a client applies to the pipeline of each call."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from inspect import isgeneratorfunction

from attrs import frozen

from ..schemas.errors import ConfigError
from ..schemas.foreign_names import Hinted
from ..schemas.functions import checked_function, parameters_of
from .pipeline import Pipeline
from .step import Step, check_steps

PipelineEdit = Callable[[Pipeline], Pipeline]


@frozen(eq=False)
class PipelineEdits(Hinted, hints="pipeline"):
    """Edits, by the same methods as a Pipeline's. Each returns new edits; `apply` makes them in their order."""

    changes: tuple[PipelineEdit, ...] = ()

    def append(self, *steps: Step) -> PipelineEdits:
        check_steps(steps)
        return self.then(lambda pipeline: pipeline.append(*steps))

    def prepend(self, *steps: Step) -> PipelineEdits:
        check_steps(steps)
        return self.then(lambda pipeline: pipeline.prepend(*steps))

    def before(self, name: str, *steps: Step) -> PipelineEdits:
        check_steps(steps)
        return self.then(lambda pipeline: pipeline.before(name, *steps))

    def after(self, name: str, *steps: Step) -> PipelineEdits:
        check_steps(steps)
        return self.then(lambda pipeline: pipeline.after(name, *steps))

    def replace(self, name: str, step: Step) -> PipelineEdits:
        check_steps((step,))
        return self.then(lambda pipeline: pipeline.replace(name, step))

    def without(self, *names: str) -> PipelineEdits:
        return self.then(lambda pipeline: pipeline.without(*names))

    def then(self, change: PipelineEdit) -> PipelineEdits:
        """Add any other edit: a function from Pipeline to Pipeline."""
        return PipelineEdits((*self.changes, change))

    def apply(self, pipeline: Pipeline) -> Pipeline:
        for change in self.changes:
            pipeline = change(pipeline)
            if not isinstance(pipeline, Pipeline):
                raise ConfigError(
                    f"{name_of(change)} returned a {type(pipeline).__name__} instead of a Pipeline",
                    hint=f"call it, pipeline={name_of(change)}(...): what it returns is the step"
                    if isinstance(pipeline, Step)
                    else "a function in pipeline= takes a Pipeline and returns one",
                )
        return pipeline


def name_of(function: object) -> str:
    """Return the name of a function, else that of its class."""
    return getattr(function, "__name__", type(function).__name__)


_MADE = ("Step", "LimitStep", "PipelineEdits", "Cache")
"""What functions that make a step are annotated to return."""
_FORMS = {
    ("request",): "on_request",
    ("response",): "on_response",
    ("chunk",): "on_chunk",
    ("request", "error"): "on_error",
    ("request", "call"): "around",
}
"""What makes a step of a function with these parameters: as a function of a Pipeline, it might do nothing."""
NO_EDITS = PipelineEdits()


def edits_of(pipeline: object) -> PipelineEdits:
    """Make edits of the `pipeline=` of a client: a step, a function from Pipeline to Pipeline (such as a Budget),
    PipelineEdits, or a list of these.

    The steps of a list are added outermost, in order; then its functions and edits are applied, in order.
    Raises ConfigError for anything else.
    """
    if pipeline is None:
        return NO_EDITS
    if isinstance(pipeline, PipelineEdits):
        return pipeline
    if isinstance(pipeline, Step):
        return PipelineEdits().prepend(pipeline)
    if isgeneratorfunction(pipeline):
        raise ConfigError(
            f"{name_of(pipeline)} is a generator function, not a step", hint=f"pass around({name_of(pipeline)})"
        )
    if isinstance(pipeline, type):
        raise ConfigError(
            f"a client's pipeline cannot be the class {pipeline.__name__}",
            hint=f"make an object of it: {pipeline.__name__}(...)",
        )
    if callable(pipeline):
        name, made = name_of(pipeline), getattr(pipeline, "__annotations__", {}).get("return")
        if str(getattr(made, "__name__", made)).partition("[")[0] in _MADE:
            raise ConfigError(f"{name} makes a step, and is none itself", hint=f"call it: pipeline={name}(...)")
        if (form := _FORMS.get(parameters_of(pipeline))) is not None:
            raise ConfigError(f"{name} is a function for a step, and no step yet", hint=f"pass {form}({name})")
        hint = "pass a function of a Pipeline"
        return PipelineEdits().then(checked_function(pipeline, f"{name} in pipeline=", 1, hint=hint))
    if isinstance(pipeline, Iterable) and not isinstance(pipeline, str | bytes):
        parts = list(pipeline)
        if len(parts) == 2 and isinstance(parts[0], str) and callable(parts[1]):
            what = f"a pair of the name {parts[0]!r:.40} and a function is no step"
            raise ConfigError(what, hint="pass around(name, function), or on_request(name, function) and the like")
        edits = PipelineEdits().prepend(*(part for part in parts if isinstance(part, Step)))
        for part in parts:
            if not isinstance(part, Step):
                edits = edits.then(edits_of(part).apply)
        return edits
    hint = "pass steps, PipelineEdits, functions of a Pipeline, or a list of them"
    if isinstance(pipeline, str):
        hint += ": pipeline=lambda usual: usual.without('retry')"
    raise ConfigError(f"a client's pipeline cannot be a {type(pipeline).__name__}", hint=hint)
