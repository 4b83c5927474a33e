"""The fields that a generateContent answer can do without, whole and in a piece of a stream."""

from __future__ import annotations

from ....pipeline.side_fields import Held, Or, Rules, Some, Whole, count
from ..media import base64_text

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


_PART: Rules = {
    "text": str,
    "thoughtSignature": str,
    "inlineData": Whole({"data": base64_text, "mimeType": str, "displayName": str}, needs=("data",)),
    "fileData": Whole({"fileUri": str, "mimeType": str, "displayName": str}, needs=("fileUri",)),
    "functionCall": {"id": str, "name": str, "partialArgs": [{"jsonPath": str}]},
    "executableCode": dict,
    "codeExecutionResult": dict,
}
_CANDIDATE: Rules = {
    "index": int,
    "finishReason": Or(str, "UNKNOWN"),
    "groundingMetadata": dict,
    "citationMetadata": dict,
    "safetyRatings": list,
    "continuationToken": str,
    "urlContextMetadata": dict,
    "finishMessage": str,
    "avgLogprobs": (int, float),
    "logprobsResult": {"topCandidates": [{"candidates": [{}]}], "chosenCandidates": [{}]},
}
SIDE_FIELDS: Rules = {
    "responseId": str,
    "modelVersion": str,
    "usageMetadata": USAGE,
    "promptFeedback": {"blockReason": Or(str, "UNKNOWN"), "blockReasonMessage": str},
    "candidates": Held(Some({**_CANDIDATE, "content": Held({"parts": Held(Some(_PART))})})),
}
# A body cannot do without candidates, a piece of a stream can.
EVENT_FIELDS: Rules = {**SIDE_FIELDS, "candidates": [{**_CANDIDATE, "content": {"parts": [_PART]}}]}
