"""Limit what calls cost, in dollars or in tokens, before it is spent."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from functools import partial

from attrs import evolve

from ...schemas.errors import BudgetExceeded, ConfigError, ConnectError, ConnectTimeout, StepwellError, TransportError
from ...schemas.missing_argument import saying_how_it_is_made
from ...schemas.prices import FREE, exact_decimal
from ...schemas.reply import Reply
from ..around import around
from ..effects import CallNext, StepGenerator
from ..http.request import Request, StateKey
from ..http.response import Response
from ..pipeline import Pipeline, with_attempts
from .budget_ledger import Hold, Ledger, Meter
from .budget_sums import NOTHING
from .shared import LimitStore, check_number, checked_listener, checked_store, notify

_ENDLESS = Decimal("Infinity")


@saying_how_it_is_made
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
    on_change: called with the budget when a call of this process has been settled.

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
        on_change: Callable[[Budget], object] | None = None,
    ) -> None:
        if unknown not in ("refuse", "allow"):
            raise ConfigError(f"unknown={unknown!r} is neither 'refuse' nor 'allow'")
        if limit is None and tokens is None:
            raise ConfigError("a Budget needs a limit, in dollars or in tokens", hint='Budget("2.50")')
        if tokens is not None and (isinstance(tokens, bool) or not isinstance(tokens, int) or tokens < 0):
            raise ConfigError(f"tokens={tokens!r:.40} is not a number of tokens", hint="Budget(tokens=100_000)")
        if output_tokens is not None:
            check_number(output_tokens, "output_tokens", whole=True, least=0)
        self.ledger = Ledger(
            None if limit is None else exact_decimal(limit, "the limit of a budget") or NOTHING,
            tokens,
            output_tokens,
            allow_unknown=unknown == "allow",
            name=name,
            store=checked_store(store),
        )
        if checked_listener(on_change, "Budget", 1) is not None:
            self.ledger.on_settled = partial(notify, on_change, self)
        self._key: StateKey[Hold | None] = StateKey(name, None, travels=True)
        self._steps = (
            evolve(around(name, self._call, limits=True), owner=self.ledger),
            evolve(around(f"{name}_attempts", self._attempt, limits=True), owner=self.ledger),
        )

    @property
    def limit(self) -> Decimal | None:
        """US dollars; None for no limit of money. It may be changed at any time."""
        return self.ledger.limit

    @limit.setter
    def limit(self, limit: Decimal | None) -> None:
        self.ledger.limit = limit

    @property
    def tokens(self) -> int | None:
        """Tokens of input and output; None for no such limit. It may be changed at any time."""
        return self.ledger.tokens

    @tokens.setter
    def tokens(self, tokens: int | None) -> None:
        self.ledger.tokens = tokens

    @property
    def spent(self) -> Decimal:
        """The cost of the calls whose usage was reported."""
        return self.ledger.settled().spent

    @property
    def estimated(self) -> Decimal:
        """The estimated cost of the calls whose usage was not reported."""
        return self.ledger.settled().estimated

    @property
    def reserved(self) -> Decimal:
        """The money reserved for calls in progress. A forked child has none for the calls of its parent."""
        return self.ledger.settled().reserved[0]

    @property
    def calls(self) -> int:
        """The number of calls sent and settled."""
        return self.ledger.settled().calls

    @property
    def unpriced(self) -> int:
        """The number of calls whose price is not known."""
        return self.ledger.settled().unpriced

    @property
    def left(self) -> Decimal:
        """The limit less what is spent, estimated and reserved; below zero if an estimate was too low. Without a limit
        of money it is infinite."""
        return _ENDLESS if self.limit is None else self.limit - self.ledger.settled().all

    @property
    def tokens_used(self) -> int:
        """The tokens of the calls that have ended, as they were reported, or estimated where they were not."""
        return self.ledger.settled().tokens

    @property
    def tokens_left(self) -> int | None:
        """The limit of tokens less those used and reserved; None without such a limit."""
        return None if self.tokens is None else self.tokens - self.ledger.settled().all_tokens

    def reset(self) -> None:
        """Begin anew: nothing is spent, here and in the store. Calls that are in progress are not counted."""
        self.ledger.reset()

    def __repr__(self) -> str:
        tokens = "" if self.tokens is None else f", tokens={self.tokens}"
        try:
            sums = self.ledger.settled()
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
        try:
            hold = self.ledger.hold(request)
            request = yield from self.ledger.reserve(request, hold)
        except BudgetExceeded:
            request.world.report("refused", step=self._steps[0].name, model=request.model)
            raise
        try:
            response: Response = yield from call(request.with_state(self._key, hold))
        except BaseException as error:
            if hold.sent and not isinstance(error, StepwellError):
                hold.lost = True  # cancelled, but the provider may charge for it
            if work := self.ledger.settle(hold, error.usage if isinstance(error, StepwellError) else None):
                yield from self.ledger.shared.end(request, work, error, keep=True)
            raise
        if response.reply is not None:
            if work := self.ledger.settle(hold, response.reply.usage, response.reply):
                yield from self.ledger.shared.end(request, work, keep=True)
            return response
        hold.streamed = True

        def ended(reply: Reply | None, error: BaseException | None) -> None:
            if work := self.ledger.settle(hold, hold.usage if reply is None else reply.usage, reply):
                self.ledger.shared.tell(request, work, keep=True)

        return response.through(Meter(hold)).on_end(ended)

    def _attempt(self, request: Request, call: CallNext) -> StepGenerator:
        hold = request.get(self._key)
        if hold is None:
            return (yield from call(request))
        if hold.lost:
            request = yield from self.ledger.keep_estimate(request, hold)
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
