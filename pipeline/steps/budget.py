"""Limit what calls cost, in dollars, before the money is spent."""

from __future__ import annotations

import threading
from decimal import Decimal

from attrs import define, evolve

from ...schemas.chunks import ReasoningDelta, StreamChunk, TextDelta, ToolCallDelta, UsageUpdate
from ...schemas.errors import (
    BudgetExceeded,
    ConfigError,
    ConnectError,
    ConnectTimeout,
    StepwellError,
    TransportError,
)
from ...schemas.estimate import estimate_text
from ...schemas.model import Model
from ...schemas.prices import FREE, Cost, Prices, exact_decimal, price
from ...schemas.reply import Reply
from ...schemas.usage import Usage
from ..around import around
from ..effects import CallNext, StepGenerator
from ..http.request import Request, StateKey
from ..http.response import Response, end_dropped
from ..pipeline import Pipeline, with_attempts
from .expected import expected_usage

_NOTHING = Decimal(0)
_CHARACTERS_PER_TOKEN = 4


class Budget:
    """A limit in US dollars for all calls that share it: pass it as `pipeline=` to clients or to single calls.

        budget = stepwell.Budget("2.50")
        client = stepwell.Client(pipeline=budget)

    Before a call is sent, its highest price is reserved: the estimated tokens of its input (schemas/estimate.py) and
    the longest answer that its body allows (else `output_tokens`, else the model's own limit), at the model's prices.
    BudgetExceeded is raised, and nothing sent, if that is more than is left. After the call, the reservation is
    replaced by the cost of the reported usage, for streams as well. Where no usage is reported (a stream closed early
    or dropped, an attempt that timed out and may have been billed) the estimate is kept, and counted in `estimated`.

    limit: US dollars.
    output_tokens: tokens to reserve for an answer whose length the call does not limit.
    unknown: what to do with a call whose price is not known: "refuse", or "allow" and count it in `unpriced`.
    name: the name of its step.

    Thread-safe. A call that a step outside answers from a cache is not counted.
    """

    def __init__(
        self,
        limit: Decimal | int | float | str,
        *,
        output_tokens: int | None = None,
        unknown: str = "refuse",
        name: str = "budget",
    ) -> None:
        if unknown not in ("refuse", "allow"):
            raise ConfigError(f"unknown={unknown!r} is neither 'refuse' nor 'allow'")
        self.limit = exact_decimal(limit, "the limit of a budget") or _NOTHING
        self._output_tokens = output_tokens
        self._allow_unknown = unknown == "allow"
        self._key: StateKey[_Hold | None] = StateKey(name, None, travels=True)
        self._lock = threading.Lock()
        self._sums = _Sums()
        self._steps = (around(name, self._call), around(f"{name}_attempts", self._attempt))

    @property
    def spent(self) -> Decimal:
        """The cost of the calls whose usage was reported."""
        return self._settled().spent

    @property
    def estimated(self) -> Decimal:
        """The estimated cost of the calls whose usage was not reported."""
        return self._settled().estimated

    @property
    def reserved(self) -> Decimal:
        """The money reserved for calls in progress."""
        return self._settled().reserved

    @property
    def calls(self) -> int:
        """The number of calls sent and settled."""
        return self._settled().calls

    @property
    def unpriced(self) -> int:
        """The number of calls whose price is not known."""
        return self._settled().unpriced

    @property
    def left(self) -> Decimal:
        """The limit less what is spent, estimated and reserved; below zero if an estimate was too low."""
        return self.limit - self._settled().all

    def __repr__(self) -> str:
        return f"Budget(limit={self.limit}, spent={self.spent}, estimated={self.estimated}, reserved={self.reserved})"

    def __call__(self, pipeline: Pipeline) -> Pipeline:
        """Add this budget to a pipeline: one step around each call, one around each attempt."""
        return with_attempts(pipeline, *self._steps)

    def _call(self, request: Request, call: CallNext) -> StepGenerator:
        if request.operation in FREE:
            return (yield from call(request))
        hold = self._hold(request)
        try:
            response: Response = yield from call(request.with_state(self._key, hold))
        except BaseException as error:
            if hold.sent and not isinstance(error, StepwellError):
                hold.lost = True  # cancelled, but the provider may charge for it
            self._settle(hold, error.usage if isinstance(error, StepwellError) else None)
            raise
        if response.reply is not None:
            self._settle(hold, response.reply.usage, response.reply)
            return response
        hold.streamed = True
        return response.through(_Meter(hold)).on_end(
            lambda reply, error: self._settle(hold, hold.usage if reply is None else reply.usage, reply)
        )

    def _attempt(self, request: Request, call: CallNext) -> StepGenerator:
        hold = request.get(self._key)
        if hold is None:
            return (yield from call(request))
        if hold.lost:
            self._keep_estimate(hold)
        hold.sent = True
        try:
            response: Response = yield from call(request)
        except (ConnectError, ConnectTimeout):
            raise
        except TransportError:
            hold.lost = True
            raise
        hold.answered = response.status < 300
        return response

    def _hold(self, request: Request) -> _Hold:
        """Reserve what the call may cost. Raises BudgetExceeded if that is not known, or more than is left."""
        expected = expected_usage(request, self._output_tokens)
        model = request.model
        if expected.output_tokens is None and not self._allow_unknown:
            raise BudgetExceeded(
                f"the length of an answer of {model} has no limit",
                hint="set max_tokens, or output_tokens= of Budget",
            )
        cost = price(expected, model.prices)
        if cost.total is None and not self._allow_unknown:
            raise BudgetExceeded(
                f"the price of the call to {model} is not known: {cost.reason}",
                hint="add its prices with stepwell.models.add or patch, or allow it with Budget(..., unknown='allow')",
            )
        hold = _Hold(model, expected, cost.total or _NOTHING)
        self._reserve(hold)
        return hold

    def _reserve(self, hold: _Hold) -> None:
        with self._lock:
            sums = self._sums
            left = self.limit - sums.all
            if hold.amount > left:
                raise BudgetExceeded(
                    f"the call to {hold.model} may cost ${hold.amount:f}, and ${max(left, _NOTHING):f} of "
                    f"${self.limit:f} are left",
                    hint="lower max_tokens or raise the limit",
                    needed=hold.amount,
                    left=left,
                )
            sums.reserved += hold.amount

    def _keep_estimate(self, hold: _Hold) -> None:
        """Keep the reservation of an earlier attempt, which may have been billed, as an estimate; make a new one."""
        with self._lock:
            self._sums.reserved -= hold.amount
            self._sums.estimated += hold.amount
        hold.lost = hold.answered = False
        hold.open = False
        self._reserve(hold)
        hold.open = True

    def _settled(self) -> _Sums:
        end_dropped()
        return self._sums

    def _settle(self, hold: _Hold, usage: Usage | None, reply: Reply | None = None) -> None:
        """Replace the reservation by what was spent, once."""
        spent, estimated, unpriced = _NOTHING, _NOTHING, 0
        if hold.sent:
            cost = _most(usage, hold.model.prices)
            if cost.total is None and usage is not None and usage.total_tokens is not None:
                unpriced = 1
            if cost.total is not None and usage is not None and usage.complete and not _is_partial(usage, hold):
                spent = cost.total
            elif hold.streamed or reply is not None:
                guess = price(_with_estimates(hold, usage, reply), hold.model.prices)
                estimated = max(cost.total or _NOTHING, guess.total or _NOTHING)
            elif hold.answered or hold.lost:
                estimated = max(cost.total or _NOTHING, hold.amount)
        with self._lock:
            if not hold.open:
                return
            hold.open = False
            sums = self._sums
            sums.reserved -= hold.amount
            sums.spent += spent
            sums.estimated += estimated
            sums.calls += hold.sent
            sums.unpriced += unpriced


