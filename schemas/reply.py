"""The reply: the decoded answer of a call."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import deepcopy
from decimal import Decimal
from reprlib import Repr
from typing import TYPE_CHECKING, Any, Generic, cast

from attrs import define, evolve, field, fields, frozen

from .attempt import Attempt, Noted, attempts_of
from .citation import Citation
from .errors import ConfigError, visible
from .foreign_names import Hinted
from .logprobs import TokenLogprob, token_logprobs
from .message import Context, Message
from .model import Model
from .parts import Audio, Image, Refusal, ServerToolCall, ServerToolResult, ToolCall
from .prices import Cost, Prices, price, total_cost
from .tool import Tool
from .usage import NO_USAGE, Usage

if TYPE_CHECKING:  # a TypeVar with a default, so that a plain `Reply` is complete; typing has these from 3.13 on
    from typing_extensions import TypeVar

    ObjectType = TypeVar("ObjectType", default=Any)
else:
    from typing import TypeVar

    ObjectType = TypeVar("ObjectType")

PAUSE = "pause"
"""The finish reason of a long turn that the provider interrupted: sent back as it is, it goes on."""
WHOLE = frozenset((None, "stop", "tool_calls", "unknown"))
"""The finish reasons after which tool calls may be run: the answer is complete, or nothing says that it is not (some
servers give no reason). After any other, a call may lack part of its arguments, or have been refused."""


_last: tuple[Usage, Prices | None, Cost] = NO_USAGE, None, price(NO_USAGE, None)
"""What was priced last."""


def _cost_of(usage: Usage, prices: Prices | None) -> Cost:
    """Return the price of a usage. A reply is often asked for its cost twice in a row, which costs 4 µs each time."""
    global _last
    known = _last
    if known[0] is usage and known[1] is prices:
        return known[2]
    cost = price(usage, prices)
    _last = usage, prices, cost
    return cost


@frozen
class CallWarning:
    """A notice that something of the call was changed, dropped or made up."""

    subject: str
    """What it is about: an option, usually."""
    why: str
    """What was done, and why."""
    model: str = ""
    """The model that was called."""

    def __str__(self) -> str:
        # A model may have made up the name of a tool, and a server that of a field.
        return visible(f"{self.subject}: {self.why}" + (f" ({self.model})" if self.model else ""))


def joined_warnings(first: tuple[CallWarning, ...], more: tuple[CallWarning, ...]) -> tuple[CallWarning, ...]:
    """Return the warnings of both, without those of `more` that are in `first`."""
    if not more:
        return first
    if len(first) < _FEW:
        return (*first, *(each for each in more if each not in first))
    joined = first if isinstance(first, _ManyWarnings) else _ManyWarnings(first)
    known = joined.take_known()
    if new := [each for each in more if each not in known]:
        known.update(new)
        joined = _ManyWarnings((*first, *new))
    joined.known = known
    return joined


_FEW = 16


class _ManyWarnings(tuple[CallWarning, ...]):
    """Warnings that have grown many, with the set of them: to compare a further one with all would take as long as
    there are many. The set goes on to the tuple that is made of this one and more."""

    known: set[CallWarning] | None = None

    def take_known(self) -> set[CallWarning]:
        """Take the set out, so that no other thread adds to it meanwhile; it is made anew if it is not here."""
        known: set[CallWarning] | None = self.__dict__.pop("known", None)
        return set(self) if known is None else known

    def __reduce__(self) -> tuple[type[tuple[CallWarning, ...]], tuple[list[CallWarning]]]:
        return tuple, ([*self],)  # a copy, or what is pickled, is a plain tuple


def all_warnings(replies: Iterable[Reply[Any]]) -> tuple[CallWarning, ...]:
    """Return the warnings of several replies, each once."""
    return tuple(dict.fromkeys([warning for reply in replies for warning in reply.warnings]))


@frozen
class Ranked:
    """A document's place in a ranking: its index among the documents passed, and its score."""

    index: int
    score: float


@frozen
class Indexed:
    """One of several results, with the index of the input that it belongs to.

    Wires decode to these; the step that checks the answer turns them into a list in the order of the inputs.
    """

    index: int
    value: Any


@frozen(hash=False)
class Verdict:
    """The moderation result of one text: the categories it falls under, and the score of each (0 to 1)."""

    flagged: bool
    categories: tuple[str, ...] = ()
    scores: Mapping[str, float] = field(factory=dict, repr=False)


