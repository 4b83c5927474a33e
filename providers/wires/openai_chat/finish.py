"""The reasons why a chat completion ends."""

from __future__ import annotations

from ..finish import FINISH_REASONS, finish_reason_of


def finish_reason(raw: str | None, has_calls: bool, refused: bool) -> str:
    """Return the canonical reason for an answer's end.

    Providers send `stop` with tool calls, too: with calls the reason is tool_calls. OpenAI sends `stop` for a
    refusal, for which others (Anthropic) have a reason: with a refusal it is content_filter.

    raw: the provider's reason
    has_calls: whether the answer has tool calls
    refused: whether the answer is a refusal
    """
    reason = FINISH_REASONS.get(raw or "") or finish_reason_of(raw, {})
    if reason == "stop" or not raw:
        return "tool_calls" if has_calls else "content_filter" if refused else reason
    return reason
