"""Finish reasons by their common names: servers that speak another vendor's format keep names of their own."""

from __future__ import annotations

from collections.abc import Mapping

FINISH_REASONS: Mapping[str, str] = {
    **dict.fromkeys(("stop", "eos", "eos_token", "stop_sequence", "end_turn", "complete", "completed"), "stop"),
    **dict.fromkeys(("length", "max_tokens", "max_output_tokens", "model_length"), "length"),
    "model_context_window_exceeded": "length",
    **dict.fromkeys(
        ("tool_calls", "tool_call", "tool_use", "tool_uses", "function_call", "function_calls"), "tool_calls"
    ),
    **dict.fromkeys(("content_filter", "content_filtered", "safety", "refusal"), "content_filter"),
    "error": "error",
    "abort": "error",  # SGLang and vLLM
    # Z.ai: https://docs.z.ai/api-reference/llm/chat-completion
    "sensitive": "content_filter",
    "network_error": "error",
    "insufficient_system_resource": "error",  # DeepSeek: https://api-docs.deepseek.com/api/create-chat-completion
}


def finish_reason_of(raw: str | None, own: Mapping[str, str], *, has_calls: bool = False) -> str:
    """Return the canonical reason, by the format's own table, else by the common names. An unknown reason stays as it
    is, in lower case; without any, it is "unknown". An answer with calls that ends as usual has the reason
    "tool_calls".

    raw: the server's name for it.
    own: the format's table.
    has_calls: whether the answer has calls of the caller's tools.
    """
    if not raw:
        return "unknown"
    reason = own.get(raw)
    if reason is None:
        word = raw.lower()
        reason = FINISH_REASONS.get(word.replace("-", "_"), word)
    return "tool_calls" if has_calls and reason == "stop" else reason
