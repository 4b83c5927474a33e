"""Share calls among several models: in turn for each call, or for each turn of a conversation (an alloy)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from attrs import evolve

from ...schemas.errors import ConfigError
from ...schemas.message import Context
from ...schemas.missing_argument import saying_how_it_is_made
from ...schemas.model import Model
from ...schemas.process_lock import ProcessLock
from ..around import around
from ..effects import CallNext, Run, StepGenerator
from ..http.request import PREFILLED, Request
from ..pipeline import other_pipeline
from ..step import Step
from .model_order import OWN, SHARED_WINDOW, GivenModel, Kinds, When, ask_in_order, condition, entries_of

_SHARED = frozenset(("chat", "embed", "rerank", "moderate", "image", "speak", "transcribe", "ocr"))
"""Operations that leave nothing at the provider, so that any of the models may do the next one."""
_LONGEST_CYCLE = 10_000


@saying_how_it_is_made
def round_robin(
    *models: GivenModel,
    weights: Sequence[int] | None = None,
    failover: bool = True,
    when: When | Kinds | None = None,
    name: str = "round_robin",
) -> Step:
    """Make a step that sends the calls to these models in turn:

        client = Client(pipeline=round_robin("openai:gpt-5", ("groq:openai/gpt-oss-120b", {"max_tokens": 500})))
        client.generate_text("openai:gpt-5", "hi")      # name any of them

    models: names of models, or pairs of a name and the options that differ for it. A call to one of them goes to the
        next; a call to another model goes to that, and a warning on a chat's reply says so.
    weights: how many of `sum(weights)` calls in a row each model gets, spread evenly (default: 1 for each).
    failover: whether the next models are called when one fails before its output began.
    when: the errors that count for this, as for `fallback`.
    name: the name of the step.

    The sequence is exact, however many threads and tasks call at once. It begins at a random model, so that many short
    processes do not all begin with the first one. The turns of one tool loop stay with the model that began it, whose
    signed reasoning and prompt cache are valid only there; `alloy` changes the model in a loop, too.

    Each model is called as `fallback` calls its own: with its own provider, key and option rules, with the conversation
    adapted to it, and with the steps inside this one; headers, key and address of the call stay with its own model and
    provider. `fit_context` inside it leaves room for the smallest context of the models. Best put outermost.

    Vectors come from the same model only, at any provider; a warning names those that were passed over.

    Raises ConfigError if there are no models or the weights do not fit, UnknownModel for what does not name a model.
    """
    return _rotation(models, weights, failover, when, name, _author_of_loop)


@saying_how_it_is_made
def alloy(
    *models: GivenModel,
    weights: Sequence[int] | None = None,
    failover: bool = True,
    when: When | Kinds | None = None,
    name: str = "alloy",
) -> Step:
    """Make a step that sends each turn of a conversation to the next of these models, within a tool loop as well.

    The history goes along as `fallback` takes it: texts, calls and results, but no signatures or encrypted reasoning of
    another provider, which is a warning. The arguments are those of `round_robin`.
    """
    return _rotation(models, weights, failover, when, name, lambda context: None)


def _rotation(
    models: tuple[GivenModel, ...],
    weights: Sequence[int] | None,
    failover: bool,
    when: When | Kinds | None,
    name: str,
    kept_by: Callable[[Context], str | None],
) -> Step:
    """Make the step. `kept_by` returns the name of the model that a conversation must stay with, or None."""
    entries = entries_of(models, name)
    names = [str(named if isinstance(named, Model) else Model.named(named)) for named, _ in entries]
    cycle = even_cycle(_checked_weights(weights, len(entries), name))
    turns = _Turns(len(cycle))
    may_help = condition(when, name) if failover else lambda error: False

    def smallest_context(request: Request) -> int | None:
        windows = [other_pipeline(request, *entry, inside=name)[1].model.context_window for entry in entries]
        return None if None in windows else min(size for size in windows if size is not None)

    def run(request: Request, call: CallNext) -> StepGenerator:
        own = str(request.model)
        if request.operation not in _SHARED or request.request_for_model is None:
            return call(request)
        if own not in names:
            if request.operation == "chat":
                request = request.warn("model", f"called itself, as it is none of the models of {name}")
            return call(request)
        return in_turn(request, call)

    def in_turn(request: Request, call: CallNext) -> StepGenerator:
        own = str(request.model)
        author = _author(request.context) if request.get(PREFILLED) else kept_by(request.context)
        if author in names:
            first = names.index(author)
        else:
            # An effect, so that a job that is run again asks the same model.
            first = cycle[(yield Run(lambda: turns.next(request.world.random), recorded=True, name=name))]
        request = request.with_state(SHARED_WINDOW, partial(smallest_context, request))
        order = [
            OWN if names[at] == own and not entries[at][1] else entries[at]
            for at in (*range(first, len(entries)), *range(first))
        ]
        return (yield from ask_in_order(request, call, order, may_help, name, other_pipeline))

    step = around(name, run, counts=True)
    shares = [f", {weight} of {sum(weights)}" for weight in weights] if weights else [""] * len(names)
    return evolve(step, calls=entries, details=tuple(map("".join, zip(names, shares, strict=True))))


def _author_of_loop(context: Context) -> str | None:
    """Return the model whose calls the last results answer; None where no tool loop is going on."""
    return _author(context) if context.messages and context.messages[-1].role == "tool" else None


def _author(context: Context) -> str | None:
    """Return the model that wrote the last answer of a conversation."""
    return next((message.model for message in reversed(context.messages) if message.role == "assistant"), None)


class _Turns:
    """A position in a cycle, which each call moves on by one."""

    def __init__(self, length: int) -> None:
        self._length = length
        self._position: int | None = None
        self._lock = ProcessLock()

    def next(self, chance: Callable[[], float]) -> int:
        """Return the next position; the first one is random. `chance` returns a number from 0 to 1."""
        with self._lock:
            after = int(chance() * self._length) if self._position is None else self._position + 1
            self._position = after % self._length
            return self._position


def even_cycle(weights: Sequence[int]) -> list[int]:
    """Return a cycle in which each index occurs as often as its weight, spread evenly: [3, 1] gives [0, 0, 1, 0]."""
    total, due, cycle = sum(weights), [0] * len(weights), []
    for _ in range(total):
        due = [owed + weight for owed, weight in zip(due, weights, strict=True)]
        chosen = due.index(max(due))
        due[chosen] -= total
        cycle.append(chosen)
    return cycle


def _checked_weights(weights: Sequence[int] | None, count: int, step: str) -> Sequence[int]:
    if weights is None:
        return [1] * count
    counted = isinstance(weights, Sequence) and len(weights) == count
    if not counted or any(type(each) is not int or each < 1 for each in weights):
        raise ConfigError(f"weights= of {step} must be {count} whole numbers of 1 or more", hint="weights=[3, 1]")
    if sum(weights) > _LONGEST_CYCLE:
        raise ConfigError(
            f"the weights of {step} add up to more than {_LONGEST_CYCLE:,}", hint="divide them by a number"
        )
    return weights