@define
class Reply(Hinted, Generic[ObjectType], hints="reply"):
    """An answer in one form, whether streamed or not. `Reply[City]` is a reply whose `object` is a City."""

    message: Message = field(factory=lambda: Message("assistant"))
    finish_reason: str | None = None
    """stop, length, tool_calls, content_filter (a filter, or the model refused; see `refusal`), pause (send the answer
    back to go on), or the provider's own reason if none of these fits. Failed and unfinished answers are errors."""
    finish_reason_raw: str | None = None
    """The provider's own reason."""
    usage: Usage = NO_USAGE
    id: str | None = None
    """The provider's id of the answer."""
    model: str = ""
    provider: str = ""
    warnings: tuple[CallWarning, ...] = ()
    request_id: str | None = None
    """The provider's id of the request, from the response's headers."""
    object: ObjectType = field(default=cast(ObjectType, None))
    """A result that is not text: the object of a schema, vectors, a ranking, verdicts, models. None in a chat."""
    metadata: Mapping[str, Any] = field(factory=dict, repr=False)
    """Further data of the answer, by its name: logprobs, fingerprints, notes."""
    alternatives: tuple[Message, ...] = ()
    """The further choices if n > 1."""
    steps: tuple[Reply[Any], ...] = field(default=(), repr=False)
    """The replies of a tool loop or another workflow of several calls, in their order."""
    raw: Any = field(default=None, repr=False, eq=False)
    """The decoded body of an answer that was not streamed."""
    headers: Mapping[str, str] = field(factory=dict, repr=False, eq=False)
    """The headers of the response."""
    prompt: Context | None = field(default=None, repr=False, eq=False)
    """The conversation that was sent."""
    tool_messages: tuple[Message, ...] = field(default=(), repr=False)
    """The results of the tools that were run after the answer."""
    noted: Sequence[Noted] = field(default=(), repr=False, eq=False)
    """What `attempts` is made of."""
    billed_model: Model | None = field(default=None, repr=False, eq=False)
    """The model whose prices apply."""
    already_paid: bool = field(default=False, repr=False)
    """True if the provider charges nothing for this call, whatever its usage says."""

    @property
    def maybe_billed(self) -> bool:
        """Whether a request for it was in flight when a process was killed, and was sent again: the provider may bill
        both, and `usage` has only the one that was answered."""
        return bool(self.warnings) and any(each.subject == "maybe_billed" for each in self.warnings)

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        """The attempts of the call, in their order, also those to other models: when, how long, and what came."""
        return attempts_of(self.noted)

    def __str__(self) -> str:
        """Return the text, so that `print(reply)` prints it. Without text, say what there is: `<2 vectors of 384>`,
        `<calls get_weather>`; "" for nothing."""
        if text := self.text:
            return text
        from .shown_reply import shown_without_text  # for answers without text

        return shown_without_text(self.object, self.message.content, self.usage, self.finish_reason)

    def __repr__(self) -> str:
        """Show in one line what the reply holds, with long text cut."""
        model = f"{self.provider}:{self.model}" if self.provider else self.model
        facts = {
            "text": self.text,
            "refusal": self.refusal,
            "tool_calls": [call.name for call in self.tool_calls],
            "finish_reason": self.finish_reason,
            "model": model,
            "steps": len(self.steps),
            "warnings": len(self.warnings),
        }
        shown = [f"{name}={_brief(value)}" for name, value in facts.items() if value]
        if self.object is not None:
            shown.append(f"object={_brief(self.object)}")
        return f"Reply({', '.join([*shown, f'usage={self.usage!r}'])})"

    def __getstate__(self) -> dict[str, Any]:
        """Return all fields to pickle; tools whose functions another process could not find lose their callbacks."""
        state = {each.name: getattr(self, each.name) for each in fields(Reply)}
        if self.prompt is not None and self.prompt.tools:
            state["prompt"] = self.prompt.with_tools(*map(_picklable, self.prompt.tools))
        return state

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        for name, value in state.items():
            setattr(self, name, value)

    def __copy__(self) -> Reply:
        return evolve(self)

    def __deepcopy__(self, memo: dict[int, Any]) -> Reply:
        return evolve(self, **{each.name: deepcopy(getattr(self, each.name), memo) for each in fields(Reply)})

    @property
    def text(self) -> str:
        """The text of the answer, without reasoning."""
        return self.message.text

    @property
    def reasoning(self) -> str:
        """The model's reasoning, as far as the provider shows it."""
        return self.message.reasoning

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        """The tool calls that the model requests."""
        return self.message.tool_calls

    @property
    def citations(self) -> tuple[Citation, ...]:
        """The sources that the text rests on, and which piece of `text` each of them supports."""
        return self.message.citations

    @property
    def server_tool_calls(self) -> tuple[ServerToolCall, ...]:
        """The calls of tools that the provider ran: searches, code, MCP servers."""
        return self.message.server_tool_calls

    @property
    def server_tool_results(self) -> tuple[ServerToolResult, ...]:
        """The results of these calls, by the call's id."""
        return self.message.server_tool_results

    @property
    def refusal(self) -> str:
        """The text by which the model refused, where the provider separates it from other text; else empty."""
        return "".join(part.text for part in self.message.content if type(part) is Refusal)

    @property
    def images(self) -> tuple[Image, ...]:
        """The images of the answer."""
        return tuple(part for part in self.message.content if type(part) is Image)

    @property
    def audio(self) -> Audio | None:
        """The first audio part of the answer."""
        return next((part for part in self.message.content if type(part) is Audio), None)

    @property
    def embeddings(self) -> list[list[float]]:
        """The vectors of an embed call, in the order of the texts."""
        return [list(vector) for vector in self._results("vectors")]

    @property
    def embedding(self) -> list[float]:
        """The vector of the first text of an embed call."""
        return self.embeddings[0]

    @property
    def ranking(self) -> list[Ranked]:
        """The documents of a rerank call, best first."""
        return list(self._results("ranking"))

    def _results(self, what: str) -> Any:
        """Return the list that the answer is. Raises AttributeError without one: what lists attributes expects that."""
        if not isinstance(self.object, list | tuple):
            raise AttributeError(f"this answer has no {what}: it is not one of that operation")
        return self.object

    @property
    def logprobs(self) -> tuple[TokenLogprob, ...]:
        """The log probabilities of the tokens, if they were asked for (`logprobs=True, top_logprobs=3`)."""
        return token_logprobs(self.metadata.get("logprobs"))

    @property
    def context(self) -> Context:
        """The conversation with this answer and the tool results after it, ready for the next turn."""
        return (self.prompt or Context()).append(self.message, *self.tool_messages)

    @property
    def cost(self) -> Cost:
        """The cost of the call, or of all steps, by the catalog's dated prices.

        Its total is None, with the reason, if it is unknown.
        """
        if self.steps:
            # Step by step: their added usage could pass the threshold of a price tier that no single step reached.
            return total_cost(step.cost for step in self.steps)
        if self.already_paid:
            return Cost(Decimal(0))
        prices = self.billed_model.prices if self.billed_model else None
        cost = _cost_of(self.usage, prices)
        if (stored := self.metadata.get("cache")) is None:
            return cost
        usage = stored.get("usage") if isinstance(stored, Mapping) else None  # as steps/cache.py puts it there
        return evolve(cost, saved=price(usage, prices).total) if type(usage) is Usage else cost

    def replace(self, **changes: Any) -> Reply[ObjectType]:
        """Return this reply with some fields changed."""
        return evolve(self, **changes)

    def to_json(self, *, exact: bool = False) -> str:
        """Return the versioned JSON form, which `Reply.from_json` reads; its keys are in docs/versions.md.

        It has what was decoded of the answer, and nothing of the HTTP exchange. The conversation is on `context`.

        exact: True refuses what would be read back as something else: an object that is not plain data, and metadata
            without a JSON form. Otherwise the one is written as plain data (NaN and infinities as words), the other
            left out.

        Raises ConfigError for what JSON cannot hold.
        """
        from .serialise_reply import dump_reply  # imports cattrs, which takes longer than all of this module

        values = {each.name: getattr(self, each.name) for each in fields(Reply)}
        return dump_reply(values, _STORED, exact=exact).decode()

    @classmethod
    def from_json(cls, data: bytes | str) -> Reply[Any]:
        """Return the Reply of `to_json`'s result. Raises DecodeError for JSON of another shape or a newer version."""
        from .serialise_reply import load_reply  # imports cattrs, which takes longer than all of this module

        return Reply(**load_reply(data, _STORED))


