"""Mistral's chat where it differs from OpenAI's: order of turns, files, ids, chunks; checked against its SDK."""

from __future__ import annotations

import re
from typing import Any

import answers
import httpx
import orjson
import pytest
from mistralai.client.models import ChatCompletionRequest

from stepwell import Client, Context, File, Image, Message, Tool
from stepwell.messages import Audio, Refusal, Text, ToolCall, Video
from stepwell.providers.wires.mistral_chat import mistral_chat
from stepwell.schemas import errors
from stepwell.schemas.message import assistant, system, tool_result, user

from recordings import registry_of

TOOL = Tool("look_up", "Look a city up.", {"type": "object", "properties": {"city": {"type": "string"}}})
CALLED = [user("go"), assistant(ToolCall("abcdefgh1", "look_up", "{}"))]
PNG = Image(data=b"\x89PNG")
SEEN = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw=="}}
USAGE = {"prompt_tokens": 12, "completion_tokens": 7, "total_tokens": 19}


def body_of(*messages: Message, tools: tuple[Tool, ...] = (), **more: Any) -> dict[str, Any]:
    """Build the body and check it against the SDK's own type."""
    body = answers.body_of(mistral_chat, messages, tools, **more)
    ChatCompletionRequest.model_validate(body)
    return body


def test_an_empty_answer_is_left_out_and_a_refusal_is_sent_as_text() -> None:
    """ "Assistant message must have either content or tool_calls"; it knows no field for refusals."""
    body = body_of(user("a"), assistant(""), user("b"), assistant(Refusal("no")), user("c"))
    assert [(turn["role"], turn["content"]) for turn in body["messages"]] == [
        ("user", "a"),
        ("user", "b"),
        ("assistant", "no"),
        ("user", "c"),
    ]
    assert all("refusal" not in turn for turn in body["messages"])


@pytest.mark.parametrize(
    ("message", "content"),
    [
        (user("hi"), "hi"),
        (user(["a", "b"]), "ab"),
        (user(["see", PNG]), [{"type": "text", "text": "see"}, SEEN]),
        (
            user(Image(url="https://x.test/y.png", detail="low")),
            [{"type": "image_url", "image_url": {"url": "https://x.test/y.png", "detail": "low"}}],
        ),
        (user(Audio(data=b"ID3")), [{"type": "input_audio", "input_audio": "SUQz"}]),
        (
            user(Audio(url="https://x.test/a.mp3")),
            [{"type": "input_audio", "input_audio": "https://x.test/a.mp3"}],
        ),
        (
            user(File(data=b"%PDF", filename="a.pdf")),
            [
                {
                    "type": "document_url",
                    "document_url": "data:application/pdf;base64,JVBERg==",
                    "document_name": "a.pdf",
                }
            ],
        ),
        (
            user(File(url="https://x.test/a.pdf")),
            [{"type": "document_url", "document_url": "https://x.test/a.pdf"}],
        ),
        (user(File(file_id="f-1")), [{"type": "file", "file_id": "f-1"}]),
        (system("be kind"), "be kind"),
    ],
)
def test_messages_are_encoded_in_this_format(message: Message, content: Any) -> None:
    assert body_of(message)["messages"] == [{"role": message.role, "content": content}]


def test_images_of_a_result_are_inside_it() -> None:
    (_, _, result) = body_of(*CALLED, tool_result("abcdefgh1", ["see", PNG]))["messages"]
    assert result == {
        "role": "tool",
        "tool_call_id": "abcdefgh1",
        "content": [{"type": "text", "text": "see"}, SEEN],
    }


def test_a_user_turn_never_follows_a_tool_turn_directly() -> None:
    """As in the recording b1b4233c48f1: an answer stands between them."""
    turns = body_of(*CALLED, tool_result("abcdefgh1", "ok"), user("and?"), assistant("so"), user("ah"))["messages"]
    assert [turn["role"] for turn in turns] == ["user", "assistant", "tool", "assistant", "user", "assistant", "user"]
    assert turns[3] == {"role": "assistant", "content": "OK"}
    two = [*CALLED, tool_result("abcdefgh1", "a"), tool_result("abcdefgh2", "b")]
    assert [turn["role"] for turn in body_of(*two)["messages"]][-2:] == ["tool", "tool"]


