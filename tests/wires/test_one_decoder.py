"""An answer is the same in both forms, and each wire knows the names of its fields once: an unstreamed body is decoded
as a stream of one piece."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from whole_streams import EVENTS

from stepwell.pipeline.side_fields import By, Each, Either, Held, Some, Whole, kept
from stepwell.pipeline.stream.decoder import SHAPE_ERRORS
from stepwell.providers.declare.wire import Wire
from stepwell.schemas.errors import ServerError, StepwellError
from stepwell.schemas.json_text import JSONDecodeError, loads
from stepwell.schemas.model import Model
from stepwell.schemas.reply import Reply
from stepwell.testing.conformance import samples_of

from odd_fields import SPEAKERS, full_body, malformed_fields, speaker, streamed
from recordings import recordings

WIRES = Path(__file__).parent.parent.parent / "providers" / "wires"
MODEL = Model("p", "m")


def bodies(name: str) -> Iterator[tuple[str, Any]]:
    """Yield the recorded answers of a wire, the samples, and one with all fields, each of which is odd in turn."""
    for recording in recordings(name, streaming=False):
        if recording.status == 200:
            with suppress(JSONDecodeError):
                yield recording.id, loads(recording.body)
    samples = samples_of(speaker(name))
    for sample in (samples.text, samples.tools):
        yield "sample", loads(sample.body)
    full = full_body(name)
    yield "all fields", full
    for place, other, body in malformed_fields(full, samples.text.text):
        yield f"{other!r} at {place}", body


def whole(wire: Wire, body: Any) -> Reply:
    reply = wire.decode_response(body, MODEL)
    reply.usage = wire.extract_usage(body, MODEL) or reply.usage
    return reply


def outcome(decode: Callable[..., Reply], *args: Any) -> Reply | Exception:
    """Return the reply without its warnings, which name a field by its place in the form, or the error."""
    try:
        return decode(*args).replace(warnings=())
    except (StepwellError, *SHAPE_ERRORS) as error:
        return error


@pytest.mark.parametrize("name", EVENTS)
def test_a_body_and_the_stream_that_brings_it_at_once_are_the_same_answer(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stepwell.providers.wires.calls.REAL_WORLD", SimpleNamespace(new_id=lambda: "0" * 32))
    wire = speaker(name)
    differ = {}
    for what, body in bodies(name):
        try:
            body, _ = kept(body, wire.side_fields, MODEL)
        except ValueError:
            continue  # nothing in it can be read
        unstreamed = outcome(whole, wire, body)
        # A body without a reason is an answer, while a stream without one was cut.
        if isinstance(unstreamed, Reply) and unstreamed.finish_reason_raw:
            found = outcome(streamed, wire, EVENTS[name](body))
            if found != unstreamed:
                differ[what] = (unstreamed, found)
    assert differ == {}


def chat(*choices: dict[str, Any], **more: Any) -> Reply:
    return whole(speaker("openai_chat"), {"id": "1", "choices": list(choices), **more})


def test_whole_choices_are_distinguished_by_their_order() -> None:
    one, two = ({"index": 0, "message": {"content": text}, "finish_reason": "stop"} for text in ("a", "b"))
    reply = chat(one, two, {"message": {"content": "c"}})
    assert [message.text for message in (reply.message, *reply.alternatives)] == ["a", "b", "c"]


def test_whole_calls_and_whole_reasoning_details_are_never_joined() -> None:
    call = {"id": "a", "index": 0, "function": {"name": "f", "arguments": "{}"}}
    details = [{"type": "reasoning.text", "text": text, "index": 0} for text in ("a", "b")]
    reply = chat({"message": {"tool_calls": [call, call], "reasoning_details": details}, "finish_reason": "stop"})
    assert [each.arguments_json for each in reply.tool_calls] == ["{}", "{}"]
    assert reply.message.content[0].extra == {"openai_chat": {"reasoning_details": details}}  # type: ignore[union-attr]


def test_a_failed_choice_is_an_error_with_the_partial_answer_and_its_usage() -> None:
    failed = {"message": {"content": "so far"}, "error": {"message": "upstream gone", "code": 502}}
    with pytest.raises(ServerError, match="upstream gone") as caught:
        chat(failed, usage={"prompt_tokens": 3})
    assert caught.value.partial is not None and caught.value.partial.text == "so far"
    assert caught.value.usage is not None and caught.value.usage.input_tokens == 3


OF_REQUESTS = {"encode.py", "counting.py", "samples.py", "side_fields.py"}
"""Files about requests, and those whose subject is a list of all fields: their types, or examples."""
READ_TWICE = {
    # Two fast paths: of a stream, for the arguments of a call, and of a message without anything rare.
    "openai_chat": {"function", "tool_calls", "annotations"},
    "openai_responses": {
        "item",
        "item_id",
        "logprobs",
        "output_index",
    },  # the place of a part is found in a file of its own
}
"""Fields that are read in two files all the same; no more may come."""


def objects_of(rules: Any, parent: str = "") -> Iterator[tuple[str, str]]:
    """Yield the name of each field in the rules of a wire, and of the object that it is in."""
    if isinstance(rules, Mapping):
        for name, rule in rules.items():
            yield name, parent
            yield from objects_of(rule, "message" if name == "delta" else name)
    elif isinstance(rules, list):
        yield from objects_of(rules[0], parent)
    elif isinstance(rules, By):
        for rule in (*rules.tables.values(), rules.others):
            yield from objects_of(rule, parent)
    elif isinstance(rules, Held):
        yield from objects_of(rules.inner, parent)
    elif isinstance(rules, Whole):
        yield from objects_of(rules.rules, parent)
    elif isinstance(rules, Some | Each | Either):
        yield from objects_of(rules.rule, parent)


def fields_of(name: str) -> set[str]:
    """Return the fields of the answers of a wire that only one of its objects has; all kinds have a type."""
    module = import_module(f"stepwell.providers.wires.{name}.side_fields")
    places = defaultdict(set)
    for rules in (module.SIDE_FIELDS, getattr(module, "EVENT_FIELDS", {})):
        for field, parent in objects_of(rules):
            places[field].add(parent)
    return {field for field, parents in places.items() if len(parents) == 1 and field != "type"}


def read_fields(source: str) -> Iterator[str]:
    """Yield each string that looks up a field: `data["x"]`, `data.get("x")`, `data.pop("x")`, `"x" in data`."""
    for node in ast.walk(ast.parse(source)):
        keys: list[ast.expr] = []
        if isinstance(node, ast.Subscript):
            keys = [node.slice]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("get", "pop"):
            keys = node.args[:1]
        elif isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.In | ast.NotIn):
            keys = [node.left]
        yield from (key.value for key in keys if isinstance(key, ast.Constant) and isinstance(key.value, str))


@pytest.mark.parametrize("name", sorted(SPEAKERS.keys() - {"mistral_chat"}))
def test_a_field_is_read_in_one_file_of_its_wire(name: str) -> None:
    known, readers = fields_of(name), defaultdict(set)
    for path in (WIRES / name).glob("*.py"):
        if path.name not in OF_REQUESTS:
            for field in known.intersection(read_fields(path.read_text())):
                readers[field].add(path.name)
    assert readers
    twice = {field: files for field, files in readers.items() if len(files) > 1}
    assert twice.keys() <= READ_TWICE.get(name, set()), twice