def _warning_of_text(equal: Callable[[Any, object], bool]) -> Callable[[Any, object], bool]:
    """Return the `__eq__` of a Reply with a RuntimeWarning where it is compared with a text."""

    def __eq__(self: object, other: object) -> bool:
        if isinstance(other, str):
            from warnings import warn  # only for a mistake

            warn("a Reply is equal to no text: compare reply.text", RuntimeWarning, stacklevel=2)
        return equal(self, other)

    return __eq__


Reply.__eq__ = _warning_of_text(Reply.__eq__)  # type: ignore[method-assign]  # set here, the generated one is kept

_STORED: Mapping[str, type] = {"ranking": Ranked, "verdicts": Verdict, "message": Message, "warning": CallWarning}
"""The classes of which the JSON form is made. A list of one of them, as a reply's object, is stored under its name."""


_BRIEF = Repr()
_BRIEF.maxstring = _BRIEF.maxother = 60
_BRIEF.maxlist = _BRIEF.maxtuple = _BRIEF.maxdict = 4
_BRIEF.maxlevel = 2


def _brief(value: object) -> str:
    return " ".join(_BRIEF.repr(value).split("\n"))


def _picklable(tool: Tool) -> Tool:
    from .pickling import pickles  # imported only to pickle

    return tool if tool.callback is None or pickles(tool) else evolve(tool, callback=None)


def check_message(reply: Reply[Any]) -> None:
    """Raise ConfigError for a reply of the user's that holds something else in the place of its message."""
    if not isinstance(reply.message, Message):
        what = type(reply.message).__name__
        raise ConfigError(f"the message of a Reply cannot be a {what}", hint="write Reply(assistant(text))")
