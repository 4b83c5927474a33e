"""The decoded answer."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from decimal import Decimal
from reprlib import Repr
from typing import TYPE_CHECKING, Any, Generic, cast

from attrs import define, evolve, field, fields, frozen

from .message import Context, Message
from .model import Model
from .parts import Audio, Image, Refusal, ToolCall
from .prices import Cost, price, total_cost
from .tool import Tool
from .usage import Usage

if TYPE_CHECKING:  # with a default, `Reply` alone is whole where nobody asks for the object; typing has it from 3.13 on
    from typing_extensions import TypeVar

    ObjectType = TypeVar("ObjectType", default=Any)
else:
    from typing import TypeVar

    ObjectType = TypeVar("ObjectType")

WHOLE = frozenset((None, "stop", "tool_calls", "unknown"))
"""The finish reasons after which tool calls may be run: the answer was given to its end, or nobody says that it was not
(some servers give no reason). After any other, a call may lack half of its arguments, or be one that was refused."""


@frozen
class CallWarning:
    """Something was changed or dropped on the way to the provider: which option, for which model, and why."""

    subject: str
    why: str
    model: str = ""

    def __str__(self) -> str:
        return f"{self.subject}: {self.why}" + (f" ({self.model})" if self.model else "")


@frozen
class Ranked:
    """A document's place in a ranking: its index in the list that was given, and its score, highest first."""

    index: int
    score: float


@frozen
class Indexed:
    """One of several results that says itself which of the inputs it belongs to. Wires give these; the check of the
    answer makes a plain list of them, in the order of the inputs."""

    index: int
    value: Any


@frozen(hash=False)
class Verdict:
    """What moderation says of one text: the categories it falls under, and how surely each (0 to 1)."""

    flagged: bool
    categories: tuple[str, ...] = ()
    scores: Mapping[str, float] = field(factory=dict, repr=False)


@define
class Reply(Generic[ObjectType]):
    """An answer, streamed or not, in one form. `Reply[City]` is one whose `object` is a City.

    `finish_reason` is stop, length, tool_calls, content_filter (a filter's doing, or the model's refusal, whose words
    may stand in `refusal`) or error, or the provider's own word where none fits;
    `finish_reason_raw` is always the provider's word. `raw` is the decoded body of an unstreamed answer.
    `object` is the result that is not text: the object that fits a schema, vectors, a ranking, verdicts, models.
    `alternatives` are the further choices when n > 1. `free` says that the provider charges nothing for the call,
    whatever it counts: tokens are counted for nothing.
    """

    message: Message = field(factory=lambda: Message("assistant"))
    finish_reason: str | None = None
    finish_reason_raw: str | None = None
    usage: Usage = field(factory=Usage)
    id: str | None = None
    model: str = ""
    provider: str = ""
    warnings: tuple[CallWarning, ...] = ()
    request_id: str | None = None
    object: ObjectType = field(default=cast(ObjectType, None))  # where nothing was asked for but text
    metadata: Mapping[str, Any] = field(factory=dict, repr=False)
    alternatives: tuple[Message, ...] = ()
    steps: tuple[Reply[Any], ...] = field(default=(), repr=False)
    raw: Any = field(default=None, repr=False, eq=False)
    headers: Mapping[str, str] = field(factory=dict, repr=False, eq=False)
    prompt: Context | None = field(default=None, repr=False, eq=False)
    tool_messages: tuple[Message, ...] = field(default=(), repr=False)
    billed_model: Model | None = field(default=None, repr=False, eq=False)
    already_paid: bool = field(default=False, repr=False)

    def __str__(self) -> str:
        """The text, so that `print(reply)` prints it."""
        return self.text

    def __repr__(self) -> str:
        """One line, with the beginning of what was said."""
        model = f"{self.provider}:{self.model}" if self.provider else self.model
        said = {
            "text": self.text,
            "refusal": self.refusal,
            "tool_calls": [call.name for call in self.tool_calls],
            "finish_reason": self.finish_reason,
            "model": model,
            "steps": len(self.steps),
            "warnings": len(self.warnings),
        }
        shown = [f"{name}={_brief(value)}" for name, value in said.items() if value]
        if self.object is not None:
            shown.append(f"object={_brief(self.object)}")
        return f"Reply({', '.join([*shown, f'usage={self.usage!r}'])})"

    def __getstate__(self) -> dict[str, Any]:
        """What is pickled: everything, but tools whose functions no other process could find are only declared."""
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
        return self.message.text

    @property
    def reasoning(self) -> str:
        return self.message.reasoning

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        return self.message.tool_calls

    @property
    def refusal(self) -> str:
        """The model's words for declining, where the provider keeps them apart from its text; else empty."""
        return "".join(part.text for part in self.message.content if type(part) is Refusal)

    @property
    def images(self) -> tuple[Image, ...]:
        return tuple(part for part in self.message.content if type(part) is Image)

    @property
    def audio(self) -> Audio | None:
        return next((part for part in self.message.content if type(part) is Audio), None)

    @property
    def embeddings(self) -> list[list[float]]:
        """The vectors of an embed call, in the order of the texts."""
        return list(cast(Any, self.object))

    @property
    def embedding(self) -> list[float]:
        """The first of them."""
        return list(cast(Any, self.object)[0])

    @property
    def ranking(self) -> list[Ranked]:
        """The documents of a rerank call, best first."""
        return list(cast(Any, self.object))

    @property
    def logprobs(self) -> Any:
        return self.metadata.get("logprobs")

    @property
    def context(self) -> Context:
        """The conversation with this answer at its end, and the results of tools that were run after it: ready for the
        next turn."""
        return (self.prompt or Context()).append(self.message, *self.tool_messages)

    @property
    def cost(self) -> Cost:
        """What the call cost by our dated prices, or the calls of its steps; its total is None, with the reason, when
        that is not known."""
        if self.steps:
            # Each by itself: their usages added up could pass the threshold of a price that none of them reached.
            return total_cost(step.cost for step in self.steps)
        if self.already_paid:
            return Cost(Decimal(0))
        return price(self.usage, self.billed_model.prices if self.billed_model else None)

    def replace(self, **changes: Any) -> Reply[ObjectType]:
        """This reply with some fields changed."""
        return evolve(self, **changes)


_BRIEF = Repr()
_BRIEF.maxstring = _BRIEF.maxother = 60
_BRIEF.maxlist = _BRIEF.maxtuple = _BRIEF.maxdict = 4
_BRIEF.maxlevel = 2


def _brief(value: Any) -> str:
    return " ".join(_BRIEF.repr(value).split("\n"))


def _picklable(tool: Tool) -> Tool:
    from .pickling import pickles  # only for those who pickle

    return tool if tool.callback is None or pickles(tool) else evolve(tool, callback=None)
