"""The fields that a response can do without, in a body and in an event."""

from __future__ import annotations

from ....pipeline.side_fields import By, Held, Or, Rules
from ..openai_chat.side_fields import USAGE

_TEXTS = [{"text": str}]
_ITEM = By(
    "type",
    {
        "message": {"id": str, "content": Held([Held({"annotations": list, "logprobs": list})])},
        "reasoning": {"id": str, "summary": _TEXTS, "content": _TEXTS, "encrypted_content": str},
        "function_call": {"id": str},
        "custom_tool_call": {"id": str},
        "image_generation_call": {"id": str, "output_format": str},
    },
)
SIDE_FIELDS: Rules = {
    "id": str,
    "model": str,
    "status": Or(str, "unknown"),
    "incomplete_details": {"reason": str},
    "service_tier": str,
    "tools": [{"name": str, "type": str}],
    "usage": USAGE,
    "output": Held([_ITEM]),
}
EVENT_FIELDS: Rules = {
    "output_index": int,
    "content_index": int,
    "item_id": str,
    "item": _ITEM,
    "response": dict(SIDE_FIELDS),
}
