"""The fields that a chat answer can do without, in a body and in an event."""

from __future__ import annotations

from ....pipeline.side_fields import By, Held, Or, Rules, Some, count, nonempty_text
from ..calls import CALL

_UNITS = {"input_tokens": count, "output_tokens": count, "reasoning_tokens": count}
_USAGE: Rules = {"billed_units": _UNITS, "tokens": _UNITS, "cached_tokens": count}


SIDE_FIELDS: Rules = {
    "id": str,
    "finish_reason": Or(str, "unknown"),
    "logprobs": [dict],
    "usage": _USAGE,
    "message": Held(
        {
            "tool_plan": str,
            "citations": [dict],
            "tool_calls": [CALL],
            "content": Held(Some(By("type", {"thinking": {"thinking": str}}))),
        }
    ),
}
START_FIELDS: Rules = {"id": str, "delta": {"message": {}}}
"""Of the event that begins an answer, whose message has lists where those of the others have one item."""
_MESSAGE: Rules = {
    "content": {"thinking": str},
    "tool_plan": str,
    "tool_calls": {"id": str, "function": {"name": nonempty_text}},
    "citations": dict,
}
EVENT_FIELDS: Rules = {
    "id": str,
    "index": count,
    "logprobs": (dict, list),
    "delta": {"message": _MESSAGE, "finish_reason": Or(str, "unknown"), "usage": _USAGE},
}
CONTENT_START_FIELDS: Rules = {**EVENT_FIELDS, "delta": {"message": {"content": {"text": str, "thinking": str}}}}
"""Of the event that begins a block, whose text comes in the events after it."""
