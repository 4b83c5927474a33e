"""Check bodies of requests against the types of the vendors' SDKs. It runs where those are installed, without stepwell.

Reads lines of JSON `[format, provider, is streamed, body]`, and prints for each the list of what does not fit.
"""

from __future__ import annotations

import base64
import inspect
import json
import sys
import types
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from importlib import import_module
from typing import Any, Literal, Union, get_args, get_origin

from typing_extensions import get_type_hints, is_typeddict

Misfits = Iterator[str]


def fields_of(kind: Any) -> dict[str, Any]:
    """Return the types of the fields of a TypedDict."""
    return get_type_hints(kind)


def of_type(value: Any, kind: Any, place: str) -> Misfits:
    """Yield what does not fit an annotation: `.messages[].role: 'x' is none of its values`."""
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        yield from _of_union(value, inner, place)
    elif origin is Literal:
        if value not in inner or type(value) not in map(type, inner):
            yield f"{place}: {value!r:.40} is none of its values"
    elif is_typeddict(kind):
        yield from _of_dict(value, kind, place)
    elif isinstance(origin, type) and issubclass(origin, Mapping):
        yield from (_wrong(value, "an object", place) if not isinstance(value, dict) else ())
    elif isinstance(origin, type) and issubclass(origin, Iterable):
        if not isinstance(value, list):
            yield from _wrong(value, "a list", place)
        else:
            for each in value:
                yield from of_type(each, inner[0], f"{place}[]")
    elif hasattr(kind, "model_validate"):
        yield from of_model(value, kind, place)
    elif kind is float:
        yield from (() if type(value) in (int, float) else _wrong(value, "a number", place))
    elif kind in (int, bool, str):
        yield from (() if type(value) is kind else _wrong(value, kind.__name__, place))


def _wrong(value: Any, wanted: str, place: str) -> Misfits:
    yield f"{place}: a {type(value).__name__}, not {wanted}"


def _of_dict(value: Any, kind: Any, place: str) -> Misfits:
    if not isinstance(value, dict):
        yield from _wrong(value, "an object", place)
        return
    known = fields_of(kind)
    for name in kind.__required_keys__ - value.keys():
        yield f"{place}.{name}: missing"
    for name, each in value.items():
        if name in known:
            yield from of_type(each, known[name], f"{place}.{name}")
        else:
            yield f"{place}.{name}: unknown"


def _of_union(value: Any, kinds: Sequence[Any], place: str) -> Misfits:
    """Yield what keeps a value from fitting the alternative that it is nearest to."""
    found = [list(of_type(value, kind, place)) for kind in kinds if kind is not type(None) or value is None]
    found = [misfits for misfits in found if misfits] if all(found) else []
    marks = (f"{place}.role:", f"{place}.type:")
    yield from min(
        found, key=lambda misfits: (any(each.startswith(marks) for each in misfits), len(misfits)), default=()
    )


def of_model(value: Any, kind: Any, place: str) -> Misfits:
    """Yield what pydantic says of a value, and fields that a model does not know."""
    pydantic = import_module("pydantic")
    try:
        yield from _extras(pydantic.TypeAdapter(kind).validate_python(value), place)
    except pydantic.ValidationError as error:
        for each in error.errors():
            yield f"{place}.{'.'.join(str(step) for step in each['loc'] if type(step) is str)}: {each['msg']}"


def _extras(made: Any, place: str) -> Misfits:
    if isinstance(made, list):
        for each in made:
            yield from _extras(each, f"{place}[]")
    elif hasattr(made, "model_extra"):
        for name in made.model_extra or {}:
            yield f"{place}.{name}: unknown"
        for name in type(made).model_fields:
            yield from _extras(getattr(made, name), f"{place}.{name}")


def _by_params(module: str, streamed: bool, body: dict[str, Any]) -> Misfits:
    """Check a body by the TypedDict of a call's arguments, as OpenAI's, Groq's and Anthropic's SDKs have it."""
    kinds = vars(import_module(module))
    base = next(name for name in kinds if name.endswith("CreateParamsBase") or name == "CompletionCreateParams")
    name = base.replace("Base", "Streaming" if streamed else "NonStreaming")
    return _of_dict(body, kinds[name], "")


def openai_chat(provider: str, streamed: bool, body: dict[str, Any]) -> Misfits:
    return _by_params(f"{provider}.types.chat.completion_create_params", streamed, body)


def openai_responses(provider: str, streamed: bool, body: dict[str, Any]) -> Misfits:
    return _by_params("openai.types.responses.response_create_params", streamed, body)


