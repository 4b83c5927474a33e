"""An immutable list of named steps."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from attrs import evolve

from ..schemas.errors import ConfigError, StepError, UnknownStep
from ..schemas.foreign_names import Hinted
from ..schemas.model import Model
from ..schemas.nearest import nearest
from ..schemas.parts import check_texts
from ..schemas.reply import Reply
from .effects import StepGenerator, checked_flow, closed
from .http.request import Request
from .http.response import DROPPED, Response, end_dropped
from .inner_calls import noting_calls
from .step import Halt, Step, check_steps, halt_with, stages_of
from .stream.chunk_reader import ChunkReader, collected


class Pipeline(Hinted, hints="pipeline"):
    """An immutable list of steps, outermost first, with unique names. Each editing method returns a new pipeline.

    Raises ConfigError for a name that two steps have, and UnknownStep for a name that no step has.
    """

    __slots__ = ("_call", "_has_steps_of_users", "steps")

    def __init__(self, steps: Iterable[Step] = ()) -> None:
        self.steps = tuple(steps)
        check_steps(self.steps)
        names = [step.name for step in self.steps]
        for name in names:
            if names.count(name) > 1:
                hint = f"to replace one, pipeline=lambda usual: usual.replace({name!r}, step); else pass another name="
                raise ConfigError(f"two steps are named {name!r}", hint=hint)
        self._call = stages_of(self.steps)[0]
        self._has_steps_of_users = not all(step.of_provider for step in self.steps)

    def append(self, *steps: Step) -> Pipeline:
        """Add steps inside all others."""
        return Pipeline((*self.steps, *steps))

    def prepend(self, *steps: Step) -> Pipeline:
        """Add steps outside all others."""
        return Pipeline((*steps, *self.steps))

    def before(self, name: str, *steps: Step) -> Pipeline:
        """Add steps directly outside the named one."""
        at = self._find(name)
        return Pipeline((*self.steps[:at], *steps, *self.steps[at:]))

    def after(self, name: str, *steps: Step) -> Pipeline:
        """Add steps directly inside the named one."""
        at = self._find(name) + 1
        return Pipeline((*self.steps[:at], *steps, *self.steps[at:]))

    def replace(self, name: str, step: Step) -> Pipeline:
        """Put another step in the place of the named one."""
        check_steps((step,))
        at = self._find(name)
        if self.steps[at].of_provider and not step.of_provider:
            step = evolve(step, of_provider=True)
        return Pipeline((*self.steps[:at], step, *self.steps[at + 1 :]))

    def without(self, *names: str) -> Pipeline:
        for name in names:
            self._find(name)
        return Pipeline(step for step in self.steps if step.name not in names)

    def inside(self, name: str) -> Pipeline:
        """Keep the steps that a call still needs which the named step of another pipeline makes.

        These are all the steps inside the named one, and those of the provider outside it, which make its request. The
        others outside it run already, in the pipeline that the call comes from.
        """
        at = self._find(name)
        return Pipeline((*(step for step in self.steps[:at] if step.of_provider), *self.steps[at + 1 :]))

    def with_steps_of(self, other: Pipeline) -> Pipeline:
        """Put the steps that users gave another pipeline in the place of one's own, each where it is there: behind the
        same step of a provider, or outside all."""
        own, behind, last = self.names(), dict[str, list[Step]](), ""
        for step in other.steps:
            if not step.of_provider:
                behind.setdefault(last, []).append(step)
            elif step.name in own:
                last = step.name
        steps = behind.pop("", [])
        for step in self.steps:
            if step.of_provider:
                steps += [step, *behind.pop(step.name, ())]
        return Pipeline(steps)

    def over(self, transport: str) -> Pipeline:
        """Name the transport that sends, for `describe()`; a pipeline that uses none is returned unchanged."""
        if not self.steps or self.steps[-1].kind != "network":
            return self
        return Pipeline((*self.steps[:-1], evolve(self.steps[-1], details=(*self.steps[-1].details, transport))))

    def __contains__(self, name: object) -> bool:
        return any(step.name == name for step in self.steps)

    def __iter__(self) -> Iterator[Step]:
        return iter(self.steps)

    def __len__(self) -> int:
        return len(self.steps)

    def __repr__(self) -> str:
        return f"Pipeline({', '.join(step.name for step in self.steps)})"

    def names(self) -> tuple[str, ...]:
        return tuple(step.name for step in self.steps)

    def describe(self) -> str:
        """List the steps, outermost first, one a line and indented by depth: name, kind, place in the code and its
        source level, with its parts below."""
        lines = []
        width = max((len(step.name) + depth for depth, step in enumerate(self.steps)), default=0)
        for depth, step in enumerate(self.steps):
            label = " " * depth + step.name
            origin = f"  ({step.origin})" if step.origin else ""
            lines.append(f"{label:<{width}}  {step.kind:<8}  {_short(step.source)}{origin}".rstrip())
            lines += [f"{'':<{width}}  {'':<8}  - {_short(detail)}" for detail in step.details]
        return "\n".join(lines)

    def flow(self, request: Request) -> StepGenerator:
        """Return the call as a generator of effects; it does nothing until a driver runs it."""
        if DROPPED:  # streams dropped unread since the last call
            end_dropped(wait=False)
        try:
            flow = self._call(request)
            return (yield from (noting_calls(flow, request) if self._has_steps_of_users else flow))
        except Halt as halt:
            outcome = halt.outcome
        except Exception as error:
            for held in _held_by(error):
                yield from closed(held)
            if isinstance(error, AttributeError | TypeError):  # the prompt's fault if a part of it is not made of text
                check_texts(part for message in request.context.messages for part in message.content)
            raise
        if isinstance(outcome, Reply):
            return halt_with(request, outcome)
        if isinstance(outcome, Response):
            if (own := outcome.flow) is None:
                return outcome
            outcome.flow = noting_calls(checked_flow(own, "Response(flow=...)"), request)
            return outcome if request.stream else (yield from collected(outcome))
        raise outcome

    def _find(self, name: str) -> int:
        for at, step in enumerate(self.steps):
            if step.name == name:
                return at
        raise UnknownStep(f"no step named {name!r} in this pipeline", hint=nearest(name, self.names()))


def _held_by(error: Exception) -> list[Response | ChunkReader]:
    """Return the unread answers that steps had when they failed: the error, if it is kept, would keep them open."""
    found, trace = list[Response | ChunkReader](), error.__traceback__
    while trace is not None:
        found += [each for each in trace.tb_frame.f_locals.values() if isinstance(each, Response | ChunkReader)]
        trace = trace.tb_next
    return [each for each in found if isinstance(each, ChunkReader) or each.reply is None]


def other_pipeline(
    request: Request, model: str | Model | None, options: Mapping[str, Any], *, inside: str
) -> tuple[Pipeline, Request]:
    """Make the pipeline and the request of the same call to another model, for a step that asks it in place of its own.

    request: a request that a client made, so that it has `request_for_model`.
    model: the other model, by name or as a Model.
    options: the options to change for it.
    inside: the name of the step that asks. Where the pipeline has that step, only the steps inside it are kept, and
        those that the other provider needs; the steps outside it run already.

    Raises ConfigError for a request that no client made.
    """
    if request.request_for_model is None:
        raise ConfigError("only a call that a client made can go to another model", hint="use Client or AsyncClient")
    pipeline, other = request.request_for_model(request, model, options)
    if not isinstance(pipeline, Pipeline):
        raise StepError(f"request_for_model returned {type(pipeline).__name__} instead of a Pipeline")
    return (pipeline.inside(inside) if inside in pipeline else pipeline), other


def with_attempts(pipeline: Pipeline, per_call: Step, per_attempt: Step) -> Pipeline:
    """Add a step around each call, where its body is known, and one around each attempt to send it.

    A pipeline that has the former is returned as it is.
    """
    if per_call in pipeline.steps:
        return pipeline
    pipeline = pipeline.after("encode_body", per_call) if "encode_body" in pipeline else pipeline.prepend(per_call)
    if "retry" in pipeline:
        return pipeline.after("retry", per_attempt)
    return pipeline.before("send", per_attempt) if "send" in pipeline else pipeline.append(per_attempt)


def _short(text: str) -> str:
    """Shorten paths in this package to start at its folder, and leave out the memory addresses of objects."""
    return re.sub(r" at 0x[0-9a-fA-F]+", "", text.replace(_ROOT, ""))


# The path that the compiler wrote into each function; the module may be loaded from another place.
_ROOT = f"{os.path.dirname(os.path.dirname(_short.__code__.co_filename))}{os.sep}"
