"""The fields that a Converse answer can do without: one table for bodies and events, which share no name."""

from __future__ import annotations

from ....pipeline.side_fields import By, Held, Or, Rules, Some, Whole, count, nonempty_text

_USE = By(
    lambda use: "server" if "type" in use else "call",
    {"call": Whole({"toolUseId": nonempty_text, "name": nonempty_text}, needs=("name",))},
)
_BLOCK = {
    "reasoningContent": {
        "reasoningText": {"text": str, "signature": str},
        "redactedContent": str,
        "text": str,
        "signature": str,
    },
    "citationsContent": {"citations": list, "content": [{"text": str}]},
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
    "output": Held({"message": Held({"content": Held(Some({**_BLOCK, "toolUse": _USE}))})}),
    "contentBlockIndex": count,
    "start": {"toolUse": _USE, "toolResult": dict},
    "delta": {**_BLOCK, "toolUse": {}, "citation": dict, "toolResult": list},
}
