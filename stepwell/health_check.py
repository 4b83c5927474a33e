"""Find out whether a model can be called: the key, the host and the time that an answer takes."""

from __future__ import annotations

from collections.abc import Collection, Generator
from typing import Any

from attrs import frozen

from .pipeline.effects import CallModel
from .pipeline.http.urls import split_url
from .plan import Plan
from .planner import CallPlanner
from .schemas.errors import AuthError, InvalidKey, MissingKey, NotSupported, StepwellError
from .schemas.model import Model

SECONDS = 10.0
"""The total timeout of the check, unless another is given."""


@frozen
class Health:
    """What a check of a model has found."""

    model: str
    """`provider:model-id`"""
    host: str
    ok: bool | None
    """Whether the model can be called; None if that was not checked, for the reason in `error`."""
    checked: str = ""
    """The operation that was tried: list_models, or chat for a paid check; empty for none."""
    seconds: float = 0.0
    """How long the answer took."""
    key: bool | None = None
    """Whether the key was accepted; None if that is not known."""
    listed: bool | None = None
    """Whether the provider lists the model; None if that is not known."""
    error: StepwellError | None = None
    """Why it cannot be called, or why that was not checked, with what to do in its hint."""

    def __bool__(self) -> bool:
        return self.ok is True


def health_of(planner: CallPlanner, named: object, *, paid: bool, timeout: float | None) -> Generator[Any, Any, Health]:
    """Return the Health of a model: ask its provider for the list of its models, which costs nothing.

    Where a provider has no such list, the model is asked for one token, if that costs nothing or `paid` allows it.

    Raises UnknownProvider and UnknownModel for what nobody serves.
    """
    plan = _plan(planner, named)
    model, world, offered = plan.model, planner.world, plan.provider.operations
    name, host, prices = str(model), split_url(plan.base_url)[1], model.prices
    costs_nothing = prices is not None and prices.input == prices.output == 0
    operation = "list_models"
    if operation not in offered:
        if "chat" not in offered or not (paid or costs_nothing):
            return Health(name, host, None, error=_not_checked(model.provider, offered))
        operation = "chat"
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


def _plan(planner: CallPlanner, named: object) -> Plan:
    """Return the plan of a chat with the model, or of something else that its provider offers."""
    try:
        return planner.plan("chat", named)  # type: ignore[arg-type]  # checked there
    except NotSupported:
        provider = named.provider if isinstance(named, Model) else str(named or planner.default_model()).split(":")[0]
        for operation in sorted(planner.registry.get_or_raise(provider).operations - {"chat"}):
            return planner.plan(operation, named)  # type: ignore[arg-type]
        raise


def _not_checked(provider: str, offered: Collection[str]) -> NotSupported:
    """Return why a provider of these operations, without a list of its models, was not asked, and what to do."""
    if "chat" in offered:
        return NotSupported(
            f"{provider} offers no list of its models; asking a model for one token may cost something",
            hint="health(model, paid=True) does",
        )
    return NotSupported(
        f"{provider} offers neither a list of its models nor chats",
        hint=f"make a small call of what it offers: {', '.join(sorted(offered))}",
    )
