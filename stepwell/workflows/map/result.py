"""The result of one item, and its line in the file."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from attrs import define, frozen

from ...schemas.errors import StepwellError, may_have_arrived
from ...schemas.json_schema.write_value import plain_data
from ...schemas.json_text import dumps
from ...schemas.parts import Text
from ...schemas.prices import Cost
from ...schemas.reply import Reply
from ...schemas.usage import Usage


@define(eq=False)
class MapItem:
    """An item of the input."""

    index: int
    """Its number in the input, from 0."""
    key: str
    value: object
    error: Exception | None = None
    """Why no prompt can be made of it; None if one can."""


@frozen(eq=False, slots=False)  # slots would double what making one takes
class MapResult:
    """The result of one item: a reply, or an error."""

    index: int
    """The item's number in the input, from 0."""
    key: str
    item: Any
    reply: Reply[Any] | None
    error: Exception | None
    seconds: float | None
    """How long the item took, retries and waits included; None where nothing was asked, and in a batch."""
    cost: Cost
    usage: Usage | None
    again: bool = False
    """Whether it was sent again, after a run that was killed before it had the answer."""

    @property
    def text(self) -> str | None:
        """The text of the reply; None without one."""
        return None if self.reply is None else self.reply.text

    @property
    def object(self) -> Any:
        """The object of the reply, if a schema was given."""
        return None if self.reply is None else self.reply.object

    @property
    def maybe_billed(self) -> bool:
        """Whether the provider may charge for a request whose answer was lost."""
        if self.again or (self.error is not None and may_have_arrived(self.error)):
            return True
        return self.reply is not None and self.reply.maybe_billed

    def line(self, job: str | None = None) -> bytes:
        """Return the item's line in the file of results: JSON and a line end.

        job: a digest of the map's model, prompt, schema and tools, for a file; see ResultFile.
        """
        row: dict[str, Any] = {"index": self.index, "key": self.key}
        if self.error is not None:
            row["error"] = {"class": type(self.error).__name__, "message": str(self.error)}
        elif self.reply is not None:
            _add_reply(row, self.reply)
        if self.maybe_billed:
            row["maybe_billed"] = True
        if self.usage is not None:
            counts = vars(self.usage)
            row["usage"] = {name: count for name in _COUNTS if (count := counts[name]) is not None}
            total = self.cost.total
            row["cost"] = None if total is None else f"{total:f}"
        if self.seconds is not None:
            row["seconds"] = round(self.seconds, 3)
        if job is not None:
            row["map"] = job
        return dumps(row, plain_data) + b"\n"


def map_result(
    item: MapItem, reply: Reply[Any] | None, error: Exception | None, seconds: float | None, *, again: bool = False
) -> MapResult:
    """Make the result of an item, with its cost and usage, which an error may have, too."""
    known = reply
    usage = None
    if error is not None:
        partial = error.partial if isinstance(error, StepwellError) else None
        known = partial if isinstance(partial, Reply) else None
        usage = getattr(error, "usage", None)
    cost = _FREE
    if known is not None:
        cost, usage = known.cost, usage or known.usage
    elif usage is not None:
        cost = Cost(None, reason="a call failed after it was charged for", lower_bound=True)
    return MapResult(item.index, item.key, item.value, reply, error, seconds, cost, usage, again)


_FREE = Cost(Decimal(0))
_COUNTS = ("input_tokens", "output_tokens", "cached_input_tokens", "reasoning_tokens")


def _add_reply(row: dict[str, Any], reply: Reply[Any]) -> None:
    if reply.object is not None:
        row["object"] = reply.object
    else:
        row["text"] = reply.message.text
    content = reply.message.content
    if len(content) != 1 or type(content[0]) is not Text:  # most answers are only text
        if refusal := reply.refusal:
            row["refusal"] = refusal
        if calls := reply.tool_calls:
            row["tool_calls"] = [{"name": call.name, "arguments": call.arguments} for call in calls]
    if reply.steps and (runs := [run for step in reply.steps for run in step.metadata.get("tool_runs", ())]):
        row["tool_runs"] = [_tool_run(run) for run in runs]
    row["finish_reason"] = reply.finish_reason
    if reply.warnings:
        row["warnings"] = list(map(str, reply.warnings))


def _tool_run(run: Any) -> dict[str, Any]:
    row = {"name": run.call.name, "arguments": run.call.arguments}
    if run.error is None:
        return {**row, "result": run.content if isinstance(run.content, str) else plain_data(run.content)}
    return {**row, "error": str(run.error)}
