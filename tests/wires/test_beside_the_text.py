"""Blocks, items and parts beside the text never cost the text, whatever they are: null, something else than a block,
or a block with any of its fields odd. Whole and streamed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from odd_blocks import BLOCKS, LISTS, in_blocks

from stepwell.catalog import Model
from stepwell.pipeline import side_fields
from stepwell.providers.declare.registry import REGISTRY
from stepwell.schemas.errors import StepwellError
from stepwell.testing.conformance import samples_of

from odd_fields import ODD, SPEAKERS, at, client_of, full_body, malformed_fields, places, put, speaker, streamed, wires

NO_BLOCKS = (None, 7, "odd", [7], True)


def around_text(value: Any, text: str) -> Iterator[tuple[Any, ...]]:
    """Find the lists that the text stands in."""
    for place in places(value):
        if isinstance(inner := at(value, place), list) and any(
            isinstance(at(inner, each), str) and at(inner, each) and at(inner, each) in text and each[-1] == "text"
            for each in places(inner)
        ):
            yield place


def spoiled(block: Any) -> Iterator[Any]:
    for place in places(block):
        for other in ODD if place[-1] not in MARKS else ():
            if type(other) is not type(at(block, place)):
                yield put(block, place, other)


def read(name: str, body: Any) -> Any:
    return client_of(orjson.dumps(body)).generate_text(f"{SPEAKERS[name]}:m", "hi", wire=name)


@wires
def test_what_is_no_block_is_left_out_of_a_whole_answer(name: str) -> None:
    text, body = samples_of(speaker(name)).text.text, in_blocks(name)
    for place in around_text(body, text):
        for other in NO_BLOCKS:
            reply = read(name, put(body, place, [other, *at(body, place), other]))
            assert reply.text == text, (place, other)
            named = [each for each in reply.warnings if each.why.startswith("left out of the answer")]
            assert bool(named) == (other is not None), (place, other)


@wires
def test_a_block_with_an_odd_field_costs_only_itself(name: str) -> None:
    text, body, lost = samples_of(speaker(name)).text.text, in_blocks(name), []
    for block in BLOCKS[name]:
        for bad in spoiled(block):
            try:
                reply = read(name, put(body, LISTS[name], [bad, *at(body, LISTS[name])]))
                good = reply.text == text and all(call.name for call in reply.tool_calls) and repr(reply)
            except Exception as error:
                good, bad = False, (bad, error)
            lost += [] if good else [bad]
    assert not lost


@pytest.mark.parametrize("name", LISTS)
def test_an_answer_of_which_nothing_can_be_read_is_an_error(name: str) -> None:
    for other in NO_BLOCKS[1:]:
        with pytest.raises(StepwellError):
            read(name, put(in_blocks(name), LISTS[name], [other]))


def _delta(content: Any) -> Any:
    return {"id": "1", "choices": [{"index": 0, "delta": {"content": content}, "finish_reason": None}]}


def _responses(block: Any) -> list[Any]:
    item = {"output_index": 9, "item": block}
    return [{"type": "response.output_item.added", **item}, {"type": "response.output_item.done", **item}]


def _anthropic(block: Any) -> list[Any]:
    start = {"type": "content_block_start", "index": 9, "content_block": block}
    return [start, {"type": "content_block_stop", "index": 9}]


_THOUGHT = {"type": "thinking", "thinking": "", "signature": ""}
EVENTS: dict[str, list[list[Any]]] = {
    "openai_chat": [[_delta([block])] for block in BLOCKS["openai_chat"]],
    "openai_responses": [
        *(_responses(block) for block in BLOCKS["openai_responses"] if block["type"] != "message"),
        [{"type": "response.reasoning_summary_text.delta", "output_index": 9, "summary_index": 0, "delta": "hm"}],
        [{"type": "response.reasoning_text.delta", "output_index": 9, "content_index": 0, "delta": "hm"}],
        [{"type": "response.refusal.delta", "output_index": 9, "content_index": 0, "delta": "no"}],
    ],
    "anthropic_messages": [
        *(_anthropic(block) for block in BLOCKS["anthropic_messages"] if block["type"] != "tool_use"),
        *(
            [_anthropic(_THOUGHT)[0], {"type": "content_block_delta", "index": 9, "delta": delta}]
            for delta in (
                {"type": "thinking_delta", "thinking": "hm"},
                {"type": "signature_delta", "signature": "s"},
                {"type": "citations_delta", "citation": {"type": "x"}},
                {"type": "input_json_delta", "partial_json": "{"},
            )
        ),
    ],
    "google_generate": [[{"candidates": [{"content": {"parts": [block]}}]}] for block in BLOCKS["google_generate"]],
    "cohere_chat": [
        [
            {
                "type": "content-start",
                "index": 9,
                "delta": {"message": {"content": {"type": "thinking", "thinking": ""}}},
            }
        ],
        [{"type": "content-delta", "index": 9, "delta": {"message": {"content": {"thinking": "hm"}}}}],
        [{"type": "content-end", "index": 9}],
        [{"type": "tool-plan-delta", "delta": {"message": {"tool_plan": "plan"}}}],
        [{"type": "citation-start", "index": 9, "delta": {"message": {"citations": {"start": 1}}}}],
    ],
}
EVENTS["mistral_chat"] = EVENTS["openai_chat"]
MARKS = ("index", "output_index", "content_index", "thought")
"""What grows and has no place cannot be read, what ends without one ends what is open; what is no thought is text."""


@pytest.mark.parametrize("name", EVENTS)
def test_an_odd_field_of_an_event_costs_only_what_it_reports(name: str) -> None:
    wire, sample = speaker(name), samples_of(speaker(name)).text
    assert wire.parse_stream_protocol is not None
    events, rest = wire.parse_stream_protocol(sample.stream, b"")
    events += wire.parse_stream_protocol(b"", rest)[0]
    lost = []
    for more in EVENTS[name]:
        for nth, event in enumerate(more):
            for place in places(event):
                ends = str(event.get("type")).endswith(("stop", "end"))
                if place[-1] in MARKS and not ends:
                    continue
                for other in ODD:
                    bad = [*more[:nth], put(event, place, other), *more[nth + 1 :]]
                    added = [(str(each.get("type") or ""), orjson.dumps(each)) for each in bad]
                    try:
                        good = sample.text in streamed(wire, [events[0], *added, *events[1:]]).text
                    except Exception as error:
                        good, other = False, (other, error)
                    lost += [] if good else [(event, place, other)]
    assert not lost


@pytest.mark.parametrize("index", [1, 7, -1])
@pytest.mark.parametrize("name", ["openai_chat", "mistral_chat", "google_generate"])
def test_the_first_choice_that_comes_is_the_answer_whatever_its_index(name: str, index: int) -> None:
    wire, sample = speaker(name), samples_of(speaker(name)).text
    assert wire.parse_stream_protocol is not None
    events = wire.parse_stream_protocol(sample.stream + b"\n", b"")[0]
    choices = "candidates" if name == "google_generate" else "choices"
    moved = []
    for head, data in events:
        if data.startswith(b"{") and (event := orjson.loads(data)).get(choices):
            data = orjson.dumps(put(event, (choices, 0, "index"), index))
        moved.append((head, data))
    assert streamed(wire, moved) == streamed(wire, events)
    assert read(name, put(full_body(name), (choices, 0, "index"), index)).text == sample.text


NAMELESS = [{"odd": 1}, {"id": "c"}, {"id": "c", "function": {"arguments": "{}"}}, {"function": {"name": ""}}]


@pytest.mark.parametrize("call", NAMELESS)
@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("openai_chat", ("choices", 0, "message", "tool_calls")),
        ("mistral_chat", ("choices", 0, "message", "tool_calls")),
        ("cohere_chat", ("message", "tool_calls")),
        ("ollama_chat", ("message", "tool_calls")),
    ],
)
def test_a_call_without_a_name_is_left_out_with_a_warning(name: str, place: tuple[Any, ...], call: Any) -> None:
    reply = read(name, put(full_body(name), place, [call]))
    assert reply.text == samples_of(speaker(name)).text.text and not reply.tool_calls
    assert any("tool_calls" in each.subject for each in reply.warnings)


def test_a_streamed_call_that_never_has_a_name_is_left_out_with_a_warning() -> None:
    wire = speaker("openai_chat")
    call = {"index": 0, "id": "c", "function": {"arguments": "{}"}}
    event = {"id": "1", "choices": [{"index": 0, "delta": {"content": "hi", "tool_calls": [call]}}]}
    end = {"id": "1", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    reply = streamed(wire, [("", orjson.dumps(event)), ("", orjson.dumps(end))])
    assert reply.text == "hi" and not reply.tool_calls and reply.finish_reason == "stop"
    assert any("tool_calls" in each.subject for each in reply.warnings)


TABLES = {wire.name: wire.side_fields for provider in REGISTRY for wire in provider.wires if wire.side_fields}


def made(rule: Any, chance: random.Random) -> Any:
    """Make a value that keeps the rule, more or less."""
    if chance.random() < 0.08:
        return chance.choice(ODD)
    kind = type(rule)
    if kind is dict:
        return {name: made(each, chance) for name, each in rule.items() if chance.random() < 0.6}
    if kind is list or kind is side_fields.Some:
        item = rule.rule if kind is side_fields.Some else rule[0]
        return [made(item, chance) for _ in range(chance.randrange(3))]
    if kind is side_fields.Held:
        return made(rule.inner, chance)
    if kind is side_fields.Whole:
        return made(rule.rules, chance)
    if kind is side_fields.Either:
        return made(chance.choice((rule.kind, rule.rule)), chance)
    if kind is side_fields.Each:
        return {"a": made(rule.rule, chance), "b": made(rule.rule, chance)}
    if kind is side_fields.By:
        key = chance.choice((*rule.tables, "other"))
        value = made(rule.tables.get(key) or rule.others or {}, chance)
        return {**value, rule.name: key} if isinstance(rule.name, str) and isinstance(value, dict) else value
    if kind is tuple:
        return made(rule[0], chance)
    plain = rule.kind if kind is side_fields.Or else rule
    return {str: "x", int: 1, float: 0.5, dict: {"a": 1}, list: ["a"], bool: True}.get(
        plain, chance.choice((1, "aGk="))
    )


@pytest.mark.parametrize("name", TABLES)
def test_the_quick_look_and_the_thorough_one_agree(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rules, chance, found, model = TABLES[name], random.Random(0), set(), Model("p", "m")
    bodies = [made({**rules}, chance) for _ in range(600)]
    if name in SPEAKERS:
        bodies += [in_blocks(name), *(body for _, _, body in malformed_fields(in_blocks(name), ""))]
    for body in bodies:
        if type(body) is not dict:
            continue
        try:
            with monkeypatch.context() as thorough:
                thorough.setattr(side_fields, "is_sound", lambda data, rules: False)
                new, warnings = side_fields.kept(body, rules, model)
            untouched = new is body and not warnings
        except ValueError:
            untouched = False
        assert side_fields.is_sound(body, rules) == untouched, body
        found.add(untouched)
    assert found == {True, False}
