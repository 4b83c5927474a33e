"""Options that are empty: a list or an object without entries is as if it were not given, on every wire."""

from __future__ import annotations

from collections import UserDict
from collections.abc import Iterator
from types import MappingProxyType
from typing import Any

import pytest
from catalog_hosts import client_of, preview
from in_turn import in_turn
from kinds import one_of_each_kind
from option_matrix import MODELS

from stepwell import Tool
from stepwell.errors import InvalidOption
from stepwell.messages import CallWarning
from stepwell.providers.declare.registry import REGISTRY
from stepwell.schemas.options import CALL_OPTIONS, CHAT_OPTIONS, OPERATION_OPTIONS

TOOL = Tool("look", "Look something up", {"type": "object", "properties": {"word": {"type": "string"}}})
NO_LIST = ("tool_choice", "response_format")
"""Of the options that take an object, those of which an empty one cannot be read."""


def kinds_of(schema: Any) -> tuple[str, ...]:
    kinds = schema.get("type", ())
    return (kinds,) if isinstance(kinds, str) else tuple(kinds)


def empty_options() -> Iterator[dict[str, Any]]:
    for name, option in {**CHAT_OPTIONS, **CALL_OPTIONS}.items():
        if name not in NO_LIST:
            yield from ({name: ()} for kind in kinds_of(option.schema) if kind == "array")
            yield from ({name: []} for kind in kinds_of(option.schema) if kind == "array")
            yield from ({name: {}} for kind in kinds_of(option.schema) if kind == "object")
            yield from ({name: MappingProxyType({})} for kind in kinds_of(option.schema) if kind == "object")


EMPTY = [*empty_options()]


def models() -> Iterator[tuple[str, str | None]]:
    """Yield the models of the option matrix, and one over each chat wire of each kind of provider."""
    yield from ((model, None) for model in MODELS)
    for provider in one_of_each_kind(REGISTRY):
        if provider.id != "local":  # its models are files
            yield from ((f"{provider.id}:any", wire.name) for wire in provider.wires if wire.operation == "chat")


def sent(model: str, wire: str | None, **options: Any) -> tuple[bytes, dict[str, str], tuple[CallWarning, ...]]:
    request = preview(model, "hi", **options, **({"wire": wire} if wire else {}))
    own = tuple(each for each in request.warnings if each.subject != "model")  # one that a client gives once
    return request.body, dict(request.headers), own


def test_each_option_that_takes_a_list_or_an_object_is_tried() -> None:
    assert {name for options in EMPTY for name in options} == {
        *("stop", "logit_bias", "tools", "metadata", "modalities", "audio", "headers", "provider_options"),
    }


@in_turn(("model", "wire"), models())
def test_an_empty_list_or_object_is_as_if_it_were_not_given(model: str, wire: str | None) -> None:
    plain = sent(model, wire)
    for options in EMPTY:
        assert sent(model, wire, **options) == plain, options
        assert sent(model, wire, **options, on_unsupported="error")[0] == plain[0], options


@in_turn(("model", "wire"), models())
def test_an_empty_text_among_the_stops_is_dropped_with_a_warning(model: str, wire: str | None) -> None:
    plain, one = sent(model, wire), sent(model, wire, stop=["END"])
    for stop in ("", [""], ("", "")):
        body, _, warnings = sent(model, wire, stop=stop)
        assert body == plain[0]
        assert [each.subject for each in warnings if each not in plain[2]] == ["stop"]
        with pytest.raises(InvalidOption, match="an empty text"):
            sent(model, wire, stop=stop, on_unsupported="error")
    assert sent(model, wire, stop=["", "END"])[0] == one[0]


def test_what_is_empty_is_not_remembered_for_what_is_not() -> None:
    for stop in ("", "END", "", [], "END"):
        body = preview("openai:gpt-4o", "hi", stop=stop, temperature=0.25).body
        assert (b'"stop"' in body) == (stop == "END")


def test_tuples_and_mappings_are_taken_as_lists_and_dicts() -> None:
    for given, usual in (
        ({"stop": ("END", "DONE")}, {"stop": ["END", "DONE"]}),
        ({"modalities": ("text",)}, {"modalities": ["text"]}),
        ({"logit_bias": MappingProxyType({"5": 1})}, {"logit_bias": {"5": 1}}),
        ({"audio": UserDict(voice="alloy")}, {"audio": {"voice": "alloy"}}),
        ({"headers": MappingProxyType({"x-a": "b"})}, {"headers": {"x-a": "b"}}),
        ({"provider_options": MappingProxyType({"own": 1})}, {"provider_options": {"own": 1}}),
        ({"tools": (TOOL,)}, {"tools": [TOOL]}),
    ):
        assert sent("openai:gpt-4o", None, **given) == sent("openai:gpt-4o", None, **usual)


def test_an_object_that_says_nothing_is_refused_where_it_must_say_something() -> None:
    for options in ({"tool_choice": {}, "tools": [TOOL]}, {"response_format": {}}):
        with pytest.raises(InvalidOption, match=next(iter(options))):
            sent("openai:gpt-4o", None, **options)


def test_no_page_is_not_every_page() -> None:
    schema = OPERATION_OPTIONS["ocr"]["pages"].schema
    assert schema["minItems"] == 1
    with pytest.raises(InvalidOption, match="pages"):
        client_of("mistral").ocr("mistral:mistral-ocr-latest", b"%PDF-1", pages=[])
