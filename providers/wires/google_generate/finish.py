"""Finish reasons, and what an answer reports besides its parts. https://ai.google.dev/api/generate-content#FinishReason"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..fields import given
from ..finish import finish_reason_of

FINISH_REASONS: Mapping[str, str] = {
    "RECITATION": "content_filter",
    "BLOCKLIST": "content_filter",
    "PROHIBITED_CONTENT": "content_filter",
    "SPII": "content_filter",
    "MODEL_ARMOR": "content_filter",
    "ESCALATION": "content_filter",
    "PUP_LIMITED_DISABLED": "content_filter",
    # The limit of one request; its token continues the answer: https://github.com/googleapis/python-genai
    "CONTINUATION": "length",
    "IMAGE_SAFETY": "content_filter",
    "IMAGE_PROHIBITED_CONTENT": "content_filter",
    "IMAGE_RECITATION": "content_filter",
}
"""Those beside the common words; servers of other makers send FUNCTION_CALL, too. Others are kept, in lower case."""

UNSOUND = frozenset(("MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "MALFORMED_RESPONSE"))
"""The calls of such an answer must never be run; they are reported in `metadata["malformed_tool_calls"]`."""

_METADATA: Mapping[str, str] = {
    "groundingMetadata": "grounding",
    "citationMetadata": "citations",
    "safetyRatings": "safety_ratings",
    "urlContextMetadata": "url_context",
    "finishMessage": "finish_message",
    "avgLogprobs": "avg_logprobs",
    "continuationToken": "continuation_token",
}
SOURCES = frozenset(("grounding", "citations", "url_context"))
"""Our names of those that name sources."""


FEEDBACK = "promptFeedback"
"""The field of an answer that says why its prompt was blocked."""


def finish_reason(raw: str | None, *, has_calls: bool, refused: bool) -> str:
    """Map to the canonical reason. The vendor sends STOP with calls, and no candidate at all for a blocked prompt.

    raw: the vendor's reason; None without a candidate
    has_calls: whether the answer has calls
    refused: whether the prompt was blocked
    """
    if raw is None:
        return "content_filter" if refused else "unknown"
    return finish_reason_of(raw, FINISH_REASONS, has_calls=has_calls)


def block_of(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return why the prompt was blocked, as metadata; empty if it was not."""
    feedback = data.get(FEEDBACK) or {}
    if not feedback.get("blockReason"):
        return {}
    return given(block_reason=feedback["blockReason"], block_message=feedback.get("blockReasonMessage") or None)


def is_grounded(candidates: Iterable[Mapping[str, Any]]) -> bool:
    """Check whether Google searched for the answer, which it bills separately."""
    return any(candidate.get("groundingMetadata") for candidate in candidates)


def metadata_of(candidate: Mapping[str, Any]) -> dict[str, Any]:
    """Collect what a candidate reports besides its parts; in a stream the last values are right."""
    return {ours: candidate[name] for name, ours in _METADATA.items() if candidate.get(name)}


def logprobs_of(result: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Convert log probabilities to OpenAI's form: for each token its own, and those of the alternatives."""
    rivals = result.get("topCandidates") or []
    out = []
    for at, chosen in enumerate(result.get("chosenCandidates") or ()):
        top = rivals[at].get("candidates") or () if at < len(rivals) else ()
        out.append({**_token_logprob(chosen), "top_logprobs": [_token_logprob(each) for each in top]})
    return out


def _token_logprob(candidate: Mapping[str, Any]) -> dict[str, Any]:
    return {"token": candidate.get("token"), "logprob": candidate.get("logProbability")}
