"""What a Converse answer can do without, in a body and in an event: no name means two things."""

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
