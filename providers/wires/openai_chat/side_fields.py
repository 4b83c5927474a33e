"""The fields that a chat completion can do without, in a body and in a chunk."""

from __future__ import annotations

from attrs import evolve

from ....pipeline.side_fields import GONE, By, Held, Or, Rules, count

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


def _image(value: object) -> object:
    image = value.get("image_url") if type(value) is dict else None
    return value if type(image) is dict and type(image.get("url")) is str else GONE


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


# A message with content can do without a refusal; one without content cannot.
_DELTA = By(
    lambda message: "with_content" if message.get("content") else "without",
    {"with_content": {**_MESSAGE, "refusal": str}, "without": _MESSAGE},
)

_CHOICES = [
    {
        "index": int,
        "finish_reason": Or(str, "unknown"),
        "logprobs": {"content": list},
        "usage": USAGE,
        "message": evolve(_DELTA, needed=True),
        "delta": _DELTA,
    }
]
SIDE_FIELDS: Rules = {
    "id": str,
    "model": str,
    "system_fingerprint": str,
    "service_tier": str,
    "citations": list,
    "search_results": list,
    "usage": USAGE,
    "x_groq": {"usage": USAGE},
    "choices": Held(_CHOICES),
}
# A body cannot do without choices, a chunk can: the last one often has only usage.
EVENT_FIELDS: Rules = {**SIDE_FIELDS, "choices": _CHOICES}
