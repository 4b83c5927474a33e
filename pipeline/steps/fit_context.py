"""Shorten a conversation that is too long for its model, before it is sent."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from inspect import iscoroutinefunction

from attrs import evolve

from ...schemas.errors import ConfigError, ContextOverflow
from ...schemas.estimate import estimate_tokens
from ...schemas.functions import checked_function
from ...schemas.message import Context, Message, system
from ...schemas.missing_argument import saying_how_it_is_made
from ..around import around
from ..blocking import in_call_time
from ..effects import CallNext, Run, StepGenerator, in_thread
from ..http.request import Request
from ..step import Step, on_request
from .errors import attach_call_details
from .expected import output_limit
from .model_order import SHARED_WINDOW
from .shared import check_number

Count = Callable[[Context], int]
Summarise = Callable[[Context], str] | Callable[[Context], Awaitable[str]]
Block = tuple[Message, ...]

ANSWER = 4096
"""Tokens left for the answer if neither the call nor the model limits it."""
SUMMARY = "Summary of the conversation so far:\n\n"
_REMEMBERED = 32


@saying_how_it_is_made
def fit_context(
    *,
    summarise: Summarise | None = None,
    summary_tokens: int = 800,
    limit: int | None = None,
    margin: float = 0.1,
    count: Count = estimate_tokens,
) -> Step:
    """Leave out the oldest turns of a conversation that is longer than the model's context.

    summarise: makes a text of the Context left out, which takes its place as a system message. It may be async and may
        call a model. In a conversation that grows, it gets its own earlier summary and the new messages.
    summary_tokens: the longest summary; the rest of a longer one is cut off, with a warning.
    limit: the context in tokens, input and output together (default: the model's; for a model of unknown length the
        conversation is left as it is, with a warning).
    margin: the share of the room to leave free, since `count` may be wrong.
    count: counts the tokens of a Context (default: the estimate of schemas/estimate.py).

    System messages and the last turn stay, and a tool call stays or goes together with its results. If the last turn
    alone is too long (an agent at work), its oldest calls go. A warning on the reply says how much was left out;
    `reply.context` still has the complete conversation. The room for the answer is its `max_tokens`, else the model's
    longest answer, up to a quarter of the context.

    Raises ContextOverflow before anything is sent if even the system messages and the last turn do not fit.
    """
    if not (isinstance(margin, int | float) and 0 <= margin < 1):
        raise ConfigError(f"margin={margin!r:.40} is not a share of the context", hint="use 0.1 for a tenth")
    check_number(1 if limit is None else limit, "the limit of fit_context", whole=True)
    check_number(summary_tokens, "the summary_tokens of fit_context", whole=True)
    checked_function(count, "count= of fit_context", 1)
    if not (summarise is None or callable(summarise)):
        raise ConfigError(f"summarise={summarise!r:.40} is not a function", hint="pass a function of a Context")

    def cut(request: Request) -> tuple[Request, Block]:
        """Return the request with the messages that fit, and the others."""
        room = _room(request, limit)
        if request.operation != "chat":
            return request, ()
        if room is None:
            return request.warn("context", "the length of this model's context is not known; pass limit="), ()
        needed, room = count(request.context), int(room * (1 - margin))
        if needed <= room:
            return request, ()
        if summarise is not None:
            room -= summary_tokens + count(Context((system(SUMMARY),)))
        remaining, dropped = _trim(request.context, needed, room, count)
        left = count(remaining)
        if left > room or not dropped:
            raise _overflow(request, left, room)
        why = f"{len(dropped)} of {len(request.context)} messages left out: {needed} tokens, about {room} fit"
        return request.replace(context=remaining).warn("context", why), dropped

    if summarise is None:
        return on_request("fit_context", lambda request: cut(request)[0])
    summaries = _Summaries(summarise)

    def run(request: Request, call: CallNext) -> StepGenerator:
        fitted, dropped = cut(request)
        if dropped:
            full = yield from in_call_time(request, summaries.of(Context(dropped)))
            summary = _shorten(full, summary_tokens, count)
            summaries.keep(dropped, summary)
            if summary != full:
                fitted = fitted.warn("context", f"the summary had over {summary_tokens} tokens; its end was cut off")
            fitted = fitted.replace(context=_with_summary(fitted.context, summary))
        return (yield from call(fitted))

    return around("fit_context", run)


def _room(request: Request, limit: int | None) -> int | None:
    """Return the tokens free for the input; None if that is not known."""
    model = request.model
    shared = request.get(SHARED_WINDOW)
    window, most = limit or (shared() if shared else model.context_window), model.facts.get("max_input_tokens")
    if window is None:
        return most
    room = window - (output_limit(request) or min(model.max_output_tokens or ANSWER, window // 4))
    return room if most is None or limit else min(room, most)


def _trim(context: Context, needed: int, room: int, count: Count) -> tuple[Context, Block]:
    """Return the messages that fit and those that do not, both in order."""
    turns = _turns(context.messages)
    *earlier, last = turns
    # The first block of the last turn, which is the user's, and its newest one stay; those between may go.
    candidates = [*(tuple(message for block in turn for message in block) for turn in earlier), *last[1:-1]]
    dropped: list[Message] = []
    for block in candidates:
        if needed <= room:
            break
        needed -= count(Context(block))
        dropped += block
    ids = {id(message) for message in dropped}
    remaining = [message for message in context.messages if id(message) not in ids]
    return evolve(context, messages=remaining), tuple(dropped)


def _turns(messages: Sequence[Message]) -> list[list[Block]]:
    """Divide the messages into turns, each from one user message to the next, and those into blocks.

    A block stays together: a message, or calls with their results. System messages belong to no turn.
    """
    turns: list[list[Block]] = [[]]
    for message in messages:
        if message.role == "system":
            continue
        if message.role == "user" and turns[-1]:
            turns.append([])
        blocks = turns[-1]
        if message.role == "tool" and blocks:
            blocks[-1] = (*blocks[-1], message)
        else:
            blocks.append((message,))
    return turns


def _with_summary(context: Context, summary: str) -> Context:
    """Insert the summary after the system messages at the beginning."""
    messages = context.messages
    at = next((at for at, message in enumerate(messages) if message.role != "system"), len(messages))
    return evolve(context, messages=(*messages[:at], system(SUMMARY + summary), *messages[at:]))


def _shorten(summary: object, most: int, count: Count) -> str:
    """Return the summary, cut to at most `most` tokens. Raises ConfigError if it is not a string."""
    if not isinstance(summary, str):
        raise ConfigError(f"summarise returned {type(summary).__name__}", hint="return the summary as a string")
    most += count(Context((system(SUMMARY),)))
    while summary and (tokens := count(Context((system(SUMMARY + summary),)))) > most:
        # Cut a little more than the share: words differ in length, and a counter may be slow.
        summary = summary[: min(len(summary) - 1, len(summary) * most * 19 // (tokens * 20))].rstrip()
    return summary


def _overflow(request: Request, needed: int, room: int) -> ContextOverflow:
    error = ContextOverflow(
        f"the conversation does not fit {request.model}: its system messages and last turn have about {needed} tokens, "
        f"and {max(room, 0)} are free for them",
        hint="shorten them, lower max_tokens, or use a model with a longer context",
        requested_tokens=needed,
        max_tokens=max(room, 0),
    )
    attach_call_details(error, request)
    return error


class _Summaries:
    """The last summaries, so that a growing conversation is not summarised from its beginning each time."""

    def __init__(self, summarise: Summarise) -> None:
        self._summarise = summarise
        self._summaries: tuple[tuple[Block, str], ...] = ()

    def of(self, context: Context) -> Run:
        """Return the effect whose result is the summary of these messages."""
        known, summary = max(
            ((each, text) for each, text in self._summaries if context.messages[: len(each)] == each),
            key=lambda item: len(item[0]),
            default=((), ""),
        )
        if len(known) == len(context):
            return Run(lambda: summary)
        rest = context.messages[len(known) :]
        return _run(self._summarise, Context((system(SUMMARY + summary), *rest) if known else rest))

    def keep(self, messages: Block, summary: str) -> None:
        self._summaries = (*self._summaries[1 - _REMEMBERED :], (messages, summary))


def _run(summarise: Summarise, context: Context) -> Run:
    if not iscoroutinefunction(summarise):
        return in_thread(lambda: summarise(context))  # a call to a model must not block the event loop

    def refuse() -> object:
        raise ConfigError("an async summarise needs an AsyncClient", hint="pass a plain function to a Client")

    return Run(refuse, lambda: summarise(context))
