"""The reasons why an answer ends."""

from __future__ import annotations

from collections.abc import Mapping

FINISH_REASONS: Mapping[str, str] = {
    "stop": "stop",
    "eos": "stop",
    "eos_token": "stop",
    "stop_sequence": "stop",
    "end_turn": "stop",
    "length": "length",
    "max_tokens": "length",
    "model_length": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "tool_use": "tool_calls",
    "content_filter": "content_filter",
    "error": "error",
    "abort": "error",  # SGLang and vLLM
    "insufficient_system_resource": "error",  # DeepSeek: https://api-docs.deepseek.com/api/create-chat-completion
}


def finish_reason(raw: str | None, has_calls: bool, refused: bool) -> str:
    """Map to the canonical reason.

    Providers send `stop` with tool calls, too: with calls the reason is tool_calls. OpenAI sends it for a model's
    refusal, for which others (Anthropic) have a reason: with a refusal it is content_filter.

    raw: the provider's reason
    has_calls: whether the answer has tool calls
    refused: whether the answer is a refusal
    """
    reason = FINISH_REASONS.get(raw.lower(), raw) if raw else "unknown"
    if reason == "stop" or not raw:
        return "tool_calls" if has_calls else "content_filter" if refused else reason
    return reason
