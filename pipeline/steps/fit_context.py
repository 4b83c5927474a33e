"""A conversation that has grown too long for its model is made to fit before it is sent."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from inspect import iscoroutinefunction

from attrs import evolve

from ...schemas.errors import ConfigError, ContextOverflow
from ...schemas.estimate import estimate_tokens
from ...schemas.message import Context, Message, system
from ..effects import CallNext, Run, StepGenerator
from ..http.request import Request
from ..step import Step, around, on_request
from .errors import attach_call_details

Count = Callable[[Context], int]
Summarise = Callable[[Context], str] | Callable[[Context], Awaitable[str]]
Block = tuple[Message, ...]

ANSWER = 4096
"""Tokens kept free for the answer when neither the call nor the model says how long it may be."""
SUMMARY = "Summary of the conversation so far:\n\n"
_REMEMBERED = 32


def fit_context(
    *,
    summarise: Summarise | None = None,
    summary_tokens: int = 800,
    limit: int | None = None,
    margin: float = 0.1,
    count: Count = estimate_tokens,
) -> Step:
    """Leave out the oldest turns of a conversation that is longer than the model's context.

    System messages stay, the last turn stays, and a tool call and its results go together or not at all. When the
    last turn alone is too long (an agent at work), its oldest calls go with their results. What was left out is told
    as a warning on the reply; `reply.context` still holds the whole conversation.

    `summarise(context)` gives words to put in the place of what goes, as a system message. What is over
    `summary_tokens` is cut off, with a warning. It may be async, and may ask a model; of a conversation that grows it
    sees its own earlier summary and what is new. `limit` is the context in tokens, input and output together (default:
    the model's own; a model of unknown length passes untouched, with a warning). The answer's `max_tokens` are kept
    free, else the model's longest answer up to a quarter of the context. `count(context)` counts tokens (default: the
    estimate of schemas/estimate.py), and `margin` is the share of the room left free because it may be off.

    Raises ContextOverflow before anything is sent when even the system messages and the last turn do not fit.
    """
    if not 0 <= margin < 1:
        raise ConfigError(f"margin={margin} is not a share of the context", hint="use 0.1 for a tenth")

    def cut(request: Request) -> tuple[Request, Block]:
        """The request with what fits, and what was left out."""
        room = _room(request, limit)
        if request.operation != "chat":
            return request, ()
        if room is None:
            return request.warn("context", "nobody told how long the context of this model is; pass limit="), ()
        needed, room = count(request.context), int(room * (1 - margin))
        if needed <= room:
            return request, ()
        if summarise is not None:
            room -= summary_tokens + count(Context((system(SUMMARY),)))
        kept, dropped = _trimmed(request.context, needed, room, count)
        left = count(kept)
        if left > room or not dropped:
            raise _overflow(request, left, room)
        why = f"{len(dropped)} of {len(request.context)} messages left out: {needed} tokens, about {room} fit"
        return request.replace(context=kept).warn("context", why), dropped

    if summarise is None:
        return on_request("fit_context", lambda request: cut(request)[0])
    summaries = _Summaries(summarise)

    def run(request: Request, call: CallNext) -> StepGenerator:
        fitted, dropped = cut(request)
        if dropped:
            made = yield summaries.of(Context(dropped))
            summary = _shortened(made, summary_tokens, count)
            summaries.keep(dropped, summary)
            if summary != made:
                fitted = fitted.warn("context", f"the summary had over {summary_tokens} tokens, and lost its end")
            fitted = fitted.replace(context=_with_summary(fitted.context, summary))
        return (yield from call(fitted))

    return around("fit_context", run)


def _room(request: Request, limit: int | None) -> int | None:
    """Tokens for the input; None when nobody knows."""
    model, options = request.model, request.options
    window, most = limit or model.context_window, model.facts.get("max_input_tokens")
    if window is None:
        return most
    asked = options.get("max_tokens") or options.get("max_completion_tokens")
    room = window - (asked or min(model.max_output_tokens or ANSWER, window // 4))
    return room if most is None or limit else min(room, most)


def _trimmed(context: Context, needed: int, room: int, count: Count) -> tuple[Context, Block]:
    """What fits of the conversation, and the messages that were left out, both in order."""
    turns = _turns(context.messages)
    *earlier, last = turns
    # Of the last turn its beginning, which is the user's, and its newest block stay; what is between may go.
    going = [*(tuple(message for block in turn for message in block) for turn in earlier), *last[1:-1]]
    dropped: list[Message] = []
    for block in going:
        if needed <= room:
            break
        needed -= count(Context(block))
        dropped += block
    gone = {id(message) for message in dropped}
    kept = [message for message in context.messages if id(message) not in gone]
    return evolve(context, messages=kept), tuple(dropped)


def _turns(messages: Sequence[Message]) -> list[list[Block]]:
    """Turns, each from a message of the user's to the next, divided into what must stay together: a message, or calls
    with their results. System messages belong to no turn."""
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
    """The summary behind the system messages that stand first."""
    messages = context.messages
    at = next((at for at, message in enumerate(messages) if message.role != "system"), len(messages))
    return evolve(context, messages=(*messages[:at], system(SUMMARY + summary), *messages[at:]))


def _shortened(summary: object, most: int, count: Count) -> str:
    """The summary, or the beginning of it that has no more than so many tokens."""
    if not isinstance(summary, str):
        raise ConfigError(f"summarise returned {type(summary).__name__}", hint="return the summary as a string")
    most += count(Context((system(SUMMARY),)))
    while summary and (tokens := count(Context((system(SUMMARY + summary),)))) > most:
        # A little shorter than its share: words differ in length, and a counter may be slow.
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
    """The last summaries made, so that a conversation that grows is not read from its beginning each time."""

    def __init__(self, summarise: Summarise) -> None:
        self._summarise = summarise
        self._summaries: tuple[tuple[Block, str], ...] = ()

    def of(self, context: Context) -> Run:
        """The effect that gives the summary of these messages."""
        known, summary = max(
            ((each, text) for each, text in self._summaries if context.messages[: len(each)] == each),
            key=lambda made: len(made[0]),
            default=((), ""),
        )
        if len(known) == len(context):
            return Run(lambda: summary)
        rest = context.messages[len(known) :]
        asked = Context((system(SUMMARY + summary), *rest) if known else rest)
        return _asking(self._summarise, asked)

    def keep(self, messages: Block, summary: str) -> None:
        self._summaries = (*self._summaries[1 - _REMEMBERED :], (messages, summary))


def _asking(summarise: Summarise, context: Context) -> Run:
    if not iscoroutinefunction(summarise):

        async def summarise_async() -> object:
            import anyio.to_thread  # comes with httpx; asking a model must not stop the event loop

            return await anyio.to_thread.run_sync(summarise, context)

        return Run(lambda: summarise(context), summarise_async)

    def refuse() -> object:
        raise ConfigError("an async summarise needs an AsyncClient", hint="pass a plain function to a Client")

    return Run(refuse, lambda: summarise(context))
