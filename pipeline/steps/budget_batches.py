"""Budgets over batches: what one may cost is reserved when it is submitted, and settled when its answers are read.

Where the price of batches is not known, the ordinary one is counted as an estimate: no batch costs more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from attrs import evolve

from ...schemas.errors import (
    ConfigError,
    ConnectError,
    ConnectTimeout,
    DecodeError,
    ProviderError,
    StepwellError,
    may_have_been_done,
)
from ...schemas.prices import BATCH, price
from ...schemas.reply import Reply
from ...schemas.usage import Usage
from ..effects import Flow
from ..http.request import Request
from ..pipeline import Pipeline
from .budget_ledger import BatchHold, Hold, Ledger, taken_by
from .budget_sums import NOTHING, Taken


def ledgers_of(pipeline: Pipeline) -> list[Ledger]:
    """Return what the budgets of a pipeline keep."""
    return list(dict.fromkeys(step.owner for step in pipeline.steps if isinstance(step.owner, Ledger)))


def without_budgets(pipeline: Pipeline) -> Pipeline:
    """Return the pipeline without the steps of budgets, for calls that are reserved as a batch."""
    return pipeline.without(*(step.name for step in pipeline.steps if isinstance(step.owner, Ledger)))


def reserve_batch(ledgers: Iterable[Ledger], requests: Mapping[str, Request]) -> Flow:
    """Reserve what a batch may cost, at the prices of batches, and return the BatchHolds.

    ledgers: those of the budgets that hold for it.
    requests: its requests by id, as they will be sent.

    Raises BudgetExceeded, and reserves nothing, if that is more than is left of one of them.
    """
    first, holds = next(iter(requests.values())), list[BatchHold]()
    try:
        for ledger in ledgers:
            calls = {id: ledger.hold(request, BATCH) for id, request in requests.items()}
            amount = sum((hold.amount for hold in calls.values()), NOTHING)
            tokens = sum(hold.tokens for hold in calls.values())
            whole = Hold(first.model, Usage(), amount, tokens, subject=f"batch of {len(calls)} calls")
            yield from ledger.reserve(first, whole)
            holds.append(BatchHold(ledger, whole, calls))
    except BaseException as error:
        yield from give_back(holds, first, error, sent=False)
        raise
    return holds


def give_back(holds: Iterable[BatchHold], request: Request, error: BaseException, *, sent: bool) -> Flow:
    """Give the reservations of a batch back that was not submitted; keep them as estimates where it may have been.

    error: why it was not.
    sent: whether its creation was requested.
    """
    refused = isinstance(error, ConfigError | ProviderError | ConnectError | ConnectTimeout)
    begun = sent and (may_have_been_done(error) or not refused)
    for hold in holds:
        whole = hold.whole
        kept = Taken(estimated=whole.amount, tokens=whole.tokens) if begun else Taken()
        if whole.is_ours and (work := hold.ledger.replace(whole, kept)):
            yield from hold.ledger.shared.end(request, work, error, keep=True)


def name_batch(holds: Iterable[BatchHold], request: Request, id: str) -> Flow:
    """Keep the reservations under the batch's id, by which the answers will be read.

    request: of the client that submitted it.
    """
    for hold in holds:
        if work := hold.ledger.rename(hold.whole, f"batch {id}"):
            yield from hold.ledger.shared.end(request, work, keep=True)
        hold.ledger.batches[id] = hold


def settle_batch(
    ledgers: Iterable[Ledger], request: Request, id: str, answers: Mapping[str, Reply | StepwellError]
) -> Flow:
    """Replace the reservations of a batch by what its answers have cost, once.

    A batch that another process has submitted is settled in the store that it shares with this one.
    """
    for ledger in ledgers:
        hold = ledger.batches.pop(id, None)
        calls = {} if hold is None else hold.calls
        taken = Taken()
        for each, answer in answers.items():
            taken.add(_taken(request, calls.get(each), answer))
        whole = ledger.reservation_of_others(request, f"batch {id}") if hold is None else hold.whole
        if whole is not None and (work := ledger.replace(whole, taken)):
            yield from ledger.shared.end(request, work, keep=True)


def _taken(request: Request, hold: Hold | None, answer: Reply | StepwellError) -> Taken:
    """Return what one call of a batch has taken: nothing for one that was refused, or never answered."""
    hold = hold or Hold(request.model, Usage(service_tier=BATCH), NOTHING, 0)
    if isinstance(answer, Reply):
        hold.sent = hold.answered = True
        usage = answer.usage
        if price(usage, hold.model.prices).total is None:
            usage = evolve(usage, service_tier=None, complete=False)
        return taken_by(hold, usage, answer)
    hold.sent = hold.lost = isinstance(answer, DecodeError) or answer.usage is not None
    return taken_by(hold, answer.usage)
