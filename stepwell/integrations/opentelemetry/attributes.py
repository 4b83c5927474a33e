"""Attributes of a call, by the names of OpenTelemetry's conventions for generative AI.

https://github.com/open-telemetry/semantic-conventions-genai (docs/gen-ai), names as in its release 1.41. Only
`question` and `answer` hold content that users or models wrote.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from ...model_metadata.provider_ids import canonical
from ...pipeline.http.request import Request
from ...schemas.errors import StepwellError
from ...schemas.json_text import dumps
from ...schemas.message import Message
from ...schemas.parts import Refusal, Text, ToolCall
from ...schemas.reply import Reply

Attributes = dict[str, Any]

OPERATIONS = {"embed": "embeddings", "image": "generate_content"}
"""Names of operations in the conventions; those without an entry keep stepwell's name."""
PROVIDERS = {
    "amazon_bedrock": "aws.bedrock",
    "azure": "azure.ai.openai",
    "google": "gcp.gemini",
    "google_vertex": "gcp.vertex_ai",
    "google_vertex_anthropic": "gcp.vertex_ai",
    "mistral": "mistral_ai",
    "xai": "x_ai",
}
"""Names of providers in the conventions; those without an entry keep stepwell's id."""
_OPTIONS = {
    "max_tokens": "max_tokens",
    "temperature": "temperature",
    "top_p": "top_p",
    "top_k": "top_k",
    "frequency_penalty": "frequency_penalty",
    "presence_penalty": "presence_penalty",
    "seed": "seed",
    "n": "choice.count",
}
_USAGE = {
    "input_tokens": "input_tokens",
    "output_tokens": "output_tokens",
    "cached_input_tokens": "cache_read.input_tokens",
    "cache_write_tokens": "cache_creation.input_tokens",
    "reasoning_tokens": "reasoning.output_tokens",
}


def basic(request: Request) -> Attributes:
    """Return the attributes of both spans and metrics: the operation, the provider, the model and the server."""
    server = urlsplit(request.base_url)
    attributes = {
        "gen_ai.operation.name": OPERATIONS.get(request.operation, request.operation),
        "gen_ai.provider.name": PROVIDERS.get(canonical(request.model.provider), request.model.provider),
        "gen_ai.request.model": request.model.id,
    }
    if server.hostname:
        attributes["server.address"] = server.hostname
        attributes["server.port"] = str(server.port or (443 if server.scheme == "https" else 80))
    return attributes


def request_attributes(request: Request) -> Attributes:
    """Return the attributes of what a call asks for."""
    options, stop = request.options, request.options.get("stop") or ()
    kind = "json" if options.get("response_format") else "text"
    return _known(
        {
            **{f"gen_ai.request.{theirs}": _number(options.get(ours)) for ours, theirs in _OPTIONS.items()},
            "gen_ai.request.stream": request.stream or None,
            "gen_ai.request.stop_sequences": [stop] if isinstance(stop, str) else list(stop),
            "gen_ai.output.type": kind if request.operation == "chat" else None,
        }
    )


def reply_attributes(reply: Reply) -> Attributes:
    """Return the attributes of a reply. `stepwell.cost.usd` is computed from the catalog, and absent if unknown."""
    cost = reply.cost.total
    return _known(
        {
            "gen_ai.response.model": reply.model,
            "gen_ai.response.id": reply.id,
            "gen_ai.response.finish_reasons": [reply.finish_reason] if reply.finish_reason else None,
            **{f"gen_ai.usage.{theirs}": getattr(reply.usage, ours) for ours, theirs in _USAGE.items()},
            "stepwell.cost.usd": None if cost is None else float(cost),
            "stepwell.request_id": reply.request_id,
        }
    )


def error_attributes(error: BaseException) -> Attributes:
    """Return the attributes of an error, and of the partial reply that it carries."""
    attributes: Attributes = {"error.type": type(error).__name__}
    if isinstance(error, StepwellError):
        attributes["http.response.status_code"] = getattr(error, "status", None)
        attributes["stepwell.request_id"] = error.request_id
        if error.partial is not None:
            attributes |= reply_attributes(error.partial)
    return _known(attributes)


def question(messages: Iterable[Message]) -> Attributes:
    """Return the messages of a call as an attribute; only for those who opt in to content."""
    system = [part for message in messages if message.role == "system" for part in _parts(message)]
    rest = [_message(message) for message in messages if message.role != "system"]
    attributes = {"gen_ai.input.messages": dumps(rest).decode()}
    if system:
        attributes["gen_ai.system_instructions"] = dumps(system).decode()
    return attributes


def answer(reply: Reply) -> Attributes:
    """Return the model's message as an attribute, without its reasoning."""
    message = {**_message(reply.message), "finish_reason": reply.finish_reason or ""}
    return {"gen_ai.output.messages": dumps([message]).decode()}


def _message(message: Message) -> Attributes:
    return {"role": message.role, "parts": _parts(message)}


def _parts(message: Message) -> list[Attributes]:
    if message.role == "tool":
        return [{"type": "tool_call_response", "id": message.tool_call_id or "", "response": message.text}]
    parts: list[Attributes] = []
    for part in message.content:
        match part:
            case Text() | Refusal():
                parts.append({"type": "text", "content": part.text})
            case ToolCall():
                parts.append({"type": "tool_call", "id": part.id, "name": part.name, "arguments": part.arguments_json})
    return parts


def _number(option: object) -> object:
    return option if type(option) in (int, float) else None


def _known(attributes: Mapping[str, Any]) -> Attributes:
    """Return the attributes without those that are unknown or empty. 0 is neither."""
    return {name: value for name, value in attributes.items() if value not in (None, "", [])}
