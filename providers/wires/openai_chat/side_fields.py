"""The fields that a chat completion can do without, in a body and in a chunk."""

from __future__ import annotations

from typing import Any

from ....pipeline.side_fields import By, Either, Held, Or, Rules, Some, Whole, count
from ..calls import CALL, NAMED
from ..media import base64_text, data_or_url

_WRITES: Rules = {
    "cache_write_tokens": count,
    "cache_creation_input_tokens": count,
    "cache_creation_tokens": count,
    "cache_creation": {"ephemeral_1h_input_tokens": count},
}
_READ: Rules = {"cached_tokens": count, "audio_tokens": count, **_WRITES}
_WROTE = {"reasoning_tokens": count, "audio_tokens": count}
USAGE: Rules = {
    "prompt_tokens": count,
    "completion_tokens": count,
    "total_tokens": count,
    "input_tokens": count,
    "output_tokens": count,
    "reasoning_tokens": count,
    "prompt_cache_hit_tokens": count,
    "num_cached_tokens": count,
    "cached_tokens": count,
    "cache_read_input_tokens": count,
    **_WRITES,
    "prompt_tokens_details": _READ,
    "input_tokens_details": _READ,
    "completion_tokens_details": _WROTE,
    "output_tokens_details": _WROTE,
    "cost": (int, float, dict),
    "cost_details": dict,
    "service_tier": str,
}


_IMAGE = Whole({"image_url": Whole({"url": data_or_url}, needs=("url",))}, needs=("image_url",))
# A fragment of a call has its name at any time; a whole call has it or is none.
_FRAGMENT: Rules = {"id": str, "index": count, "function": {"name": str}, "custom": {"name": str}}
_CALL = By(
    lambda call: "function" if call.get("function") or not call.get("custom") else "custom",
    {"function": CALL, "custom": Whole({"id": str, "custom": NAMED}, needs=("custom",))},
)
_BLOCK = By("type", {"thinking": {"thinking": Either(str, [{"text": str}])}}, others={"text": str})
_MESSAGE: Rules = {
    "reasoning_content": str,
    "reasoning": str,
    "reasoning_details": [{"text": str, "summary": str, "data": str, "signature": str}],
    "annotations": list,
    "executed_tools": [{"index": count}],
    "images": [_IMAGE],
    "function_call": {"name": str},
}
_ANSWER: Rules = {
    **_MESSAGE,
    "content": Held(Some(_BLOCK)),
    "audio": {"data": base64_text, "id": str, "transcript": str},
    "tool_calls": [_CALL],
}
_PIECE: Rules = {
    **_MESSAGE,
    "content": Either(str, [_BLOCK]),
    "audio": {"data": str, "id": str, "transcript": str},
    "tool_calls": [_FRAGMENT],
    "refusal": str,
}


def _content(message: dict[str, Any]) -> str:
    return "with_content" if message.get("content") or message.get("tool_calls") else "without"


# One with content can do without a refusal, one without cannot.
_MESSAGE_OF_BODY = By(_content, {"with_content": {**_ANSWER, "refusal": str}, "without": _ANSWER}, needed=True)
_CHOICE: Rules = {
    "index": int,
    "finish_reason": Or(str, "unknown"),
    "logprobs": {"content": list, "refusal": list, "tokens": list, "token_logprobs": list, "top_logprobs": list},
    "usage": USAGE,
    "delta": _PIECE,
}
SIDE_FIELDS: Rules = {
    "id": str,
    "model": str,
    "system_fingerprint": str,
    "service_tier": str,
    "citations": list,
    "search_results": list,
    "usage": USAGE,
    "x_groq": {"usage": USAGE},
    "choices": Held(Some({**_CHOICE, "message": _MESSAGE_OF_BODY})),
}
# A body cannot do without choices, a chunk can: the last one often has only usage.
EVENT_FIELDS: Rules = {**SIDE_FIELDS, "choices": [{**_CHOICE, "message": _PIECE}]}
