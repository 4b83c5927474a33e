"""retrieve_context: a pipeline step that adds numbered notes on the user's question to the request."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Generator, Sequence
from typing import Any
from weakref import ref

from ..pipeline.around import around
from ..pipeline.blocking import in_call_time
from ..pipeline.effects import CallNext, Effect, Run, StepGenerator
from ..pipeline.http.request import Request, StateKey
from ..pipeline.step import Step
from ..schemas.errors import ConfigError, StepwellError
from ..schemas.functions import checked_function, taken
from ..schemas.message import Context, Message, is_turn
from ..schemas.missing_argument import saying_how_it_is_made
from ..schemas.parts import Text
from ..schemas.process_lock import ProcessLock
from .citations import CitingStage, with_notes_cited
from .filters import Where, check_where
from .node import ScoredNode
from .retriever import Retriever, check_limits, check_retriever

INSTRUCTION = (
    "Answer with the help of these notes. Cite a note by its number in brackets, like [1]. "
    "If the notes do not hold the answer, say so."
)
_REMEMBERED_TURNS = 1000
_GIVEN: StateKey[int] = StateKey("notes_given", 0, travels=True)
"""How many notes the steps around this one have put into the request."""


@saying_how_it_is_made
def retrieve_context(
    retriever: Retriever,
    *,
    top_k: int | None = None,
    where: Where = None,
    min_score: float | None = None,
    query: Callable[[Context], str | None] | None = None,
    write: Callable[..., str] | None = None,
    required: bool = True,
    name: str = "retrieve_context",
) -> Step:
    """Create a step for chats that retrieves for the user's last message and puts the notes before its text.

        client = Client(pipeline=[retrieve_context(notes)])
        reply = client.generate_text(model, "How long is the warranty?")
        reply.citations                                             # all that were sent: reply.metadata["notes"]

    It retrieves once for each turn of the user: while tools run or an answer is repaired, the same notes are sent
    again. Where nothing is found, or the message has no text, the request is unchanged. `reply.context` remains the
    caller's own conversation. A further such step, which needs a `name=` of its own, goes on with the numbers.

    retriever: searched with the text of the user's last message.
    top_k, where, min_score: as for `retriever.retrieve`; None: the retriever's defaults.
    query: function that makes the query from the Context; if it returns None or "", nothing is retrieved.
    write: function that makes the text of the notes, `notes` by default. It gets the number of the first as `first=` if
        it has an argument of that name.
    required: whether an error of the retriever fails the call (default); otherwise it becomes a warning on the reply.
    name: the step's name in the pipeline.
    """
    check_retriever(retriever)
    check_limits(1 if top_k is None else top_k, min_score)
    check_where(where)
    if query is not None:
        checked_function(query, "query= of retrieve_context", 1)
    if write is not None:
        checked_function(write, "write= of retrieve_context", 1, ("first",))
    remembered = _RememberedTurns()

    def written(found: list[ScoredNode], first: int) -> str:
        return notes(found, first) if write is None else write(found, **taken(write, {"first": first}))

    def nodes_for(request: Request, message: Message) -> Generator[Effect, Any, list[ScoredNode]]:
        if message is not request.context.messages[-1] and (known := remembered.get(message)) is not None:
            return known
        text = message.text if query is None else query(request.context)
        if text is not None:
            _check_text(text, "query")
        if not text or not text.strip():
            return []
        settings: dict[str, Any] = {"top_k": top_k, "where": where, "min_score": min_score}
        find = Run(lambda: retriever.retrieve(text, **settings), lambda: retriever.aretrieve(text, **settings))
        found: list[ScoredNode] = yield from in_call_time(request, find)
        remembered.put(message, found)
        return found

    def with_notes(request: Request, call: CallNext, at: int) -> StepGenerator:
        try:
            found = yield from nodes_for(request, request.context.messages[at])
        except Exception as error:
            if required:
                raise
            why = error.message if isinstance(error, StepwellError) else f"{type(error).__name__}: {error}"
            return (yield from call(request.warn(name, f"retrieval failed, so no notes were sent: {why[:200]}")))
        if not found:
            return (yield from call(request))
        first = request.get(_GIVEN) + 1
        text = _check_text(written(found, first), "write")
        extended = request.replace(context=_with_notes(request.context, at, text))
        response = yield from call(extended.with_state(_GIVEN, first - 1 + len(found)))
        if response.reply is None:
            return response.through(CitingStage(found, first))
        response.reply = with_notes_cited(response.reply, found, first)
        return response

    def run(request: Request, call: CallNext) -> StepGenerator:
        at = _last_user_message(request)
        return call(request) if at is None else with_notes(request, call, at)

    return around(name, run)


def notes(nodes: Sequence[ScoredNode], first: int = 1) -> str:
    """Write the notes for the model: an instruction, then each with its number, from `first` on, and source."""
    shown = (
        f"[{number}] {f'({scored.source}) ' if scored.source else ''}{scored.text}"
        for number, scored in enumerate(nodes, start=first)
    )
    return "\n\n".join([INSTRUCTION, *shown])


def _check_text(value: object, option: str) -> str:
    if not isinstance(value, str):
        raise ConfigError(
            f"the function {option}= of retrieve_context returned a {type(value).__name__}", hint="return a str"
        )
    return value


def _last_user_message(request: Request) -> int | None:
    """Return the index of the user's last message; None if the call is not a chat."""
    if request.operation != "chat":
        return None
    messages = request.context.messages
    return next((at for at in range(len(messages) - 1, -1, -1) if is_turn(messages[at])), None)


def _with_notes(context: Context, at: int, text: str) -> Context:
    message = context.messages[at]
    extended = Message("user", (Text(f"{text}\n\n"), *message.content), name=message.name, extra=message.extra)
    return Context((*context.messages[:at], extended, *context.messages[at + 1 :]), context.tools)


class _RememberedTurns:
    """The nodes found for a message, for as long as the message object lives.

    The key is the object and not its text: another user may ask the same and be allowed to see other notes.
    """

    def __init__(self) -> None:
        self._found: OrderedDict[int, tuple[ref[Message], list[ScoredNode]]] = OrderedDict()
        self._lock = ProcessLock()

    def get(self, message: Message) -> list[ScoredNode] | None:
        with self._lock:
            entry = self._found.get(id(message))
            return entry[1] if entry is not None and entry[0]() is message else None

    def put(self, message: Message, nodes: list[ScoredNode]) -> None:
        with self._lock:
            self._found[id(message)] = (ref(message), nodes)
            while len(self._found) > _REMEMBERED_TURNS:
                self._found.popitem(last=False)
