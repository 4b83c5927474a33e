"""The least work on both wires, which the floors share: a request's body, the text of a reply, the text of an event."""

import child  # isort: skip

import orjson

HEADERS = {
    "openai": {"content-type": "application/json", "authorization": "Bearer k"},
    "anthropic": {"content-type": "application/json", "x-api-key": "k", "anthropic-version": "2023-06-01"},
}
PATHS = {"openai": "/v1/chat/completions", "anthropic": "/v1/messages"}


def body_of(task: child.Task, *, stream: bool) -> bytes:
    """Return the body of a request."""
    if task.wire == "openai":
        body = {"model": "gpt-4o-mini", "messages": task.messages}
        tools = task.tools
        extra = {"stream": True, "stream_options": {"include_usage": True}} if stream else {}
    else:
        body = {"model": "claude-haiku-4-5", "max_tokens": 4096, "messages": task.messages}
        tools = [{"name": t["function"]["name"], "input_schema": t["function"]["parameters"]} for t in task.tools]
        extra = {"stream": True} if stream else {}
    if tools:
        body["tools"] = tools
    return orjson.dumps(body | extra)


def text_of_reply(task: child.Task, content: bytes) -> str:
    body = orjson.loads(content)
    return body["choices"][0]["message"]["content"] if task.wire == "openai" else body["content"][0]["text"]


def openai_delta(event: bytes) -> str:
    """Return the text or the tool arguments of one event."""
    if event == b"data: [DONE]":
        return ""
    choices = orjson.loads(event[6:])["choices"]
    if not choices:
        return ""
    delta = choices[0]["delta"]
    if text := delta.get("content"):
        return text
    calls = delta.get("tool_calls")
    return calls[0]["function"]["arguments"] if calls else ""


def anthropic_delta(event: bytes) -> str:
    """Return the text or the tool arguments of one event."""
    body = orjson.loads(event[event.index(b"\ndata: ") + 7 :])
    if body["type"] != "content_block_delta":
        return ""
    delta = body["delta"]
    return delta["text"] if delta["type"] == "text_delta" else delta["partial_json"]


DELTAS = {"openai": openai_delta, "anthropic": anthropic_delta}
