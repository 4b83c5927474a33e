"""Answers with a usage, as providers send them, read by a client."""

from __future__ import annotations

from typing import Any

import httpx
import orjson

from stepwell import Client, Reply


def answered(model: str, body: Any, *, stream: bool = False, **options: Any) -> Reply:
    """Decode a body to a reply; a list of events is streamed."""
    content = body if isinstance(body, bytes) else orjson.dumps(body)
    headers = {"content-type": "text/event-stream" if stream else "application/json"}
    transport = httpx.MockTransport(lambda request: httpx.Response(200, content=content, headers=headers))
    keys: dict[str, Any] = {
        "amazon_bedrock": {"access_key": "a", "secret_key": "b", "region": "us-east-1"},
        "google_vertex": {"token": "t", "project": "p", "location": "global"},
    }
    provider = model.partition(":")[0]
    with Client(transport=transport, api_keys={provider: keys.get(provider, "k")}) as client:
        if stream:
            return client.stream_text(model, "hi", **options).reply()
        return client.generate_text(model, "hi", **options)


def claude(**usage: Any) -> dict[str, Any]:
    return {"id": "m", "content": [{"type": "text", "text": "yes"}], "stop_reason": "end_turn", "usage": usage}


def chat(tier: str | None = None, **usage: Any) -> dict[str, Any]:
    return {"choices": [{"message": {"content": "yes"}, "finish_reason": "stop"}], "service_tier": tier, "usage": usage}


def gemini(**usage: Any) -> dict[str, Any]:
    return {"candidates": [{"content": {"parts": [{"text": "yes"}]}, "finishReason": "STOP"}], "usageMetadata": usage}


def events(*pieces: Any) -> bytes:
    """Write a stream of server-sent events; Anthropic's are named by their type."""
    names = [f"event: {each['type']}\n" if "type" in each else "" for each in pieces]
    return b"".join(
        name.encode() + b"data: " + orjson.dumps(each) + b"\n\n" for name, each in zip(names, pieces, strict=True)
    )
