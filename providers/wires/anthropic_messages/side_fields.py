"""The fields that a message can do without, in a body and in an event."""

from __future__ import annotations

from attrs import evolve

from ....pipeline.side_fields import By, Held, Or, Rules, Some, Whole, count, nonempty_text

_USAGE: Rules = {
    "input_tokens": count,
    "output_tokens": count,
    "cache_read_input_tokens": count,
    "cache_creation_input_tokens": count,
    "cache_creation": {"ephemeral_1h_input_tokens": count},
    "output_tokens_details": {"thinking_tokens": count},
    "server_tool_use": {"web_search_requests": count},
    "iterations": [{"type": str}],
    "inference_geo": str,
    "service_tier": str,
    "speed": str,
}
_ABOUT: Rules = {
    "stop_reason": Or(str, "unknown"),
    "stop_sequence": str,
    "stop_details": dict,
    "container": dict,
    "context_management": dict,
}
_SERVER_TOOL: Rules = {"id": str, "name": str, "tool_use_id": str, "input": dict, "content": (list, dict, str)}
_TABLES: Rules = {
    "text": {"citations": list},
    "thinking": {"thinking": Or(str, ""), "signature": str},
    "redacted_thinking": Whole({"data": str}, needs=("data",)),
    "tool_use": Whole({"id": nonempty_text, "name": nonempty_text}, needs=("name",)),
}
_BLOCK = By("type", _TABLES, others=_SERVER_TOOL, tagged=True)
# The text of a block that begins comes in the events after it.
_BEGUN = evolve(_BLOCK, tables={**_TABLES, "text": {"text": str, "citations": list}})
SIDE_FIELDS: Rules = {
    "id": str,
    "model": str,
    "usage": _USAGE,
    **_ABOUT,
    "content": Held(Some(_BLOCK)),
}
EVENT_FIELDS: Rules = {
    "index": count,
    "message": {"id": str, "model": str, "usage": _USAGE, **_ABOUT},
    "content_block": _BEGUN,
    "delta": By(
        lambda delta: delta.get("type", "message"),
        {
            "thinking_delta": {"thinking": Or(str, "")},
            "signature_delta": {"signature": str},
            "citations_delta": {"citation": dict},
            "message": _ABOUT,
        },
    ),
    "usage": _USAGE,
    "context_management": dict,
}
