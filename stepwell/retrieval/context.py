"""retrieve_context: a pipeline step that looks up what the user asks and sends it along, numbered to be cited."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any
from weakref import ref

from ..pipeline.effects import CallNext, Run, StepGenerator
from ..pipeline.http.request import Request
from ..pipeline.step import Step, around
from ..schemas.errors import ConfigError, StepwellError
from ..schemas.message import Context, Message, is_turn
from ..schemas.parts import Text
from .citations import CitingStage, with_citations
from .filters import Where
from .node import ScoredNode
from .retriever import Retriever

INSTRUCTION = (
    "Answer with the help of these notes. Cite a note by its number in brackets, like [1]. "
    "If the notes do not hold the answer, say so."
)
_REMEMBERED = 1000


def retrieve_context(
    retriever: Retriever,
    *,
    top_k: int | None = None,
    where: Where = None,
    min_score: float | None = None,
    query: Callable[[Context], str | None] | None = None,
    write: Callable[[Sequence[ScoredNode]], str] | None = None,
    required: bool = True,
    name: str = "retrieve_context",
) -> Step:
    """A step for chats: retrieves for the user's last message and puts what it finds before that message's own text.

        client = Client(pipeline=[retrieve_context(notes)])
        reply = client.generate_text(model, "How long is the warranty?")
        citations(reply)                                            # or reply.metadata["citations"]

    It retrieves once for each turn of the user: while tools are run or an answer is repaired, the same notes are sent
    again. Where nothing is found, or the message has no text, the call goes as it is. `reply.context` stays the
    caller's own conversation. `query` makes the query of the Context (None or "": no retrieval for this call); `write`
    makes the text of the findings, which `notes` does unless told. A retriever that fails, fails the call, or with
    `required=False` leaves a warning on the reply.
    """
    remembered = _Turns()

    def found_for(request: Request, asked: Message) -> Any:
        if asked is not request.context.messages[-1] and (known := remembered.get(asked)) is not None:
            return known
        text = asked.text if query is None else query(request.context)
        if text is not None:
            _check(text, "query")
        if not text or not text.strip():
            return []
        how: dict[str, Any] = {"top_k": top_k, "where": where, "min_score": min_score}
        found = yield Run(lambda: retriever.retrieve(text, **how), lambda: retriever.aretrieve(text, **how))
        remembered.put(asked, found)
        return found

    def with_notes(request: Request, call: CallNext, at: int) -> StepGenerator:
        asked = request.context.messages[at]
        try:
            found = yield from found_for(request, asked)
        except Exception as error:
            if required:
                raise
            why = error.message if isinstance(error, StepwellError) else f"{type(error).__name__}: {error}"
            return (yield from call(request.warn(name, f"nothing was retrieved: {why[:200]}")))
        if not found:
            return (yield from call(request))
        response = yield from call(
            request.replace(context=_with_notes(request.context, at, _check((write or notes)(found), "write")))
        )
        if response.reply is None:
            return response.through(CitingStage(found))
        response.reply = with_citations(response.reply, found)
        return response

    def run(request: Request, call: CallNext) -> StepGenerator:
        at = _asking(request)
        return call(request) if at is None else with_notes(request, call, at)

    return around(name, run)


def notes(found: Sequence[ScoredNode]) -> str:
    """The findings as they are shown to the model: an instruction, then each with its number and source."""
    shown = (
        f"[{number}] {f'({each.source}) ' if each.source else ''}{each.text}"
        for number, each in enumerate(found, start=1)
    )
    return "\n\n".join([INSTRUCTION, *shown])


def _check(made: Any, by: str) -> str:
    if not isinstance(made, str):
        raise ConfigError(f"{by}= of retrieve_context gave a {type(made).__name__}", hint="let it return text")
    return made


def _asking(request: Request) -> int | None:
    """Where the user's last message stands; None for what is no chat."""
    if request.operation != "chat":
        return None
    messages = request.context.messages
    return next((at for at in range(len(messages) - 1, -1, -1) if is_turn(messages[at])), None)


def _with_notes(context: Context, at: int, text: str) -> Context:
    asked = context.messages[at]
    extended = Message("user", (Text(f"{text}\n\n"), *asked.content), name=asked.name, extra=asked.extra)
    return Context((*context.messages[:at], extended, *context.messages[at + 1 :]), context.tools)


class _Turns:
    """What was found for a message, as long as the message lives. Goes by the object, not by its words: another user
    may ask the same and be allowed to see other notes."""

    def __init__(self) -> None:
        self._found: OrderedDict[int, tuple[ref[Message], list[ScoredNode]]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, message: Message) -> list[ScoredNode] | None:
        with self._lock:
            entry = self._found.get(id(message))
            return entry[1] if entry is not None and entry[0]() is message else None

    def put(self, message: Message, found: list[ScoredNode]) -> None:
        with self._lock:
            self._found[id(message)] = (ref(message), found)
            while len(self._found) > _REMEMBERED:
                self._found.popitem(last=False)
