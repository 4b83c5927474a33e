"""The table of a call's options, by which they are checked before anything is sent.

Each row has the JSON Schema that the value must fit, and the option's meaning. Providers add rows of their own.
An explicit 0, False or "" is sent as given; None means not given, and so does a list or an object without entries.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import isfinite
from typing import Any

from attrs import frozen

from .errors import InvalidOption
from .json_types import JSONSchema
from .memo import Memo
from .nan_check import not_finite
from .nearest import nearest


@frozen
class Option:
    """One option."""

    schema: JSONSchema
    """The JSON Schema that its value must fit."""
    doc: str
    """Its meaning, in one line."""
    sent: bool = True
    """False for an option that configures stepwell and is not sent."""
    type: str = ""
    """Its Python type for type checkers, where the schema does not determine it."""


_NUMBER: JSONSchema = {"type": "number"}
_COUNT: JSONSchema = {"type": "integer", "minimum": 1}
_BOOL: JSONSchema = {"type": "boolean"}
_STRING: JSONSchema = {"type": "string"}
_OBJECT: JSONSchema = {"type": "object"}
_ANY: JSONSchema = {}

EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")

CHAT_OPTIONS: Mapping[str, Option] = {
    "temperature": Option({"type": "number", "minimum": 0}, "randomness; 0 is the least"),
    "top_p": Option({"type": "number", "minimum": 0, "maximum": 1}, "nucleus sampling"),
    "top_k": Option({"type": "integer", "minimum": 0}, "sample among the k likeliest tokens"),
    "min_p": Option({"type": "number", "minimum": 0, "maximum": 1}, "lowest likelihood relative to the best token"),
    "max_tokens": Option(_COUNT, "most tokens in the answer, reasoning included where the provider counts it"),
    "stop": Option({"type": ["string", "array"], "items": _STRING}, "text that ends the answer, one or several"),
    "seed": Option({"type": "integer"}, "repeatable sampling, as far as the provider can"),
    "n": Option(_COUNT, "how many answers"),
    "presence_penalty": Option(_NUMBER, "penalty against any repetition, -2 to 2"),
    "frequency_penalty": Option(_NUMBER, "penalty against frequent repetition, -2 to 2"),
    "repetition_penalty": Option(_NUMBER, "multiplicative repetition penalty, 1 is none"),
    "logit_bias": Option(_OBJECT, "token id to bias", type="Mapping[str, float]"),
    "logprobs": Option(_BOOL, "log probabilities of the answer's tokens"),
    "top_logprobs": Option({"type": "integer", "minimum": 0}, "how many alternatives with each"),
    "tools": Option(
        {"type": "array"},
        "tools that the model may call: Tools, functions, or dicts in the common chat form",
        type="Sequence[ToolLike]",
    ),
    "tool_choice": Option(
        _ANY, 'auto, none, required, a Tool, or {"name": ...}', type="str | Tool | Mapping[str, object]"
    ),
    "parallel_tool_calls": Option(_BOOL, "whether several calls may come in one answer"),
    "reasoning_effort": Option({"enum": list(EFFORTS)}, "how hard to think"),
    "reasoning_budget": Option({"type": "integer", "minimum": 0}, "most tokens to think with"),
    "reasoning_summary": Option({"enum": ["auto", "concise", "detailed", "none"]}, "show a summary of the thinking"),
    "response_format": Option(
        {"type": ["string", "object"], "$comment": "pass a class to generate_object, or its JSON Schema here"},
        'text, json, or {"type": "json_schema", "json_schema": {...}}',
        type="str | Mapping[str, object]",
    ),
    "verbosity": Option({"enum": ["low", "medium", "high"]}, "how wordy the answer is"),
    "prompt_cache": Option(
        {"enum": [True, False, "5m", "1h"]},
        "mark the prompt's stable prefix for the provider's cache: true, or '5m' or '1h'",
        type="bool | str",
    ),
    "prompt_cache_key": Option(_STRING, "requests with one key share the provider's cache"),
    "service_tier": Option(_STRING, "the provider's class of service"),
    "user": Option(_STRING, "an opaque id of your end user"),
    "metadata": Option(_OBJECT, "your own labels, kept by the provider"),
    "modalities": Option({"type": "array", "items": _STRING}, "kinds of output: text, audio, image"),
    "audio": Option(_OBJECT, "voice and format of spoken output"),
    "store": Option(_BOOL, "whether the provider keeps the answer"),
    "previous_response_id": Option(_STRING, "continue from an answer that the provider kept"),
}

_DIMENSIONS = Option(_COUNT, "length of the vectors")
_KIND = Option(
    {"enum": ["query", "document", "similarity", "classification", "clustering"]}, "what the text is embedded for"
)
_TRUNCATE = Option(_ANY, "what to do with texts that are too long", type="bool | str")
_OUTPUT_FORMAT = Option(_STRING, "png, jpeg, webp; mp3, wav, opus")
_LANGUAGE = Option(_STRING, "language of the audio, as an ISO code")
_N, _USER, _TEMPERATURE = (CHAT_OPTIONS[name] for name in ("n", "user", "temperature"))
_SHAPE = Option(_STRING, "the format of the answer, by the provider's name for it")

OPERATION_OPTIONS: Mapping[str, Mapping[str, Option]] = {
    "chat": CHAT_OPTIONS,
    "embed": {
        "dimensions": _DIMENSIONS,
        "kind": _KIND,
        "encoding_format": Option({"enum": ["float", "base64"]}, "how vectors are sent"),
        "truncate": _TRUNCATE,
        "user": _USER,
    },
    "rerank": {
        "top_n": Option(_COUNT, "how many documents to return"),
        "max_tokens_per_doc": Option(_COUNT, "read no more of a document"),
        "truncate": _TRUNCATE,
    },
    "image": {
        "n": _N,
        "size": Option(_STRING, "width and height in pixels: 1024x1024"),
        "quality": Option(_STRING, "the provider's quality level"),
        "style": Option(_STRING, "the provider's style"),
        "background": Option(_STRING, "transparent or opaque"),
        "aspect_ratio": Option(_STRING, "width to height: 16:9"),
        "output_format": _OUTPUT_FORMAT,
        "response_format": _SHAPE,
        "user": _USER,
    },
    "speak": {
        "voice": Option(_ANY, "which voice speaks: its name, or the provider's description of one", type="object"),
        "speed": Option({"type": "number", "exclusiveMinimum": 0}, "speed of speech; 1 is normal"),
        "output_format": _OUTPUT_FORMAT,
        "instructions": Option(_STRING, "how to speak"),
        "language": _LANGUAGE,
    },
    "transcribe": {
        "language": _LANGUAGE,
        "prompt": Option(_STRING, "words that a transcript may need"),
        "temperature": _TEMPERATURE,
        "response_format": _SHAPE,
    },
    "moderate": {},
    "ocr": {
        "pages": Option(
            {"type": ["string", "array"], "minItems": 1},
            "which pages to read, counted from 0",
            type="str | Sequence[int]",
        ),
        "include_image_base64": Option(_BOOL, "return the images of a page with it"),
        "image_limit": Option({"type": "integer", "minimum": 0}, "most images to return"),
        "image_min_size": Option({"type": "integer", "minimum": 0}, "smallest image to return, in pixels"),
        "bbox_annotation_format": Option(
            _ANY, "JSON Schema of the annotation of each image", type="Mapping[str, object]"
        ),
        "document_annotation_format": Option(
            _ANY, "JSON Schema of the annotation of the whole document", type="Mapping[str, object]"
        ),
        "document_annotation_prompt": Option(_STRING, "what to look for in the document"),
        "table_format": Option(_STRING, "markdown or html"),
        "extract_header": Option(_BOOL, "return the pages' headers separately"),
        "extract_footer": Option(_BOOL, "return the pages' footers separately"),
    },
    "count_tokens": {"tools": CHAT_OPTIONS["tools"], "tool_choice": CHAT_OPTIONS["tool_choice"]},
    "list_models": {},
}
"""The options of each operation that has a method of its own."""

CALL_OPTIONS: Mapping[str, Option] = {
    "system": Option(_STRING, "a system message put before the prompt", sent=False),
    "timeout": Option(
        _ANY, "seconds in all, or Timeouts(connect, first_event, idle, total)", sent=False, type="Timeouts | float"
    ),
    "retries": Option({"type": "integer", "minimum": 0}, "how often to send again; 2 by default", sent=False),
    "wire": Option(_STRING, "use this wire format of the provider", sent=False),
    "base_url": Option(
        _STRING, "send to this URL instead; a host that is not the provider's needs an explicit api_key", sent=False
    ),
    "api_key": Option(
        _ANY, "the credential; it takes precedence over all other sources", sent=False, type="Credential"
    ),
    "headers": Option(_OBJECT, "more request headers", sent=False, type="Mapping[str, str]"),
    "provider_options": Option(
        _OBJECT, "the provider's own options; unknown ones are sent as given; may be keyed by provider id", sent=False
    ),
    "on_unsupported": Option(
        {"enum": ["warn", "error", "ignore"]}, "what to do with options the model lacks", sent=False
    ),
    "pipeline": Option(
        _ANY, "steps for this call: a Pipeline, edits of it, or steps to put around it", sent=False, type="PipelineLike"
    ),
    "overrides": Option(
        _ANY,
        "single steps replaced for this call: override(build_body=...) of stepwell.declare, or a list; the last wins",
        sent=False,
        type="Override | Sequence[Override]",
    ),
    "job": Option(
        _STRING, "record it in the client's journal under this name, so that it goes on after a kill", sent=False
    ),
}

_ACCEPTS = Memo[int, tuple[JSONSchema, Callable[[Any], bool]]](1000)


Suggest = Callable[[str, Mapping[str, Option]], str]
"""Gives the hint for a name that a table of options does not have."""


def check_options(
    options: Mapping[str, Any], table: Mapping[str, Option], *, where: str, suggest: Suggest = nearest
) -> None:
    """Check each option's name and value; None counts as not given.

    options: the options, by name.
    table: the options that exist.
    where: what the options are for, named in errors.
    suggest: gives the hint for an unknown name; the nearest known name by default.

    Raises InvalidOption for a name that the table does not have and for a value that does not fit its schema.
    """
    for name, value in options.items():
        if value is None:
            continue
        option = table.get(name)
        if option is None:
            raise InvalidOption(f"unknown option {name!r} for {where}", hint=suggest(name, table))
        check_value(name, value, option.schema, where=where)


def check_value(name: str, value: object, schema: JSONSchema, *, where: str) -> None:
    """Check that the value of an option fits the schema.

    name: the option's name, for errors.
    value: its value.
    schema: the schema. Keep one object per option: what was prepared for a schema is found by its identity.
    where: what the option is for, named in errors.

    Raises InvalidOption if it does not fit. A few plain comparisons accept nearly every value (under 1 µs); only the
    others are checked by jsonschema, which takes 0.1 s to import.
    """
    suspect = not isfinite(value) if isinstance(value, float) else isinstance(value, dict | list | tuple)
    if suspect and (place := not_finite(value)) is not None:
        at = f", at {place}" if place else ""
        raise InvalidOption(f"option {name!r} for {where} is not a finite number{at}", hint="JSON has no such number")
    known = _ACCEPTS.get(id(schema))
    if known is None:
        # Keep the schema with its id, so that no other object can get the same id.
        known = _ACCEPTS.put(id(schema), (schema, _quick(schema)))
    if known[1](value):
        return
    from .json_schema.validate import errors_of  # imports jsonschema

    violations = errors_of(plain(value), dict(schema))
    if violations:
        first = violations[0]
        where_in_it = f"{first.pointer} " if first.pointer else ""
        why = f"{value!r:.40} is none of its values" if "enum" in schema else f"{where_in_it}{first.message}"
        raise InvalidOption(f"option {name!r} for {where} does not fit: {why}", hint=_wanted(schema))


def plain(value: Any) -> Any:
    """Return a tuple as a list, any other mapping than a dict as a dict, and everything else unchanged."""
    if isinstance(value, tuple):
        return [*value]
    return dict(value) if isinstance(value, Mapping) and not isinstance(value, dict) else value


def checked_format(value: object, *, where: str) -> Any:
    """Return a response_format as the wires read it: a schema beside its type, as OpenAI's responses take it, is put
    into an object of its own, and gets a name.

    value: text, json or an object with a type. One with a type that is not OpenAI's is a provider's own.
    where: what the option is for, named in errors.

    Raises InvalidOption for anything else.
    """
    if value in ("text", "json"):
        return value
    if not isinstance(value, Mapping) or not isinstance(kind := value.get("type"), str):
        shown = f"{value!r:.40}" if isinstance(value, str) else f"a {type(value).__name__} without a type"
        raise InvalidOption(f"option 'response_format' for {where} cannot be {shown}", hint=_FORMAT)
    if kind in _SCHEMA_TYPES or ("properties" in value and "schema" not in value):
        raise InvalidOption(f"option 'response_format' for {where} is a bare JSON Schema", hint=_FORMAT)
    if kind != "json_schema":
        return value
    named = value.get("json_schema", {name: each for name, each in value.items() if name != "type"})
    if not isinstance(named, Mapping) or not isinstance(named.get("schema"), Mapping):
        raise InvalidOption(f"option 'response_format' for {where} has no schema", hint=_FORMAT)
    return (
        value
        if named.get("name") and "json_schema" in value
        else {"type": kind, "json_schema": {"name": "answer", **named}}
    )


_FORMAT = 'use text, json or {"type": "json_schema", "json_schema": {"name": ..., "schema": ...}}, or generate_object'
_SCHEMA_TYPES = frozenset(("object", "array", "string", "number", "integer", "boolean", "null"))


def _wanted(schema: JSONSchema) -> str:
    if "enum" in schema:
        return f"use one of {', '.join(map(str, schema['enum']))}"
    if "$comment" in schema:
        return str(schema["$comment"])
    bounds = [f"{word} {schema[key]}" for key, word in _BOUNDS if key in schema]
    kind = schema.get("type", "value")
    kinds = kind if isinstance(kind, list) else [kind]
    of_items = schema.get("items", {}).get("type")
    named = [f"array of {of_items}s" if kind == "array" and of_items else kind for kind in kinds]
    return f"use {' or '.join(named)}" + (f", {', '.join(bounds)}" if bounds else "")


_BOUNDS = (("minimum", "at least"), ("exclusiveMinimum", "more than"), ("maximum", "at most"))


def _quick(schema: JSONSchema) -> Callable[[Any], bool]:
    """Make a cheap test that accepts only values which fit for certain; False means that jsonschema decides."""
    if not schema:
        return lambda value: True
    if schema.keys() == {"enum"}:
        allowed = tuple(schema["enum"])
        exact = tuple(set(map(type, allowed)) & {str, bool})
        return lambda value: type(value) in exact and value in allowed
    if not schema.keys() <= {"type", "minimum", "maximum", "exclusiveMinimum"} or isinstance(schema.get("type"), list):
        takes_any_text = schema.keys() <= _NOT_OF_TEXT and "string" in schema.get("type", ())
        return lambda value: takes_any_text and type(value) is str
    kinds = _KINDS.get(schema.get("type", ""), ())
    low = schema.get("minimum", float("-inf"))
    above = schema.get("exclusiveMinimum", float("-inf"))
    high = schema.get("maximum", float("inf"))
    if len(schema) == 1:
        return lambda value: type(value) in kinds
    return lambda value: type(value) in kinds and low <= value <= high and value > above


_NOT_OF_TEXT = {"type", "$comment", "minimum", "maximum", "exclusiveMinimum", "items", "minItems", "maxItems"}
"""Keywords that say nothing of a text but that it may be one."""
_KINDS: Mapping[str, tuple[type, ...]] = {
    "number": (int, float),
    "integer": (int,),
    "boolean": (bool,),
    "string": (str,),
    "object": (dict,),
    "array": (list, tuple),
}
