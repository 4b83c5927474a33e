"""Usage, of a body and of the end of a stream."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ....schemas.model import Model
from ....schemas.usage import Usage


def extract_usage(data: Mapping[str, Any], model: Model) -> Usage | None:
    raw = data.get("usage")
    return usage_of(raw) if raw else None


def usage_of(raw: Mapping[str, Any]) -> Usage:
    """Convert usage: `tokens` is what the model read and wrote, `billed_units` (without the vendor's own prompt and
    special tokens) is what is paid for: https://docs.cohere.com/docs/how-does-cohere-pricing-work"""
    billed = raw.get("billed_units") or {}
    tokens = raw.get("tokens") or billed
    return Usage(
        input_tokens=tokens.get("input_tokens"),
        output_tokens=tokens.get("output_tokens"),
        cached_input_tokens=raw.get("cached_tokens"),
        reasoning_tokens=tokens.get("reasoning_tokens"),
        billed_input_tokens=billed.get("input_tokens"),
        billed_output_tokens=billed.get("output_tokens"),
        raw=raw,
    )