def test_a_prefilled_answer_is_marked_as_such() -> None:
    begun = body_of(user("list"), assistant("1. "))["messages"]
    assert begun[1] == {"role": "assistant", "content": "1. ", "prefix": True}
    assert "prefix" not in str(body_of(user("q"), assistant("a"), user("b")))
    assert "prefix" not in str(body_of(*CALLED))


def test_the_models_text_is_sent_back() -> None:
    calls = [ToolCall("abcdefgh1", "look_up", '{"city":"Pune"}'), ToolCall("abcdefgh2", "look_up", "")]
    results = [tool_result("abcdefgh1", "a"), tool_result("abcdefgh2", "b")]
    turn = body_of(user("go"), assistant([Text("look"), *calls]), *results)["messages"][1]
    assert turn["content"] == "look"
    assert [call["function"]["arguments"] for call in turn["tool_calls"]] == ['{"city":"Pune"}', "{}"]


@pytest.mark.parametrize(
    ("options", "sent"),
    [
        ({"temperature": 0, "top_p": 0.5, "max_tokens": 5}, {"temperature": 0, "top_p": 0.5, "max_tokens": 5}),
        ({"stop": ["x"], "n": 2}, {"stop": ["x"], "n": 2}),
        ({"parallel_tool_calls": False, "tool_choice": {"name": "look_up"}}, {"parallel_tool_calls": False}),
        ({"response_format": "json"}, {"response_format": {"type": "json_object"}}),
        ({"reasoning_effort": "high", "metadata": {"a": "b"}}, {"reasoning_effort": "high", "metadata": {"a": "b"}}),
    ],
)
def test_options_are_taken_by_the_vendors_type(options: dict[str, Any], sent: dict[str, Any]) -> None:
    body = body_of(user("hi"), tools=(TOOL,), **options)
    assert {name: body[name] for name in sent} == sent
    assert body["tools"][0]["function"]["parameters"] == TOOL.parameters


def test_usage_is_streamed_without_being_asked_for() -> None:
    body = body_of(user("hi"), stream=True)
    assert body["stream"] is True and "stream_options" not in body


def test_ids_have_nine_letters_and_digits_and_stay_the_same() -> None:
    history = Context(
        [
            user("go"),
            assistant([ToolCall("toolu_01ABCdefGHI", "look_up", "{}"), ToolCall("call_2", "look_up", "{}")]),
            tool_result("toolu_01ABCdefGHI", "a"),
            tool_result("call_2", "b"),
        ]
    )
    bodies: list[Any] = []

    def handler(request: httpx.Request) -> httpx.Response:
        bodies.append(orjson.loads(request.content))
        choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "hi"}}
        return httpx.Response(200, json={"id": "r", "choices": [choice], "usage": USAGE})

    with Client(transport=httpx.MockTransport(handler), registry=registry_of(mistral_chat)) as client:
        for _ in range(2):
            client.generate_text("recorded:m", history, tools=[TOOL])
    ids = [call["id"] for call in bodies[0]["messages"][1]["tool_calls"]]
    assert all(re.fullmatch("[A-Za-z0-9]{9}", id) for id in ids) and len(set(ids)) == 2
    assert [turn["tool_call_id"] for turn in bodies[0]["messages"][2:]] == ids and bodies[1] == bodies[0]


@pytest.mark.parametrize(
    "part",
    [Video(data=b"x"), Image(file_id="f"), Audio(file_id="f")],
    ids=lambda part: part.type,
)
def test_unsupported_parts_are_refused(part: Any) -> None:
    with pytest.raises(errors.NotSupported, match=f"no {part.type}"):
        body_of(user(part))


# -- what comes back -----------------------------------------------------------------------------------------------

