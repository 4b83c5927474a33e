"""All that is known of a call before its prompt."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from attrs import field, frozen

from .pipeline.http.request import Request
from .pipeline.pipeline import Pipeline
from .providers.declare.object_support import ObjectSupport
from .providers.declare.provider import Provider
from .schemas.model import Model
from .schemas.reply import CallWarning


@frozen(eq=False)
class Plan:
    """The decisions made before a prompt: one Plan for each model, operation, wire, streamed or not."""

    pipeline: Pipeline
    """With the client's own edits; for calls that meet no condition."""
    bare: Pipeline
    """Without them."""
    request: Request
    """A request of a call, which has only what is the same for all of them."""
    model: Model
    provider: Provider
    base_url: str
    object_support: ObjectSupport
    """How the model takes JSON Schemas."""
    model_warning: CallWarning | None = None
    """Issued once, for a model that its provider's list does not have, or has as deprecated."""
    other_wire: Callable[[Mapping[str, object], object], str | None] | None = None
    """Returns the name of the wire for a call with these options and tools; None for the plan's own."""
    left_overrides: CallWarning | None = None
    """Issued with a call by that wire, if overrides hold for the plan's own alone."""
    conditions: tuple[Callable[[Request], object], ...] = ()
    """The `when` of the overrides that hold for some calls only, in their order."""
    _build: Callable[[tuple[bool, ...]], Plan] | None = None
    """Makes the plan of the calls that meet some of them."""
    _built: dict[tuple[bool, ...], Plan] = field(factory=dict, init=False, repr=False, eq=False)

    def for_request(self, request: Request) -> Plan:
        """Return the plan for a request that no step has changed yet: the one for the conditions that it meets.

        The plan for each combination of conditions is made once.
        """
        if self._build is None:
            return self
        met = tuple([bool(holds(request)) for holds in self.conditions])
        plan = self._built.get(met)
        if plan is None:
            if len(self._built) > 1000:
                self._built.clear()  # ten conditions have 1,024 outcomes
            plan = self._built[met] = self._build(met)
        return plan
