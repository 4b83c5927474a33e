"""stream_object: partial values that only grow, then the complete one, validated."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Literal

import pytest
from attrs import frozen
from hypothesis import given
from hypothesis import strategies as st

import stepwell
from stepwell.errors import ObjectInvalid
from stepwell.providers.declare.object_support import MODES
from stepwell.workflows.objects.stream import snapshot

from chance import tries
from scripted import MODEL, Scripted, calls

Read = Callable[..., tuple[list[Any], stepwell.Reply]]


def read_sync(script: Scripted, schema: Any, **options: Any) -> tuple[list[Any], stepwell.Reply]:
    stream = script.client.stream_object(MODEL, "Describe Paris.", schema, **options)
    return list(stream), stream.reply()


def read_async(script: Scripted, schema: Any, **options: Any) -> tuple[list[Any], stepwell.Reply]:
    async def main() -> tuple[list[Any], stepwell.Reply]:
        stream = script.async_client.stream_object(MODEL, "Describe Paris.", schema, **options)
        return [item async for item in stream], await stream.reply()

    return asyncio.run(main())


@pytest.fixture(params=[read_sync, read_async], ids=["sync", "async"])
def read(request: pytest.FixtureRequest) -> Read:
    return request.param  # type: ignore[no-any-return]


@frozen
class District:
    name: str
    sights: list[str]


@frozen
class City:
    name: str
    kind: Literal["capital", "town"]
    districts: list[District]


CITY = {
    "name": "Paris",
    "kind": "capital",
    "districts": [{"name": "Marais", "sights": ["Place des Vosges"]}, {"name": "Latin", "sights": []}],
}


def answer_as(value: Any, mode: str) -> Any:
    text = json.dumps(value)
    if "tool" in mode:
        return lambda body: calls(("c1", body["tools"][0]["function"]["name"], text))
    return f"```json\n{text}\n```" if mode == "prompt" else text


def grows(before: Any, after: Any) -> bool:
    """Check that all of `before` is still in `after`."""
    if isinstance(before, dict) and isinstance(after, dict):
        return all(name in after and grows(part, after[name]) for name, part in before.items())
    if isinstance(before, list) and isinstance(after, list):
        return len(before) <= len(after) and all(map(grows, before, after))
    if isinstance(before, str) and isinstance(after, str):
        return after.startswith(before)
    return before == after


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("piece", [1, 3, 1000])
def test_partial_values_grow_into_the_whole_in_every_mode(read: Read, mode: str, piece: int) -> None:
    items, reply = read(Scripted([answer_as(CITY, mode)], piece=piece), City, mode=mode)
    *partial, whole = items
    assert (
        whole
        == reply.object
        == City("Paris", "capital", [District("Marais", ["Place des Vosges"]), District("Latin", [])])
    )
    assert partial[-1] == CITY
    assert all(grows(before, after) for before, after in pairwise(partial))
    assert len(partial) > 20 or piece > 1
    assert reply.usage.total_tokens == 15 and reply.finish_reason == "stop"


def test_a_list_at_the_root_grows_item_by_item(read: Read) -> None:
    items, _ = read(Scripted([answer_as({"value": [1, 2, 3]}, "json_schema")], piece=1), list[int])
    assert items == [[], [1], [1, 2], [1, 2, 3], [1, 2, 3]]


def test_yielded_partial_values_do_not_change(read: Read) -> None:
    items, _ = read(Scripted([answer_as(CITY, "json_schema")], piece=1), City)
    copies = [json.dumps(item) for item in items[:-1]]
    assert len(set(copies)) == len(copies)


@dataclass
class Draft:
    title: str
    mood: str = "plain"
    pages: int | None = None
    parts: list[Draft | None] = field(default_factory=list)


NOTE = {
    "type": "object",
    "properties": {"must": {"type": ["string", "null"]}, "may": {"type": "string"}},
    "required": ["must"],
    "additionalProperties": False,
}


@pytest.mark.parametrize(
    ("schema", "text", "shown", "whole"),
    [
        (Draft, {"title": "x", "mood": None, "pages": None}, {"title": "x", "pages": None}, Draft("x")),
        (
            Draft,
            {"title": "x", "parts": [None, {"title": "y", "mood": None}]},
            {"title": "x", "parts": [None, {"title": "y"}]},
            Draft("x", parts=[None, Draft("y")]),
        ),
        (NOTE, {"must": None, "may": None}, {"must": None}, {"must": None}),
        ({"type": "object"}, {"any": None}, {"any": None}, {"any": None}),
    ],
    ids=["optional", "nested", "required", "any"],
)
def test_a_null_that_may_stand_for_an_absent_property_appears_at_the_end(
    read: Read, schema: Any, text: Any, shown: Any, whole: Any
) -> None:
    items, _ = read(Scripted([answer_as(text, "json_schema")], piece=1), schema, mode="json_schema")
    assert items[-2:] == [shown, whole]
    assert all(grows(before, after) for before, after in pairwise(items[:-1]))


def test_a_choice_appears_when_it_is_complete(read: Read) -> None:
    choices = {"type": "array", "items": {"enum": ["al", "alpha", None]}}
    items, _ = read(Scripted([answer_as({"value": ["alpha", None, "al"]}, "json_schema")], piece=1), choices)
    assert items[:4] == [[], ["alpha"], ["alpha", None], ["alpha", None, "al"]]


@pytest.mark.parametrize(
    "text",
    ['{"a": "ex"}\nThat was an example. ```json\n{"a": "real"}\n```', '{"a": "x"}{"a": "yyyy", "n": 1}'],
)
def test_an_answer_that_contradicts_a_yielded_part_is_an_error(read: Read, text: str) -> None:
    with pytest.raises(ObjectInvalid, match="the first has been shown") as caught:
        read(Scripted([text], piece=1), {"type": "object"}, mode="prompt")
    assert (caught.value.text, caught.value.partial.text) == (text, text)
    assert caught.value.usage.input_tokens == 10


def test_an_object_that_does_not_fit_is_an_error_at_the_end(read: Read) -> None:
    with pytest.raises(ObjectInvalid) as caught:
        read(Scripted([answer_as({"name": "Paris", "kind": "village", "districts": []}, "json_schema")]), City)
    assert caught.value.violations[0].pointer == "/kind"
    assert caught.value.usage.input_tokens == 10


def test_text_around_the_json_prevents_only_partial_values(read: Read) -> None:
    items, reply = read(Scripted([f"Sure! {json.dumps(CITY)} I hope this helps."]), City, mode="prompt")
    assert items == [reply.object]


async def test_an_async_stream_may_be_awaited_like_a_stream_of_text() -> None:
    async_client = Scripted([answer_as(CITY, "json_schema")]).async_client
    stream = await async_client.stream_object(MODEL, "hi", City)
    assert (await stream.reply()).object.name == "Paris"


def test_leaving_early_returns_the_connection() -> None:
    script = Scripted([answer_as(CITY, "json_schema")], piece=1)
    stream = script.client.stream_object(MODEL, "hi", City)
    for _ in stream:
        break
    stream.close()
    with pytest.raises(stepwell.StepwellError, match="left before its end"):
        stream.reply()


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(_json)
@tries(2)
def test_a_snapshot_is_equal_and_shares_nothing_that_can_still_grow(value: Any) -> None:
    copy = snapshot(value)
    assert copy == value
    inner, kept = value, copy
    while isinstance(inner, dict | list):
        assert kept is not inner
        if not inner:
            break
        last = list(inner)[-1] if isinstance(inner, dict) else -1
        inner, kept = inner[last], kept[last]
