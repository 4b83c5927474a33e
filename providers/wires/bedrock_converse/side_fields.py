"""The fields that a Converse answer can do without: one table for bodies and events, which share no name."""

from __future__ import annotations

from ....pipeline.side_fields import Held, Or, Rules, count

_BLOCK = {
    "reasoningContent": {
        "reasoningText": {"text": str, "signature": str},
        "redactedContent": str,
        "text": str,
        "signature": str,
    },
    "citationsContent": Held({"citations": list}),
}
SIDE_FIELDS: Rules = {
    "stopReason": Or(str, "unknown"),
    "metrics": dict,
    "trace": dict,
    "performanceConfig": dict,
    "serviceTier": {"type": str},
    "usage": {
        "inputTokens": count,
        "outputTokens": count,
        "cacheReadInputTokens": count,
        "cacheWriteInputTokens": count,
        "cacheDetails": [{"inputTokens": count, "ttl": str}],
    },
    "output": Held({"message": Held({"content": Held([Held(_BLOCK)])})}),
    "delta": Held(_BLOCK),
}
