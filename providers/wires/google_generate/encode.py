"""Context and options to the body of generateContent.

A thought signature goes back on the very part it came on: https://ai.google.dev/gemini-api/docs/thought-signatures
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

import orjson

from ....pipeline.request import Request
from ....schemas.json_schema.dialects import gemini_json
from ....schemas.message import Message
from ....schemas.parts import Audio, File, Image, Opaque, Part, Reasoning, Refusal, Text, ToolCall, Video
from ....schemas.tool import Tool

NAME = "google_generate"
SKIP_VALIDATION = "skip_thought_signature_validator"
"""What the vendor documents for calls that another model made: models that insist on signatures take it for one."""

_GENERATION: Mapping[str, str] = {
    "temperature": "temperature",
    "top_p": "topP",
    "top_k": "topK",
    "max_tokens": "maxOutputTokens",
    "seed": "seed",
    "n": "candidateCount",
    "presence_penalty": "presencePenalty",
    "frequency_penalty": "frequencyPenalty",
    "logprobs": "responseLogprobs",
    "top_logprobs": "logprobs",
    "thinking_config": "thinkingConfig",
    "media_resolution": "mediaResolution",
    "speech_config": "speechConfig",
    "image_config": "imageConfig",
}

OPTIONS = frozenset(
    (
        "temperature",
        "top_p",
        "top_k",
        "max_tokens",
        "stop",
        "seed",
        "n",
        "presence_penalty",
        "frequency_penalty",
        "logprobs",
        "top_logprobs",
        "tools",
        "tool_choice",
        "response_format",
        "modalities",
    )
)

Block = dict[str, Any]


def build_body(request: Request, *, skip_signatures: bool = False) -> dict[str, Any]:
    """The body. `skip_signatures` is for models that refuse calls without a thought signature."""
    system, contents = encode_messages(request.context.messages, skip_signatures=skip_signatures)
    body: dict[str, Any] = {"contents": contents}
    if system:
        body["systemInstruction"] = {"parts": system}
    if request.context.tools:
        body["tools"] = encode_tools(request.context.tools)
    config: dict[str, Any] = {}
    for name, value in request.options.items():
        if name in _GENERATION:
            config[_GENERATION[name]] = value
        elif name in _OPTION:
            _OPTION[name](body, config, value)
        else:
            body[name] = value
    if config:
        body["generationConfig"] = config
    return body


def body_with(**quirks: Any) -> Callable[[Request], dict[str, Any]]:
    """`build_body` with a model's quirks, for a declaration."""
    return partial(build_body, **quirks)


def encode_messages(messages: Iterable[Message], *, skip_signatures: bool = False) -> tuple[list[Block], list[Block]]:
    """The parts of the system instruction, and contents whose roles alternate between user and model."""
    system: list[Block] = []
    contents: list[Block] = []
    names: dict[str, str] = {}
    for message in messages:
        if message.role == "system":
            system += [{"text": part.text} for part in message.content if isinstance(part, Text) and part.text]
            continue
        if message.role == "tool":
            role, parts = "user", _result(message, names)
        elif message.role == "assistant":
            names.update((call.id, call.name) for call in message.tool_calls)
            role, parts = "model", _answer(message.content, skip_signatures)
        else:
            role, parts = "user", [block for part in message.content if (block := _block(part)) is not None]
        if not parts:
            continue
        if contents and contents[-1]["role"] == role:
            contents[-1]["parts"] += parts
        else:
            contents.append({"role": role, "parts": parts})
    return system, contents


def _answer(parts: Iterable[Part], skip_signatures: bool) -> list[Block]:
    blocks: list[Block] = []
    first_call: Block | None = None
    for part in parts:
        block = _block(part)
        if block is None:
            continue
        if "functionCall" in block:
            first_call = first_call or block
        blocks.append(block)
    if skip_signatures and first_call is not None and not any("thoughtSignature" in block for block in blocks):
        # One step's calls share one signature, which stands on the first.
        first_call["thoughtSignature"] = SKIP_VALIDATION
    return blocks


