"""Say why an answer is not whole: on a terminal, a cut answer looks like a complete one."""

from __future__ import annotations

from collections.abc import Mapping

from ..schemas.reply import PAUSE, WHOLE, Reply
from .printing import say


def print_ending(reply: Reply, options: Mapping[str, object]) -> None:
    """Print on stderr why an answer is not whole, or that it has no text. Nothing is printed for a complete one.

    options: those of the call.
    """
    if why := _why(reply, options.get("max_tokens")):
        say(f"({why})", on_stderr=True)


def _why(reply: Reply, limit: object) -> str:
    """Return the reason; "" for an answer that is complete. `limit` is the call's max_tokens, None without any."""
    reason = reply.finish_reason
    if reply.refusal:
        return f"refused: {reply.refusal}"
    if reason == "length" and limit is None:
        return "cut: the model's own limit of tokens was reached"
    if reason == "length":
        return f"cut: the limit of max_tokens, {limit}, was reached; --max-tokens sets another"
    if reason == "content_filter":
        return "cut: a filter of the provider stopped it, or the model refused"
    if reason == PAUSE:
        return "not finished: the provider has interrupted it, and goes on if it is asked again in a chat"
    if reason not in WHOLE:
        return f"perhaps cut: it ended with {reply.finish_reason_raw or reason!r}"
    if reply.tool_calls and not reply.text:
        return f"no text: it calls {', '.join(call.name for call in reply.tool_calls)}; --json shows with what"
    return ""
