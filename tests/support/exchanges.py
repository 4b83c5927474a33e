"""One call to a declared provider with a given answer: what was sent, and the reply."""

from __future__ import annotations

import json
from typing import Any

import httpx
import orjson
from vendor_rules import WIRES

from stepwell import Client, Context, Reply
from stepwell.declare import declare_provider
from stepwell.providers.declare.registry import Registry
from stepwell.providers.declare.wire import Wire
from stepwell.testing.conformance import samples_of

KEYS: dict[str, Any] = {
    **dict.fromkeys(("openai", "anthropic", "google", "groq", "mistral", "openrouter", "minimax"), "key"),
    **dict.fromkeys(("deepseek", "cohere", "moonshot", "xai"), "key"),
    "amazon_bedrock": {"access_key": "a", "secret_key": "s", "region": "us-east-1"},
    "azure": {"api_key": "key", "endpoint": "https://r.openai.azure.com"},
    "google_vertex": {"token": "t", "project": "p", "location": "global"},
}


def exchanged(
    model: str, context: Context, answer: Any = None, *, stream: bool = False, **options: Any
) -> tuple[dict[str, Any], Reply]:
    """Return the sent body and the reply. `answer` is JSON or bytes; the default is the wire's sample of plain text."""
    bodies: list[bytes] = []

    def handler(request: httpx.Request) -> httpx.Response:
        bodies.append(request.content)
        content = answer if isinstance(answer, bytes) else orjson.dumps(answer or _sample(client, model, options))
        kind = "text/event-stream" if stream else "application/json"
        return httpx.Response(200, content=content, headers={"content-type": kind})

    with Client(transport=httpx.MockTransport(handler), api_keys=KEYS, retries=0) as client:
        ask = client.stream_text if stream else client.generate_text
        result: Any = ask(model, context, **options)
        reply: Reply = result.reply() if stream else result
    return json.loads(bodies[0]), reply


def _sample(client: Client, model: str, options: dict[str, Any]) -> Any:
    plan = client.planner.plan("chat", model, wire=options.get("wire"))
    wire = plan.provider.wire_for("chat", plan.model, options.get("wire"))
    spoken = next(each for each, _ in WIRES if each.name in (wire.name, wire.history_format))
    return orjson.loads(samples_of(spoken).text.body)


def reported(reply: Reply, subject: str = "history") -> list[str]:
    """Return the texts of the warnings about this subject."""
    return [warning.why for warning in reply.warnings if warning.subject == subject]


def sent(wire: Wire, context: Context) -> tuple[dict[str, Any], Any]:
    """Send a conversation to a declared provider of this wire, and return the body and the reply."""
    bodies: list[dict[str, Any]] = []

    def handler(request: httpx.Request) -> httpx.Response:
        bodies.append(orjson.loads(request.content))
        return httpx.Response(200, content=samples_of(wire).text.body)

    registry = Registry()
    registry.register(declare_provider("target", wire=wire, base_url="https://target.test", key_optional=True))
    with Client(transport=httpx.MockTransport(handler), registry=registry, retries=0) as client:
        reply = client.generate_text("target:m", context)
    return bodies[0], reply
