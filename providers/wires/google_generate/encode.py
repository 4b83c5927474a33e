"""Build the body of generateContent from context and options.

The vendor insists that roles alternate between user and model, that calls follow a user's turn, that their results come
next, in the order of the calls, and that a thought signature is sent back on the very part that it came with.
https://ai.google.dev/api/generate-content, https://ai.google.dev/gemini-api/docs/thought-signatures
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from operator import itemgetter
from typing import Any

from ....pipeline.http.request import Request
from ....schemas.message import Message
from ....schemas.model import Model
from ....schemas.parts import MEDIA, Audio, File, Image, Opaque, Part, Reasoning, Refusal, Text, ToolCall, Video
from ....schemas.tool import Tool, chosen_name
from ..calls import sent_object
from ..fields import Field, format_asked, given, listed, own_block, put_options, unknown_choice
from ..turns import encoded
from .media import encode_media

NAME = "google_generate"
SKIP_VALIDATION = "skip_thought_signature_validator"
"""What the vendor takes as the signature of a call that another model made.

https://ai.google.dev/gemini-api/docs/thought-signatures#faqs; Vertex takes no other value.
"""
IN_RESULTS = frozenset(("image/png", "image/jpeg", "image/webp", "application/pdf", "text/plain"))
"""Media types that a function response may hold: https://ai.google.dev/gemini-api/docs/function-calling#multimodal"""

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
        "audio",
        "service_tier",
    )
)

Block = dict[str, Any]
_CONFIG = "generationConfig"


def build_body(request: Request) -> dict[str, Any]:
    """Build the body. Two options are meant for declarations:

    media_in_results: for models whose function responses may hold images and documents; otherwise these are parts
        of their own, after the response. Default: False
    json_schema: False for models that take only Google's own Schema. Default: True
    """
    options = dict(request.options)
    media_in_results, json_schema = options.pop("media_in_results", False), options.pop("json_schema", True)
    system, contents = encode_messages(request.context.messages, media_in_results=media_in_results)
    instruction = {"parts": system} if system else None
    tools = encode_tools(request.context.tools, json_schema=json_schema)
    body = given(contents=contents, systemInstruction=instruction, tools=tools or None)
    put_options(body, options, _FIELDS if json_schema else _FIELDS_WITHOUT_JSON_SCHEMA)
    return body


def encode_messages(messages: Iterable[Message], *, media_in_results: bool = False) -> tuple[list[Block], list[Block]]:
    """Encode the parts of the system instruction, from system messages anywhere, and contents whose roles alternate."""
    system: list[Block] = []
    turns: list[tuple[str, list[tuple[int, Block]]]] = []
    calls: dict[str, tuple[int, ToolCall]] = {}
    for message in messages:
        if message.role == "system":
            system += encoded(message.content, _block)
            continue
        role = "model" if message.role == "assistant" else "user"
        if message.role == "tool":
            ranked = _result(message, calls, media_in_results)
        else:
            ranked = [(_LAST, block) for block in encoded(message.content, _block)]
        for call in message.tool_calls:
            calls[call.id] = (len(calls), call)
        if ranked and turns and turns[-1][0] == role:
            turns[-1][1].extend(ranked)
        elif ranked:
            turns.append((role, ranked))
    # Results come first in a turn, in the order of their calls: most calls have no id, and the order matches them.
    contents = [
        {"role": role, "parts": [block for _, block in sorted(ranked, key=itemgetter(0))]} for role, ranked in turns
    ]
    if not contents or contents[0]["role"] == "model":
        # Without this, a 400: "function call turn comes immediately after a user turn", and "contents are required"
        # where all is in the system (langgenius/dify-official-plugins#2775).
        contents.insert(0, {"role": "user", "parts": [{"text": " "}]})
    return system, contents


_LAST = 2**31


def _block(part: Part) -> Block | None:
    if isinstance(part, Opaque):
        return own_block(part, NAME)
    extra = part.extra.get(NAME, {})
    match part:
        case Text() | Refusal():
            return {"text": part.text, **extra} if part.text or extra else None
        case Reasoning():
            if part.wire != NAME:
                return None
            return {"text": part.text, "thought": True, **given(thoughtSignature=part.signature or None), **extra}
        case ToolCall():
            call = {"name": part.name, "args": sent_object(part), **({"id": extra["id"]} if "id" in extra else {})}
            return {"functionCall": call, **{name: value for name, value in extra.items() if name != "id"}}
        case Image() | File() | Audio() | Video():
            return {**encode_media(part), **extra}


def accepts_part(part: Part, model: Model) -> bool:
    return not isinstance(part, Reasoning) or part.wire == NAME


def _result(
    message: Message, calls: Mapping[str, tuple[int, ToolCall]], media_in_results: bool
) -> list[tuple[int, Block]]:
    """Encode a tool result, with its rank, and the media that come after it.

    The vendor matches a result by the tool's name, and by the call's id where it gave one. The text is sent as text: as
    a Struct, its numbers would become doubles.

    message: the tool message
    calls: the calls so far, each with its rank, by id
    media_in_results: see build_body
    """
    id = message.tool_call_id or ""
    rank, call = calls.get(id, (_LAST - 1, None))
    media = [part for part in message.content if isinstance(part, MEDIA)]
    inside = [part for part in media if media_in_results and part.sent_type in IN_RESULTS]
    after = [(_LAST, encode_media(part)) for part in media if part not in inside]
    response = {
        "name": call.name if call else message.name or id,
        **given(id=call.extra.get(NAME, {}).get("id") if call else None),
        "response": {"error" if message.is_error else "output": message.text},
        **({"parts": [encode_media(part) for part in inside]} if inside else {}),
        **message.extra.get(NAME, {}),
    }
    return [(rank, {"functionResponse": response}), *after]