def _block(part: Part) -> Block | None:
    extra = part.extra.get(NAME, {}) if not isinstance(part, Opaque) else {}
    signature = {"thoughtSignature": extra["thoughtSignature"]} if "thoughtSignature" in extra else {}
    match part:
        case Text() | Refusal():
            return {"text": part.text, **signature} if part.text or signature else None
        case Reasoning():
            if part.wire != NAME or not part.signature:
                return None
            return {"text": part.text, "thought": True, "thoughtSignature": part.signature}
        case ToolCall():
            args = part.arguments if part.arguments is not None else {"invalid_arguments": part.arguments_json}
            call = {"name": part.name, "args": args}
            return {"functionCall": {**call, "id": extra["id"]} if "id" in extra else call, **signature}
        case Opaque():
            return dict(part.data) if part.wire == NAME else None
        case Image() | File() | Audio() | Video():
            return {**_media(part), **signature}
    return None


def _media(part: Image | File | Audio | Video) -> Block:
    if part.data is not None:
        return {"inlineData": {"mimeType": part.sent_type, "data": b64encode(part.data).decode()}}
    return {"fileData": {"mimeType": part.sent_type, "fileUri": part.url or part.file_id}}


def _result(message: Message, names: Mapping[str, str]) -> list[Block]:
    """The vendor knows results by the tool's name, and takes objects alone."""
    id = message.tool_call_id or ""
    response: Block = {"name": message.name or names.get(id, id), "response": _object(message)}
    given = message.extra.get(NAME, {})
    media = [_media(part) for part in message.content if isinstance(part, Image | File | Audio | Video)]
    return [{"functionResponse": {**response, **given}}, *media]


def _object(message: Message) -> Any:
    if message.is_error:
        return {"error": message.text}
    try:
        value = orjson.loads(message.text)
    except orjson.JSONDecodeError:
        return {"result": message.text}
    return value if isinstance(value, dict) else {"result": value}


def encode_tools(tools: Iterable[Tool]) -> list[Block]:
    """All functions in one declaration; a built-in tool as it stands."""
    functions = [_function(tool) for tool in tools if tool.server is None]
    servers = [dict(tool.server) for tool in tools if tool.server is not None]
    return [{"functionDeclarations": functions}, *servers] if functions else servers


def _function(tool: Tool) -> Block:
    function: Block = {"name": tool.name, "description": tool.description or tool.name}
    if tool.parameters.get("properties"):
        function["parametersJsonSchema"] = gemini_json.to_dialect(tool.parameters).schema
    return function


def _choice(body: dict[str, Any], config: dict[str, Any], choice: Any) -> None:
    if isinstance(choice, Tool):
        choice = {"name": choice.name}
    if isinstance(choice, Mapping):
        name = choice.get("name") or choice["function"]["name"]
        calling: Block = {"mode": "ANY", "allowedFunctionNames": [name]}
    else:
        calling = {"mode": {"auto": "AUTO", "none": "NONE", "required": "ANY", "any": "ANY"}[choice]}
    body["toolConfig"] = {"functionCallingConfig": calling}


def _format(body: dict[str, Any], config: dict[str, Any], wanted: Any) -> None:
    if wanted == "text" or (isinstance(wanted, Mapping) and wanted.get("type") == "text"):
        return
    config["responseMimeType"] = "application/json"
    if isinstance(wanted, Mapping) and wanted.get("type") == "json_schema":
        config["responseJsonSchema"] = gemini_json.to_dialect(wanted["json_schema"]["schema"]).schema


def _stop(body: dict[str, Any], config: dict[str, Any], value: Any) -> None:
    config["stopSequences"] = [value] if isinstance(value, str) else list(value)


def _modalities(body: dict[str, Any], config: dict[str, Any], value: Iterable[str]) -> None:
    config["responseModalities"] = [kind.upper() for kind in value]


_OPTION: Mapping[str, Callable[[dict[str, Any], dict[str, Any], Any], None]] = {
    "tool_choice": _choice,
    "response_format": _format,
    "stop": _stop,
    "modalities": _modalities,
}
