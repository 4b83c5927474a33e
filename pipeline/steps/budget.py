"""Limit what calls cost, in dollars or in tokens, before it is spent."""

from __future__ import annotations

import os
from collections.abc import Callable
from decimal import Decimal

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
from ...schemas.process_lock import ProcessLock
from ...schemas.record import define, evolve, field
from ...schemas.reply import Reply
from ...schemas.usage import Usage
from ..around import around
from ..effects import CallNext, Flow, StepGenerator
from ..http.request import Request, StateKey
from ..http.response import Response, end_dropped
from ..pipeline import Pipeline, with_attempts
from .budget_sums import NOTHING, Sums, in_billionths, sums_of
from .expected import expected_usage
from .shared import Asking, LimitStore, check_number, checked_store

_ENDLESS = Decimal("Infinity")
_CHARACTERS_PER_TOKEN = 4


class Budget:
    """A limit in US dollars, in tokens, or both, for all calls that share it: pass it as `pipeline=` to clients or to
    single calls.

        budget = stepwell.Budget("2.50")
        client = stepwell.Client(pipeline=budget)

    Before a call is sent, its highest price is reserved: the estimated tokens of its input (schemas/estimate.py) and
    the longest answer that its body allows (else `output_tokens`, else the model's own limit), at the model's prices.
    BudgetExceeded is raised, and nothing sent, if that is more than is left. After the call, the reservation is
    replaced by the cost of the reported usage, for streams as well. Where no usage is reported (a stream closed early
    or dropped, an attempt that timed out and may have been billed) the estimate is kept, and counted in `estimated`.

    limit: US dollars; None for no limit of money.
    tokens: of input and output together; None for no limit of tokens.
    output_tokens: tokens to reserve for an answer whose length the call does not limit.
    unknown: what to do with a call whose price is not known: "refuse", or "allow" and count it in `unpriced`.
    name: the name of its step, and of what is kept in the store.
    store: where processes and machines share the budget, such as a RedisStore (default: it is this process's own). The
        properties then ask the store, and block; they raise StepwellError if it fails. Reservations of a process that
        was killed stay. While the store fails, the budget holds within the process, with a warning on the reply.

    Thread-safe. A call that a step outside answers from a cache is not counted.
    """

    def __init__(
        self,
        limit: Decimal | int | float | str | None = None,
        *,
        tokens: int | None = None,
        output_tokens: int | None = None,
        unknown: str = "refuse",
        name: str = "budget",
        store: LimitStore | None = None,
    ) -> None:
        if unknown not in ("refuse", "allow"):
            raise ConfigError(f"unknown={unknown!r} is neither 'refuse' nor 'allow'")
        if limit is None and tokens is None:
            raise ConfigError("a Budget needs a limit, in dollars or in tokens", hint='Budget("2.50")')
        if tokens is not None and (isinstance(tokens, bool) or not isinstance(tokens, int) or tokens < 0):
            raise ConfigError(f"tokens={tokens!r:.40} is not a number of tokens", hint="Budget(tokens=100_000)")
        if output_tokens is not None:
            check_number(output_tokens, "output_tokens", whole=True, least=0)
        self.limit = None if limit is None else exact_decimal(limit, "the limit of a budget") or NOTHING
        self.tokens = tokens
        self._output_tokens = output_tokens
        self._allow_unknown = unknown == "allow"
        self._key: StateKey[_Hold | None] = StateKey(name, None, travels=True)
        self._lock = ProcessLock()
        self._sums = Sums()
        self._name, self._shared = name, Asking(checked_store(store), name)
        self._steps = (
            around(name, self._call, counts=True),
            around(f"{name}_attempts", self._attempt, counts=True),
        )

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
        """The money reserved for calls in progress. A forked child has none for the calls of its parent."""
        return self._settled().reserved[0]

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
        """The limit less what is spent, estimated and reserved; below zero if an estimate was too low. Without a limit
        of money it is infinite."""
        return _ENDLESS if self.limit is None else self.limit - self._settled().all

    @property
    def tokens_used(self) -> int:
        """The tokens of the calls that have ended, as they were reported, or estimated where they were not."""
        return self._settled().tokens

    @property
    def tokens_left(self) -> int | None:
        """The limit of tokens less those used and reserved; None without such a limit."""
        return None if self.tokens is None else self.tokens - self._settled().all_tokens

    def __repr__(self) -> str:
        tokens = "" if self.tokens is None else f", tokens={self.tokens}"
        try:
            sums = self._settled()
        except StepwellError as error:
            return f"Budget(limit={self.limit}{tokens}; {error.message})"
        money = f"limit={self.limit}, spent={sums.spent}, estimated={sums.estimated}, reserved={sums.reserved[0]}"
        return f"Budget({money}{tokens and f'{tokens}, tokens_used={sums.tokens}'})"

    def __call__(self, pipeline: Pipeline) -> Pipeline:
        """Add this budget to a pipeline: one step around each call, one around each attempt."""
        return with_attempts(pipeline, *self._steps)

    def _call(self, request: Request, call: CallNext) -> StepGenerator:
        if request.operation in FREE:
            return (yield from call(request))
        hold = self._hold(request)
        request = yield from self._reserve(request, hold)
        try:
            response: Response = yield from call(request.with_state(self._key, hold))
        except BaseException as error:
            if hold.sent and not isinstance(error, StepwellError):
                hold.lost = True  # cancelled, but the provider may charge for it
            if work := self._settle(hold, error.usage if isinstance(error, StepwellError) else None):
                yield from self._shared.end(request, work, error, keep=True)
            raise
        if response.reply is not None:
            if work := self._settle(hold, response.reply.usage, response.reply):
                yield from self._shared.end(request, work, keep=True)
            return response
        hold.streamed = True

        def ended(reply: Reply | None, error: BaseException | None) -> None:
            if work := self._settle(hold, hold.usage if reply is None else reply.usage, reply):
                self._shared.tell(request, work, keep=True)

        return response.through(_Meter(hold)).on_end(ended)

    def _attempt(self, request: Request, call: CallNext) -> StepGenerator:
        hold = request.get(self._key)
        if hold is None:
            return (yield from call(request))
        if hold.lost:
            request = yield from self._keep_estimate(request, hold)
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
        """Return the reservation to make. Raises BudgetExceeded if what the call may cost is not known."""
        expected = expected_usage(request, self._output_tokens)
        model = request.model
        if expected.output_tokens is None and not self._allow_unknown:
            raise BudgetExceeded(
                f"the length of an answer of {model} has no limit",
                hint="set max_tokens, or output_tokens= of Budget",
            )
        cost = price(expected, model.prices)
        if cost.total is None and self.limit is not None and not self._allow_unknown:
            raise BudgetExceeded(
                f"the price of the call to {model} is not known: {cost.reason}",
                hint="add its prices with stepwell.models.add or patch, or allow it with Budget(..., unknown='allow')",
            )
        return _Hold(model, expected, cost.total or NOTHING, expected.total_tokens or 0)

    def _reserve(self, request: Request, hold: _Hold) -> Flow:
        """Reserve what the call may cost; return the request. Raises BudgetExceeded if that is more than is left."""
        if self._shared.usable(request):
            id, amounts = request.world.new_id(), (in_billionths(hold.amount), hold.tokens)
            limits = (None if self.limit is None else in_billionths(self.limit), self.tokens)
            found, request = yield from self._shared.ask(
                request,
                lambda store: _reservation(*store.reserve(self._name, id, amounts, limits)),
                undo=lambda store: store.settle(self._name, id, {}),
            )
            if found is not None:
                fits, left, tokens_left = found
                if not fits:
                    self._check(hold, Decimal(left).scaleb(-9), tokens_left)
                hold.id, hold.open = id, True
                return request
        with self._lock:
            sums = self._sums
            self._check(hold, (self.limit or NOTHING) - sums.all, (self.tokens or 0) - sums.all_tokens)
            sums.reserve(hold.process, hold.amount, hold.tokens)
            hold.id, hold.open = "", True
        return request

    def _check(self, hold: _Hold, left: Decimal, tokens_left: int) -> None:
        """Raise BudgetExceeded if the call may cost more than is left. A limit that is not there is not looked at."""
        if self.limit is not None and hold.amount > left:
            raise BudgetExceeded(
                f"the call to {hold.model} may cost ${hold.amount:f}, and ${max(left, NOTHING):f} of "
                f"${self.limit:f} are left",
                hint="lower max_tokens or raise the limit",
                needed=hold.amount,
                left=left,
            )
        if self.tokens is not None and hold.tokens > tokens_left:
            raise BudgetExceeded(
                f"the call to {hold.model} may take {hold.tokens:,} tokens, and {max(tokens_left, 0):,} of "
                f"{self.tokens:,} are left",
                hint="lower max_tokens or raise tokens=",
                needed=hold.tokens,
                left=tokens_left,
            )

    def _keep_estimate(self, request: Request, hold: _Hold) -> Flow:
        """Keep the reservation of an earlier attempt, which may have been billed, as an estimate; make a new one."""
        if work := self._replace(hold, estimated=hold.amount, tokens=hold.tokens):
            yield from self._shared.end(request, work, keep=True)
        hold.lost = hold.answered = False
        return (yield from self._reserve(request, hold))

    def _settled(self) -> Sums:
        end_dropped()
        if self._shared.store is None:
            return self._sums
        try:
            return sums_of(self._shared.store.sums(self._name))
        except Exception as error:
            raise StepwellError(f"the store of the budget failed ({type(error).__name__}: {error})") from error

    def _settle(self, hold: _Hold, usage: Usage | None, reply: Reply | None = None) -> _Work | None:
        """Replace the reservation by what was spent, once. Return what the store must do, if it has the reservation."""
        spent, estimated, unpriced, tokens = NOTHING, NOTHING, 0, 0
        if hold.sent:
            cost, known = _most(usage, hold.model.prices), usage.total_tokens if usage is not None else None
            if cost.total is None and known is not None:
                unpriced = 1
            exact = usage is not None and usage.complete and not _is_partial(usage, hold)
            if exact and cost.total is not None:
                spent = cost.total
            elif hold.streamed or reply is not None:
                likely = _with_estimates(hold, usage, reply)
                estimated = max(cost.total or NOTHING, price(likely, hold.model.prices).total or NOTHING)
                tokens = likely.total_tokens or 0
            elif hold.answered or hold.lost:
                estimated, tokens = max(cost.total or NOTHING, hold.amount), hold.tokens
            tokens = known if exact and known is not None else max(known or 0, tokens)
        return self._replace(hold, spent, estimated, tokens, int(hold.sent), unpriced)

    def _replace(
        self,
        hold: _Hold,
        spent: Decimal = NOTHING,
        estimated: Decimal = NOTHING,
        tokens: int = 0,
        calls: int = 0,
        unpriced: int = 0,
    ) -> _Work | None:
        """Replace an open reservation by these sums. Return what the store must do, if it has the reservation."""
        with self._lock:
            if not hold.open:
                return None
            hold.open = False
            if not hold.id:
                self._sums.reserve(hold.process, -hold.amount, -hold.tokens)
                self._sums.add(spent, estimated, tokens, calls, unpriced)
                return None
        dollars = {"spent": in_billionths(spent), "estimated": in_billionths(estimated)}
        counts, id = {**dollars, "tokens": tokens, "calls": calls, "unpriced": unpriced}, hold.id
        return lambda store: store.settle(self._name, id, counts)


_Work = Callable[[LimitStore], None]


def _reservation(fits: bool, left: int, tokens_left: int) -> tuple[bool, int, int]:
    """Return a store's answer. Raises TypeError or ValueError for what is no number."""
    return bool(fits), int(left), int(tokens_left)


@define
class _Hold:
    """The reservation of one call."""

    model: Model
    expected: Usage
    amount: Decimal
    """dollars"""
    tokens: int
    process: int = field(factory=os.getpid, init=False)
    sent: bool = False
    """an attempt was sent"""
    answered: bool = False
    """the last attempt succeeded"""
    lost: bool = False
    """the last attempt broke off where it may have been billed"""
    open: bool = False
    """it is reserved, and not settled yet"""
    id: str = ""
    """of the reservation in the store; empty for one of this process"""
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
