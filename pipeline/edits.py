"""Recorded edits that a client applies to the pipeline of each call."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from inspect import isgeneratorfunction

from attrs import frozen

from ..schemas.errors import ConfigError
from .pipeline import Pipeline
from .step import Step

PipelineEdit = Callable[[Pipeline], Pipeline]


@frozen
class PipelineEdits:
    """Edits, by the same methods as a Pipeline's. Each returns new edits; `apply` makes them in their order."""

    changes: tuple[PipelineEdit, ...] = ()

    def append(self, *steps: Step) -> PipelineEdits:
        return self.then(lambda pipeline: pipeline.append(*steps))

    def prepend(self, *steps: Step) -> PipelineEdits:
        return self.then(lambda pipeline: pipeline.prepend(*steps))

    def before(self, name: str, *steps: Step) -> PipelineEdits:
        return self.then(lambda pipeline: pipeline.before(name, *steps))

    def after(self, name: str, *steps: Step) -> PipelineEdits:
        return self.then(lambda pipeline: pipeline.after(name, *steps))

    def replace(self, name: str, step: Step) -> PipelineEdits:
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
                name = getattr(change, "__name__", type(change).__name__)
                raise ConfigError(
                    f"{name} returned a {type(pipeline).__name__} instead of a Pipeline",
                    hint="a function in pipeline= takes a Pipeline and returns one",
                )
        return pipeline


NO_EDITS = PipelineEdits()


def edits_of(given: object) -> PipelineEdits:
    """Make edits of the `pipeline=` of a client: a step, a function from Pipeline to Pipeline (such as a Budget),
    PipelineEdits, or a list of these.

    The steps of a list are put outermost, in their order. Its functions and edits are applied after them, in theirs.
    Raises ConfigError for anything else.
    """
    if given is None:
        return NO_EDITS
    if isinstance(given, PipelineEdits):
        return given
    if isinstance(given, Step):
        return PipelineEdits().prepend(given)
    if isgeneratorfunction(given):
        raise ConfigError(
            f"{given.__name__} is a generator function, not a step", hint=f"pass around({given.__name__!r}, …)"
        )
    if callable(given):
        return PipelineEdits().then(given)
    if isinstance(given, Iterable) and not isinstance(given, str | bytes):
        parts = list(given)
        edits = PipelineEdits().prepend(*(part for part in parts if isinstance(part, Step)))
        for part in parts:
            if not isinstance(part, Step):
                edits = edits.then(edits_of(part).apply)
        return edits
    raise ConfigError(
        f"a client's pipeline cannot be a {type(given).__name__}",
        hint="pass steps, PipelineEdits, functions of a Pipeline, or a list of them",
    )
