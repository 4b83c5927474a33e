"""What a chat completion can do without, in a body and in a chunk."""

from __future__ import annotations

from typing import Any

from attrs import evolve

from ....pipeline.side_fields import GONE, By, Or, Rules, count

_READ = {"cached_tokens": count, "cache_write_tokens": count, "audio_tokens": count}
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
    "prompt_tokens_details": _READ,
    "input_tokens_details": _READ,
    "completion_tokens_details": _WROTE,
    "output_tokens_details": _WROTE,
    "cost": (int, float, dict),
    "cost_details": dict,
    "service_tier": str,
}


def _image(value: Any) -> Any:
    place = value.get("image_url") if type(value) is dict else None
    return value if type(place) is dict and type(place.get("url")) is str else GONE


CALL: Rules = {"id": str, "index": int, "function": {"name": str}, "custom": {"name": str}}
_MESSAGE: Rules = {
    "reasoning_content": str,
    "reasoning": str,
    "reasoning_details": [{"text": str, "summary": str, "data": str, "signature": str}],
    "annotations": list,
    "audio": {"data": str, "id": str, "transcript": str},
    "images": [_image],
    "tool_calls": [CALL],
    "function_call": {"name": str},
}


# A message with words of its own can do without a refusal; one that is nothing else cannot.
_DELTA = By(
    lambda message: "worded" if message.get("content") else "bare",
    {"worded": {**_MESSAGE, "refusal": str}, "bare": _MESSAGE},
)

SIDE_FIELDS: Rules = {
    "id": str,
    "model": str,
    "system_fingerprint": str,
    "service_tier": str,
    "citations": list,
    "search_results": list,
    "usage": USAGE,
    "x_groq": {"usage": USAGE},
    "choices": [
        {
            "index": int,
            "finish_reason": Or(str, "unknown"),
            "logprobs": {"content": list},
            "usage": USAGE,
            "message": evolve(_DELTA, needed=True),
            "delta": _DELTA,
        }
    ],
}
