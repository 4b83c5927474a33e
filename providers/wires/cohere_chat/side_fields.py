"""The fields that a chat answer can do without, in a body and in an event."""

from __future__ import annotations

from ....pipeline.side_fields import By, Held, Or, Rules, Some, count
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
_CONTENT: Rules = {"logprobs": (dict, list), "delta": {"message": {"content": {"thinking": str}}}}
EVENT_FIELDS = By(
    "type",
    {
        "message-start": {"id": str},
        "content-start": _CONTENT,
        "content-delta": _CONTENT,
        "content-end": {"index": int},
        "tool-call-start": {"delta": {"message": {"tool_calls": CALL}}},
        "tool-plan-delta": {"delta": {"message": {"tool_plan": str}}},
        "citation-start": {"delta": {"message": dict}},
        "message-end": {"id": str, "delta": {"finish_reason": Or(str, "unknown"), "usage": _USAGE}},
    },
)
