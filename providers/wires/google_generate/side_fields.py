"""The fields that a generateContent answer can do without; a piece of a stream has the same form as an answer."""

from __future__ import annotations

from ....pipeline.side_fields import Held, Or, Rules, count

_DETAILS = [{"tokenCount": count, "modality": str}]
USAGE: Rules = {
    "promptTokenCount": count,
    "toolUsePromptTokenCount": count,
    "candidatesTokenCount": count,
    "thoughtsTokenCount": count,
    "totalTokenCount": count,
    "cachedContentTokenCount": count,
    "promptTokensDetails": _DETAILS,
    "toolUsePromptTokensDetails": _DETAILS,
    "candidatesTokensDetails": _DETAILS,
    "cacheTokensDetails": _DETAILS,
    "trafficType": str,
    "serviceTier": str,
}
_CANDIDATE: Rules = {
    "index": int,
    "finishReason": Or(str, "UNKNOWN"),
    "groundingMetadata": dict,
    "citationMetadata": dict,
    "safetyRatings": list,
    "urlContextMetadata": dict,
    "finishMessage": str,
    "avgLogprobs": (int, float),
    "logprobsResult": {"topCandidates": [{"candidates": [{}]}], "chosenCandidates": [{}]},
    "content": Held({"parts": Held([Held({"thoughtSignature": str})])}),
}
SIDE_FIELDS: Rules = {
    "responseId": str,
    "modelVersion": str,
    "usageMetadata": USAGE,
    "promptFeedback": {"blockReason": Or(str, "UNKNOWN"), "blockReasonMessage": str},
    "candidates": Held([Held(_CANDIDATE)]),
}
