"""The fields that a chat answer can do without, in a body and in a line of a stream."""

from __future__ import annotations

from ....pipeline.side_fields import Held, Or, Rules, count
from ..calls import CALL

_MESSAGE: Rules = {"thinking": str, "tool_calls": [CALL]}
SIDE_FIELDS: Rules = {
    "model": str,
    "created_at": str,
    "done_reason": Or(str, "unknown"),
    "logprobs": list,
    "prompt_eval_count": count,
    "prompt_eval_cached_count": count,
    "eval_count": count,
    "total_duration": (int, float),
    "load_duration": (int, float),
    "prompt_eval_duration": (int, float),
    "eval_duration": (int, float),
    "message": Held(_MESSAGE),
}
EVENT_FIELDS: Rules = {**SIDE_FIELDS, "message": _MESSAGE}