@define
class _Sums:
    """The money that is spent, estimated and reserved, in dollars."""

    spent: Decimal = _NOTHING
    estimated: Decimal = _NOTHING
    reserved: Decimal = _NOTHING
    calls: int = 0
    unpriced: int = 0

    @property
    def all(self) -> Decimal:
        return self.spent + self.estimated + self.reserved


@define
class _Hold:
    """The reservation of one call."""

    model: Model
    expected: Usage
    amount: Decimal
    """dollars"""
    sent: bool = False
    """an attempt was sent"""
    answered: bool = False
    """the last attempt succeeded"""
    lost: bool = False
    """the last attempt broke off where it may have been billed"""
    open: bool = True
    """it is not settled yet"""
    streamed: bool = False
    characters: int = 0
    """of a stream so far"""
    usage: Usage | None = None
    """of a stream so far"""


class _Meter:
    """A Stage that counts what a stream has delivered, for streams that end early."""

    def __init__(self, hold: _Hold) -> None:
        self.hold = hold

    def feed(self, chunks: list[StreamChunk]) -> list[StreamChunk]:
        hold = self.hold
        for chunk in chunks:
            if isinstance(chunk, TextDelta | ReasoningDelta):
                hold.characters += len(chunk.text)
            elif isinstance(chunk, ToolCallDelta):
                hold.characters += len(chunk.arguments_json)
            elif isinstance(chunk, UsageUpdate):
                hold.usage = chunk.usage
        return chunks

    def flush(self) -> list[StreamChunk]:
        return []


def _with_estimates(hold: _Hold, usage: Usage | None, reply: Reply | None) -> Usage:
    """Return the usage, with estimates for the missing counts."""
    known, output = usage or Usage(), hold.characters // _CHARACTERS_PER_TOKEN
    if reply is not None and not hold.streamed:
        output = estimate_text(reply.text + reply.reasoning)
    return evolve(
        known,
        input_tokens=hold.expected.input_tokens if known.input_tokens is None else known.input_tokens,
        output_tokens=max(known.output_tokens or 0, output),
        service_tier=known.service_tier or hold.expected.service_tier,
        reported_cost=None,
    )


def _most(usage: Usage | None, prices: Prices | None) -> Cost:
    """Price the usage, and what was read from a cache in full if its price is not known: a limit has to hold."""
    if usage and usage.cached_input_tokens and prices and prices.at(usage.input_tokens or 0).cache_read is None:
        usage = evolve(usage, cached_input_tokens=None, cached_audio_tokens=None)
    return price(usage, prices)


def _is_partial(usage: Usage, hold: _Hold) -> bool:
    """Check whether a count that costs something is missing."""
    return usage.reported_cost is None and (
        usage.input_tokens is None or (usage.output_tokens is None and bool(hold.expected.output_tokens))
    )