def anthropic_messages(provider: str, streamed: bool, body: dict[str, Any]) -> Misfits:
    return _by_params("anthropic.types.message_create_params", streamed, body)


def google_generate(provider: str, streamed: bool, body: dict[str, Any]) -> Misfits:
    kinds = import_module("google.genai.types")
    known = {
        "contents": list[kinds.Content],
        "systemInstruction": kinds.Content,
        "tools": list[kinds.Tool],
        "toolConfig": kinds.ToolConfig,
        "generationConfig": kinds.GenerationConfig,
        "serviceTier": kinds.ServiceTier,
        "store": bool,
    }
    for name, value in body.items():
        yield from of_model(value, known[name], f".{name}") if name in known else (f".{name}: unknown",)


def mistral_chat(provider: str, streamed: bool, body: dict[str, Any]) -> Misfits:
    kind = import_module("mistralai.client.models").ChatCompletionRequest
    known = {each.alias or name for name, each in kind.model_fields.items()}
    yield from (f".{name}: unknown" for name in body.keys() - known)
    yield from of_model(body, kind, "")


def cohere_chat(provider: str, streamed: bool, body: dict[str, Any]) -> Misfits:
    cohere = import_module("cohere")
    known = inspect.signature(cohere.ClientV2.chat).parameters.keys() | {"stream"}
    parts = {
        "messages": cohere.ChatMessages,
        "tools": list[cohere.ToolV2],
        "response_format": cohere.ResponseFormatV2,
        "thinking": cohere.Thinking,
    }
    yield from (f".{name}: unknown" for name in body.keys() - known)
    for name in body.keys() & parts.keys():
        yield from of_model(body[name], parts[name], f".{name}")


def ollama_chat(provider: str, streamed: bool, body: dict[str, Any]) -> Misfits:
    kinds = import_module("ollama._types")
    for place, kind, values in (
        ("", kinds.ChatRequest, [body]),
        (".messages[]", kinds.Message, body["messages"]),
        (".options", kinds.Options, [body.get("options", {})]),
    ):
        yield from (f"{place}.{name}: unknown" for value in values for name in value.keys() - kind.model_fields.keys())
    yield from of_model(body, kinds.ChatRequest, "")


@cache
def _bedrock() -> Any:
    return import_module("botocore.session").get_session().get_service_model("bedrock-runtime")


def bedrock_converse(provider: str, streamed: bool, body: dict[str, Any]) -> Misfits:
    shape = _bedrock().operation_model("ConverseStream" if streamed else "Converse").input_shape
    named = {**body, "modelId": "a"}  # which the URL names
    yield from _unknown(named, shape, "")
    report = import_module("botocore.validate").ParamValidator().validate(_decoded(named, shape), shape)
    yield from filter(None, report.generate_report().split("\n"))


def _members(value: Any, shape: Any) -> Iterable[tuple[str, Any, Any]]:
    """Return the name, value and shape of each part; a shape of None for a field that there is not."""
    if shape.type_name == "structure" and isinstance(value, dict) and not getattr(shape, "is_document_type", False):
        return [(f".{name}", each, shape.members.get(name)) for name, each in value.items()]
    return [("[]", each, shape.member) for each in value] if shape.type_name == "list" else []


def _unknown(value: Any, shape: Any, place: str) -> Misfits:
    if (values := getattr(shape, "enum", None)) and value not in values:
        yield f"{place}: {value!r:.40} is none of its values"
    for name, each, its_shape in _members(value, shape):
        yield from _unknown(each, its_shape, place + name) if its_shape else (f"{place}{name}: unknown",)


def _decoded(value: Any, shape: Any) -> Any:
    """Return a value with its bytes as botocore takes them."""
    if shape.type_name == "blob":
        return base64.b64decode(value)
    parts = _members(value, shape)
    if shape.type_name == "list":
        return [_decoded(each, its_shape) for _, each, its_shape in parts]
    return {name[1:]: _decoded(each, its_shape) for name, each, its_shape in parts if its_shape} if parts else value


FORMATS = (
    *(openai_chat, openai_responses, anthropic_messages, google_generate),
    *(mistral_chat, cohere_chat, ollama_chat, bedrock_converse),
)

if __name__ == "__main__":
    checks = {check.__name__: check for check in FORMATS}
    for line in sys.stdin:
        wire, provider, streamed, body = json.loads(line)
        print(json.dumps(sorted(set(checks[wire](provider, streamed, body)))))
