"""What a budget keeps of the calls that it limits: their reservations, and what they have taken in the end."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import partial

from attrs import define, evolve, field, frozen

from ...schemas.chunks import ReasoningDelta, StreamChunk, TextDelta, ToolCallDelta, UsageUpdate
from ...schemas.errors import BudgetExceeded
from ...schemas.estimate import estimate_text
from ...schemas.model import Model
from ...schemas.prices import Cost, Prices, price
from ...schemas.process_lock import ProcessLock
from ...schemas.reply import Reply
from ...schemas.usage import Usage
from ..effects import Flow
from ..http.request import Request
from ..http.response import end_dropped
from .budget_sums import NOTHING, Sums, Taken, counts_of, in_billionths, sums_of
from .expected import expected_usage
from .shared import Asking, LimitStore, from_store

_CHARACTERS_PER_TOKEN = 4


class Ledger:
    """The reservations of a budget and its sums, in this process or in a store.

    limit, tokens: what may be spent, in dollars and in tokens; None for no such limit.
    output_tokens: tokens to reserve for an answer whose length the call does not limit.
    allow_unknown: whether a call may be sent whose price is not known.
    name: of the budget, in the store.
    store: where others share it, None for none.
    """

    def __init__(
        self,
        limit: Decimal | None,
        tokens: int | None,
        output_tokens: int | None,
        *,
        allow_unknown: bool,
        name: str,
        store: LimitStore | None,
    ) -> None:
        self.limit = limit
        self.tokens = tokens
        self._output_tokens = output_tokens
        self._allow_unknown = allow_unknown
        self._lock = ProcessLock()
        self._sums = Sums()
        """With a store, what was reserved while it failed, and has not been added to it since."""
        self._known = (NOTHING, 0)
        """What was taken of the store's dollars and tokens when it last answered, and by this process since."""
        self._name, self.shared = name, Asking(store, name)
        self.batches: dict[str, BatchHold] = {}
        """The reservations of the batches that this process has submitted and not read yet, by id."""
        self.on_settled: Callable[[], object] | None = None
        """Called when a reservation of this process has been replaced by what was taken."""

    def reset(self) -> None:
        """Forget all sums, here and in the store. Raises StepwellError if the store fails."""
        with self._lock:
            self._sums, self._known = Sums(), (NOTHING, 0)
        self.shared.forget(self._name)

    def hold(self, request: Request, service_tier: str | None = None) -> Hold:
        """Return the reservation to make for a call. Raises BudgetExceeded if what it may cost is not known.

        service_tier: the tier whose prices are used if they are known (default: the one that the call asks for).
        """
        expected = expected_usage(request, self._output_tokens)
        if service_tier is not None:
            of_tier = evolve(expected, service_tier=service_tier)
            expected = expected if price(of_tier, request.model.prices).total is None else of_tier
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
        return Hold(model, expected, cost.total or NOTHING, expected.total_tokens or 0)

    def reserve(self, request: Request, hold: Hold) -> Flow:
        """Reserve what the call may cost; return the request. Raises BudgetExceeded if that is more than is left."""
        if self.shared.usable(request):
            id, amounts = request.world.new_id(), (in_billionths(hold.amount), hold.tokens)
            limits = (None if self.limit is None else in_billionths(self.limit), self.tokens)
            found, request = yield from self.shared.ask(
                request,
                lambda store: _reservation(*store.reserve(self._name, id, amounts, limits)),
                undo=lambda store: store.settle(self._name, id, {}),
            )
            if found is not None:
                fits, dollars_left, tokens_left = found
                left = Decimal(dollars_left).scaleb(-9)
                with self._lock:
                    self._known = ((self.limit or NOTHING) - left, (self.tokens or 0) - tokens_left)
                    if fits:
                        self._learn(hold.amount, hold.tokens)
                if not fits:
                    self._check(hold, left, tokens_left)
                hold.id, hold.open = id, True
                return request
        with self._lock:
            sums, (dollars, tokens) = self._sums, self._known
            left, tokens_left = (self.limit or NOTHING) - sums.all, (self.tokens or 0) - sums.all_tokens
            self._check(hold, left - dollars, tokens_left - tokens)
            sums.reserve(hold.process, hold.amount, hold.tokens)
            hold.id, hold.open, hold.sums = "", True, sums
            hold.id_later = "" if self.shared.store is None else request.world.new_id()
        return request

    def _learn(self, dollars: Decimal, tokens: int) -> None:
        """Note, with the lock held, what this process has taken in the store since that last answered."""
        self._known = (self._known[0] + dollars, self._known[1] + tokens)

    def _check(self, hold: Hold, left: Decimal, tokens_left: int) -> None:
        """Raise BudgetExceeded if the call may cost more than is left. A limit that is not there is not looked at."""
        if self.limit is not None and hold.amount > left:
            raise BudgetExceeded(
                f"the {hold.subject} to {hold.model} may cost ${hold.amount:f}, and ${max(left, NOTHING):f} of "
                f"${self.limit:f} are left",
                hint="lower max_tokens or raise the limit",
                needed=hold.amount,
                left=left,
            )
        if self.tokens is not None and hold.tokens > tokens_left:
            raise BudgetExceeded(
                f"the {hold.subject} to {hold.model} may take {hold.tokens:,} tokens, and {max(tokens_left, 0):,} of "
                f"{self.tokens:,} are left",
                hint="lower max_tokens or raise tokens=",
                needed=hold.tokens,
                left=tokens_left,
            )

    def keep_estimate(self, request: Request, hold: Hold) -> Flow:
        """Keep the reservation of an earlier attempt, which may have been billed, as an estimate; make a new one."""
        if work := self.replace(hold, Taken(estimated=hold.amount, tokens=hold.tokens)):
            yield from self.shared.end(request, work, keep=True)
        hold.lost = hold.answered = False
        return (yield from self.reserve(request, hold))

    def settled(self) -> Sums:
        end_dropped()
        if self.shared.store is None:
            return self._sums
        return sums_of(from_store(self.shared.store, lambda store: store.sums(self._name)))

    def settle(self, hold: Hold, usage: Usage | None, reply: Reply | None = None) -> Work | None:
        """Replace the reservation by what was spent, once. Return what the store must do, if it has the reservation."""
        return self.replace(hold, taken_by(hold, usage, reply)) if hold.is_ours else None

    def replace(self, hold: Hold, taken: Taken) -> Work | None:
        """Replace an open reservation by what was taken. Return what the store must do, if it has the reservation."""
        with self._lock:
            if not hold.open:
                return None
            hold.open = False
            if hold.id:
                self._learn(taken.spent + taken.estimated - hold.amount, taken.tokens - hold.tokens)
            elif hold.sums is self._sums:
                self._sums.reserve(hold.process, -hold.amount, -hold.tokens)
                self._sums.add(taken)
                if hold.id_later:
                    self.shared.do_later(partial(self._add, hold, taken))
        if not hold.id:
            if self.on_settled is not None:
                self.on_settled()
            return None
        id = hold.id

        def settle(store: LimitStore) -> None:
            store.settle(self._name, id, counts_of(taken))
            if self.on_settled is not None:
                self.on_settled()

        return settle

    def _add(self, hold: Hold, taken: Taken, store: LimitStore) -> None:
        """Add to the store what a call took while it failed, unless the budget was reset since."""
        if hold.sums is self._sums and hold.is_ours:
            store.reserve(self._name, hold.id_later, (0, 0), (None, None))  # a store settles what is reserved
            store.settle(self._name, hold.id_later, counts_of(taken))
            with self._lock:
                hold.sums.remove(taken)

    def rename(self, hold: Hold, id: str) -> Work | None:
        """Give a reservation that is in the store another id. Return what the store must do for that, if anything."""
        if not hold.id or not hold.open:
            return None
        old, hold.id, amounts = hold.id, id, (in_billionths(hold.amount), hold.tokens)

        def work(store: LimitStore) -> None:
            store.reserve(self._name, id, amounts, (None, None))  # both at once, so that never too little is reserved
            store.settle(self._name, old, {})

        return work

    def reservation_of_others(self, request: Request, id: str) -> Hold | None:
        """Return the reservation with this id in the store, made by another process; None without a store."""
        if not self.shared.usable(request):
            return None
        return Hold(request.model, Usage(), NOTHING, 0, open=True, id=id)


