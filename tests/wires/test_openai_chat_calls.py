"""Streamed tool calls of chat completions: assembled with any labelling, and never from a prefix."""

from __future__ import annotations

from typing import Any

import answers
import orjson
import pytest

from stepwell.providers.wires.openai_chat import openai_chat, stream
from stepwell.schemas import errors
from stepwell.schemas.message import tool_result, user

from loopback import DONE, event


def streamed(*blocks: bytes) -> Any:
    return answers.answered(openai_chat, b"".join(blocks), stream=True)


def calls(*deltas: dict[str, Any] | list[dict[str, Any]], finish: str = "tool_calls") -> Any:
    """Write a stream of these tool call deltas."""
    blocks = []
    for delta in deltas:
        choice = {
            "index": 0,
            "delta": {"tool_calls": delta if isinstance(delta, list) else [delta]},
            "finish_reason": None,
        }
        blocks.append(b"data: " + orjson.dumps({"id": "r-1", "choices": [choice]}) + b"\n\n")
    return streamed(*blocks, event(None, finish), DONE)


def piece(
    arguments: str | None = None, *, name: str | None = None, id: str | None = None, index: int | None = None
) -> dict[str, Any]:
    made: dict[str, Any] = {"function": {}}
    if index is not None:
        made["index"] = index
    if id is not None:
        made["id"] = id
    if name is not None:
        made["function"]["name"] = name
    if arguments is not None:
        made["function"]["arguments"] = arguments
    return made


@pytest.mark.parametrize(
    ("deltas", "expected"),
    [
        ([piece('{"a":1}', name="f", id="a"), piece('{"b":2}', name="g", id="b")], [("f", {"a": 1}), ("g", {"b": 2})]),
        (
            [piece('{"a":1}', name="f", id="a", index=0), piece('{"b":2}', name="g", id="b", index=0)],
            [("f", {"a": 1}), ("g", {"b": 2})],
        ),
        (
            [
                piece("", name="f", id="a", index=0),
                piece("", name="g", id="b", index=1),
                piece('{"a"', index=0),
                piece('{"b"', index=1),
                piece(":1}", index=0),
                piece(":2}", index=1),
            ],
            [("f", {"a": 1}), ("g", {"b": 2})],
        ),
        ([piece("{}", name="f", id="a", index=5)], [("f", {})]),
        ([piece('{"a"', name="f", id="a"), piece(":1}")], [("f", {"a": 1})]),
        ([piece('{"a"', name="f", id="a", index=0), piece(":1}", id="a", index=3)], [("f", {"a": 1})]),
        ([piece("", name="f", id="a", index=0), piece('{"a":1}', id="", index=0)], [("f", {"a": 1})]),
        ([piece(None, name="f", id="a", index=0)], [("f", {})]),
        (
            [piece("", name="get_", id="a", index=0), piece(None, name="x", index=0), piece("{}", index=0)],
            [("get_x", {})],
        ),
        ([piece('{"a"', name="f", id="a", index=0), piece(":1}", name="f", id="a", index=0)], [("f", {"a": 1})]),
        ([piece("{}", id="a", index=0), piece(None, name="late", index=0)], [("late", {})]),
        (
            [piece('{"a":1}', name="f", index=0), piece('{"b":2}', name="g", index=1)],
            [("f", {"a": 1}), ("g", {"b": 2})],
        ),
        ([piece('{"a":1}', name="f", index=0), piece(" ", id="late", index=0)], [("f", {"a": 1})]),
        (
            [piece('{"a":1}', name="f", id="x", index=0), piece('{"a":2}', name="f", id="x", index=1)],
            [("f", {"a": 1}), ("f", {"a": 2})],
        ),
        (
            [
                piece("", name="f", id="x", index=0),
                piece('{"a":1}', id="x", index=0),
                piece(None, name="g", id="x", index=1),
                piece('{"b"', id="x", index=1),
                piece(":2}", index=1),
            ],
            [("f", {"a": 1}), ("g", {"b": 2})],
        ),
        (
            [piece('{"a"', name="f", id="x", index=0), piece(":1", name="f", id="x", index=1), piece("}", id="x")],
            [("f", {"a": 1})],
        ),
        (
            [piece('{"a"', name="f", id="a", index=0), piece(":1", id="b", index=0), piece("}", id="c", index=0)],
            [("f", {"a": 1})],
        ),
        (
            [
                piece('{"a"', name="f", id="a"),
                piece(":1}", id="b"),
                piece('{"b"', name="g", id="c"),
                piece(":2}", id="d"),
            ],
            [("f", {"a": 1}), ("g", {"b": 2})],
        ),
        (
            [
                piece("", name="f", id="a", index=0),
                piece('{"a"', id="b", index=0),
                piece(":1}", name="f", id="c", index=0),
            ],
            [("f", {"a": 1})],
        ),
        (
            [piece('{"a":1}', id="a"), piece(None, name="f"), piece('{"b":2}', id="b"), piece(None, name="g")],
            [("f", {"a": 1}), ("g", {"b": 2})],
        ),
        (
            [
                piece('{"a"', name="f", id="a", index=0),
                piece('{"b"', name="g", id="b", index=1),
                piece(":1}", id="c", index=0),
                piece(":2}", id="d", index=1),
            ],
            [("f", {"a": 1}), ("g", {"b": 2})],
        ),
        ([piece('{"a":1}', name="f"), piece('{"a":2}', name="f")], [("f", {"a": 1}), ("f", {"a": 2})]),
        ([piece('{"a"', name="f", index=0), piece(":1}", name="f", index=0)], [("f", {"a": 1})]),
        (
            [piece('{"a":1}', name="f", index=0), piece('{"b":2}', name="g", index=0)],
            [("f", {"a": 1}), ("g", {"b": 2})],
        ),
    ],
    ids=[
        "no index",
        "one index for two",
        "interleaved",
        "first index 5",
        "neither id nor index",
        "right id, wrong index",
        "empty id",
        "null arguments",
        "a name in pieces",
        "a name in every piece",
        "a late name",
        "no ids",
        "a late id",
        "one id for two",
        "one id for two, in pieces",
        "a name in every piece, and an index that shifts",
        "another id in every piece",
        "another id in every piece, no index",
        "another id in every piece, and the name",
        "late names, no index",
        "interleaved, with other ids",
        "neither ids nor indexes, one name",
        "a name in every piece, no ids",
        "no ids, one index for two names",
    ],
)
def test_tool_calls_are_assembled_with_any_labelling(deltas: Any, expected: list[Any]) -> None:
    reply = calls(*deltas)
    assert [(call.name, call.arguments) for call in reply.tool_calls] == expected
    assert len({call.id for call in reply.tool_calls}) == len(expected) and all(call.id for call in reply.tool_calls)


