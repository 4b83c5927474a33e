"""The stream that brings a whole answer at once, on each wire."""

from __future__ import annotations

from typing import Any

from stepwell.schemas.json_text import dumps

from odd_fields import written


def cohere_events(body: dict[str, Any]) -> list[Any]:
    """Put a whole answer as the events of a stream, which have the same fields in other objects."""
    message = body["message"]
    events: list[dict[str, Any]] = [{"type": "message-start", "id": body.get("id")}]
    for index, block in enumerate(message.get("content") or ()):
        place = {"index": index, "delta": {"message": {"content": block}}}
        events += [{"type": "content-start", **place}, {"type": "content-end", "index": index}]
    events += [{"type": "tool-plan-delta", "delta": {"message": {"tool_plan": message.get("tool_plan")}}}]
    for index, call in enumerate(message.get("tool_calls") or ()):
        place = {"index": index, "delta": {"message": {"tool_calls": call}}}
        events += [{"type": "tool-call-start", **place}, {"type": "tool-call-end", "index": index}]
    for citation in message.get("citations") or ():
        events += [{"type": "citation-start", "delta": {"message": {"citations": citation}}}]
    for logprobs in body.get("logprobs") or ():
        events += [{"type": "content-delta", "index": 0, "logprobs": logprobs}]
    end = {name: body.get(name) for name in ("finish_reason", "usage")}
    return [("", written(event)) for event in [*events, {"type": "message-end", "delta": end}]]


def anthropic_events(body: dict[str, Any]) -> list[Any]:
    """Put each block in one start, and the input of a tool, which a stream brings as text, in one delta."""
    head = {name: value for name, value in body.items() if name not in ("content", "stop_reason", "stop_sequence")}
    events: list[dict[str, Any]] = [{"type": "message_start", "message": {**head, "content": []}}]
    for index, block in enumerate(body.get("content") or ()):
        place, deltas = {"index": index}, []
        if isinstance(block, dict) and str(block.get("type")).endswith("tool_use") and "input" in block:
            deltas = [{"type": "input_json_delta", "partial_json": dumps(block["input"]).decode()}]
            block = {**block, "input": {}}
        events += [{"type": "content_block_start", **place, "content_block": block}]
        events += [{"type": "content_block_delta", **place, "delta": delta} for delta in deltas]
        events += [{"type": "content_block_stop", **place}]
    end = {name: body.get(name) for name in ("stop_reason", "stop_sequence")}
    events += [{"type": "message_delta", "delta": end, "usage": body.get("usage")}, {"type": "message_stop"}]
    return [(event["type"], written(event)) for event in events]


def responses_events(body: dict[str, Any]) -> list[Any]:
    """Put the whole answer in the event that ends the stream."""
    head = {name: value for name, value in body.items() if name not in ("output", "usage")}
    events = [
        {"type": "response.created", "response": head},
        {"type": "response.completed", "response": body},
    ]
    return [(event["type"], written(event)) for event in events]


def converse_events(body: dict[str, Any]) -> list[Any]:
    """Put each block in a start or in deltas: a stream has other fields for the parts of a block."""
    events: list[tuple[str, dict[str, Any]]] = [("messageStart", {"role": "assistant"})]
    for index, block in enumerate(body["output"]["message"]["content"]):
        starts, deltas = converse_block(block)
        events += [("contentBlockStart", {"contentBlockIndex": index, "start": start}) for start in starts]
        events += [("contentBlockDelta", {"contentBlockIndex": index, "delta": delta}) for delta in deltas]
        events += [("contentBlockStop", {"contentBlockIndex": index})]
    ends = ("stopReason", "additionalModelResponseFields")
    events += [("messageStop", {name: body[name] for name in ends if name in body})]
    events += [("metadata", {name: value for name, value in body.items() if name not in ("output", *ends)})]
    return [({":event-type": kind, ":message-type": "event"}, written(data)) for kind, data in events]


def converse_block(block: object) -> tuple[list[Any], list[Any]]:
    """Return the starts and the deltas of a block."""
    match block:
        case {"text": text}:
            return [], [{"text": text}]
        case {"toolUse": {"input": input, **call}}:
            return [{"toolUse": call}], [{"toolUse": {"input": dumps(input).decode()}}]
        case {"citationsContent": {"content": [*texts], "citations": [*citations]}}:
            said = [each for each in texts if isinstance(each, dict)]
            return [], [*said, *({"citation": each} for each in citations)]
        case {"reasoningContent": {"reasoningText": {**text}}}:
            return [], [{"reasoningContent": {name: value}} for name, value in text.items()]
        case {"reasoningContent": {**reasoning}}:
            return [], [{"reasoningContent": reasoning}]
        case {**others}:
            return [{name: value} for name, value in others.items()], []
    return [], []


EVENTS = {
    "openai_chat": lambda body: [("", written(body)), ("", b"[DONE]")],
    "mistral_chat": lambda body: [("", written(body)), ("", b"[DONE]")],
    "google_generate": lambda body: [("", written(body))],
    "ollama_chat": lambda body: [written({**body, "done": True})],
    "cohere_chat": cohere_events,
    "anthropic_messages": anthropic_events,
    "openai_responses": responses_events,
    "bedrock_converse": converse_events,
}
"""The stream that brings a whole body in as few events as the wire allows."""