Work = Callable[[LimitStore], None]


def _reservation(fits: bool, left: int, tokens_left: int) -> tuple[bool, int, int]:
    """Return a store's answer. Raises TypeError or ValueError for what is no number."""
    return bool(fits), int(left), int(tokens_left)


@define
class Hold:
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
    id_later: str = ""
    """under which the store gets what it takes, as the store fails now"""
    streamed: bool = False
    characters: int = 0
    """of a stream so far"""
    usage: Usage | None = None
    """of a stream so far"""
    sums: Sums | None = None
    """where it is reserved in this process; others have begun since if that was reset"""
    subject: str = "call"
    """what it is for, in messages"""

    @property
    def is_ours(self) -> bool:
        """Whether this process has made it: a forked child ends the flows of its parent, too."""
        return self.process == os.getpid()


@frozen
class BatchHold:
    """The reservation that a batch has in one budget: `whole`, for all its calls together."""

    ledger: Ledger
    whole: Hold
    calls: Mapping[str, Hold]
    """What was expected of each call, by id."""


class Meter:
    """A Stage that counts what a stream has delivered, for streams that end early."""

    def __init__(self, hold: Hold) -> None:
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


def taken_by(hold: Hold, usage: Usage | None, reply: Reply | None = None) -> Taken:
    """Return what a call has taken: by the usage that was reported, else by an estimate that is not too low."""
    if not hold.sent:
        return Taken()
    spent, estimated, unpriced, tokens = NOTHING, NOTHING, 0, 0
    cost, known = _most(usage, hold.model.prices), usage.total_tokens if usage is not None else None
    if cost.total is None and known is not None:
        unpriced = 1
    exact = usage is not None and usage.complete and not _is_partial(usage, hold)
    if exact and cost.total is not None:
        spent = cost.total
    elif hold.streamed or reply is not None:  # estimated by the text that came
        likely = _with_estimates(hold, usage, reply)
        estimated = max(cost.total or NOTHING, price(likely, hold.model.prices).total or NOTHING)
        tokens = likely.total_tokens or 0
    elif hold.answered or hold.lost:  # nothing is known: all that was reserved
        estimated, tokens = max(cost.total or NOTHING, hold.amount), hold.tokens
    tokens = known if exact and known is not None else max(known or 0, tokens)
    return Taken(spent, estimated, tokens, 1, unpriced)


def _with_estimates(hold: Hold, usage: Usage | None, reply: Reply | None) -> Usage:
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


def _is_partial(usage: Usage, hold: Hold) -> bool:
    """Check whether a count that costs something is missing."""
    return usage.reported_cost is None and (
        usage.input_tokens is None or (usage.output_tokens is None and bool(hold.expected.output_tokens))
    )