def encode_tools(tools: Iterable[Tool], *, json_schema: bool = True) -> list[Block]:
    """Encode all functions in one declaration; a built-in tool stays as it is.

    tools: the tools
    json_schema: see build_body
    """
    functions = [_function(tool, json_schema) for tool in tools if tool.server is None]
    servers = [dict(tool.server) for tool in tools if tool.server is not None]
    return [{"functionDeclarations": functions}, *servers] if functions else servers


def _function(tool: Tool, json_schema: bool) -> Block:
    function: Block = {"name": tool.name, "description": tool.description or tool.name}
    # Refused without properties: "parameters.properties: should be non-empty for OBJECT type".
    if tool.parameters.get("properties") or tool.parameters.get("additionalProperties"):
        function["parametersJsonSchema" if json_schema else "parameters"] = tool.parameters
    return {**function, **tool.extra.get(NAME, {})}


def _format(body: dict[str, Any], response_format: object, json_schema: bool = True) -> None:
    if (asked := format_asked(response_format)) is not False:
        config = body.setdefault(_CONFIG, {})
        config["responseMimeType"] = "application/json"
        if asked is not True:
            config["responseJsonSchema" if json_schema else "responseSchema"] = asked


_MODES: Mapping[str, str] = {"auto": "AUTO", "none": "NONE", "required": "ANY", "any": "ANY", "validated": "VALIDATED"}


def _choice(body: dict[str, Any], choice: object) -> None:
    """Set a mode, a tool, or a list of the tools that may be called. Raises InvalidOption for anything else."""
    names = [choice] if isinstance(choice, Tool | Mapping) else choice
    if isinstance(choice, str) and choice in _MODES:
        calling: Block = {"mode": _MODES[choice]}
    elif isinstance(names, list) and names and None not in (allowed := list(map(_allowed, names))):
        calling = {"mode": "ANY", "allowedFunctionNames": allowed}
    else:
        raise unknown_choice(" or a list")
    if any("functionDeclarations" in each for each in body.get("tools", ())):
        known = body.setdefault("toolConfig", {})
        known["functionCallingConfig"] = {**known.get("functionCallingConfig", {}), **calling}


def _allowed(tool: object) -> str | None:
    return tool if isinstance(tool, str) else chosen_name(tool)


def _tool_config(body: dict[str, Any], value: Mapping[str, Any]) -> None:
    """Merge the vendor's own object into the body; tool_choice wins."""
    known = body.get("toolConfig", {})
    calling = {**value.get("functionCallingConfig", {}), **known.get("functionCallingConfig", {})}
    body["toolConfig"] = {**value, **known, **({"functionCallingConfig": calling} if calling else {})}


def _top_logprobs(body: dict[str, Any], value: int) -> None:
    config = body.setdefault(_CONFIG, {})
    config.update({"logprobs": value, "responseLogprobs": config.get("responseLogprobs", True)})


def _audio(body: dict[str, Any], value: Mapping[str, Any]) -> None:
    if voice := value.get("voice"):
        spoken = {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": voice}}}
        body.setdefault(_CONFIG, {}).setdefault("speechConfig", spoken)


_FIELDS: Mapping[str, Field] = {
    "temperature": f"{_CONFIG}.temperature",
    "top_p": f"{_CONFIG}.topP",
    "top_k": f"{_CONFIG}.topK",
    "max_tokens": f"{_CONFIG}.maxOutputTokens",
    "stop": (f"{_CONFIG}.stopSequences", listed),
    "seed": f"{_CONFIG}.seed",
    "n": f"{_CONFIG}.candidateCount",
    "presence_penalty": f"{_CONFIG}.presencePenalty",
    "frequency_penalty": f"{_CONFIG}.frequencyPenalty",
    "logprobs": f"{_CONFIG}.responseLogprobs",
    "top_logprobs": _top_logprobs,
    "thinking_config": f"{_CONFIG}.thinkingConfig",
    "media_resolution": f"{_CONFIG}.mediaResolution",
    "modalities": (f"{_CONFIG}.responseModalities", lambda kinds: [kind.upper() for kind in kinds]),
    "audio": _audio,
    "speech_config": f"{_CONFIG}.speechConfig",
    "image_config": f"{_CONFIG}.imageConfig",
    "generation_config": _CONFIG,
    "response_format": _format,
    "tool_choice": _choice,
    "tool_config": _tool_config,
    "safety_settings": "safetySettings",
    "cached_content": "cachedContent",
    "model_armor_config": "modelArmorConfig",
    "service_tier": "serviceTier",
}
_FIELDS_WITHOUT_JSON_SCHEMA = {**_FIELDS, "response_format": partial(_format, json_schema=False)}