def test_a_call_of_a_free_text_tool_is_sent_back_as_one() -> None:
    """https://platform.openai.com/docs/guides/function-calling#custom-tools"""
    whole = {"id": "c1", "type": "custom", "custom": {"name": "patch", "input": "*** not JSON"}}
    answer = {"id": "r-1", "choices": [{"finish_reason": "tool_calls", "message": {"tool_calls": [whole]}}]}
    begun = {"index": 0, **whole, "custom": {"name": "patch", "input": ""}}
    pieces = [{"index": 0, "custom": {"input": piece}} for piece in ("*** ", "not JSON")]
    decoded, streamed_ = answers.decoded(openai_chat, answer), calls(begun, *pieces)
    assert decoded.message == streamed_.message
    (call,) = decoded.tool_calls
    assert (call.name, call.arguments_json, call.arguments) == ("patch", "*** not JSON", None)
    body = answers.body_of(openai_chat, [user("go"), decoded.message, tool_result(call, "done")])
    assert body["messages"][1]["tool_calls"] == [whole]


def test_a_fragment_that_belongs_to_no_call_is_reported_and_never_appended() -> None:
    reply = calls(piece("{}", name="f", id="a", index=0), piece('{"x":1}', index=7))
    assert [(call.name, call.arguments) for call in reply.tool_calls] == [("f", {})]
    assert reply.metadata["orphaned_tool_arguments"] == [{"index": 7, "arguments": '{"x":1}'}]


def test_a_prefix_that_parses_is_not_a_call() -> None:
    cut = streamed(
        b"data: "
        + orjson.dumps({"choices": [{"index": 0, "delta": {"tool_calls": [piece('{"n":1}', name="f", id="a")]}}]})
        + b"\n\n"
    )
    assert isinstance(cut, errors.StreamTruncated) and cut.partial.tool_calls == ()


def test_a_call_cut_by_the_token_limit_is_returned_as_invalid() -> None:
    (call,) = calls(piece('{"a":', name="f", id="a"), finish="length").tool_calls
    assert call.arguments is None and call.error and call.arguments_json == '{"a":'


def test_synthesised_ids_are_the_same_streamed_and_unstreamed() -> None:
    streamed_call = calls(piece("{}", name="f", index=0)).tool_calls[0]
    body = {
        "id": "r-1",
        "choices": [{"finish_reason": "tool_calls", "message": {"tool_calls": [piece("{}", name="f")]}}],
    }
    assert answers.decoded(openai_chat, body).tool_calls[0] == streamed_call


def test_two_calls_of_one_id_get_two_streamed_and_unstreamed_alike() -> None:
    fragments = [
        piece('{"a":1}', name="f", id="x", index=0),
        piece('{"a":2}', name="f", id="x", index=1),
        piece("{}", name="g", id="y", index=2),
    ]
    whole = {"id": "r-1", "choices": [{"finish_reason": "tool_calls", "message": {"tool_calls": fragments}}]}
    decoded, streamed_ = answers.decoded(openai_chat, whole), calls(*fragments)
    assert decoded.message == streamed_.message
    first, second, third = decoded.tool_calls
    assert (first.id, third.id) == ("x", "y") and second.id not in ("x", "y", "")
    assert [first.arguments, second.arguments] == [{"a": 1}, {"a": 2}]


def test_a_call_that_has_begun_is_read_by_the_short_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the fragments that begin a call are read by the path that expects anything: it takes five times as long."""
    read: list[Any] = []
    whole = stream.read_piece

    def noted(data: Any, *given: Any, **named: Any) -> Any:
        read.append(data)
        return whole(data, *given, **named)

    monkeypatch.setattr(stream, "read_piece", noted)
    rest = [piece(each, index=0) for each in (":", "1", "}")]
    for begin in (
        [piece("", name="f", id="a", index=0), piece('{"a"', index=0)],
        [piece('{"a"', name="f", id="a", index=0)],
        [piece(None, name="f", id="a", index=0), piece("", index=0), piece('{"a"', index=0)],
    ):
        read.clear()
        assert [(call.name, call.arguments) for call in calls(*begin, *rest).tool_calls] == [("f", {"a": 1})]
        assert len(read) == len(begin) + 1  # and the end