THOUGHT = {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}], "closed": True}


def decoded_message(message: dict[str, Any], reason: str = "stop") -> Any:
    choice = {"index": 0, "finish_reason": reason, "message": {"role": "assistant", **message}}
    return answers.decoded(mistral_chat, {"id": "r", "model": "m", "choices": [choice], "usage": USAGE})


def streamed(*deltas: dict[str, Any], reason: str = "stop") -> Any:
    def piece(delta: dict[str, Any], finish: str | None = None, **more: Any) -> dict[str, Any]:
        return {"id": "r", "model": "m", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}], **more}

    last = piece({"content": ""}, reason, usage=USAGE)
    return answers.answered(mistral_chat, answers.events(*map(piece, deltas), last) + b"data: [DONE]\n\n", stream=True)


@pytest.mark.parametrize(
    ("message", "deltas"),
    [
        ({"content": "hello"}, [{"content": "hel"}, {"content": "lo"}]),
        ({"content": [{"type": "text", "text": "hello"}]}, [{"content": [{"type": "text", "text": "hello"}]}]),
        (
            {"content": [THOUGHT, {"type": "text", "text": "hello"}]},
            [{"content": [{**THOUGHT, "closed": False}]}, {"content": "hello"}],
        ),
        (
            {"content": "hello", "tool_calls": [{"id": "a", "function": {"name": "f", "arguments": '{"a":1}'}}]},
            [
                {"content": "hello"},
                {"tool_calls": [{"id": "a", "index": 0, "function": {"name": "f", "arguments": '{"a":1}'}}]},
            ],
        ),
        (
            {"content": "", "tool_calls": [{"id": "a", "function": {"name": "f", "arguments": {"a": 1}}}]},
            [{"tool_calls": [{"id": "a", "index": 0, "function": {"name": "f", "arguments": {"a": 1}}}]}],
        ),
        (
            {"content": [{"type": "text", "text": "see "}, {"type": "reference", "reference_ids": [1]}]},
            [
                {"content": [{"type": "text", "text": "see "}]},
                {"content": [{"type": "reference", "reference_ids": [1]}]},
            ],
        ),
    ],
    ids=["a string", "chunks", "thinking", "a call", "arguments as an object", "references"],
)
def test_a_stream_folds_to_the_unstreamed_reply(message: dict[str, Any], deltas: list[Any]) -> None:
    expected, folded = decoded_message(message), streamed(*deltas)
    assert folded.message == expected.message and folded.finish_reason == expected.finish_reason
    assert folded.usage == expected.usage and folded.usage.input_tokens == 12
    assert "hello" in folded.text or folded.tool_calls or folded.text == "see "


@pytest.mark.parametrize(("raw", "reason"), [("model_length", "length"), ("length", "length")])
def test_each_finish_reason_is_decoded(raw: str, reason: str) -> None:
    for reply in (decoded_message({"content": "a"}, raw), streamed({"content": "a"}, reason=raw)):
        assert (reply.finish_reason, reply.finish_reason_raw) == (reason, raw)


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (401, {"detail": "Unauthorized"}, errors.AuthError),
        (422, {"detail": [{"type": "missing", "loc": ["body"], "msg": "Field required"}]}, errors.InvalidRequest),
        (
            400,
            {
                "object": "error",
                "message": "Unexpected role 'user'",
                "type": "invalid_request_message_order",
                "code": "3230",
            },
            errors.InvalidRequest,
        ),
        (
            400,
            {"object": "error", "message": "Prompt contains 40000 tokens, too large for model with 32768 maximum"},
            errors.ContextOverflow,
        ),
        (429, {"object": "error", "message": "Requests rate limit exceeded", "code": "1300"}, errors.RateLimitError),
    ],
)
def test_each_error_has_its_class(status: int, body: dict[str, Any], kind: type) -> None:
    outcome = answers.answered(mistral_chat, orjson.dumps(body), status=status)
    assert type(outcome) is kind and outcome.status == status
