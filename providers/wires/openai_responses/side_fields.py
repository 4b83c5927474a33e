"""The fields that a response can do without, in a body and in an event."""

from __future__ import annotations

from typing import Any

from ....pipeline.side_fields import By, Held, Or, Rules, Some, Whole, count, nonempty_text
from ..media import base64_text
from ..openai_chat.side_fields import USAGE

_TEXTS = [{"text": str}]
_ITEM: Rules = {"id": str, "status": str}


def _item(text: Rules) -> By:
    """Make the rule of an item; `text` are the rules of a piece of its text."""
    about: Rules = {"annotations": list, "logprobs": list}
    content = By(
        "type",
        {"refusal": Whole({"refusal": str}, needs=("refusal",))},
        others={**about, **text},
        tagged=True,
    )
    call: Rules = {**_ITEM, "call_id": nonempty_text, "name": nonempty_text}
    # Tools that the provider runs: nothing hangs on what they report.
    server: dict[str, Rules] = {
        "web_search_call": {"action": dict},
        "file_search_call": {"queries": list, "results": list},
        "code_interpreter_call": {"code": str, "container_id": str, "outputs": list},
        "image_generation_call": {"result": base64_text, "output_format": str},
        "mcp_call": {"name": str, "arguments": str, "output": str, "error": (str, dict), "server_label": str},
        "mcp_list_tools": {"tools": list, "server_label": str, "error": (str, dict)},
        "mcp_approval_request": {"name": str, "arguments": str, "server_label": str},
        "local_shell_call": {"action": dict},
        "shell_call": {"action": dict},
    }
    return By(
        "type",
        {
            "message": Whole({**_ITEM, "content": Some(content)}, vital=("content",)),
            "reasoning": {**_ITEM, "summary": _TEXTS, "content": _TEXTS, "encrypted_content": str},
            "function_call": Whole(call, needs=("name",)),
            "custom_tool_call": Whole({**call, "input": str}, needs=("name",), vital=("input",)),
            **{name: {**_ITEM, **rules} for name, rules in server.items()},
        },
        others=_ITEM,
        tagged=True,
    )


_RESPONSE: Rules = {
    "id": str,
    "model": str,
    "status": Or(str, "unknown"),
    "incomplete_details": {"reason": str},
    "service_tier": str,
    "tools": [{"name": str, "type": str}],
    "usage": USAGE,
}
SIDE_FIELDS: Rules = {**_RESPONSE, "output": Held(Some(_item({})))}
# What an item's end says, its deltas may have said before: an event can do without it.
_EVENT_ITEM = _item({"text": str})
EVENT_FIELDS: dict[str, Any] = {
    "output_index": count,
    "content_index": count,
    "item_id": str,
    "item": _EVENT_ITEM,
    "text": str,
    "refusal": str,
    "input": str,
    "part": {"type": str, "text": str, "refusal": str},
    "summary_index": count,
    "response": {**_RESPONSE, "output": [_EVENT_ITEM]},
}
BESIDE_TEXT: Rules = {**EVENT_FIELDS, "delta": str}
"""Of the events whose deltas stand beside the text."""
