"""The turns of a FakeModel as plain data, for the journal of a job."""

from __future__ import annotations

from typing import Any

from ..pipeline.journal.data import error_data, error_of
from ..schemas.reply import Reply
from .fault_kinds import Pause


def turn_data(turn: object) -> dict[str, Any]:
    """Return a turn as data of which a journal makes JSON: `{kind: content}`."""
    if isinstance(turn, Reply):
        return {"reply": turn.to_json(exact=True)}
    if isinstance(turn, Pause):
        return {"pause": turn.seconds}
    if isinstance(turn, Exception):
        return {"error": error_data(turn)}
    if isinstance(turn, list | tuple):
        return {"list": [turn_data(each) for each in turn]}
    return {"plain": turn}


def turn_of(data: dict[str, Any]) -> object:
    """Return the turn of what `turn_data` made."""
    ((kind, content),) = data.items()
    if kind == "reply":
        return Reply.from_json(content)
    if kind == "pause":
        return Pause(content)
    if kind == "error":
        return error_of(content)
    if kind == "list":
        return [turn_of(each) for each in content]
    return content
