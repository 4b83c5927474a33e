"""An immutable list of named steps."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from attrs import evolve

from ..schemas.errors import ConfigError, UnknownStep
from ..schemas.nearest import nearest
from ..schemas.reply import Reply
from .effects import StepGenerator
from .http.request import Request
from .http.response import Response
from .step import Halt, Step, halt_with, stages_of


class Pipeline:
    """Steps, outermost first; each name once. Every change gives a new pipeline and leaves this one as it is.

    Raises ConfigError for a name used twice and UnknownStep for one that is not there.
    """

    __slots__ = ("_call", "steps")

    def __init__(self, steps: Iterable[Step] = ()) -> None:
        self.steps = tuple(steps)
        names = [step.name for step in self.steps]
        for name in names:
            if names.count(name) > 1:
                raise ConfigError(f"two steps are named {name!r}", hint="give each step a name of its own")
        self._call = stages_of(self.steps)[0]

    def append(self, *steps: Step) -> Pipeline:
        """Further in than all others."""
        return Pipeline((*self.steps, *steps))

    def prepend(self, *steps: Step) -> Pipeline:
        """Further out than all others."""
        return Pipeline((*steps, *self.steps))

    def before(self, name: str, *steps: Step) -> Pipeline:
        """Just outside the named step."""
        at = self._find(name)
        return Pipeline((*self.steps[:at], *steps, *self.steps[at:]))

    def after(self, name: str, *steps: Step) -> Pipeline:
        """Just inside the named step."""
        at = self._find(name) + 1
        return Pipeline((*self.steps[:at], *steps, *self.steps[at:]))

    def replace(self, name: str, step: Step) -> Pipeline:
        """Another step in the place of the named one."""
        at = self._find(name)
        if self.steps[at].of_provider and not step.of_provider:
            step = evolve(step, of_provider=True)
        return Pipeline((*self.steps[:at], step, *self.steps[at + 1 :]))

    def without(self, *names: str) -> Pipeline:
        for name in names:
            self._find(name)
        return Pipeline(step for step in self.steps if step.name not in names)

    def inside(self, name: str) -> Pipeline:
        """What a call needs that comes from the named step of another pipeline: all the steps further in, and those of
        the provider further out, which make its request. What else stands further out has begun there already."""
        at = self._find(name)
        return Pipeline((*(step for step in self.steps[:at] if step.of_provider), *self.steps[at + 1 :]))

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
        """The steps from the outside in, one a line, indented as they nest, with the place that each comes from, who
        put it there, and below it what it is made of."""
        lines = []
        width = max((len(step.name) + depth for depth, step in enumerate(self.steps)), default=0)
        for depth, step in enumerate(self.steps):
            label = " " * depth + step.name
            origin = f"  ({step.origin})" if step.origin else ""
            lines.append(f"{label:<{width}}  {step.kind:<8}  {_short(step.source)}{origin}".rstrip())
            lines += [f"{'':<{width}}  {'':<8}  - {_short(detail)}" for detail in step.details]
        return "\n".join(lines)

    def flow(self, request: Request) -> StepGenerator:
        """The call as a generator of effects: nothing happens until a driver runs it."""
        try:
            return (yield from self._call(request))
        except Halt as halt:
            outcome = halt.outcome
        if isinstance(outcome, Reply):
            return halt_with(request, outcome)
        if isinstance(outcome, Response):
            return outcome
        raise outcome

    def _find(self, name: str) -> int:
        for at, step in enumerate(self.steps):
            if step.name == name:
                return at
        raise UnknownStep(f"no step named {name!r} in this pipeline", hint=nearest(name, self.names()))


def _short(text: str) -> str:
    """Start places in this package at its folder, and leave out the addresses that objects have in memory."""
    return re.sub(r" at 0x[0-9a-fA-F]+", "", text.replace(_ROOT, ""))


# As the compiler wrote it into each function, which need not be where the module is loaded from.
_ROOT = f"{Path(_short.__code__.co_filename).parent.parent}{os.sep}"
