"""Find out whether a model can be called: the key, the host and the time that an answer takes."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from attrs import frozen

from .pipeline.effects import CallModel
from .pipeline.http.urls import split_url
from .planner import CallPlanner
from .schemas.errors import AuthError, InvalidKey, MissingKey, NotSupported, StepwellError

SECONDS = 10.0
"""The total timeout of the check, unless another is given."""


@frozen
class Health:
    """What a check of a model has found."""

    model: str
    """`provider:model-id`"""
    host: str
    ok: bool | None
    """Whether the model can be called; None if there is no check without a paid call."""
    checked: str = ""
    """The operation that was tried: list_models, or chat for a paid check; empty for none."""
    seconds: float = 0.0
    """How long the answer took."""
    key: bool | None = None
    """Whether the key was accepted; None if that is not known."""
    listed: bool | None = None
    """Whether the provider lists the model; None if that is not known."""
    error: StepwellError | None = None
    """Why it cannot be called."""

    def __bool__(self) -> bool:
        return self.ok is True


def health_of(planner: CallPlanner, named: object, *, paid: bool, timeout: float | None) -> Generator[Any, Any, Health]:
    """Return the Health of a model: ask its provider for the list of its models, which costs nothing.

    Where a provider has no such list, the model is asked for one token, if that costs nothing or `paid` allows it.

    Raises UnknownProvider and UnknownModel for what nobody serves.
    """
    plan = planner.plan("chat", named)  # type: ignore[arg-type]  # checked there
    model, world, operation = plan.model, planner.world, "list_models"
    name, host, prices = str(model), split_url(plan.base_url)[1], model.prices
    costs_nothing = prices is not None and prices.input == prices.output == 0
    try:
        planner.plan("list_models", f"{model.provider}:*")
    except NotSupported:
        operation = "chat" if paid or costs_nothing else ""
    if not operation:
        return Health(name, host, None)
    options = {"timeout": SECONDS if timeout is None else timeout, "retries": 0}
    started = world.now()
    try:
        if operation == "chat":
            reply = yield CallModel(named, "hi", {**options, "max_tokens": 1})
        else:
            reply = yield CallModel(f"{model.provider}:*", None, options, operation="list_models")
    except StepwellError as error:
        key = False if isinstance(error, AuthError | InvalidKey | MissingKey) else None
        return Health(name, host, False, operation, world.now() - started, key, error=error)
    seconds = world.now() - started
    if operation == "chat":
        return Health(name, host, True, operation, seconds, True)
    listed = any(each.id == model.id for each in reply.object)
    return Health(name, host, True, operation, seconds, True, listed)
